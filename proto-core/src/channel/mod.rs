//! Many connections as one: targets, addresses, backoff, retries, connectivity state. Pure.

//! Why the last round of attempts failed, as a status for those who waited for it.

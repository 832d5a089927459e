//! What generated code and every runtime share.

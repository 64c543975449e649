//! Parameters: Python values to bytes.

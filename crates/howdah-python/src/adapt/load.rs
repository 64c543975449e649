//! Results: bytes to Python values.

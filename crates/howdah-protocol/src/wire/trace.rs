//! Traces in PQtrace's format.

//! The only room with unsafe code: what CPython's C API offers and PyO3 does not wrap.
#![allow(unsafe_code)]

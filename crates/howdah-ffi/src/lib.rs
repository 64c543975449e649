//! The only room with unsafe code: what CPython's C API offers and PyO3 does not wrap.
//!
//! Every other crate of the workspace forbids `unsafe`, so what is in here is offered as safe functions.

pub mod arrow;
pub mod awaitable;
pub mod context;
pub mod decimal;
pub mod descriptors;
pub mod handed;
pub mod iteration;
pub mod slots;
pub mod values;

/// Whether the interpreter runs one thread at a time. Objects of one that does not have a longer head.
const HAS_GIL: bool = size_of::<pyo3::ffi::PyObject>() == 2 * size_of::<usize>();

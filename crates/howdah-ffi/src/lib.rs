//! The only room with unsafe code: what CPython's C API offers and PyO3 does not wrap.
//!
//! Every other crate of the workspace forbids `unsafe`, so what is in here is offered as safe functions.

pub mod arrow;
pub mod awaitable;
pub mod context;
pub mod decimal;
pub mod descriptors;
pub mod iteration;
pub mod slots;
pub mod values;

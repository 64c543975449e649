//! The Python door of howdah: the extension module `howdah._howdah`.
#![deny(unsafe_code)]

mod adapt;
mod ffi;

use pyo3::prelude::*;

/// The engine behind the package `howdah`.
#[pymodule]
mod _howdah {
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}

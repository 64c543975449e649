//! Python values to parameters, result values to Python.

pub(crate) mod dump;
pub(crate) mod load;

//! Values of one list or range that are of several types.

use howdah_types::oid::{self, TypeKind};
use pyo3::prelude::*;

use crate::error;

/// Whether the server, asked for a value of the type `wanted`, would take the text of one of the type `own` for another
/// value: without its time of day or its time zone, or as one in the session's time zone.
#[inline]
pub(super) fn changes(wanted: u32, own: u32) -> bool {
    wanted != own && changes_within(bounds_of(wanted), bounds_of(own))
}

const fn changes_within(wanted: u32, own: u32) -> bool {
    match wanted {
        oid::DATE => matches!(own, oid::TIMESTAMP | oid::TIMESTAMPTZ),
        oid::TIMESTAMP => own == oid::TIMESTAMPTZ,
        oid::TIMESTAMPTZ => matches!(own, oid::TIMESTAMP | oid::DATE),
        oid::TIME => own == oid::TIMETZ,
        oid::TIMETZ => own == oid::TIME,
        _ => false,
    }
}

/// The type of a range's or multirange's bounds; any other type itself.
fn bounds_of(oid: u32) -> u32 {
    match oid::lookup(oid).map(|entry| entry.kind) {
        Some(TypeKind::Range { subtype, .. } | TypeKind::Multirange { subtype, .. }) => subtype,
        _ => oid,
    }
}

/// The error for such values.
#[cold]
pub(super) fn refused(py: Python<'_>, wanted: u32) -> PyErr {
    let what = match bounds_of(wanted) {
        oid::DATE => "dates and datetimes",
        oid::TIME | oid::TIMETZ => "times with and without tzinfo",
        _ => "datetimes with and without tzinfo, or dates",
    };
    let message =
        format!("cannot dump a mixture of {what}: the server would take some for other values");
    error::data(py, &message)
}

//! Which types are requested in binary automatically, and which as lists.

use howdah_types::oid;

/// Whether binary gives the very same Python value as text and is at least as quick to load, so that howdah can
/// request it on its own.
///
/// Not so for `float4` and `float8`, whose text has as many digits as `extra_float_digits` says, for `numeric`, whose text is as quick, for `record`, whose
/// text has no types, and for types that have no binary loader.
pub(crate) fn binary_is_equal(oid: u32) -> bool {
    match oid {
        oid::BOOL
        | oid::INT2
        | oid::INT4
        | oid::INT8
        | oid::OID
        | oid::BYTEA
        | oid::UUID
        | oid::DATE
        | oid::TIME
        | oid::TIMETZ
        | oid::TIMESTAMP
        | oid::TIMESTAMPTZ
        | oid::INTERVAL
        | oid::INET
        | oid::CIDR => true,
        // The framing of an array is quicker to read in binary, whatever is in it.
        _ => element_of(oid).is_some_and(|element| {
            binary_is_equal(element.oid)
                || matches!(
                    element.oid,
                    oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME
                )
        }),
    }
}

/// The elements of an array type that is loaded as a list: every built-in one but two that psycopg leaves as text.
pub(super) fn element_of(oid: u32) -> Option<&'static oid::TypeEntry> {
    oid::element_of(oid).filter(|element| !matches!(element.oid, oid::CSTRING | oid::PG_SNAPSHOT))
}

//! In which format the columns of a result are asked for.

use std::sync::Arc;

use crate::connection::Columns;
use crate::wire::Format;

/// In which format result columns are asked for.
#[derive(Debug, Clone, Copy)]
pub enum ResultFormat<'a> {
    /// All in text.
    Text,
    /// All in binary.
    Binary,
    /// In text, but once a statement is prepared and its columns are known, in binary those that are chosen.
    Auto(BinaryChoice<'a>),
    /// One for each column of the result, which the caller knows. The statement is not prepared.
    Chosen(&'a [Format]),
}

/// Which columns are wanted in binary, by the OID of their type.
#[derive(Clone, Copy)]
pub struct BinaryChoice<'a> {
    /// What tells this choice from others: what it comes to is remembered with a prepared statement.
    pub id: u64,
    /// Whether a type is wanted in binary.
    pub accepts: &'a dyn Fn(u32) -> bool,
}

impl std::fmt::Debug for BinaryChoice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BinaryChoice")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A result description with a format chosen for each column.
#[derive(Debug, Clone)]
pub(super) struct MixedFormats {
    /// The choice's id.
    pub(super) choice: u64,
    pub(super) columns: Columns,
    pub(super) formats: Arc<[Format]>,
}

impl<'a> ResultFormat<'a> {
    /// What is asked for where the columns are not known.
    pub(super) fn of_all(self) -> &'a [Format] {
        match self {
            Self::Binary => &[Format::Binary],
            Self::Chosen(formats) => formats,
            Self::Text | Self::Auto(_) => &[],
        }
    }

    pub(super) fn is_binary(self) -> bool {
        matches!(self, Self::Binary)
    }

    /// Whether the simple protocol would do, whose results are in text.
    pub(super) fn is_simple(self) -> bool {
        matches!(self, Self::Text | Self::Auto(_))
    }
}

impl MixedFormats {
    pub(super) fn of(columns: &Columns, choice: BinaryChoice<'_>) -> Self {
        let columns = with_formats(columns, choice.accepts);
        let formats = columns.iter().map(|field| field.format).collect();
        Self {
            choice: choice.id,
            columns,
            formats,
        }
    }
}

/// The same columns, all in text.
pub(super) fn all_text(columns: &Columns) -> Columns {
    with_formats(columns, |_| false)
}

/// The same columns with the format that `binary` chooses by type.
pub(super) fn with_formats(columns: &Columns, binary: impl Fn(u32) -> bool) -> Columns {
    let format = |oid| {
        if binary(oid) {
            Format::Binary
        } else {
            Format::Text
        }
    };
    if columns
        .iter()
        .all(|field| field.format == format(field.type_oid))
    {
        return Arc::clone(columns);
    }
    let mut fields = columns.to_vec();
    for field in &mut fields {
        field.format = format(field.type_oid);
    }
    fields.into()
}

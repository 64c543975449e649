//! `executemany(rewrite=True)`: the rows of an INSERT gathered into arrays, and inserted many at a time from `unnest`.
//!
//! An INSERT is rewritten only if it is of the plainest form, and into a table where one statement does what many do: no triggers, rules
//! or policies, nothing of the user's in defaults and checks, no reference to itself, no arrays or composites.

use std::ops::Range;
use std::sync::Arc;

use howdah_adapt::{Encoding, memory};
use howdah_protocol::connection::{Params, QueryResult};
use howdah_protocol::session::{ExchangeId, Execute, ResultFormat, Session};
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::oid;
use pyo3::prelude::*;

use super::insert::Insert;
use super::kept::{How, Queued};
use super::{push_value, queue};
use crate::core::Core;

/// An INSERT that is rewritten.
pub(crate) struct Rewriting {
    sql: Vec<u8>,
    columns: Vec<Column>,
    runs: Vec<Run>,
    /// Index of the first row that is gathered.
    first: usize,
    /// How many rows are gathered.
    rows: usize,
}

/// A column that values go to.
#[derive(Debug, Clone, Copy)]
struct Column {
    type_oid: u32,
    array_oid: u32,
}

/// The values of a column that are gathered.
#[derive(Default)]
struct Run {
    /// What they are, once there is one that is not NULL.
    kind: Option<Kind>,
    data: Vec<u8>,
    has_null: bool,
}

/// Values that can be in one array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Integers, which are dumped by their size.
    Integers,
    /// Of this array type, in this format.
    Of(u32, Format),
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// It is gathered; with whether there is enough to be sent.
    Row(bool),
    /// What is gathered has to be sent before it.
    Other,
    /// It cannot be gathered, and is to be executed by itself.
    Alone,
}

/// How much is gathered, in bytes and rows.
const BYTES: usize = 256 * 1024;
const ROWS: usize = 4096;

/// One row for each column that values go to, in their order: the type's OID, and that of its arrays or 0 if it cannot be unnested.
/// None if the table is not one of those.
const LOOKUP: &[u8] = b"\
WITH tree AS (
 SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)
 UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) p)
SELECT t.oid, CASE WHEN t.typtype IN ('b', 'e', 'r', 'm') AND t.typcategory <> 'A' AND t.typdelim = ','
 THEN t.typarray ELSE 0 END
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
 AND ($2 IS NULL OR a.attname::pg_catalog.text = ANY ($2))
 AND NOT EXISTS (SELECT FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid
  WHERE c.relkind NOT IN ('r', 'p') OR c.relhasrules OR c.relrowsecurity)
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g
  WHERE g.tgrelid IN (SELECT oid FROM tree) AND NOT g.tgisinternal)
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint f
  WHERE f.contype = 'f' AND f.conrelid IN (SELECT oid FROM tree) AND f.confrelid IN (SELECT oid FROM tree))
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
  WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
  AND (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
   AND d.objid IN (SELECT f.oid FROM pg_catalog.pg_attrdef f WHERE f.adrelid IN (SELECT oid FROM tree))
   OR d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
   AND d.objid IN (SELECT f.oid FROM pg_catalog.pg_constraint f WHERE f.conrelid IN (SELECT oid FROM tree))))
ORDER BY CASE WHEN $2 IS NULL THEN a.attnum::pg_catalog.int4
 ELSE pg_catalog.array_position($2, a.attname::pg_catalog.text) END
LIMIT $3";

/// Queues the question what the table of an INSERT is like; once more if what was prepared for it was missing.
pub(crate) fn look_up(
    py: Python<'_>,
    core: &Arc<Core>,
    insert: &Insert,
    again: bool,
) -> PyResult<ExchangeId> {
    let mut params = Params::default();
    push_value(py, &mut params, oid::TEXT, Format::Binary, |out| {
        memory::append(out, insert.table.as_bytes()).map(|()| IsNull::No)
    })?;
    push_value(py, &mut params, oid::TEXT_ARRAY, Format::Binary, |out| {
        let Some(columns) = &insert.columns else {
            return Ok(IsNull::Yes);
        };
        array_header(out, oid::TEXT, columns.len(), false)?;
        for column in columns {
            element(out, column.as_bytes())?;
        }
        Ok(IsNull::No)
    })?;
    push_value(py, &mut params, oid::INT8, Format::Binary, |out| {
        let count = i64::try_from(insert.count).unwrap_or(i64::MAX);
        memory::append(out, &count.to_be_bytes()).map(|()| IsNull::No)
    })?;
    let request = Execute {
        sql: LOOKUP,
        params: &params,
        format: ResultFormat::Binary,
        prepare: None,
        // It only reads. What comes behind it can be run again where it is the first of its transaction.
        begin: false,
        extended: true,
    };
    match again {
        true => queue(py, core, &request, Session::execute_again),
        false => queue(py, core, &request, Session::execute),
    }
}

/// Whether texts in an encoding can be gathered: no character has a byte that looks like a quote.
pub(crate) fn is_plain(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::Utf8 | Encoding::SqlAscii)
}

impl Rewriting {
    /// Rewrites an INSERT, if its table allows that.
    pub(crate) fn new(insert: &Insert, found: &[QueryResult]) -> PyResult<Option<Self>> {
        let mut columns = Vec::new();
        for mut row in found.iter().flat_map(|result| result.rows.iter()) {
            let mut number = || {
                let field = row.next()??;
                field.try_into().ok().map(u32::from_be_bytes)
            };
            match (number(), number()) {
                (Some(type_oid), Some(array_oid)) if array_oid > 0 => {
                    let column = Column {
                        type_oid,
                        array_oid,
                    };
                    memory::push(&mut columns, column)?;
                }
                _ => return Ok(None),
            }
        }
        if columns.len() != insert.count {
            return Ok(None);
        }
        let arrays = (1..=insert.count).map(|number| format!("pg_catalog.unnest(${number})"));
        let arrays = arrays.collect::<Vec<_>>().join(", ");
        let [head, tail] = [&insert.head, &insert.tail];
        let sql = format!("{head} SELECT * FROM ROWS FROM ({arrays}) {tail}");
        Ok(Some(Self {
            sql: sql.into_bytes(),
            runs: columns.iter().map(|_| Run::default()).collect(),
            columns,
            first: 0,
            rows: 0,
        }))
    }

    /// Gathers a row that has been dumped, if it goes with those that are.
    pub(crate) fn gather(&mut self, row: &Params, number: usize) -> PyResult<Gathered> {
        if row.len() != self.columns.len() || row.values.len() > BYTES {
            return Ok(Gathered::Alone);
        }
        let mut fits = true;
        for ((column, run), value) in self.columns.iter().zip(&self.runs).zip(row_values(row)) {
            let (oid, format, Some(bytes)) = value else {
                continue;
            };
            let Some(kind) = column.kind_of(oid, format) else {
                return Ok(Gathered::Alone);
            };
            if kind == Kind::Integers && integer(oid, format, bytes).is_none() {
                return Ok(Gathered::Alone);
            }
            fits &= run.kind.is_none_or(|known| known == kind);
        }
        if !fits {
            return Ok(Gathered::Other);
        }
        if self.rows == 0 {
            self.first = number;
        }
        let before = self.rows;
        for ((column, run), value) in self.columns.iter().zip(&mut self.runs).zip(row_values(row)) {
            run.push(*column, value, before)?;
        }
        self.rows += 1;
        let size: usize = self.runs.iter().map(|run| run.data.len()).sum();
        Ok(Gathered::Row(size >= BYTES || self.rows >= ROWS))
    }

    /// Takes what is gathered as parameters of the statement; tells which rows these are.
    pub(crate) fn take(
        &mut self,
        py: Python<'_>,
        params: &mut Params,
    ) -> PyResult<Option<Range<usize>>> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(None);
        }
        for (column, run) in self.columns.iter().zip(&mut self.runs) {
            let run = std::mem::take(run);
            run.write(py, *column, rows, params)?;
        }
        Ok(Some(self.first..self.first + rows))
    }

    /// Queues the statement.
    pub(crate) fn queue(
        &self,
        py: Python<'_>,
        core: &Arc<Core>,
        params: &Params,
        how: How,
    ) -> PyResult<Queued> {
        let request = Execute {
            sql: &self.sql,
            params,
            format: ResultFormat::Binary,
            prepare: Some(true),
            begin: true,
            extended: true,
        };
        Queued::by(py, core, &request, how)
    }
}

/// The values of a row: type, format, and bytes.
fn row_values(row: &Params) -> impl Iterator<Item = (u32, Format, Option<&[u8]>)> {
    let types = row.oids.iter().copied().zip(row.formats.iter().copied());
    types
        .zip(row.values())
        .map(|((oid, format), value)| (oid, format, value))
}

impl Column {
    /// What a value is, if it can be in an array.
    fn kind_of(self, oid: u32, format: Format) -> Option<Kind> {
        if is_integer(oid) && self.takes_any_integer() {
            return Some(Kind::Integers);
        }
        let array = match oid {
            0 if format == Format::Text => self.array_oid,
            0 | oid::RECORD => 0,
            oid if oid == self.type_oid => self.array_oid,
            oid => oid::lookup(oid).map_or(0, |entry| entry.array_oid),
        };
        // The items of arrays of boxes are separated otherwise.
        (array > 0 && oid != oid::BOX).then_some(Kind::Of(array, format))
    }

    /// Whether an integer becomes the same there, whatever its size is.
    fn takes_any_integer(self) -> bool {
        is_integer(self.type_oid)
            || matches!(
                self.type_oid,
                oid::NUMERIC | oid::FLOAT4 | oid::FLOAT8 | oid::TEXT | oid::VARCHAR | oid::BPCHAR
            )
    }

    /// The type of the items of an array that is written in the binary format.
    fn item_of(self, array: u32) -> u32 {
        match array == self.array_oid {
            true => self.type_oid,
            false => oid::element_of(array).map_or(0, |entry| entry.oid),
        }
    }
}

fn is_integer(oid: u32) -> bool {
    matches!(oid, oid::INT2 | oid::INT4 | oid::INT8)
}

impl Run {
    /// Gathers a value, behind so many.
    fn push(
        &mut self,
        column: Column,
        (oid, format, value): (u32, Format, Option<&[u8]>),
        before: usize,
    ) -> PyResult<()> {
        let Some(value) = value else {
            self.has_null = true;
            return match self.kind {
                Some(kind) => self.push_null(kind),
                None => Ok(()),
            };
        };
        let Some(kind) = self.kind.or_else(|| column.kind_of(oid, format)) else {
            return Ok(());
        };
        if self.kind.is_none() {
            // What came before were NULLs.
            self.kind = Some(kind);
            (0..before).try_for_each(|_| self.push_null(kind))?;
        }
        match kind {
            Kind::Integers => {
                let number = integer(oid, format, value).unwrap_or_default();
                element(&mut self.data, &number.to_be_bytes())
            }
            Kind::Of(_, Format::Text) => quoted(&mut self.data, value),
            Kind::Of(_, Format::Binary) => element(&mut self.data, value),
        }
    }

    fn push_null(&mut self, kind: Kind) -> PyResult<()> {
        match kind {
            Kind::Of(_, Format::Text) => memory::append(&mut self.data, b"NULL,"),
            _ => memory::append(&mut self.data, &(-1_i32).to_be_bytes()),
        }
    }

    /// Appends the array.
    fn write(
        mut self,
        py: Python<'_>,
        column: Column,
        rows: usize,
        params: &mut Params,
    ) -> PyResult<()> {
        let kind = self
            .kind
            .unwrap_or(Kind::Of(column.array_oid, Format::Text));
        if self.kind.is_none() {
            (0..rows).try_for_each(|_| self.push_null(kind))?;
        }
        let (array, format, item) = match kind {
            Kind::Integers => (oid::array_of(oid::INT8), Format::Binary, oid::INT8),
            Kind::Of(array, format) => (array, format, column.item_of(array)),
        };
        push_value(py, params, array, format, |out| {
            if format == Format::Binary {
                array_header(out, item, rows, self.has_null)?;
                memory::append(out, &self.data)?;
            } else {
                let items = self.data.strip_suffix(b",").unwrap_or(&self.data);
                memory::append(out, b"{")?;
                memory::append(out, items)?;
                memory::append(out, b"}")?;
            }
            Ok(IsNull::No)
        })
    }
}

/// The value of a dumped integer.
fn integer(oid: u32, format: Format, value: &[u8]) -> Option<i64> {
    let (number, least, most) = match (format, oid) {
        (Format::Binary, oid::INT2) => {
            return Some(i16::from_be_bytes(value.try_into().ok()?).into());
        }
        (Format::Binary, oid::INT4) => {
            return Some(i32::from_be_bytes(value.try_into().ok()?).into());
        }
        (Format::Binary, _) => return value.try_into().ok().map(i64::from_be_bytes),
        (Format::Text, oid) => {
            let number: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
            match oid {
                oid::INT2 => (number, i16::MIN.into(), i16::MAX.into()),
                oid::INT4 => (number, i32::MIN.into(), i32::MAX.into()),
                _ => (number, i64::MIN, i64::MAX),
            }
        }
    };
    (least..=most).contains(&number).then_some(number)
}

/// Appends the beginning of an array of one dimension.
fn array_header(out: &mut Vec<u8>, item: u32, count: usize, has_null: bool) -> PyResult<()> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    for number in [1, u32::from(has_null), item, count, 1] {
        memory::append(out, &number.to_be_bytes())?;
    }
    Ok(())
}

/// Appends an item of an array in the binary format.
fn element(out: &mut Vec<u8>, value: &[u8]) -> PyResult<()> {
    let len = i32::try_from(value.len()).unwrap_or(i32::MAX);
    memory::append(out, &len.to_be_bytes())?;
    memory::append(out, value)
}

/// Appends an item of an array in the text format, with a comma behind it.
fn quoted(out: &mut Vec<u8>, value: &[u8]) -> PyResult<()> {
    memory::append(out, b"\"")?;
    let mut rest = value;
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let (plain, special) = rest.split_at(place);
        memory::append(out, plain)?;
        memory::append(out, b"\\")?;
        memory::append(out, special.get(..1).unwrap_or_default())?;
        rest = special.get(1..).unwrap_or_default();
    }
    memory::append(out, rest)?;
    memory::append(out, b"\",")
}

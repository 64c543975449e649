//! Record batches as the rows of a COPY.

mod containers;
mod encode;
mod values;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, new_empty_array};
use arrow_buffer::NullBuffer;
use arrow_schema::Schema;
use howdah_types::memory::{FIXED, room};
use howdah_types::{is_built_in, length, transcode};

use crate::catalog::Catalog;
use crate::error::{Error, Fault};
use crate::node::{Kind, Node, Nodes};
use crate::read::Column;
use encode::{Encode, encoder};

/// How the fields of a schema become the columns of a table, in the order of the fields.
#[derive(Debug)]
pub struct WritePlan {
    columns: Vec<(String, Node)>,
    is_binary: bool,
}

impl WritePlan {
    /// Finds out how the fields become these columns, one each.
    ///
    /// # Errors
    /// As many columns as fields are needed, and of types that theirs become.
    pub fn new(schema: &Schema, columns: Vec<Column>, catalog: &Catalog) -> Result<Self, Error> {
        let fields = schema.fields();
        if fields.is_empty() {
            return Err(Error::usage("the data has no columns"));
        }
        if fields.len() != columns.len() {
            let (fields, columns) = (fields.len(), columns.len());
            let text = format!("the data has {fields} fields, for {columns} columns");
            return Err(Error::usage(text));
        }
        let mut nodes = Vec::with_capacity(columns.len());
        let mut kinds = Nodes::new(catalog);
        for column in columns {
            let node = kinds.node(column.oid, column.modifier);
            nodes.push((column.name, column.oid, node));
        }
        let needs_text = nodes.iter().find(|(_, _, node)| !has_binary(node));
        for ((name, oid, node), field) in nodes.iter().zip(fields) {
            let is_written = has_binary(node) || text_of(node).is_some();
            if !is_written || encoder(node, &new_empty_array(field.data_type())).is_none() {
                let (ty, from) = (catalog.name(*oid), field.data_type());
                let text = format!("type {ty} does not take Arrow's {from}");
                return Err(Error::unsupported(text).of_column(name));
            }
            if let Some((other, ..)) = needs_text.filter(|_| text_of(node).is_none()) {
                let text = format!(
                    "type {} is only written by a COPY in binary, and column {other:?} only by one in text",
                    catalog.name(*oid)
                );
                return Err(Error::unsupported(text).of_column(name));
            }
        }
        let is_binary = needs_text.is_none();
        let columns = nodes.into_iter().map(|(name, _, node)| (name, node));
        Ok(Self {
            columns: columns.collect(),
            is_binary,
        })
    }

    /// Whether the COPY is to be in the binary format, and not in that of text, which some types need.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.is_binary
    }
}

/// Whether values of a type are written in binary.
fn has_binary(node: &Node) -> bool {
    match &node.kind {
        Kind::Other(_) | Kind::Unknown => false,
        Kind::List(part, _) | Kind::Range(part) | Kind::Multirange(part) => has_binary(part),
        Kind::Composite(fields) => fields.iter().all(|(_, node)| has_binary(node)),
        _ => true,
    }
}

/// How the text of a value is made of what its encoder writes.
#[derive(Debug, Clone, Copy)]
enum TextOf {
    Itself,
    Jsonb,
    Binary(u32),
}

fn text_of(node: &Node) -> Option<TextOf> {
    Some(match &node.kind {
        Kind::Text | Kind::Json | Kind::Enum(_) | Kind::Other(_) | Kind::Unknown => TextOf::Itself,
        Kind::Jsonb => TextOf::Jsonb,
        Kind::Composite(_) => return None,
        // The text of a domain is that of the type beneath, of which the OID is not kept.
        _ if is_built_in(node.oid) && has_binary(node) => TextOf::Binary(node.oid),
        _ => return None,
    })
}

/// Writes the rows of record batches.
pub struct RowWriter {
    plan: Arc<WritePlan>,
    /// Whether text may be other than ASCII.
    is_utf8: bool,
    cells: Vec<Cell>,
    rows: usize,
    next: usize,
    before: u64,
    has_header: bool,
    scratch: Vec<u8>,
}

/// A column of the batch that is being written.
struct Cell {
    nulls: Option<NullBuffer>,
    encode: Encode,
    text: Option<TextOf>,
}

impl RowWriter {
    /// Begins; `is_utf8` tells whether text is sent in UTF-8: if not, it has to be ASCII.
    #[must_use]
    pub fn new(plan: Arc<WritePlan>, is_utf8: bool) -> Self {
        Self {
            plan,
            is_utf8,
            cells: Vec::new(),
            rows: 0,
            next: 0,
            before: 0,
            has_header: false,
            scratch: Vec::new(),
        }
    }

    /// Takes the next batch, when all rows of the one before have been written.
    ///
    /// # Errors
    /// A batch of another schema.
    pub fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.before += u64::try_from(self.rows).unwrap_or_default();
        let columns = self.plan.columns.iter().zip(batch.columns());
        let cells = columns.map(|((name, node), array)| self.cell(name, node, array));
        self.cells = cells.collect::<Result<_, _>>()?;
        if self.cells.len() != self.plan.columns.len() {
            return Err(Error::usage("a batch with other columns than the schema"));
        }
        self.rows = batch.num_rows();
        self.next = 0;
        Ok(())
    }

    fn cell(&self, name: &str, node: &Node, array: &ArrayRef) -> Result<Cell, Error> {
        let other = || Error::unsupported("a batch of another schema").of_column(name);
        Ok(Cell {
            nulls: array.logical_nulls(),
            encode: encoder(node, array).ok_or_else(other)?,
            text: if self.plan.is_binary {
                None
            } else {
                Some(text_of(node).ok_or_else(other)?)
            },
        })
    }

    /// Appends rows until there are `enough` bytes; tells whether there are more rows in the batch.
    ///
    /// # Errors
    /// A value that its column cannot hold, with the column and the row.
    pub fn write(&mut self, out: &mut Vec<u8>, enough: usize) -> Result<bool, Error> {
        self.begin(out);
        while self.next < self.rows {
            if out.len() >= enough {
                return Ok(true);
            }
            self.write_row(out)?;
            self.next += 1;
        }
        Ok(false)
    }

    /// Appends what stands behind the rows.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        if self.plan.is_binary {
            out.extend_from_slice(&[0xFF, 0xFF]);
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.plan.is_binary && !std::mem::replace(&mut self.has_header, true) {
            out.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
        }
    }

    fn write_row(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let row = self.next;
        let is_binary = self.plan.is_binary;
        if is_binary {
            let count = u16::try_from(self.cells.len());
            let count = count.map_err(|_| Error::usage("too many columns"))?;
            out.extend_from_slice(&count.to_be_bytes());
        }
        for (number, cell) in self.cells.iter_mut().enumerate() {
            let written = if is_binary {
                cell.binary(row, out)
            } else {
                if number > 0 {
                    out.push(b'\t');
                }
                cell.text(row, &mut self.scratch, out)
            };
            let written = written.and_then(|text| match self.is_utf8 || text.is_ascii() {
                true => Ok(()),
                false => Err(Fault::Other(
                    "client_encoding is not UTF8, and the text is not ASCII",
                )),
            });
            written.map_err(|fault| {
                let name = self.plan.columns.get(number).map_or("", |(name, _)| name);
                fault.at(name, self.before + u64::try_from(row).unwrap_or_default())
            })?;
        }
        if !is_binary {
            out.push(b'\n');
        }
        Ok(())
    }
}

impl std::fmt::Debug for RowWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowWriter")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl Cell {
    fn is_null(&self, row: usize) -> bool {
        let nulls = self.nulls.as_ref();
        nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the value with its length; gives what of it is text.
    #[inline]
    fn binary<'o>(&mut self, row: usize, out: &'o mut Vec<u8>) -> Result<&'o [u8], Fault> {
        room(out, FIXED)?;
        if self.is_null(row) {
            length::null(out);
            return Ok(&[]);
        }
        let mark = length::begin(out);
        let is_text = (self.encode)(row, out)?;
        length::end(out, mark)?;
        let text = if is_text { out.get(mark..) } else { None };
        Ok(text.unwrap_or_default())
    }

    /// Appends the value as COPY has it in text; gives the text.
    fn text<'o>(
        &mut self,
        row: usize,
        scratch: &mut Vec<u8>,
        out: &'o mut Vec<u8>,
    ) -> Result<&'o [u8], Fault> {
        let start = out.len();
        if self.is_null(row) {
            room(out, 2)?;
            out.extend_from_slice(b"\\N");
            return Ok(&[]);
        }
        scratch.clear();
        (self.encode)(row, scratch)?;
        match self.text {
            Some(TextOf::Jsonb) => escape(scratch.get(1..).unwrap_or_default(), out)?,
            Some(TextOf::Binary(oid)) => {
                let mut text = Vec::new();
                transcode::binary_to_text(oid, scratch, &mut text)?;
                escape(&text, out)?;
            }
            _ => escape(scratch, out)?,
        }
        Ok(out.get(start..).unwrap_or_default())
    }
}

/// Appends text with the characters escaped that COPY takes for its own.
fn escape(text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    room(out, text.len().saturating_mul(2))?;
    for &byte in text {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.push(byte),
        }
    }
    Ok(())
}

//! Arrow's record batches, as both shells have them.

use std::fmt::Write as _;
use std::sync::Arc;

use howdah_arrow::catalog::CatalogRow;
use howdah_arrow::{
    BatchBuilder, Catalog, Column, Error as ArrowError, ErrorKind, Limits, ReadPlan, RowWriter,
    WritePlan,
};
use howdah_arrow::{DataType, RecordBatch, Schema, SchemaRef};
use howdah_protocol::connection::Columns;
use howdah_protocol::wire;

use super::statement::quoted;
use crate::error::{Error, Result};
use crate::row::{Row, Rows, format_of};

/// How rows become record batches: `ArrowOptions::default()` is 65,536 rows a batch, and the types of the documentation.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use howdah::arrow::{ArrowOptions, DataType};
///
/// let options = ArrowOptions::default().batch_rows(1000).column("price", DataType::Float64);
/// let batches = conn.query_arrow("SELECT 1.5 AS price", (), &options)?;
/// assert_eq!(batches.schema().field(0).data_type(), &DataType::Float64);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ArrowOptions {
    limits: Limits,
    overrides: Vec<(String, DataType)>,
}

impl ArrowOptions {
    /// The most rows of a batch, at least 1.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.limits.rows = rows.max(1);
        self
    }

    /// The type that a column is to have, where it is not the one that the documentation tells.
    #[must_use]
    pub fn column(mut self, name: impl Into<String>, data_type: DataType) -> Self {
        self.overrides.push((name.into(), data_type));
        self
    }
}

/// Rows on their way into batches.
#[derive(Debug)]
pub(crate) struct Reading {
    plan: Arc<ReadPlan>,
    limits: Limits,
    builder: Option<BatchBuilder>,
    is_over: bool,
}

/// The columns of a result that are to become Arrow's.
pub(crate) fn columns(columns: &Columns) -> Vec<Column> {
    let column = |field: &wire::backend::FieldDescription| Column {
        name: String::from_utf8_lossy(&field.name).into_owned(),
        oid: field.type_oid,
        modifier: field.type_modifier,
    };
    columns.iter().map(column).collect()
}

/// The statement that tells of the types of users among these columns, if there are any.
pub(crate) fn lookup(columns: &[Column]) -> Option<String> {
    let unknown = Catalog::default().unknown(columns.iter().map(|column| column.oid));
    (!unknown.is_empty()).then(|| Catalog::lookup(&unknown))
}

/// What it has told.
pub(crate) fn catalog(rows: Rows) -> Result<Catalog> {
    let mut catalog = Catalog::default();
    for row in rows {
        catalog.insert(CatalogRow {
            oid: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            part: row.get(3)?,
            modifier: row.get(4)?,
            delimiter: row.get(5)?,
            names: row.get(6)?,
            oids: row.get(7)?,
            modifiers: row.get(8)?,
        });
    }
    Ok(catalog)
}

impl Reading {
    pub(crate) fn new(
        columns: Vec<Column>,
        catalog: &Catalog,
        options: &ArrowOptions,
    ) -> Result<Self> {
        let plan = ReadPlan::new(columns, catalog, &options.overrides).map_err(error)?;
        Ok(Self {
            plan: Arc::new(plan),
            limits: options.limits,
            builder: None,
            is_over: false,
        })
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema())
    }

    /// Takes rows.
    pub(crate) fn take(&mut self, rows: &Rows) -> Result<()> {
        let (columns, set, load) = rows.as_received();
        if !self.plan.fits(columns.iter().map(|field| field.type_oid)) {
            let text = "the columns of the statement have changed since it was described";
            return Err(Error::shape(text));
        }
        let builder = match &mut self.builder {
            Some(builder) => builder,
            None => {
                let formats = columns.iter().map(|field| format_of(field.format));
                let formats = formats.collect();
                let plan = Arc::clone(&self.plan);
                let made = BatchBuilder::new(plan, formats, load.clone(), self.limits);
                self.builder.insert(made.map_err(error)?)
            }
        };
        let bodies = (0..set.len()).map(|row| set.bytes(row).unwrap_or_default());
        builder.push_rows(bodies).map_err(error)
    }

    /// The next batch that has all its rows.
    pub(crate) fn next_full(&mut self) -> Option<RecordBatch> {
        self.builder.as_mut()?.next_full()
    }

    /// Gives nothing more: it has failed.
    pub(crate) fn give_up(&mut self) {
        self.is_over = true;
        self.builder = None;
    }

    /// Whether it has ended, or failed.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// What is left at the end, once.
    pub(crate) fn finish(&mut self) -> Result<Option<RecordBatch>> {
        if std::mem::replace(&mut self.is_over, true) {
            return Ok(None);
        }
        match &mut self.builder {
            Some(builder) => builder.finish().map_err(error),
            None => Ok(Some(RecordBatch::new_empty(self.schema()))),
        }
    }
}

/// The statement that tells of the columns of a table; its parameter is the table's name, quoted.
pub(crate) const TABLE_COLUMNS: &str = "SELECT a.attname::pg_catalog.text, a.atttypid, a.atttypmod \
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::pg_catalog.text::pg_catalog.regclass \
    AND a.attnum > 0 AND NOT a.attisdropped";

/// The columns of a table that the fields of a schema go to by their names.
pub(crate) fn targets(schema: &Schema, rows: Rows) -> Result<Vec<Column>> {
    let column = |row: Row| {
        Ok(Column {
            name: row.get(0)?,
            oid: row.get(1)?,
            modifier: row.get(2)?,
        })
    };
    let known: Vec<Column> = rows.map(column).collect::<Result<_>>()?;
    let fields = schema.fields().iter().map(|field| {
        let found = known.iter().find(|column| column.name == *field.name());
        found
            .cloned()
            .ok_or_else(|| Error::usage(format!("the table has no column {:?}", field.name())))
    });
    fields.collect()
}

/// Batches on their way into a table.
#[derive(Debug)]
pub(crate) struct Writing {
    plan: Arc<WritePlan>,
    columns: Vec<String>,
    writer: RowWriter,
    /// Formatted, and not sent.
    pub(crate) buffer: Vec<u8>,
}

/// How much is formatted at once, in bytes.
const ENOUGH: usize = 64 * 1024;

impl Writing {
    pub(crate) fn new(schema: &Schema, columns: Vec<Column>, catalog: &Catalog) -> Result<Self> {
        let names = columns.iter().map(|column| column.name.clone()).collect();
        let plan = Arc::new(WritePlan::new(schema, columns, catalog).map_err(error)?);
        Ok(Self {
            writer: RowWriter::new(Arc::clone(&plan), true),
            plan,
            columns: names,
            buffer: Vec::new(),
        })
    }

    /// The COPY that takes the rows.
    pub(crate) fn statement(&self, table: &str) -> String {
        let mut sql = format!("COPY {} (", quoted(table));
        for (number, column) in self.columns.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            // Writing into a String cannot fail.
            let _ = write!(sql, "{comma}{}", quoted(column));
        }
        let format = if self.plan.is_binary() {
            "binary"
        } else {
            "text"
        };
        let _ = write!(sql, ") FROM STDIN (FORMAT {format})");
        sql
    }

    /// Takes a batch, of which the rows before have been written.
    pub(crate) fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.take(batch).map_err(error)
    }

    /// Formats rows into the buffer; tells whether there are more.
    pub(crate) fn format(&mut self) -> Result<bool> {
        self.buffer.clear();
        self.writer.write(&mut self.buffer, ENOUGH).map_err(error)
    }

    /// Formats what is behind the rows.
    pub(crate) fn finish(&mut self) {
        self.buffer.clear();
        self.writer.finish(&mut self.buffer);
    }
}

fn error(error: ArrowError) -> Error {
    match error.kind() {
        ErrorKind::Data => Error::shape(error.to_string()),
        ErrorKind::OutOfMemory => Error::rows_out_of_memory(),
        _ => Error::usage(error.to_string()),
    }
}

//! Record batches that are being filled with rows.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use howdah_types::{Format, LoadContext};

use crate::build::Builder;
use crate::error::{Error, ErrorKind};
use crate::read::ReadPlan;

/// When a batch is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// With so many rows.
    pub rows: usize,
    /// With rows of so many bytes, as they came.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 65_536,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// Makes record batches of rows.
pub struct BatchBuilder {
    plan: Arc<ReadPlan>,
    formats: Vec<Format>,
    cx: LoadContext,
    limits: Limits,
    columns: Vec<Box<dyn Builder>>,
    /// Rows of the batch that is being filled.
    rows: usize,
    /// Their bytes.
    bytes: usize,
    /// Rows of the batches before it.
    before: u64,
    full: VecDeque<RecordBatch>,
    /// Whether the header of a COPY has been read.
    has_header: bool,
}

/// What stands behind the rows of a binary COPY, in a message of its own or in that of the last row.
const TRAILER: &[u8] = &[0xFF, 0xFF];

/// What is behind the header of a binary COPY: the signature, flags, and the length of an extension.
fn behind_header(message: &[u8]) -> Option<&[u8]> {
    let rest = message.strip_prefix(b"PGCOPY\n\xff\r\n\0")?;
    let (_flags, rest) = rest.split_first_chunk::<4>()?;
    let (extension, rest) = rest.split_first_chunk::<4>()?;
    rest.get(usize::try_from(u32::from_be_bytes(*extension)).ok()?..)
}

/// The fields of a row, if it has so many; inside `None` for what has no row.
#[expect(
    clippy::option_option,
    reason = "a message without a row is not one that is malformed"
)]
fn behind_count(row: &[u8], columns: usize) -> Option<Option<&[u8]>> {
    if row.is_empty() || row == TRAILER {
        return Some(None);
    }
    let (count, fields) = row.split_first_chunk::<2>()?;
    (usize::from(u16::from_be_bytes(*count)) == columns).then_some(Some(fields))
}

/// How many rows are read column by column at a time: few enough to be still near when the next column is read.
const STRIDE: usize = 512;

impl BatchBuilder {
    /// Begins with no rows; `formats` tells in which format each column comes.
    ///
    /// # Errors
    /// As many formats as columns are needed.
    pub fn new(
        plan: Arc<ReadPlan>,
        formats: Vec<Format>,
        cx: LoadContext,
        limits: Limits,
    ) -> Result<Self, Error> {
        if formats.len() != plan.len() {
            return Err(Error::usage("as many formats as columns are needed"));
        }
        let columns = plan.builders()?;
        Ok(Self {
            plan,
            formats,
            cx,
            limits,
            columns,
            rows: 0,
            bytes: 0,
            before: 0,
            full: VecDeque::new(),
            has_header: false,
        })
    }

    /// Appends rows, each the fields of a DataRow or of a row of a binary COPY: for each column a length and the value.
    ///
    /// # Errors
    /// A value that is malformed or does not fit its type, with its column and row. The builder is of no use then.
    pub fn push<'r>(&mut self, rows: impl IntoIterator<Item = &'r [u8]>) -> Result<(), Error> {
        let mut stride = [&[][..]; STRIDE];
        let mut count = 0;
        for row in rows {
            if let Some(place) = stride.get_mut(count) {
                *place = row;
            }
            count += 1;
            self.bytes += row.len();
            let full = self.rows + count >= self.limits.rows || self.bytes >= self.limits.bytes;
            if full || count == STRIDE {
                self.read(stride.get_mut(..count).unwrap_or_default())?;
                count = 0;
                if full {
                    let batch = self.batch()?;
                    self.full.push_back(batch);
                }
            }
        }
        self.read(stride.get_mut(..count).unwrap_or_default())
    }

    /// Appends the rows of a result, each the body of a DataRow.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_rows<'r>(&mut self, rows: impl IntoIterator<Item = &'r [u8]>) -> Result<(), Error> {
        // Behind the number of columns.
        self.push(rows.into_iter().map(|row| row.get(2..).unwrap_or_default()))
    }

    /// Appends the rows of a binary COPY, by its messages: the first has the header in front, the last may be the trailer.
    ///
    /// # Errors
    /// As [`push`](Self::push), or what comes is not such a COPY.
    pub fn push_copy<'r>(
        &mut self,
        messages: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<(), Error> {
        let mut malformed = false;
        let mut has_header = std::mem::replace(&mut self.has_header, true);
        let columns = self.plan.len();
        let rows = messages.into_iter().filter_map(|message| {
            let row = if std::mem::replace(&mut has_header, true) {
                Some(message)
            } else {
                behind_header(message)
            };
            let row = row.map(|row| behind_count(row, columns));
            malformed |= !matches!(row, Some(Some(_)));
            row.flatten().flatten()
        });
        self.push(rows)?;
        if malformed {
            let text = "the data is not that of a binary COPY with these columns";
            return Err(Error::data(text));
        }
        Ok(())
    }

    /// The next batch that is full.
    pub fn next_full(&mut self) -> Option<RecordBatch> {
        self.full.pop_front()
    }

    /// Whether a batch is full.
    #[must_use]
    pub fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// How many rows are missing until the batch that is being filled is full, unless that comes of their bytes before.
    #[must_use]
    pub fn missing_rows(&self) -> usize {
        self.limits.rows.saturating_sub(self.rows)
    }

    /// How many rows there have been.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.before + u64::try_from(self.rows).unwrap_or_default()
    }

    /// The last batch, if it has rows, or if there has been no other: what was read has a schema also without rows.
    ///
    /// # Errors
    /// Text that is not in UTF-8.
    pub fn finish(&mut self) -> Result<Option<RecordBatch>, Error> {
        if self.rows == 0 && self.before > 0 {
            return Ok(None);
        }
        self.batch().map(Some)
    }

    fn read(&mut self, rows: &mut [&[u8]]) -> Result<(), Error> {
        let before = self.count();
        for (number, (column, format)) in self.columns.iter_mut().zip(&self.formats).enumerate() {
            column
                .take(rows, *format, &self.cx)
                .map_err(|(row, fault)| {
                    let row = before + u64::try_from(row).unwrap_or_default();
                    fault.at(self.plan.name(number), row)
                })?;
        }
        if let Some(at) = rows
            .iter()
            .position(|rest| !(rest.is_empty() || (self.has_header && *rest == TRAILER)))
        {
            let row = before + u64::try_from(at).unwrap_or_default();
            let text = format!("row {row}: bytes are left over behind its last column");
            return Err(Error::new(ErrorKind::Data, text));
        }
        self.rows += rows.len();
        Ok(())
    }

    /// The rows so far, as a batch.
    fn batch(&mut self) -> Result<RecordBatch, Error> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (number, column) in self.columns.iter_mut().enumerate() {
            let array = column.finish();
            arrays.push(array.map_err(|error| error.of_column(self.plan.name(number)))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let schema = Arc::clone(self.plan.schema());
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options)?;
        self.before += u64::try_from(self.rows).unwrap_or_default();
        self.rows = 0;
        self.bytes = 0;
        Ok(batch)
    }
}

impl std::fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchBuilder")
            .field("schema", self.plan.schema())
            .field("rows", &self.count())
            .finish_non_exhaustive()
    }
}

//! Rows of a COPY: what has to be asked before it begins, values to its formats, and rows of what it sends.

use std::sync::Arc;

use howdah_protocol::connection::{Columns, RowSet};
use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_protocol::wire;
use howdah_protocol::wire::copy::{
    BINARY_HEADER, BINARY_TRAILER, Malformed, binary_row, escape, split,
};
use howdah_protocol::wire::{FieldDescription, check_data_row};
use howdah_types::memory::{self, OutOfMemory};
use howdah_types::{Format, IsNull, ToSql, Type, Types, is_built_in, length};

use super::Core;
use super::copy_statement::CopyStatement;
use super::copying::Copying;
use super::known::Known;
use super::prepare::Question;
use crate::error::{Error, Result};
use crate::params::{TakeParam, ToParams};
use crate::row::{Row, Rows};

/// A COPY of rows that has not begun: a shell asks as long as there is a [`Question`], then runs the statement.
pub(crate) struct CopyPreparation {
    statement: Option<CopyStatement>,
    columns: Option<Columns>,
    has_met_types: bool,
}

/// What the rows of a COPY that runs look like.
pub(crate) struct RowLayout {
    columns: Columns,
    types: Arc<Types>,
    is_binary: bool,
}

/// What writes rows.
pub(crate) struct RowEncoder {
    columns: Vec<RowColumn>,
    types: Arc<Types>,
    is_binary: bool,
    /// A value of the text format before it is escaped.
    value: Vec<u8>,
}

/// What a column of a row that is written is.
#[derive(Clone, Copy)]
enum RowColumn {
    /// Made once: one that is made for each value is stored in parts and loaded at once after that, which makes a processor wait.
    BuiltIn(Type<'static>),
    Other(u32),
}

/// What reads rows.
pub(crate) struct RowDecoder {
    columns: Columns,
    is_binary: bool,
    /// Whether the header is still to come.
    is_first: bool,
    ready: Option<Rows>,
    /// What comes behind those.
    failure: Option<Error>,
    /// Whether the error that ends it was given.
    is_over: bool,
}

impl CopyPreparation {
    /// Begins with a statement, and the types of its columns if they are given.
    ///
    /// # Errors
    /// The format is none of rows, or the connection cannot be used for it.
    pub(crate) fn new(core: &mut Core, sql: &str, types: Option<&[u32]>) -> Result<Self> {
        core.check_block()?;
        core.check_encoding(sql, true)?;
        let statement = CopyStatement::parse(sql);
        if let Some(option) = statement.as_ref().and_then(|known| known.option.as_ref()) {
            return Err(Error::usage(format!(
                "rows are not written or read with the option {option}: use the binary format, or the text format without options"
            )));
        }
        Ok(Self {
            statement,
            columns: types.map(|types| types.iter().enumerate().map(unnamed).collect()),
            has_met_types: false,
        })
    }

    /// What has to be asked now; `None` when the statement can be run.
    pub(crate) fn question(&mut self, known: &Known) -> Option<Question> {
        let Some(columns) = &self.columns else {
            // Of what is not understood the server may say what is wrong with it.
            return self
                .statement
                .is_some()
                .then_some(Question::Description(None));
        };
        if std::mem::replace(&mut self.has_met_types, true) {
            return None;
        }
        let unknown = known.unknown_types(columns.iter().map(|field| field.type_oid));
        (!unknown.is_empty()).then_some(Question::Types(unknown))
    }

    /// Queues a question. The description is asked for each time: an old one could be wrong, and nobody would notice.
    pub(crate) fn ask(&self, core: &mut Core, question: &Question) -> Result<ExchangeId> {
        match (question, &self.statement) {
            (Question::Types(oids), _) => core.queue_lookup(oids),
            (Question::Description(_), statement) => {
                let like = statement.as_ref().map_or("", |statement| &statement.like);
                Ok(core.session.prepare(like.as_bytes(), &[], false)?)
            }
        }
    }

    /// Notes the answer.
    ///
    /// # Errors
    /// The server's: there is no such table or column.
    pub(crate) fn learn(
        &mut self,
        known: &Known,
        question: &Question,
        mut outcome: Outcome,
    ) -> Result<()> {
        if let Question::Types(oids) = question {
            return known.insert_types(oids, outcome);
        }
        let description = outcome.description.take();
        known.results(outcome)?;
        let columns = description.and_then(|description| description.columns);
        let columns =
            columns.ok_or_else(|| Error::usage("the statement of the COPY has no columns"))?;
        self.columns = Some(columns);
        Ok(())
    }

    /// The layout of the COPY, which has begun.
    ///
    /// # Errors
    /// It has other columns than were given, or described.
    pub(crate) fn layout(self, core: &Core, copying: &Copying) -> Result<RowLayout> {
        let columns = self.columns.ok_or_else(|| {
            Error::refused("the columns of the statement are not known: give their types")
        })?;
        let (expected, found) = (columns.len(), copying.columns);
        if expected != found {
            return Err(Error::refused(format!(
                "the COPY has {found} columns, and the types of {expected} are known: name its columns, as for a table with \
                 generated ones"
            )));
        }
        let format = match copying.is_binary {
            true => wire::Format::Binary,
            false => wire::Format::Text,
        };
        let with_format = |field: &FieldDescription| FieldDescription {
            format,
            ..field.clone()
        };
        Ok(RowLayout {
            columns: columns.iter().map(with_format).collect(),
            types: core.known.types(),
            is_binary: copying.is_binary,
        })
    }
}

/// A column of a type that was given.
fn unnamed((index, &type_oid): (usize, &u32)) -> FieldDescription {
    FieldDescription {
        name: format!("column{}", index + 1).into_bytes().into(),
        table_oid: 0,
        column_id: 0,
        type_oid,
        type_size: -1,
        type_modifier: -1,
        format: wire::Format::Text,
    }
}

impl RowColumn {
    fn new(oid: u32) -> Self {
        match is_built_in(oid) {
            true => Self::BuiltIn(oid.into()),
            false => Self::Other(oid),
        }
    }

    #[inline]
    fn of(self, types: &Types) -> Type<'_> {
        match self {
            Self::BuiltIn(ty) => ty,
            Self::Other(oid) => Type::new(oid, types),
        }
    }
}

impl RowEncoder {
    /// Begins to write rows into the data of a COPY.
    pub(crate) fn new(layout: &RowLayout, copying: &mut Copying) -> Self {
        if layout.is_binary {
            copying.gather(BINARY_HEADER);
        }
        Self {
            columns: layout
                .columns
                .iter()
                .map(|field| RowColumn::new(field.type_oid))
                .collect(),
            types: Arc::clone(&layout.types),
            is_binary: layout.is_binary,
            value: Vec::new(),
        }
    }

    /// Writes a row.
    ///
    /// # Errors
    /// A value cannot be sent as its column's type, or there are more or fewer of them, or it has types of its own: nothing has been
    /// written.
    #[inline]
    pub(crate) fn write(&mut self, row: &impl ToParams, copying: &mut Copying) -> Result<()> {
        if row.types().is_some() {
            return Err(with_types());
        }
        let out = &mut copying.buffer;
        let start = out.len();
        let written = match self.is_binary {
            true => self.write_binary(row, out),
            false => row.with_params(|values| self.write_text(values, out)),
        };
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    /// Writes what stands behind the rows.
    pub(crate) fn end(&self, copying: &mut Copying) {
        if self.is_binary {
            copying.buffer.extend_from_slice(BINARY_TRAILER);
        }
    }

    #[inline]
    fn write_binary(&self, row: &impl ToParams, out: &mut Vec<u8>) -> Result<()> {
        let Ok(count) = i16::try_from(self.columns.len()) else {
            return Err(self.wrong_row(row, None));
        };
        memory::room(out, memory::FIXED).map_err(no_room)?;
        out.extend_from_slice(&count.to_be_bytes());
        let mut fields = BinaryFields {
            columns: self.columns.iter(),
            types: &self.types,
            out,
            index: 0,
        };
        match row.visit(&mut fields) {
            Ok(()) if fields.columns.len() == 0 => Ok(()),
            written => Err(self.wrong_row(row, written.err())),
        }
    }

    /// What is wrong with a row: the number of its values before anything else.
    #[cold]
    fn wrong_row(&self, row: &impl ToParams, error: Option<Error>) -> Error {
        let (expected, got) = (self.columns.len(), row.with_params(|values| values.len()));
        match error {
            Some(error) if expected == got => error,
            _ => wrong_count(expected, got),
        }
    }

    fn write_text(&mut self, values: &[&dyn ToSql], out: &mut Vec<u8>) -> Result<()> {
        self.check_count(values)?;
        for (index, (value, column)) in values.iter().zip(&self.columns).enumerate() {
            let ty = column.of(&self.types);
            memory::room(out, memory::FIXED).map_err(no_room)?;
            if index > 0 {
                out.push(b'\t');
            }
            self.value.clear();
            memory::room(&mut self.value, memory::FIXED).map_err(no_room)?;
            let null = value
                .to_sql(ty, Format::Text, &mut self.value)
                .map_err(|error| Error::copied(index + 1, ty, error))?;
            match null {
                IsNull::Yes => out.extend_from_slice(b"\\N"),
                IsNull::No => escape(&self.value, out, None).map_err(|_| no_room(OutOfMemory))?,
            }
        }
        memory::room(out, 1).map_err(no_room)?;
        out.push(b'\n');
        Ok(())
    }

    fn check_count(&self, values: &[&dyn ToSql]) -> Result<()> {
        let (expected, got) = (self.columns.len(), values.len());
        match expected == got {
            true => Ok(()),
            false => Err(wrong_count(expected, got)),
        }
    }
}

/// The values of a row in binary: what the types of a tuple's values are the compiler knows.
struct BinaryFields<'a> {
    columns: std::slice::Iter<'a, RowColumn>,
    types: &'a Types,
    out: &'a mut Vec<u8>,
    index: usize,
}

impl TakeParam for BinaryFields<'_> {
    #[inline]
    fn take<T: ToSql + ?Sized>(&mut self, value: &T) -> Result<()> {
        let Some(column) = self.columns.next() else {
            return Err(wrong_count(self.index, self.index + 1));
        };
        let ty = column.of(self.types);
        let out = &mut *self.out;
        memory::room(out, memory::FIXED).map_err(no_room)?;
        if value.format(ty) != Format::Binary {
            return Err(no_binary_form(self.index, ty));
        }
        let mark = length::begin(out);
        let null = value
            .to_sql(ty, Format::Binary, out)
            .map_err(|error| Error::copied(self.index + 1, ty, error))?;
        match null {
            IsNull::Yes => length::end_null(out, mark),
            IsNull::No => length::end(out, mark).map_err(|_| too_long(self.index, ty))?,
        }
        self.index += 1;
        Ok(())
    }
}

#[cold]
fn wrong_count(expected: usize, got: usize) -> Error {
    Error::usage(format!(
        "the COPY has {expected} columns, and the row has {got} values"
    ))
}

#[cold]
fn with_types() -> Error {
    Error::usage("the values of a row are of the types of the columns: no others can be named")
}

#[cold]
fn no_binary_form(index: usize, ty: Type<'_>) -> Error {
    Error::usage(format!(
        "column {} ({}): the value has no binary form of this type: use the text format",
        index + 1,
        ty.name()
    ))
}

#[cold]
fn too_long(index: usize, ty: Type<'_>) -> Error {
    Error::usage(format!(
        "column {} ({}): the value is too long",
        index + 1,
        ty.name()
    ))
}

#[cold]
fn no_room(_: OutOfMemory) -> Error {
    Error::row_out_of_memory()
}

impl RowDecoder {
    pub(crate) fn new(layout: RowLayout) -> Self {
        Self {
            columns: layout.columns,
            is_binary: layout.is_binary,
            is_first: true,
            ready: None,
            failure: None,
            is_over: false,
        }
    }

    /// The next row that has been received, or else the error that has ended the COPY, once; `None` if there is neither.
    pub(crate) fn next(&mut self, copying: &mut Copying, core: &Core) -> Option<Result<Row>> {
        loop {
            if let Some(row) = self.ready.as_mut().and_then(Iterator::next) {
                return Some(Ok(row));
            }
            if let Some(failure) = self.failure.take() {
                self.is_over = true;
                return Some(Err(failure));
            }
            if self.is_over {
                return None;
            }
            let messages = copying.take_messages();
            if messages.is_empty() {
                self.ready = None;
                self.failure = Some(copying.take_failure()?);
                continue;
            }
            let (rows, read) = self.read(messages);
            let parameters = core.session.connection().shared_parameters();
            self.ready = Some(core.known.some(Arc::clone(&self.columns), rows, parameters));
            self.failure = read.err();
        }
    }

    /// Whether nothing more comes, whatever the server sends.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The rows in messages, up to the first that is none.
    fn read(&mut self, mut messages: RowSet) -> (RowSet, Result<()>) {
        let columns = self.columns.len();
        if !self.is_binary {
            let (rows, read) = messages.rewritten(|message, out| {
                let start = out.len();
                split(message, columns, out, None)?;
                let row = out.get(start..).unwrap_or_default();
                check_data_row(row, columns).map_err(|_| Malformed::NoRow)
            });
            return (rows, read.map_err(malformed));
        }
        let is_first = &mut self.is_first;
        let read =
            messages.narrow(|message| binary_row(message, std::mem::take(is_first), Some(columns)));
        (messages, read.map_err(malformed))
    }
}

fn malformed(error: Malformed) -> Error {
    match error {
        Malformed::NoRow => Error::shape("a message of the COPY is not a row of its format"),
        Malformed::OutOfMemory(_) => Error::rows_out_of_memory(),
    }
}

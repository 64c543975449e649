//! What is asked of a cursor that the server has: DECLARE, FETCH, MOVE, CLOSE.

use std::sync::Arc;

use howdah_adapt::literal::quote_literal;
use howdah_adapt::{DumpContext, memory};
use howdah_ffi::values::bytes;
use howdah_protocol::connection::Params;
use howdah_protocol::session::{ExchangeId, Execute, Outcome, ResultFormat, Session};
use howdah_protocol::wire::Format;
use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::execute::{Text, check_text};
use super::{bind, check, queue, queue_command};
use crate::core::Core;
use crate::core::snapshot::{IDLE, IN_TRANSACTION};
use crate::cursor::BaseCursor;
use crate::cursor::server::{ServerSide, Take};
use crate::errors;
use crate::hooks::{Span, Subject, Watched, rowcount, status};
use crate::shell::{Job, Next};

/// One operation of a cursor in the server, which is one statement of it or two.
pub(crate) struct OnServer {
    cursor: Py<BaseCursor>,
    what: What,
    stage: Stage,
    /// The statement that is awaited.
    sql: Arc<[u8]>,
    watched: Watched,
}

/// What is wanted.
pub(crate) enum What {
    Declare {
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        binary: Option<bool>,
        prepared: Option<(Text, Params)>,
    },
    Fetch(Take),
    Move {
        value: i64,
        absolute: bool,
    },
    Close,
}

/// What the answer that is awaited is about.
enum Stage {
    Begun,
    /// Whether the server has the cursor.
    Looking,
    Closing,
    Declaring,
    Describing,
    Fetching,
    Moving,
}

impl OnServer {
    pub(crate) fn new(cursor: &Bound<'_, BaseCursor>, what: What) -> Self {
        Self {
            cursor: cursor.clone().unbind(),
            what,
            stage: Stage::Begun,
            sql: Arc::default(),
            watched: Watched::default(),
        }
    }

    fn server<'a>(&'a self, py: Python<'a>) -> PyResult<&'a ServerSide> {
        self.cursor.get().server(py)
    }

    /// Queues a statement that takes no parameters and gives no rows.
    fn command(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        sql: &str,
        stage: Stage,
    ) -> PyResult<Next> {
        self.sql = encoded(py, core, sql)?.into();
        self.stage = stage;
        queue_command(py, core, &self.sql).map(Next::Exchange)
    }

    /// Converts the query and its parameters, before anything is sent; then makes room for it.
    fn start_declaring(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let cursor = self.cursor.get();
        let What::Declare {
            query,
            params,
            binary,
            prepared,
        } = &mut self.what
        else {
            return Ok(Next::Done(py.None()));
        };
        let is_binary = binary.unwrap_or_else(|| cursor.is_binary());
        core.check_open(py)?;
        cursor.begin(py, is_binary)?;
        let params = params.as_ref().map(|params| params.bind(py));
        let (text, own) = bind::text(cursor, core, query.bind(py), params)?;
        let text = text.behind(
            py,
            &encoded(py, core, &declaration(py, cursor.server(py)?)?)?,
        )?;
        let params = params.or(own.as_ref().map(|own| own.bind(py)));
        let adaptation = cursor.adaptation(py)?;
        let settings = core.snapshot.settings();
        let cx = DumpContext::new(&settings, Some(&adaptation));
        let mut values = Params::default();
        bind::dump(cursor.binding, &text, params, &cx, &mut values)?;
        cursor.note_query(
            py,
            &text,
            params.map(|params| params.clone().unbind()).as_ref(),
        );
        *prepared = Some((text, values));
        *binary = Some(is_binary);
        self.start_closing(py, core)
    }

    /// Closes what the server has of the cursor, if it has anything.
    fn start_closing(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let server = self.server(py)?;
        let (described, doubtful) = server.with(|held| (held.is_described, held.is_doubtful));
        let declares = matches!(self.what, What::Declare { .. });
        match (may_be_there(core, server), described, doubtful || !declares) {
            (true, true, _) => self.close(py, core),
            (true, false, true) => {
                let name = server.name.bind(py);
                let mut encoded = Vec::new();
                core.snapshot
                    .settings()
                    .encoding
                    .encode(name, &mut encoded)?;
                let connection = self.cursor.get().connection(py)?;
                let literal =
                    quote_literal(bytes(py, &encoded)?.as_any(), Some(connection.bind(py)))?;
                let mut sql = b"SELECT 1 FROM pg_catalog.pg_cursors WHERE name = ".to_vec();
                memory::append(&mut sql, literal.as_bytes())?;
                self.sql = sql.into();
                self.stage = Stage::Looking;
                queue_command(py, core, &self.sql).map(Next::Exchange)
            }
            _ => self.closed(py, core),
        }
    }

    fn close(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let sql = closing(py, self.server(py)?)?;
        self.command(py, core, &sql, Stage::Closing)
    }

    /// The server has no cursor of that name, as far as is known.
    fn closed(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        self.server(py)?.reset(py);
        if let What::Declare { .. } = self.what {
            return self.declare(py, core);
        }
        self.cursor.get().shut();
        Ok(Next::Done(py.None()))
    }

    /// Queues DECLARE, and the question what columns the cursor has.
    fn declare(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let name = encoded(py, core, self.server(py)?.name.bind(py).to_str()?)?;
        let What::Declare {
            prepared: Some((text, values)),
            ..
        } = &self.what
        else {
            return Ok(Next::Done(py.None()));
        };
        let request = Execute {
            sql: text.sql(py),
            params: values,
            format: ResultFormat::Text,
            prepare: Some(false),
            begin: true,
            extended: true,
        };
        let id = queue(py, core, &request, |session, request| {
            session.execute_more(request)?;
            session.describe_cursor(&name, false)
        })?;
        self.stage = Stage::Declaring;
        Ok(Next::Exchange(id))
    }

    /// Queues FETCH; before that the question what columns there are, of a cursor that somebody else has declared.
    fn fetch(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let What::Fetch(take) = self.what else {
            return Ok(Next::Done(py.None()));
        };
        let server = self.server(py)?;
        let (described, formats) =
            server.with(|held| (held.is_described, Arc::clone(&held.formats)));
        if !described {
            let name = encoded(py, core, server.name.bind(py).to_str()?)?;
            let asked = core.with_session(py, |session| session.describe_cursor(&name, true))?;
            let id = asked.map_err(|error| errors::usage(py, &error))?;
            self.stage = Stage::Describing;
            return Ok(Next::Exchange(id));
        }
        self.sql = fetching_again(py, core, server, take)?;
        self.stage = Stage::Fetching;
        queue_fetch(py, core, &self.sql, &formats).map(Next::Exchange)
    }

    /// Gives the rows that have come.
    fn fetched(&mut self, py: Python<'_>, mut outcome: Outcome) -> PyResult<Next> {
        let What::Fetch(take) = self.what else {
            return Ok(Next::Done(py.None()));
        };
        let result = outcome.results.pop();
        let result = result.ok_or_else(|| errors::new(py, "InternalError", "got no result"))?;
        if let Some(span) = self.watched.get() {
            span.note(rowcount(&result), status(&result.tag));
        }
        let rows = BaseCursor::take_served(self.cursor.bind(py), result)?;
        let server = self.server(py)?;
        if let Take::Page = take {
            return turn_page(server, &rows).map(Next::Done);
        }
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        server.advance(py, count);
        Ok(Next::Done(match take {
            Take::One if rows.is_empty() => py.None(),
            Take::One => rows.get_item(0)?.unbind(),
            _ => rows.into_any().unbind(),
        }))
    }

    fn start_moving(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let What::Move { value, absolute } = self.what else {
            return Ok(Next::Done(py.None()));
        };
        let sql = moving(py, self.server(py)?, value, absolute)?;
        self.command(py, core, &sql, Stage::Moving)
    }

    fn moved(&self, py: Python<'_>) -> PyResult<Next> {
        if let What::Move { value, absolute } = self.what {
            let server = self.server(py)?;
            server.with(|held| held.is_adrift = false);
            if absolute {
                server.page.set_pos(py, value);
            } else {
                server.advance(py, value);
            }
        }
        Ok(Next::Done(py.None()))
    }

    /// Fails if where the cursor stands is not known, and matters.
    fn check_place(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<()> {
        let matters = match self.what {
            What::Fetch(_) => true,
            What::Move { absolute, .. } => !absolute,
            What::Declare { .. } | What::Close => false,
        };
        let status = core.snapshot.settled_status();
        let alive = status == IN_TRANSACTION || status == IDLE;
        if matters && alive && self.server(py)?.with(|held| held.is_adrift) {
            let text = "a fetch from the cursor was interrupted, so where it stands is not known: \
                        scroll() to an absolute position, or execute() again";
            return Err(errors::operational(py, text));
        }
        Ok(())
    }
}

impl Job for OnServer {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let cursor = self.cursor.get();
        if let What::Close = self.what
            && (core.snapshot.is_closed() || cursor.check_not_closed(py).is_err())
        {
            cursor.shut();
            return Ok(Next::Done(py.None()));
        }
        cursor.check_not_closed(py)?;
        core.check_open(py)?;
        if core.pipeline.is_on() {
            let text = "server-side cursors not supported in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        self.check_place(py, core)?;
        match self.what {
            What::Declare { .. } => self.start_declaring(py, core),
            What::Fetch(_) => self.fetch(py, core),
            What::Move { .. } => self.start_moving(py, core),
            What::Close => self.start_closing(py, core),
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        // Answered: whatever fails from here on is no interruption.
        let stage = std::mem::replace(&mut self.stage, Stage::Begun);
        match (&stage, &self.what) {
            (
                Stage::Declaring,
                What::Declare {
                    prepared: Some((text, _)),
                    ..
                },
            ) => check_text(py, core, &outcome, Some(text))?,
            (Stage::Describing, _) => check(py, core, &outcome, None)?,
            _ => check(py, core, &outcome, Some(&self.sql))?,
        }
        match stage {
            Stage::Begun => Ok(Next::Done(py.None())),
            Stage::Looking => match outcome.results.iter().any(|result| !result.rows.is_empty()) {
                true => self.close(py, core),
                false => self.closed(py, core),
            },
            Stage::Closing => self.closed(py, core),
            Stage::Declaring => {
                self.described(py, core, outcome)?;
                Ok(Next::Done(self.cursor.clone_ref(py).into_any()))
            }
            Stage::Describing => {
                self.described(py, core, outcome)?;
                self.fetch(py, core)
            }
            Stage::Fetching => self.fetched(py, outcome),
            Stage::Moving => self.moved(py),
        }
    }

    fn interrupted(&mut self, _core: &Arc<Core>) {
        let Some(server) = self.cursor.get().server_side() else {
            return;
        };
        server.with(|held| match self.stage {
            Stage::Declaring | Stage::Closing => {
                held.is_doubtful = true;
                held.is_described = false;
            }
            Stage::Fetching | Stage::Moving => held.is_adrift = true,
            Stage::Begun | Stage::Looking | Stage::Describing => {}
        });
    }

    fn subject(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let cursor = self.cursor.get();
        let server = self.server(py)?;
        let (kind, sql) = match &self.what {
            What::Declare { query, params, .. } => {
                return bind::subject(py, core, "execute", cursor, query, params.as_ref());
            }
            What::Fetch(take) => ("fetch", fetching(py, server, *take)?),
            What::Move { value, absolute } => ("scroll", moving(py, server, *value, *absolute)?),
            What::Close => {
                let is_open = cursor.check_not_closed(py).is_ok() && may_be_there(core, server);
                if !is_open {
                    return Ok(None);
                }
                ("close", closing(py, server)?)
            }
        };
        Ok(Some(Subject::own(py, kind, &sql)))
    }

    fn observed(&mut self, _py: Python<'_>, span: &Arc<Span>) -> PyResult<()> {
        self.watched = Watched::by(span);
        Ok(())
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        if let What::Declare { query, params, .. } = &self.what {
            visit.call(query)?;
            visit.call(params)?;
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        match self.what {
            What::Declare { .. } => "execute",
            What::Fetch(_) => "fetch",
            What::Move { .. } => "scroll",
            What::Close => "close",
        }
    }
}

impl OnServer {
    /// Takes note of the columns that the cursor turned out to have.
    fn described(&self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<()> {
        let description = outcome.description.and_then(|found| found.columns);
        let columns = description.unwrap_or_default();
        let binary = match self.what {
            What::Declare { binary, .. } => binary.filter(|binary| *binary),
            _ => None,
        };
        let parameters = core.snapshot.parameters();
        BaseCursor::set_served_columns(self.cursor.bind(py), &columns, binary, parameters)
    }
}

/// Whether the server may have a cursor. Without a transaction there is none but one that outlives it, and in one that has failed
/// nothing can be closed.
fn may_be_there(core: &Core, server: &ServerSide) -> bool {
    let status = core.snapshot.settled_status();
    status == IN_TRANSACTION || (status == IDLE && server.withhold)
}

/// The statement that fetches rows.
fn fetching(py: Python<'_>, server: &ServerSide, take: Take) -> PyResult<String> {
    let count = match take {
        Take::One => "1".to_owned(),
        Take::Many(count) => count.to_string(),
        Take::All => "ALL".to_owned(),
        Take::Page => server.with(|held| held.itersize).to_string(),
    };
    Ok(format!(
        "FETCH FORWARD {count} FROM {}",
        server.identifier(py)?
    ))
}

/// The same in the client encoding, which is made once for all fetches of as many rows.
fn fetching_again(
    py: Python<'_>,
    core: &Arc<Core>,
    server: &ServerSide,
    take: Take,
) -> PyResult<Arc<[u8]>> {
    let (take, last) = server.with(|held| {
        let take = match take {
            Take::Page => Take::Many(held.itersize),
            other => other,
        };
        let last = held.last_fetch.as_ref();
        let last = last.filter(|(taken, _)| *taken == take);
        (take, last.map(|(_, sql)| Arc::clone(sql)))
    });
    if let Some(sql) = last {
        return Ok(sql);
    }
    let sql: Arc<[u8]> = encoded(py, core, &fetching(py, server, take)?)?.into();
    // Other text depends on the client encoding, which may change.
    if sql.is_ascii() {
        server.with(|held| held.last_fetch = Some((take, Arc::clone(&sql))));
    }
    Ok(sql)
}

/// The statement that moves a cursor.
fn moving(py: Python<'_>, server: &ServerSide, value: i64, absolute: bool) -> PyResult<String> {
    let how = if absolute { "ABSOLUTE " } else { "" };
    Ok(format!("MOVE {how}{value} FROM {}", server.identifier(py)?))
}

/// The statement that closes a cursor.
fn closing(py: Python<'_>, server: &ServerSide) -> PyResult<String> {
    Ok(format!("CLOSE {}", server.identifier(py)?))
}

/// The beginning of the statement that declares a cursor.
fn declaration(py: Python<'_>, server: &ServerSide) -> PyResult<String> {
    let scroll = match server.scrollable {
        None => "",
        Some(true) => "SCROLL ",
        Some(false) => "NO SCROLL ",
    };
    let hold = if server.withhold { "WITH HOLD " } else { "" };
    let name = server.identifier(py)?;
    Ok(format!("DECLARE {name} {scroll}CURSOR {hold}FOR "))
}

fn queue_fetch(
    py: Python<'_>,
    core: &Arc<Core>,
    sql: &[u8],
    formats: &[Format],
) -> PyResult<ExchangeId> {
    let request = Execute {
        sql,
        params: &Params::default(),
        format: ResultFormat::Chosen(formats),
        prepare: Some(false),
        begin: false,
        extended: true,
    };
    queue(py, core, &request, Session::execute)
}

/// Has iteration go on with other rows; gives the first of them.
fn turn_page(server: &ServerSide, rows: &Bound<'_, PyList>) -> PyResult<Py<PyAny>> {
    let py = rows.py();
    drop(server.page.turn(rows));
    let row = server.page.next(py);
    let end = || PyStopAsyncIteration::new_err("no more records to return");
    row.map(Bound::unbind).ok_or_else(end)
}

/// A statement of the driver's own in the client encoding.
fn encoded(py: Python<'_>, core: &Arc<Core>, sql: &str) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    let text = howdah_ffi::values::str_from_utf8(py, sql.as_bytes())?;
    core.snapshot.settings().encoding.encode(&text, &mut out)?;
    Ok(out)
}

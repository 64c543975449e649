//! howdah, blocking and on a current-thread runtime of tokio: a statement that prepares itself, in autocommit as for the
//! other drivers, and a typed `get` of every column.

use std::hint::black_box;
use std::thread;

use futures_util::future::try_join_all;
use howdah::types::oid;
use howdah::{AsyncClient, AsyncConnection, Connection, FromSql, Row, Rows, ToSql};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::requests::{Case, Kind, Server, sized};
use crate::{Driver, Failure, check_rows, shares, standing};

/// How often a statement is executed before it is measured: it has been prepared then.
const WARM_UP: usize = 8;

#[derive(Default)]
pub(crate) struct Blocking {
    opened: Option<(String, Case)>,
    sessions: Vec<Session<Connection>>,
}

pub(crate) struct Tokio {
    runtime: Runtime,
    opened: Option<(String, Case)>,
    sessions: Vec<Session<AsyncConnection>>,
    shared: Option<Session<AsyncClient>>,
}

impl Tokio {
    pub(crate) fn new() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            runtime,
            opened: None,
            sessions: Vec::new(),
            shared: None,
        })
    }
}

impl Driver for Blocking {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        let conninfo = conninfo(server);
        for _ in 0..standing(case) {
            self.sessions.push(Session::open(&conninfo, case)?);
        }
        if case.kind != Kind::Query {
            self.close()?;
        }
        self.opened = Some((conninfo, case.clone()));
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        let (conninfo, case) = self.opened.as_ref().ok_or("no case is open")?;
        match case.kind {
            Kind::Query if self.sessions.len() > 1 => in_threads(&mut self.sessions, ops),
            Kind::Query => self.sessions[0].repeat(ops),
            Kind::Tasks => Err("a blocking connection has no tasks".into()),
            Kind::Connect => (0..ops).try_for_each(|_| {
                Connection::connect(conninfo)?.close();
                Ok(())
            }),
            Kind::Idle => (0..ops).try_for_each(|_| {
                self.sessions.push(Session::open(conninfo, case)?);
                Ok(())
            }),
            _ => Err("a module of its own has these".into()),
        }
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.opened = None;
        self.sessions.clear();
        Ok(())
    }
}

impl Driver for Tokio {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        let conninfo = conninfo(server);
        for _ in 0..standing(case) {
            let session = self
                .runtime
                .block_on(Session::open_async(&conninfo, case))?;
            self.sessions.push(session);
        }
        if case.kind == Kind::Tasks {
            // Its task is to run in the runtime.
            let _entered = self.runtime.enter();
            self.shared = self.sessions.pop().map(Session::shared);
        } else if case.kind != Kind::Query {
            self.close()?;
        }
        self.opened = Some((conninfo, case.clone()));
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        let (conninfo, case) = self.opened.as_ref().ok_or("no case is open")?;
        match case.kind {
            Kind::Query if self.sessions.len() > 1 => {
                let sessions = std::mem::take(&mut self.sessions);
                self.sessions = self.runtime.block_on(all_at_once(sessions, ops))?;
                Ok(())
            }
            Kind::Query => {
                let session = &mut self.sessions[0];
                self.runtime.block_on(session.repeat_async(ops))
            }
            Kind::Tasks => {
                let session = self.shared.as_ref().ok_or("no case is open")?;
                self.runtime.block_on(async {
                    for _ in 0..ops {
                        try_join_all((0..case.batch).map(|_| session.once_shared())).await?;
                    }
                    Ok(())
                })
            }
            Kind::Connect => self.runtime.block_on(async {
                for _ in 0..ops {
                    AsyncConnection::connect(conninfo).await?.close().await;
                }
                Ok(())
            }),
            Kind::Idle => (0..ops).try_for_each(|_| {
                let session = self.runtime.block_on(Session::open_async(conninfo, case))?;
                self.sessions.push(session);
                Ok(())
            }),
            _ => Err("a module of its own has these".into()),
        }
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.opened = None;
        self.shared = None;
        self.sessions.clear();
        Ok(())
    }
}

pub(crate) fn conninfo(server: &Server) -> String {
    let quote = |text: &str| text.replace('\\', r"\\").replace('\'', r"\'");
    let mut conninfo = format!(
        "host='{}' port={} user='{}' dbname='{}' sslmode=disable",
        quote(&server.host),
        server.port,
        quote(&server.user),
        quote(&server.dbname)
    );
    if let Some(password) = &server.password {
        conninfo += &format!(" password='{}'", quote(password));
    }
    conninfo
}

fn in_threads(sessions: &mut [Session<Connection>], ops: u64) -> Result<(), Failure> {
    let shares: Vec<_> = shares(ops, sessions.len()).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = shares
            .into_iter()
            .zip(sessions)
            .map(|(ops, session)| scope.spawn(move || session.repeat(ops)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}

async fn all_at_once(
    sessions: Vec<Session<AsyncConnection>>,
    ops: u64,
) -> Result<Vec<Session<AsyncConnection>>, Failure> {
    let mut tasks = JoinSet::new();
    for (ops, mut session) in shares(ops, sessions.len()).zip(sessions) {
        tasks.spawn(async move { session.repeat_async(ops).await.map(|()| session) });
    }
    let mut back = Vec::new();
    while let Some(outcome) = tasks.join_next().await {
        back.push(outcome??);
    }
    Ok(back)
}

type Parameter = Box<dyn ToSql + Send>;
type Getter = fn(&Row, usize) -> howdah::Result<()>;

/// A connection with the statement of a case.
struct Session<C> {
    conn: C,
    sql: String,
    params: Vec<Parameter>,
    getters: Vec<Getter>,
}

impl<C> Session<C> {
    fn new(conn: C, case: &Case) -> Result<Self, Failure> {
        Ok(Self {
            conn,
            sql: case.numbered.clone(),
            params: case
                .params
                .iter()
                .map(parameter)
                .collect::<Result<_, _>>()?,
            getters: Vec::new(),
        })
    }

    fn learn(&mut self, rows: &Rows) -> Result<(), Failure> {
        self.getters = rows
            .columns()
            .map(|column| getter(column.type_oid()))
            .collect::<Result<_, _>>()?;
        Ok(())
    }
}

impl Session<Connection> {
    fn open(conninfo: &str, case: &Case) -> Result<Self, Failure> {
        let conn = Connection::connect(conninfo)?;
        let mut session = Self::new(conn, case)?;
        let rows = session.query()?;
        session.learn(&rows)?;
        // Memory is measured of a connection that has executed its statement once.
        let times = if case.kind == Kind::Query { WARM_UP } else { 1 };
        for _ in 0..times {
            check_rows(case, session.once()?)?;
        }
        Ok(session)
    }

    fn repeat(&mut self, ops: u64) -> Result<(), Failure> {
        for _ in 0..ops {
            self.once()?;
        }
        Ok(())
    }

    fn once(&mut self) -> Result<usize, Failure> {
        let rows = self.query()?;
        read(rows, &self.getters)
    }

    fn query(&mut self) -> howdah::Result<Rows> {
        let params: Vec<&dyn ToSql> = self.params.iter().map(|p| &**p as _).collect();
        self.conn.query(&self.sql, &params)
    }
}

impl Session<AsyncConnection> {
    async fn open_async(conninfo: &str, case: &Case) -> Result<Self, Failure> {
        let conn = AsyncConnection::connect(conninfo).await?;
        let mut session = Self::new(conn, case)?;
        let rows = session.query_async().await?;
        session.learn(&rows)?;
        let is_prepared = matches!(case.kind, Kind::Query | Kind::Tasks);
        let times = if is_prepared { WARM_UP } else { 1 };
        for _ in 0..times {
            check_rows(case, session.once_async().await?)?;
        }
        Ok(session)
    }

    async fn repeat_async(&mut self, ops: u64) -> Result<(), Failure> {
        for _ in 0..ops {
            self.once_async().await?;
        }
        Ok(())
    }

    async fn once_async(&mut self) -> Result<usize, Failure> {
        let rows = self.query_async().await?;
        read(rows, &self.getters)
    }

    async fn query_async(&mut self) -> howdah::Result<Rows> {
        let params: Vec<&dyn ToSql> = self.params.iter().map(|p| &**p as _).collect();
        self.conn.query(&self.sql, &params).await
    }
}

impl Session<AsyncClient> {
    fn shared(own: Session<AsyncConnection>) -> Self {
        Self {
            conn: own.conn.into_client(),
            sql: own.sql,
            params: own.params,
            getters: own.getters,
        }
    }

    async fn once_shared(&self) -> Result<usize, Failure> {
        let params: Vec<&dyn ToSql> = self.params.iter().map(|p| &**p as _).collect();
        let rows = self.conn.query(&self.sql, &params).await?;
        read(rows, &self.getters)
    }
}

/// Reads every value; tells how many rows there were.
fn read(rows: Rows, getters: &[Getter]) -> Result<usize, Failure> {
    let count = rows.row_count();
    for row in rows {
        for (i, get) in getters.iter().enumerate() {
            get(&row, i)?;
        }
    }
    Ok(count)
}

fn parameter(value: &Value) -> Result<Parameter, Failure> {
    Ok(match value {
        Value::Bool(value) => Box::new(*value),
        Value::Number(number) if number.is_i64() => {
            Box::new(i32::try_from(number.as_i64().unwrap_or_default())?)
        }
        Value::Number(number) => Box::new(number.as_f64().unwrap_or_default()),
        Value::String(text) => Box::new(text.clone()),
        Value::Object(_) => Box::new(sized(value).ok_or("an object without a size")?),
        other => return Err(format!("no parameter like {other} in this benchmark yet").into()),
    })
}

fn getter(ty: u32) -> Result<Getter, Failure> {
    Ok(match ty {
        oid::BOOL => get::<bool>,
        oid::INT2 => get::<i16>,
        oid::INT4 => get::<i32>,
        oid::INT8 => get::<i64>,
        oid::OID => get::<u32>,
        oid::FLOAT4 => get::<f32>,
        oid::FLOAT8 => get::<f64>,
        oid::TEXT | oid::VARCHAR | oid::NAME => get::<String>,
        oid::BYTEA => get::<Vec<u8>>,
        oid::INT4_ARRAY => get::<Vec<i32>>,
        other => return Err(format!("no column of type {other} in this benchmark yet").into()),
    })
}

fn get<T>(row: &Row, index: usize) -> howdah::Result<()>
where
    T: for<'a> FromSql<'a>,
{
    black_box(row.get::<Option<T>>(index)?);
    Ok(())
}

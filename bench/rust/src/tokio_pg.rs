//! tokio-postgres on a current-thread runtime: a prepared statement, and a typed `get` of every column.

use std::hint::black_box;
use std::sync::Arc;

use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use crate::requests::{Case, Kind, Server, sized};
use crate::{Driver, Failure, check_rows, shares, standing};

pub(crate) struct TokioPostgres {
    runtime: Runtime,
    opened: Option<(Config, Case)>,
    sessions: Vec<Arc<Session>>,
}

impl TokioPostgres {
    pub(crate) fn new() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            runtime,
            opened: None,
            sessions: Vec::new(),
        })
    }
}

impl Driver for TokioPostgres {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        let config = config(server);
        for _ in 0..standing(case) {
            self.sessions
                .push(self.runtime.block_on(Session::open(&config, case))?);
        }
        if !matches!(case.kind, Kind::Query | Kind::Tasks) {
            self.close()?;
        }
        self.opened = Some((config, case.clone()));
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        let (config, case) = self.opened.clone().ok_or("no case is open")?;
        match case.kind {
            Kind::Query if self.sessions.len() > 1 => {
                let sessions = self.sessions.clone();
                self.runtime.block_on(all_at_once(sessions, ops))
            }
            Kind::Query => self.runtime.block_on(self.sessions[0].repeat(ops)),
            Kind::Tasks => {
                let session = &self.sessions[0];
                self.runtime.block_on(async {
                    for _ in 0..ops {
                        try_join_all((0..case.batch).map(|_| session.once())).await?;
                    }
                    Ok(())
                })
            }
            Kind::Connect => self.runtime.block_on(connect_and_close(&config, ops)),
            Kind::Idle => (0..ops).try_for_each(|_| {
                self.sessions
                    .push(self.runtime.block_on(Session::open(&config, &case))?);
                Ok(())
            }),
            _ => Err("a module of its own has these".into()),
        }
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.opened = None;
        self.sessions.drain(..).try_for_each(|session| {
            let session = Arc::into_inner(session).ok_or("a connection is still in use")?;
            drop(session.client);
            Ok(self.runtime.block_on(session.background)??)
        })
    }
}

pub(crate) fn config(server: &Server) -> Config {
    let mut config = Config::new();
    config
        .host(&server.host)
        .port(server.port)
        .user(&server.user)
        .dbname(&server.dbname);
    if let Some(password) = &server.password {
        config.password(password);
    }
    config
}

async fn connect_and_close(config: &Config, ops: u64) -> Result<(), Failure> {
    for _ in 0..ops {
        let (client, connection) = config.connect(NoTls).await?;
        let background = tokio::spawn(connection);
        drop(client);
        background.await??;
    }
    Ok(())
}

async fn all_at_once(sessions: Vec<Arc<Session>>, ops: u64) -> Result<(), Failure> {
    let mut tasks = JoinSet::new();
    for (ops, session) in shares(ops, sessions.len()).zip(sessions) {
        tasks.spawn(async move { session.repeat(ops).await });
    }
    while let Some(outcome) = tasks.join_next().await {
        outcome??;
    }
    Ok(())
}

type Parameter = Box<dyn ToSql + Sync + Send>;
type Getter = fn(&Row, usize) -> Result<(), tokio_postgres::Error>;

struct Session {
    client: Client,
    background: JoinHandle<Result<(), tokio_postgres::Error>>,
    statement: Statement,
    params: Vec<Parameter>,
    getters: Vec<Getter>,
}

impl Session {
    async fn open(config: &Config, case: &Case) -> Result<Arc<Self>, Failure> {
        let (client, connection) = config.connect(NoTls).await?;
        let background = tokio::spawn(connection);
        let statement = client.prepare(&case.numbered).await?;
        let params = case.params.iter().zip(statement.params());
        let params = params
            .map(|(value, kind)| parameter(value, kind))
            .collect::<Result<_, _>>()?;
        let getters = statement
            .columns()
            .iter()
            .map(|c| getter(c.type_()))
            .collect::<Result<_, _>>()?;
        let session = Self {
            client,
            background,
            statement,
            params,
            getters,
        };
        check_rows(case, session.once().await?)?;
        Ok(Arc::new(session))
    }

    async fn repeat(&self, ops: u64) -> Result<(), Failure> {
        for _ in 0..ops {
            self.once().await?;
        }
        Ok(())
    }

    async fn once(&self) -> Result<usize, Failure> {
        let params: Vec<&(dyn ToSql + Sync)> = self.params.iter().map(|p| &**p as _).collect();
        let rows = self.client.query(&self.statement, &params).await?;
        for row in &rows {
            for (i, get) in self.getters.iter().enumerate() {
                get(row, i)?;
            }
        }
        Ok(rows.len())
    }
}

fn parameter(value: &Value, kind: &Type) -> Result<Parameter, Failure> {
    Ok(match *kind {
        Type::INT2 => owned::<i16>(value)?,
        Type::INT4 => owned::<i32>(value)?,
        Type::INT8 => owned::<i64>(value)?,
        Type::OID => owned::<u32>(value)?,
        Type::FLOAT8 => owned::<f64>(value)?,
        Type::BOOL => owned::<bool>(value)?,
        Type::TEXT | Type::VARCHAR | Type::NAME => owned::<String>(value)?,
        Type::INT4_ARRAY => owned::<Vec<i32>>(value)?,
        Type::BYTEA => Box::new(sized(value).ok_or("an object without a size")?),
        ref other => {
            return Err(format!("no parameter of type {other} in this benchmark yet").into());
        }
    })
}

fn owned<T>(value: &Value) -> Result<Parameter, Failure>
where
    T: serde::de::DeserializeOwned + ToSql + Sync + Send + 'static,
{
    Ok(Box::new(serde_json::from_value::<T>(value.clone())?))
}

fn getter(kind: &Type) -> Result<Getter, Failure> {
    Ok(match *kind {
        Type::BOOL => get::<bool>,
        Type::INT2 => get::<i16>,
        Type::INT4 => get::<i32>,
        Type::INT8 => get::<i64>,
        Type::OID => get::<u32>,
        Type::FLOAT4 => get::<f32>,
        Type::FLOAT8 => get::<f64>,
        Type::TEXT | Type::VARCHAR | Type::NAME => get::<String>,
        Type::BYTEA => get::<Vec<u8>>,
        Type::INT4_ARRAY => get::<Vec<i32>>,
        ref other => return Err(format!("no column of type {other} in this benchmark yet").into()),
    })
}

fn get<T>(row: &Row, index: usize) -> Result<(), tokio_postgres::Error>
where
    T: for<'a> FromSql<'a>,
{
    black_box(row.try_get::<_, Option<T>>(index)?);
    Ok(())
}

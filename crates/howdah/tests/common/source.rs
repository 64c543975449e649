//! A table whose changes are followed.

use std::time::{Duration, Instant};

use howdah::replication::{AsyncReplicationStream, Change, ChangeOptions, StreamItem};
use howdah::types::PgLsn;
use howdah::{AsyncConnection, Connection};
use tokio::time::timeout;

use super::{connect, dsn, unique};

/// Only a guard against tests that hang.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A published table and a slot; the connection is one to write with.
pub(crate) struct Source {
    pub(crate) conn: Connection,
    pub(crate) name: String,
    /// Statements for its end.
    pub(crate) more: Vec<String>,
    /// Whether it has a database for itself, of its name.
    is_alone: bool,
}

impl Source {
    pub(crate) fn new(columns: &str) -> Self {
        Self::after(&[], columns)
    }

    /// The same, after these statements; `{}` is the source's name.
    pub(crate) fn after(statements: &[&str], columns: &str) -> Self {
        let source = Self {
            conn: connect(),
            name: unique("followed"),
            more: Vec::new(),
            is_alone: false,
        };
        source.made(statements, columns)
    }

    /// One in a database for itself: of transactions that are streamed or prepared all are told that are in the same database.
    pub(crate) fn alone(columns: &str) -> Self {
        let name = unique("followed");
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        connect().execute(&create, ()).expect(&create);
        let source = Self {
            conn: Connection::connect(&format!("{} dbname={name}", dsn())).unwrap(),
            name,
            more: Vec::new(),
            is_alone: true,
        };
        source.made(&[], columns)
    }

    fn made(mut self, statements: &[&str], columns: &str) -> Self {
        let source = &mut self;
        for statement in statements {
            source.run(statement);
        }
        source.run(&format!("CREATE TABLE {{}} ({columns})"));
        source.run("CREATE PUBLICATION {} FOR TABLE {}");
        source.run("SELECT pg_create_logical_replication_slot('{}', 'pgoutput')");
        self
    }

    /// The same, whose slot tells prepared transactions.
    pub(crate) fn of_two_phases(columns: &str) -> Self {
        let mut source = Self::alone(columns);
        source.run("SELECT pg_drop_replication_slot('{}')");
        source.run("SELECT pg_create_logical_replication_slot('{}', 'pgoutput', false, true)");
        source
    }

    pub(crate) fn run(&mut self, sql: &str) {
        let sql = sql.replace("{}", &self.name);
        self.conn.execute(&sql, ()).expect(&sql);
    }

    pub(crate) fn insert(&mut self, ids: std::ops::Range<i32>) {
        let (from, to) = (ids.start, ids.end - 1);
        self.run(&format!(
            "INSERT INTO {{}} SELECT g, 'row ' || g FROM generate_series({from}, {to}) g"
        ));
    }

    pub(crate) fn follower(&self) -> Connection {
        Connection::connect(&self.replicating()).unwrap()
    }

    /// A conninfo for a walsender.
    pub(crate) fn replicating(&self) -> String {
        match self.is_alone {
            true => format!("{} dbname={}", replicating(""), self.name),
            false => replicating(""),
        }
    }

    pub(crate) fn confirmed(&mut self) -> PgLsn {
        let sql = "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1";
        let row = self.conn.query_one(sql, (&self.name,)).unwrap();
        row.get(0).unwrap()
    }

    /// Waits until the server has noted that a position is confirmed.
    pub(crate) fn wait_until_confirmed(&mut self, lsn: PgLsn) {
        let begun = Instant::now();
        while self.confirmed() < lsn {
            assert!(begun.elapsed() < LONG, "{lsn} was never confirmed");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The changes up to so many commits, through both shells, which confirm nothing.
    pub(crate) fn changes(&self, options: &ChangeOptions, commits: usize) -> [Vec<Change>; 2] {
        let wanted = |changes: &[Change]| {
            let ends = changes.iter().filter(|change| change.end_lsn().is_some());
            ends.count() < commits
        };
        let mut conn = self.follower();
        let mut stream = conn
            .follow_changes(&self.name, &[&self.name], options)
            .unwrap();
        let mut blocking = Vec::new();
        while wanted(&blocking) {
            blocking.push(stream.next().unwrap().unwrap());
        }
        stream.close().unwrap();
        drop(conn);
        let tokio = on_tokio(async {
            let mut conn = AsyncConnection::connect(&self.replicating()).await.unwrap();
            let mut stream = followed(&mut conn, &self.name, options).await;
            let mut changes = Vec::new();
            while wanted(&changes) {
                changes.push(next(&mut stream).await);
            }
            stream.close().await.unwrap();
            changes
        });
        [blocking, tokio]
    }
}

/// The changes of a source, on tokio.
pub(crate) async fn followed<'c>(
    conn: &'c mut AsyncConnection,
    name: &str,
    options: &ChangeOptions,
) -> AsyncReplicationStream<'c, Change> {
    conn.follow_changes(name, &[name], options).await.unwrap()
}

/// The next message, which comes in time.
pub(crate) async fn next<M: StreamItem>(stream: &mut AsyncReplicationStream<'_, M>) -> M {
    let message = timeout(LONG, stream.next()).await.unwrap();
    message.unwrap().unwrap()
}

impl Drop for Source {
    fn drop(&mut self) {
        let slot = format!(
            "FROM pg_replication_slots WHERE slot_name = '{}'",
            self.name
        );
        for sql in [
            format!("SELECT pg_terminate_backend(active_pid, 5000) {slot} AND active"),
            format!("SELECT pg_drop_replication_slot(slot_name) {slot}"),
            format!("DROP PUBLICATION {}", self.name),
            format!("DROP TABLE {}", self.name),
        ]
        .iter()
        .chain(&self.more)
        {
            let done = self.conn.execute(sql, ());
            assert!(done.is_ok() || std::thread::panicking(), "{sql}: {done:?}");
        }
        if self.is_alone {
            let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            let done = connect().execute(&sql, ());
            assert!(done.is_ok() || std::thread::panicking(), "{sql}: {done:?}");
        }
    }
}

/// A conninfo for a walsender with such a timeout.
pub(crate) fn replicating(timeout: &str) -> String {
    let mut dsn = format!("{} replication=database", dsn());
    if !timeout.is_empty() {
        dsn.push_str(&format!(" options='-c wal_sender_timeout={timeout}'"));
    }
    dsn
}

pub(crate) fn on_tokio<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

pub(crate) fn ids(changes: &[Change]) -> Vec<i32> {
    let id = |change: &Change| change.new_row().map(|row| row.get("id").unwrap());
    changes.iter().filter_map(id).collect()
}

pub(crate) fn rows(changes: &[Change]) -> Vec<&Change> {
    let of_rows = |change: &&Change| change.relation().is_some();
    changes.iter().filter(of_rows).collect()
}

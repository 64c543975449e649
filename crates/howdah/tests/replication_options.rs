//! Options of following changes, through both shells, against a real server of any version.

#![cfg(feature = "tokio")]

mod common;

use common::source::{Source, followed, ids, next, on_tokio};
use howdah::AsyncConnection;
use howdah::replication::{Change, ChangeOptions, Streaming};

const COLUMNS: &str = "id int PRIMARY KEY, a text";

/// The first version with `streaming 'parallel'` and `origin`.
const SIXTEEN: u32 = 160_000;

fn version(source: &Source) -> u32 {
    source.conn.info().server_version()
}

/// Refused by a server that does not know an option, with the connection as it was.
fn assert_refused(source: &Source, options: &ChangeOptions) {
    let mut conn = source.follower();
    let started = conn.follow_changes(&source.name, &[&source.name], options);
    let error = started.map(drop).unwrap_err();
    assert!(!error.is_closed() && error.sqlstate().is_some(), "{error}");
    assert!(conn.query_one("IDENTIFY_SYSTEM", ()).is_ok());
}

/// What a change is, of which prepared transaction.
fn told(change: &Change) -> Option<(&'static str, &str, u32)> {
    Some(match change {
        Change::BeginPrepare(begun) => ("begin", &begun.gid, begun.xid),
        Change::Prepare(prepared) => ("prepare", &prepared.gid, prepared.xid),
        Change::StreamPrepare(prepared) => ("stream prepare", &prepared.gid, prepared.xid),
        Change::CommitPrepared(ended) => ("commit", &ended.gid, ended.xid),
        Change::RollbackPrepared(ended) => ("roll back", &ended.gid, ended.xid),
        Change::Insert(insert) => ("insert", "", insert.xid),
        _ => return None,
    })
}

#[test]
fn prepared_transactions_are_told_as_such() {
    let mut source = Source::of_two_phases(COLUMNS);
    let name = source.name.clone();
    for (id, end) in [(1, "COMMIT"), (2, "ROLLBACK")] {
        let prepared = format!(
            "BEGIN; INSERT INTO {name} VALUES ({id}, 'x'); PREPARE TRANSACTION '{name} {id}'"
        );
        source.conn.batch_execute(&prepared).unwrap();
        source.run(&format!("{end} PREPARED '{{}} {id}'"));
    }
    let options = ChangeOptions::default().two_phase(true);
    let (first, second) = (&*format!("{name} 1"), &*format!("{name} 2"));
    for changes in source.changes(&options, 4) {
        let told: Vec<_> = changes.iter().filter_map(told).collect();
        let xids = (told[0].2, told[4].2);
        let expected = [
            ("begin", first, xids.0),
            ("insert", "", 0),
            ("prepare", first, xids.0),
            ("commit", first, xids.0),
            ("begin", second, xids.1),
            ("insert", "", 0),
            ("prepare", second, xids.1),
            ("roll back", second, xids.1),
        ];
        let without_xids = told.iter().map(|each| (each.0, each.1));
        assert!(
            without_xids.eq(expected.iter().map(|each| (each.0, each.1))),
            "{told:?}"
        );
        assert!(told.iter().all(|each| each.2 != 0));
        assert_eq!(
            (told[2].2, told[3].2, told[6].2, told[7].2),
            (xids.0, xids.0, xids.1, xids.1)
        );
        assert_eq!(ids(&changes), [1, 2]);
        let ends: Vec<_> = changes.iter().filter_map(Change::end_lsn).collect();
        assert!(ends.is_sorted(), "{ends:?}");
        let ended = changes.iter().find_map(|change| match change {
            Change::RollbackPrepared(ended) => Some(ended.prepare_end_lsn),
            _ => None,
        });
        assert_eq!(ended, Some(ends[2]));
    }
}

#[test]
fn a_large_prepared_transaction_is_streamed() {
    let mut source = Source::of_two_phases(COLUMNS);
    let name = source.name.clone();
    let prepared = format!(
        "BEGIN; INSERT INTO {name} SELECT g, 'row' FROM generate_series(0, 4999) g; PREPARE TRANSACTION '{name}'"
    );
    source.conn.batch_execute(&prepared).unwrap();
    source.run("COMMIT PREPARED '{}'");
    let options = ChangeOptions::default()
        .two_phase(true)
        .streaming(Streaming::On);
    for changes in source.changes(&options, 2) {
        let Some(Change::StreamPrepare(prepared)) = changes.iter().rev().nth(1) else {
            panic!("{:?}", changes.iter().rev().nth(1));
        };
        assert_eq!(prepared.gid, name);
        assert!(
            matches!(changes.last(), Some(Change::CommitPrepared(end)) if end.xid == prepared.xid)
        );
        let begins = |change: &&Change| matches!(change, Change::StreamStart(start) if start.xid == prepared.xid);
        assert!(changes.iter().filter(begins).count() > 1);
        assert_eq!(ids(&changes), (0..5000).collect::<Vec<_>>());
    }
}

/// A transaction with a part that is rolled back after some of it was streamed, and one that is rolled back as a whole.
struct RolledBack<'s> {
    source: &'s mut Source,
}

impl RolledBack<'_> {
    fn begin_part(&mut self) {
        self.run("BEGIN; INSERT INTO {} VALUES (-1, 'before'); SAVEPOINT part");
        self.insert_many();
    }

    fn insert_many(&mut self) {
        self.run("INSERT INTO {} SELECT g, 'row' FROM generate_series(0, 4999) g");
    }

    fn run(&mut self, sql: &str) {
        let sql = sql.replace("{}", &self.source.name);
        self.source.conn.batch_execute(&sql).expect(&sql);
    }
}

/// What is told of them: the changes up to the end of the first, and those of the second.
type Told = (Vec<Change>, Vec<Change>);

fn is_streamed(change: &Change) -> bool {
    matches!(change, Change::Insert(insert) if insert.new.get::<i32>("id").unwrap() >= 0)
}

const PART_IS_OVER: &str = "ROLLBACK TO part; INSERT INTO {} VALUES (-2, 'after'); COMMIT";

fn rolled_back(source: &mut Source, options: &ChangeOptions) -> Told {
    let mut conn = source.follower();
    let name = source.name.clone();
    let mut stream = conn.follow_changes(&name, &[&name], options).unwrap();
    let mut until = |is_last: fn(&Change) -> bool, changes: &mut Vec<Change>| {
        while !changes.last().is_some_and(is_last) {
            changes.push(stream.next().unwrap().unwrap());
        }
    };
    let mut writer = RolledBack { source };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    writer.begin_part();
    until(is_streamed, &mut first);
    writer.run(PART_IS_OVER);
    until(
        |change| matches!(change, Change::StreamCommit(_)),
        &mut first,
    );
    writer.run("BEGIN");
    writer.insert_many();
    until(is_streamed, &mut second);
    writer.run("ROLLBACK");
    until(
        |change| matches!(change, Change::StreamAbort(_)),
        &mut second,
    );
    stream.close().unwrap();
    (first, second)
}

async fn rolled_back_on_tokio(source: &mut Source, options: &ChangeOptions) -> Told {
    let mut conn = AsyncConnection::connect(&source.replicating())
        .await
        .unwrap();
    let mut stream = followed(&mut conn, &source.name, options).await;
    let mut writer = RolledBack { source };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    writer.begin_part();
    while !first.last().is_some_and(is_streamed) {
        first.push(next(&mut stream).await);
    }
    writer.run(PART_IS_OVER);
    while !matches!(first.last(), Some(Change::StreamCommit(_))) {
        first.push(next(&mut stream).await);
    }
    writer.run("BEGIN");
    writer.insert_many();
    while !second.last().is_some_and(is_streamed) {
        second.push(next(&mut stream).await);
    }
    writer.run("ROLLBACK");
    while !matches!(second.last(), Some(Change::StreamAbort(_))) {
        second.push(next(&mut stream).await);
    }
    stream.close().await.unwrap();
    (first, second)
}

fn check_rolled_back((first, second): &Told, is_parallel: bool) {
    let Some(Change::StreamCommit(commit)) = first.last() else {
        panic!("{:?}", first.last());
    };
    let abort = |change: &Change| match change {
        Change::StreamAbort(abort) => Some((abort.xid, abort.subxid, abort.aborted.is_some())),
        _ => None,
    };
    let (xid, part, told) = first.iter().find_map(abort).expect("a part is rolled back");
    assert_eq!((xid, told), (commit.xid, is_parallel));
    assert_ne!(xid, part);
    let mut kept: Vec<i32> = first
        .iter()
        .filter(|change| matches!(change, Change::Insert(insert) if insert.xid != part))
        .map(|change| change.new_row().unwrap().get("id").unwrap())
        .collect();
    kept.sort_unstable();
    assert_eq!(kept, [-2, -1]);
    let (xid, part, told) = second.last().and_then(abort).expect("it is rolled back");
    assert_eq!((part, told), (xid, is_parallel));
    assert!(second.iter().all(|change| change.end_lsn().is_none()));
}

fn check_streaming(streaming: Streaming) {
    let is_parallel = streaming == Streaming::Parallel;
    let mut source = Source::alone(COLUMNS);
    let options = ChangeOptions::default().streaming(streaming);
    if is_parallel && version(&source) < SIXTEEN {
        assert_refused(&source, &options);
        return;
    }
    let told = rolled_back(&mut source, &options);
    check_rolled_back(&told, is_parallel);
    source.run("TRUNCATE {}");
    source.run("SELECT pg_replication_slot_advance('{}', pg_current_wal_lsn())");
    let told = on_tokio(rolled_back_on_tokio(&mut source, &options));
    check_rolled_back(&told, is_parallel);
}

#[test]
fn what_is_rolled_back_of_a_streamed_transaction_is_told() {
    check_streaming(Streaming::On);
}

#[test]
fn where_it_was_rolled_back_is_told_in_parallel() {
    check_streaming(Streaming::Parallel);
}

#[test]
fn a_large_transaction_is_streamed_in_parallel() {
    let mut source = Source::alone(COLUMNS);
    let options = ChangeOptions::default().streaming(Streaming::Parallel);
    if version(&source) < SIXTEEN {
        assert_refused(&source, &options);
        return;
    }
    source.insert(0..5000);
    for changes in source.changes(&options, 1) {
        assert!(matches!(changes.last(), Some(Change::StreamCommit(_))));
        assert_eq!(ids(&changes), (0..5000).collect::<Vec<_>>());
    }
}

#[test]
fn changes_of_other_servers_are_sent_or_not() {
    let mut source = Source::alone(COLUMNS);
    source.run("SELECT pg_replication_origin_create('{}')");
    let drop = format!("SELECT pg_replication_origin_drop('{}')", source.name);
    source.more.push(drop);
    source.run("SELECT pg_replication_origin_session_setup('{}')");
    source.run("INSERT INTO {} VALUES (1, 'from elsewhere')");
    source.run("SELECT pg_replication_origin_session_reset()");
    source.run("INSERT INTO {} VALUES (2, 'from here')");
    let has_origin = |changes: &[Change], name: &str| {
        changes
            .iter()
            .any(|change| matches!(change, Change::Origin(origin) if origin.name == name))
    };
    for changes in source.changes(&ChangeOptions::default(), 2) {
        assert_eq!(ids(&changes), [1, 2]);
        assert!(has_origin(&changes, &source.name));
    }
    let options = |origin| ChangeOptions::default().origin(origin);
    if version(&source) < SIXTEEN {
        assert_refused(&source, &options("none"));
        return;
    }
    for changes in source.changes(&options("any"), 2) {
        assert_eq!(ids(&changes), [1, 2]);
        assert!(has_origin(&changes, &source.name));
    }
    for changes in source.changes(&options("none"), 1) {
        assert_eq!(ids(&changes), [2]);
        assert!(!has_origin(&changes, &source.name));
    }
    assert_refused(&source, &options("somewhere"));
}

//! Transactions with characteristics of their own, and those that are run again, against a real server.

mod common;

use std::time::Duration;

use common::{connect, unique};
use howdah::{Connection, Error, IsolationLevel, Result, RetryPolicy, Session, TransactionStatus};

const INSERT: &str = "INSERT INTO t VALUES ($1)";
const COUNT: &str = "SELECT count(*)::int4 FROM t";
const SHOW: &str = "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'), current_setting('transaction_deferrable')";
const CONFLICT: &str = "DO $$ BEGIN RAISE 'in the way' USING ERRCODE = '40001'; END $$";
const DEADLOCK: &str = "DO $$ BEGIN RAISE 'in the way' USING ERRCODE = '40P01'; END $$";

/// A table, and another one whose rows have the commit fail twice, or the connection lost by the commit.
const TABLES: &str = "
CREATE TEMP TABLE t (n int4);
CREATE TEMP SEQUENCE commits;
CREATE TEMP TABLE fails (how text);
CREATE FUNCTION pg_temp.fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.how = 'lost' THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
        PERFORM pg_sleep(10);
    ELSIF nextval('commits') < 3 THEN
        RAISE 'in the way' USING ERRCODE = NEW.how;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON fails DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.fail()";

/// Its pauses are short.
fn quick(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts).backoff(Duration::from_micros(100), Duration::from_millis(1))
}

fn with_tables() -> Connection {
    let mut conn = connect();
    conn.batch_execute(TABLES).unwrap();
    conn
}

fn count(session: &mut Session) -> i32 {
    let row = session.query_one(COUNT, ()).unwrap();
    row.get(0).unwrap()
}

fn settings(session: &mut Session) -> (String, String, String) {
    session.query_one(SHOW, ()).unwrap().read().unwrap()
}

/// An error of the program's own, which does not tell what it came of.
#[derive(Debug, PartialEq)]
struct Failed(&'static str);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(if error.is_closed() {
            "closed"
        } else {
            "database"
        })
    }
}

#[test]
fn a_transaction_is_as_it_was_said_to_be() {
    let mut conn = connect();
    conn.execute("CREATE TEMP TABLE t (n int4)", ()).unwrap();
    let usual = settings(&mut conn);
    for autocommit in [true, false] {
        conn.set_autocommit(autocommit).unwrap();
        let builder = conn.build_transaction();
        let builder = builder.isolation(IsolationLevel::Serializable);
        let mut tx = builder.read_only(true).deferrable(true).start().unwrap();
        let expected = ["serializable", "on", "on"].map(str::to_owned).into();
        assert_eq!(settings(&mut tx), expected);
        let refused = tx.execute("CREATE TABLE never (n int4)", ()).unwrap_err();
        assert_eq!(refused.sqlstate(), Some("25006"));
        assert!(tx.commit().is_err());
        // Those after it are as before.
        let mut tx = conn.transaction().unwrap();
        assert_eq!(settings(&mut tx), usual);
        tx.execute(INSERT, (1,)).unwrap();
        tx.commit().unwrap();
        assert_eq!(settings(&mut conn), usual);
        conn.rollback().unwrap();
    }
    for (level, name) in [
        (IsolationLevel::ReadUncommitted, "read uncommitted"),
        (IsolationLevel::ReadCommitted, "read committed"),
        (IsolationLevel::RepeatableRead, "repeatable read"),
    ] {
        let mut tx = conn.build_transaction().isolation(level).start().unwrap();
        // A savepoint brings the same BEGIN along.
        let mut inner = tx.savepoint().unwrap();
        assert_eq!(settings(&mut inner).0, name);
    }
    conn.execute("SET default_transaction_read_only = on", ())
        .unwrap();
    conn.commit().unwrap();
    let mut tx = conn.build_transaction().read_only(false).start().unwrap();
    tx.execute("CREATE TABLE never (n int4)", ()).unwrap();
    tx.rollback().unwrap();
}

#[test]
fn a_conflict_has_it_run_again_whatever_the_error_of_the_closure() {
    let mut conn = with_tables();
    for conflict in [CONFLICT, DEADLOCK] {
        let mut runs = 0;
        let done = conn.build_transaction().retry(quick(5)).run(|tx| {
            runs += 1;
            tx.execute(INSERT, (&runs,))?;
            if runs < 3 {
                tx.execute(conflict, ()).map_err(|_| Failed("own words"))?;
            }
            Ok::<_, Failed>(runs)
        });
        assert_eq!((done, runs), (Ok(3), 3));
    }
    assert_eq!(count(&mut conn), 2);
    // The last error is handed out, and everything undone.
    let mut runs = 0;
    let failed: Result<u64> = conn.build_transaction().retry(quick(4)).run(|tx| {
        runs += 1;
        tx.execute(INSERT, (&runs,))?;
        tx.execute(CONFLICT, ())
    });
    assert_eq!(failed.unwrap_err().sqlstate(), Some("40001"));
    assert_eq!((runs, count(&mut conn)), (4, 2));
    assert_eq!(conn.info().transaction_status(), TransactionStatus::Idle);
}

#[test]
fn a_conflict_that_the_closure_does_not_tell_of_has_it_run_again() {
    let mut conn = with_tables();
    let mut runs = 0;
    let done: Result<()> = conn.build_transaction().retry(quick(5)).run(|tx| {
        runs += 1;
        tx.execute(INSERT, (&runs,))?;
        if runs < 3 {
            tx.execute(CONFLICT, ()).unwrap_err();
        }
        Ok(())
    });
    done.unwrap();
    assert_eq!((runs, count(&mut conn)), (3, 1));
    // In a savepoint, which has been rolled back when the closure ends.
    runs = 0;
    let done: Result<()> = conn.build_transaction().retry(quick(5)).run(|tx| {
        runs += 1;
        let mut inner = tx.savepoint()?;
        inner.execute(INSERT, (&runs,))?;
        if runs < 3 {
            inner.execute(DEADLOCK, ())?;
        }
        inner.release()
    });
    done.unwrap();
    assert_eq!((runs, count(&mut conn)), (3, 2));
}

#[test]
fn other_errors_are_not_repeated() {
    let mut conn = with_tables();
    let mut runs = 0;
    let failed: Result<u64> = conn.build_transaction().run(|tx| {
        runs += 1;
        tx.execute(INSERT, (&runs,))?;
        tx.execute("SELECT 1/0", ())
    });
    assert_eq!(failed.unwrap_err().sqlstate(), Some("22012"));
    // Another error after a conflict that was dealt with.
    let failed: Result<u64> = conn.build_transaction().run(|tx| {
        runs += 1;
        let mut inner = tx.savepoint()?;
        inner.execute(DEADLOCK, ()).unwrap_err();
        inner.rollback()?;
        tx.execute("SELECT 1/0", ())
    });
    assert_eq!(failed.unwrap_err().sqlstate(), Some("22012"));
    let refused = conn.build_transaction().run(|tx| {
        runs += 1;
        tx.execute(INSERT, (&runs,))?;
        Err::<(), _>(Failed("not today"))
    });
    assert_eq!(refused, Err(Failed("not today")));
    let once: Result<u64> = conn.build_transaction().retry(quick(1)).run(|tx| {
        runs += 1;
        tx.execute(CONFLICT, ())
    });
    assert_eq!(once.unwrap_err().sqlstate(), Some("40001"));
    let once: Result<u64> = conn.with_transaction(|tx| {
        runs += 1;
        tx.execute(CONFLICT, ())
    });
    assert_eq!(once.unwrap_err().sqlstate(), Some("40001"));
    assert_eq!((runs, count(&mut conn)), (5, 0));
}

/// What has been kept once is not to be done twice.
#[test]
fn a_transaction_that_a_statement_has_ended_is_not_repeated() {
    for end in [
        "COMMIT",
        "COMMIT; BEGIN",
        "COMMIT AND CHAIN",
        "COMMIT; BEGIN; INSERT INTO t VALUES (2)",
    ] {
        let mut conn = with_tables();
        let mut runs = 0;
        let failed: Result<Vec<_>> = conn.build_transaction().retry(quick(5)).run(|tx| {
            runs += 1;
            tx.execute(INSERT, (&runs,))?;
            tx.simple_query(&format!("{end}; {CONFLICT}"))
        });
        assert_eq!(failed.unwrap_err().sqlstate(), Some("40001"), "{end}");
        assert_eq!((runs, count(&mut conn)), (1, 1), "{end}");
        // In two statements, of which the second is a batch.
        let mut tx_runs = 0;
        let failed: Result<u64> = conn.build_transaction().retry(quick(5)).run(|tx| {
            tx_runs += 1;
            tx.execute(INSERT, (2,))?;
            tx.execute("COMMIT AND CHAIN", ())?;
            tx.execute_many(CONFLICT, [(), ()])
        });
        assert_eq!(failed.unwrap_err().sqlstate(), Some("40001"), "{end}");
        assert_eq!((tx_runs, count(&mut conn)), (1, 2), "{end}");
    }
}

#[test]
fn a_commit_that_fails_by_a_conflict_is_repeated() {
    for (how, expected) in [("40001", 3), ("40P01", 3), ("23000", 1)] {
        let mut conn = with_tables();
        let mut runs = 0;
        let done: Result<()> = conn.build_transaction().retry(quick(5)).run(|tx| {
            runs += 1;
            tx.execute(INSERT, (&runs,))?;
            tx.execute("INSERT INTO fails VALUES ($1)", (&how,))?;
            Ok(())
        });
        assert_eq!(
            done.err()
                .and_then(|error| error.sqlstate().map(str::to_owned)),
            (expected == 1).then(|| how.to_owned())
        );
        let kept = i32::from(expected != 1);
        assert_eq!((runs, count(&mut conn)), (expected, kept));
    }
}

#[test]
fn a_commit_whose_outcome_is_unknown_is_not_repeated() {
    let mut conn = with_tables();
    let mut runs = 0;
    let lost: Result<()> = conn.build_transaction().retry(quick(5)).run(|tx| {
        runs += 1;
        // A conflict before it, dealt with, is no reason.
        let mut inner = tx.savepoint()?;
        inner.execute(CONFLICT, ()).unwrap_err();
        inner.rollback()?;
        tx.execute("INSERT INTO fails VALUES ('lost')", ())?;
        Ok(())
    });
    let lost = lost.unwrap_err();
    assert!(lost.is_closed() && !lost.is_safe_to_retry(), "{lost}");
    assert_eq!(runs, 1);
    assert!(conn.is_closed());
}

#[test]
fn a_connection_that_is_lost_is_no_reason_to_repeat() {
    let mut conn = with_tables();
    let mut runs = 0;
    let lost = conn.build_transaction().retry(quick(5)).run(|tx| {
        runs += 1;
        let mut inner = tx.savepoint()?;
        inner.execute(CONFLICT, ()).unwrap_err();
        inner.rollback()?;
        let pid = tx.info().backend_pid();
        common::terminate(pid);
        tx.execute(INSERT, (1,))?;
        Ok::<_, Failed>(())
    });
    assert_eq!((lost, runs), (Err(Failed("closed")), 1));
}

/// Two transactions that would each have to come first.
#[test]
fn real_serialization_failures_are_repeated() {
    let table = unique("skew");
    let mut other = connect();
    other
        .batch_execute(&format!(
            "CREATE TABLE {table} (n int4); INSERT INTO {table} VALUES (1)"
        ))
        .unwrap();
    let mut conn = connect();
    let mut runs = 0;
    let update = format!("UPDATE {table} SET n = n + 1");
    let read = format!("SELECT n FROM {table}");
    let serializable = conn.build_transaction().retry(quick(5));
    let done: Result<i32> = serializable
        .isolation(IsolationLevel::Serializable)
        .run(|tx| {
            runs += 1;
            let seen: i32 = tx.query_one(&read, ())?.get(0)?;
            if runs == 1 {
                other.execute(&update, ())?;
            }
            tx.execute(&update, ())?;
            Ok(seen)
        });
    assert_eq!((done.unwrap(), runs), (2, 2));
    let row = other.query_one(&read, ()).unwrap();
    assert_eq!(row.get::<i32>(0).unwrap(), 3);
    other.execute(&format!("DROP TABLE {table}"), ()).unwrap();
}

#[test]
fn a_panic_rolls_back_and_ends_it() {
    let mut conn = with_tables();
    let mut runs = 0;
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        conn.build_transaction().run(|tx| -> Result<()> {
            runs += 1;
            tx.execute(INSERT, (1,))?;
            panic!("on purpose")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!((runs, count(&mut conn)), (1, 0));
}

/// Nothing that a leaked guard has run can be committed, and the connection goes on after a rollback.
#[test]
fn a_leaked_transaction_is_rolled_back_or_nothing() {
    let mut conn = with_tables();
    let builder = conn.build_transaction().read_only(true);
    std::mem::forget(builder.start().unwrap());
    // What is run on goes on in it, with its characteristics.
    let refused = conn.execute("CREATE TABLE never (n int4)", ());
    assert_eq!(refused.unwrap_err().sqlstate(), Some("25006"));
    assert!(conn.commit().unwrap_err().is_usage());
    assert!(conn.build_transaction().start().unwrap_err().is_usage());
    let ran: Result<()> = conn.build_transaction().run(|_| Ok(()));
    assert!(ran.unwrap_err().is_usage());
    conn.rollback().unwrap();
    conn.with_transaction(|tx| tx.execute(INSERT, (1,)))
        .unwrap();
    assert_eq!(count(&mut conn), 1);
}

#[cfg(feature = "tokio")]
mod tokio_shells {
    use std::future::{pending, poll_fn};
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Poll;

    use super::*;
    use howdah::{AsyncClient, AsyncConnection, AsyncSession, AsyncTransactionBuilder};

    /// A connection of one's own, or a shared one.
    enum Shell {
        Own(Box<AsyncConnection>),
        Shared(AsyncClient),
    }

    impl Shell {
        async fn both() -> [Self; 2] {
            let mut conns = Vec::new();
            for _ in 0..2 {
                let mut conn = AsyncConnection::connect(&common::dsn()).await.unwrap();
                conn.batch_execute(TABLES).await.unwrap();
                conns.push(conn);
            }
            let shared = conns.pop().unwrap().into_client();
            let own = Box::new(conns.pop().unwrap());
            [Self::Own(own), Self::Shared(shared)]
        }

        fn build(&mut self) -> AsyncTransactionBuilder<'_> {
            match self {
                Self::Own(conn) => conn.build_transaction(),
                Self::Shared(client) => client.build_transaction(),
            }
        }

        async fn number(&mut self, sql: &str) -> i32 {
            let row = match self {
                Self::Own(conn) => conn.query_one(sql, ()).await,
                Self::Shared(client) => client.query_one(sql, ()).await,
            };
            row.unwrap().get(0).unwrap()
        }

        fn is_closed(&self) -> bool {
            match self {
                Self::Own(conn) => conn.is_closed(),
                Self::Shared(client) => client.is_closed(),
            }
        }
    }

    async fn settings(session: &mut AsyncSession) -> (String, String, String) {
        let row = session.query_one(SHOW, ()).await.unwrap();
        row.read().unwrap()
    }

    /// Polls a future once; it must not be ready.
    async fn begin(mut future: Pin<&mut impl Future>) {
        poll_fn(|cx| {
            assert!(future.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_transaction_is_as_it_was_said_to_be() {
        for mut shell in Shell::both().await {
            let builder = shell.build().isolation(IsolationLevel::Serializable);
            let mut tx = builder
                .read_only(true)
                .deferrable(true)
                .start()
                .await
                .unwrap();
            let expected = ["serializable", "on", "on"].map(str::to_owned).into();
            assert_eq!(settings(&mut tx).await, expected);
            tx.commit().await.unwrap();
            let mut tx = shell.build().start().await.unwrap();
            let mut inner = tx.savepoint().await.unwrap();
            assert_eq!(settings(&mut inner).await.0, "read committed");
        }
    }

    /// Whoever drops the future of a COMMIT has committed all the same.
    #[tokio::test]
    async fn a_commit_that_nobody_waited_for_is_not_repeated() {
        let mut watcher = connect();
        for mut shell in Shell::both().await {
            let name = unique("chained");
            watcher
                .execute(&format!("CREATE TABLE {name} (n int4)"), ())
                .unwrap();
            let (insert, count) = (
                format!("INSERT INTO {name} VALUES (1)"),
                format!("SELECT count(*) FROM {name}"),
            );
            let mut runs = 0;
            let done: Result<()> = shell
                .build()
                .retry(quick(5))
                .run(async |tx| {
                    runs += 1;
                    tx.execute(&insert, ()).await?;
                    {
                        let mut chained = pin!(tx.execute("COMMIT AND CHAIN", ()));
                        begin(chained.as_mut()).await;
                        // The server has it.
                        common::eventually(|| {
                            watcher.query_scalar::<i64>(&count, ()).unwrap() == runs
                        });
                    }
                    tx.execute(CONFLICT, ()).await.map(drop)
                })
                .await;
            assert_eq!(done.unwrap_err().sqlstate(), Some("40001"));
            assert_eq!(runs, 1);
            watcher.execute(&format!("DROP TABLE {name}"), ()).unwrap();
        }
    }

    #[tokio::test]
    async fn conflicts_have_it_run_again() {
        for mut shell in Shell::both().await {
            for conflict in [CONFLICT, DEADLOCK] {
                let mut runs = 0;
                let done = shell.build().retry(quick(5)).run(async |tx| {
                    runs += 1;
                    tx.execute(INSERT, (&runs,)).await?;
                    if runs < 3 {
                        let failed = tx.execute(conflict, ()).await;
                        failed.map_err(|_| Failed("own words"))?;
                    }
                    Ok::<_, Failed>(runs)
                });
                assert_eq!(done.await, Ok(3));
            }
            assert_eq!(shell.number(COUNT).await, 2);
            for (how, expected) in [("40001", 3), ("23000", 1)] {
                let mut runs = 0;
                let done = shell.build().retry(quick(5)).run(async |tx| {
                    runs += 1;
                    tx.execute(INSERT, (&runs,)).await?;
                    tx.execute("INSERT INTO fails VALUES ($1)", (&how,)).await
                });
                let done: Result<u64> = done.await;
                assert_eq!((done.is_ok(), runs), (expected != 1, expected));
                shell
                    .number("SELECT setval('commits', 1, false)::int4")
                    .await;
            }
            assert_eq!(shell.number(COUNT).await, 3);
            let mut runs = 0;
            let failed = shell.build().retry(quick(5)).run(async |tx| {
                runs += 1;
                tx.execute(INSERT, (&runs,)).await?;
                tx.execute("COMMIT AND CHAIN", ()).await?;
                tx.execute(CONFLICT, ()).await
            });
            let failed: Result<u64> = failed.await;
            assert_eq!(failed.unwrap_err().sqlstate(), Some("40001"));
            assert_eq!((runs, shell.number(COUNT).await), (1, 4));
        }
    }

    #[tokio::test]
    async fn a_commit_whose_outcome_is_unknown_is_not_repeated() {
        for mut shell in Shell::both().await {
            let mut runs = 0;
            let lost = shell.build().retry(quick(5)).run(async |tx| {
                runs += 1;
                let mut inner = tx.savepoint().await?;
                inner.execute(CONFLICT, ()).await.unwrap_err();
                inner.rollback().await?;
                tx.execute("INSERT INTO fails VALUES ('lost')", ()).await
            });
            let lost: Result<u64> = lost.await;
            let lost = lost.unwrap_err();
            assert!(lost.is_closed() && !lost.is_safe_to_retry(), "{lost}");
            assert_eq!(runs, 1);
            assert!(shell.is_closed());
        }
    }

    /// A statement that was dropped may have been the conflict: nothing is said of the transaction before that is known.
    #[tokio::test]
    async fn a_statement_that_was_dropped_ends_before_it_is_decided() {
        for mut shell in Shell::both().await {
            let mut runs = 0;
            let done = shell.build().retry(quick(5)).run(async |tx| {
                runs += 1;
                tx.execute(INSERT, (&runs,)).await?;
                let mut inner = tx.savepoint().await?;
                inner.execute(CONFLICT, ()).await.unwrap_err();
                inner.rollback().await?;
                begin(pin!(tx.execute("COMMIT", ()))).await;
                Err::<(), _>(Failed("given up"))
            });
            assert_eq!(done.await, Err(Failed("given up")));
            // Whether the COMMIT came before its cancellation is open; but what was kept is kept once.
            assert!(shell.number(COUNT).await == 1 || runs == 5);
        }
    }

    #[tokio::test]
    async fn a_dropped_future_and_a_panic_roll_back() {
        for mut shell in Shell::both().await {
            let run = shell.build().run(async |tx| -> Result<()> {
                tx.execute(INSERT, (1,)).await?;
                tx.query_one("SELECT pg_sleep(3600)", ()).await?;
                Ok(())
            });
            let given_up = tokio::time::timeout(Duration::from_millis(50), run).await;
            assert!(given_up.is_err());
            assert_eq!(shell.number(COUNT).await, 0);
            // Between two statements.
            let run = shell.build().run(async |tx| -> Result<()> {
                tx.execute(INSERT, (1,)).await?;
                pending().await
            });
            let given_up = tokio::time::timeout(Duration::from_millis(50), run).await;
            assert!(given_up.is_err());
            assert_eq!(shell.number(COUNT).await, 0);
            let task = tokio::spawn(async move {
                let run = shell.build().run(async |tx| -> Result<()> {
                    tx.execute(INSERT, (1,)).await?;
                    panic!("on purpose")
                });
                run.await
            });
            assert!(task.await.unwrap_err().is_panic());
        }
        // A client outlives the task that has panicked.
        let [_, Shell::Shared(client)] = Shell::both().await else {
            unreachable!()
        };
        let same = client.clone();
        let task = tokio::spawn(async move {
            let run = same.with_transaction(async |tx| -> Result<()> {
                tx.execute(INSERT, (1,)).await?;
                panic!("on purpose")
            });
            run.await
        });
        assert!(task.await.unwrap_err().is_panic());
        assert_eq!(Shell::Shared(client).number(COUNT).await, 0);
    }

    /// Others use the connection while a transaction waits to be run again.
    #[tokio::test]
    async fn a_client_is_free_between_two_attempts() {
        let [_, Shell::Shared(client)] = Shell::both().await else {
            unreachable!()
        };
        let mut runs = 0;
        let hour = Duration::from_secs(3600);
        let policy = RetryPolicy::new(2).backoff(hour, hour);
        let run = client.build_transaction().retry(policy).run(async |tx| {
            runs += 1;
            tx.execute(CONFLICT, ()).await
        });
        let mut run = pin!(run);
        let other = async {
            // Behind the transaction, since the client is taken in turn.
            client.execute(INSERT, (1,)).await.unwrap();
            client.query_one(COUNT, ()).await.unwrap()
        };
        let row = tokio::select! {
            biased;
            _ = run.as_mut() => unreachable!("it waits an hour, nearly always more than a second"),
            row = other => row,
        };
        assert_eq!(row.get::<i32>(0).unwrap(), 1);
    }

    /// A guard that is leaked has the connection with it.
    #[tokio::test]
    async fn a_leaked_transaction_is_rolled_back_or_nothing() {
        let [Shell::Own(mut conn), Shell::Shared(client)] = Shell::both().await else {
            unreachable!()
        };
        let mut tx = conn.transaction().await.unwrap();
        tx.execute(INSERT, (1,)).await.unwrap();
        std::mem::forget(tx);
        assert!(conn.commit().await.unwrap_err().is_usage());
        assert!(conn.transaction().await.unwrap_err().is_usage());
        conn.rollback().await.unwrap();
        assert_eq!(Shell::Own(conn).number(COUNT).await, 0);

        std::mem::forget(client.transaction().await.unwrap());
        let mut waiting = pin!(client.query_one(COUNT, ()));
        begin(waiting.as_mut()).await;
        let mut watcher = AsyncConnection::connect(&common::dsn()).await.unwrap();
        watcher.query_one("SELECT 1", ()).await.unwrap();
        begin(waiting).await;
        assert!(!client.is_closed());
    }

    /// Tasks of a runtime with many threads may run it, if the closure owns what it uses.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn its_future_can_be_sent_to_another_thread() {
        for mut shell in Shell::both().await {
            let task = tokio::spawn(async move {
                let word = Arc::new(AtomicU32::new(0));
                let runs = Arc::clone(&word);
                let done = shell.build().retry(quick(3)).run(async move |tx| {
                    let run = runs.fetch_add(1, Ordering::Relaxed);
                    tx.execute("INSERT INTO t VALUES ($1)", (1,)).await?;
                    let mut inner = tx.savepoint().await?;
                    if run == 0 {
                        inner.execute(CONFLICT, ()).await?;
                    }
                    inner.release().await
                });
                let done: Result<()> = done.await;
                assert_eq!(word.load(Ordering::Relaxed), 2);
                (done, shell.number(COUNT).await)
            });
            let (done, count) = task.await.unwrap();
            done.unwrap();
            assert_eq!(count, 1);
        }
    }
}

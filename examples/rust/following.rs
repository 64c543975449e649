//! Follows the changes of a table: blocking, then on tokio from where that has ended.
//!
//! Reads the connection string from HOWDAH_DSN, of a server with `wal_level = logical`.

use howdah::replication::{Change, ChangeOptions, Value};
use howdah::{AsyncConnection, Connection};

type Anything = Box<dyn std::error::Error>;

const NAME: &str = "howdah_following";

fn describe(change: &Change) -> Result<Option<String>, howdah::Error> {
    Ok(match change {
        Change::Insert(insert) => {
            let (id, name) = (
                insert.new.get::<i32>("id")?,
                insert.new.get::<&str>("name")?,
            );
            Some(format!("{} {id} is new: {name}", insert.relation.name))
        }
        Change::Update(update) => {
            let id = update.new.get::<i32>("id")?;
            let notes = match update.new.value::<Option<&str>>("notes")? {
                Value::Sent(notes) => format!("has notes: {}", notes.is_some()),
                Value::Unchanged => "keeps its notes".to_owned(),
            };
            Some(format!("{id} was updated and {notes}"))
        }
        Change::Delete(delete) => Some(format!("{} is gone", delete.old.row().get::<i32>("id")?)),
        Change::Truncate(_) => Some("all are gone".to_owned()),
        _ => None,
    })
}

fn blocking(dsn: &str) -> Result<(), Anything> {
    let mut conn = Connection::connect(&format!("{dsn} replication=database"))?;
    let options = ChangeOptions::default().binary(true);
    let mut stream = conn.follow_changes(NAME, &[NAME], &options)?;
    let mut said = Vec::new();
    while said.len() < 3 {
        let change = stream.next().ok_or("the server has ended the stream")??;
        said.extend(describe(&change)?);
        if let Some(end) = change.end_lsn() {
            // What was said so far would be on disk here.
            stream.flushed(end);
        }
    }
    println!("blocking: {}", said.join("; "));
    // The transaction of the third has not ended here: it comes again.
    stream.close()?;
    Ok(())
}

async fn with_tokio(dsn: &str) -> Result<(), Anything> {
    let mut conn = AsyncConnection::connect(&format!("{dsn} replication=database")).await?;
    let options = ChangeOptions::default();
    let mut stream = conn.follow_changes(NAME, &[NAME], &options).await?;
    let mut said = Vec::new();
    while said.len() < 2 {
        let change = stream
            .next()
            .await
            .ok_or("the server has ended the stream")??;
        said.extend(describe(&change)?);
        if let Some(end) = change.end_lsn() {
            stream.flushed(end);
        }
    }
    println!("tokio: {}", said.join("; "));
    assert_eq!(said, ["2 is gone", "all are gone"]);
    stream.close().await?;
    Ok(())
}

fn set_up(conn: &mut Connection) -> Result<(), howdah::Error> {
    for sql in [
        "CREATE TABLE howdah_following (id int PRIMARY KEY, name text, notes text)",
        "ALTER TABLE howdah_following ALTER notes SET STORAGE EXTERNAL",
        "CREATE PUBLICATION howdah_following FOR TABLE howdah_following",
        "SELECT pg_create_logical_replication_slot('howdah_following', 'pgoutput')",
        "INSERT INTO howdah_following VALUES (1, 'ann', repeat('note ', 5000))",
        "UPDATE howdah_following SET id = 2, name = 'bob'",
        "DELETE FROM howdah_following",
        "TRUNCATE howdah_following",
    ] {
        conn.execute(sql, ())?;
    }
    Ok(())
}

fn tear_down(conn: &mut Connection) -> Result<(), howdah::Error> {
    for sql in [
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = 'howdah_following' AND active",
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'howdah_following'",
        "DROP PUBLICATION IF EXISTS howdah_following",
        "DROP TABLE IF EXISTS howdah_following",
    ] {
        conn.execute(sql, ())?;
    }
    Ok(())
}

fn run(dsn: &str) -> Result<(), Anything> {
    blocking(dsn)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(with_tokio(dsn))
}

fn main() -> Result<(), Anything> {
    let dsn = std::env::var("HOWDAH_DSN")?;
    let mut conn = Connection::connect(&dsn)?;
    tear_down(&mut conn)?;
    let done = set_up(&mut conn)
        .map_err(Into::into)
        .and_then(|()| run(&dsn));
    tear_down(&mut conn)?;
    done
}

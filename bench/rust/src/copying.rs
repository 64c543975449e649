//! COPY: rows of seven columns into a table, in binary, and data into a file.

use std::fs::File;
use std::io::{Seek, Write};
use std::pin::pin;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use crate::floor::Link;
use crate::requests::{Case, Server};
use crate::{Driver, Failure, tokio_pg};

type Row = (i32, i32, i32, String, f64, i32, Option<&'static str>);

/// What a driver does for cases of COPY.
pub(crate) fn driver(name: &str) -> Result<Box<dyn Driver>, Failure> {
    Ok(match name {
        "floor" => Box::<Floor>::default(),
        "tokio-postgres" => Box::new(TokioPostgres::new()?),
        #[cfg(feature = "howdah")]
        "howdah-blocking" => Box::<howdah::Blocking>::default(),
        #[cfg(feature = "howdah")]
        "howdah-tokio" => Box::new(howdah::Tokio::new()?),
        _ => return Err(format!("no cases of COPY for {name:?}").into()),
    })
}

/// The rows that go in, as the Python workers make them.
fn rows(case: &Case) -> Vec<Row> {
    let count = i32::try_from(case.rows.unwrap_or(0)).unwrap_or(i32::MAX);
    let row = |n: i32| {
        let text = (n % 10 > 0).then_some("another text");
        let half = f64::from(n) / 8.0;
        (
            n,
            n * 2,
            n % 100,
            format!("some text {n}"),
            half,
            n % 7,
            text,
        )
    };
    (0..count).map(row).collect()
}

fn check(case: &Case, count: u64) -> Result<(), Failure> {
    if usize::try_from(count)? == case.rows.unwrap_or(0) {
        return Ok(());
    }
    Err(format!("{}: {count} rows were copied", case.name).into())
}

pub(crate) fn current_thread() -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}

/// Writes what is received into a file, as it is: the floor for data that comes out.
#[derive(Default)]
struct Floor {
    opened: Option<(Link, File)>,
    request: Vec<u8>,
    reply: usize,
    buffer: Vec<u8>,
}

impl Driver for Floor {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        let mut link = Link::connect(server)?;
        let mut request = BytesMut::new();
        frontend::query(&case.numbered, &mut request)?;
        self.reply = link.ask(&request)?.bytes;
        self.request = request.to_vec();
        self.buffer = vec![0; 64 * 1024];
        self.opened = Some((link, temporary_file()?));
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        let (link, file) = self.opened.as_mut().ok_or("no case is open")?;
        for _ in 0..ops {
            file.rewind()?;
            file.set_len(0)?;
            link.save(&self.request, self.reply, &mut self.buffer, file)?;
            file.flush()?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.opened
            .take()
            .map_or(Ok(()), |(link, _)| link.terminate())
    }
}

/// A file without a name.
fn temporary_file() -> Result<File, Failure> {
    let path = std::env::temp_dir().join(format!("howdah-bench-{}", std::process::id()));
    let mut options = File::options();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

struct TokioPostgres {
    runtime: Runtime,
    opened: Option<(tokio_postgres::Client, Case, Vec<Row>)>,
    background: Option<JoinHandle<Result<(), tokio_postgres::Error>>>,
}

impl TokioPostgres {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            runtime: current_thread()?,
            opened: None,
            background: None,
        })
    }
}

impl Driver for TokioPostgres {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        let config = tokio_pg::config(server);
        let (client, connection) = self.runtime.block_on(config.connect(NoTls))?;
        self.background = Some(self.runtime.spawn(connection));
        self.opened = Some((client, case.clone(), rows(case)));
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        let (client, case, rows) = self.opened.as_ref().ok_or("no case is open")?;
        self.runtime.block_on(async {
            for _ in 0..ops {
                check(case, copy_in(client, &case.numbered, rows).await?)?;
            }
            Ok(())
        })
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.opened = None;
        if let Some(background) = self.background.take() {
            self.runtime.block_on(background)??;
        }
        Ok(())
    }
}

async fn copy_in(
    client: &tokio_postgres::Client,
    sql: &str,
    rows: &[Row],
) -> Result<u64, tokio_postgres::Error> {
    const TYPES: [Type; 7] = [
        Type::INT4,
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::FLOAT8,
        Type::INT4,
        Type::TEXT,
    ];
    let sink = client.copy_in(sql).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for (a, b, c, d, e, f, g) in rows {
        writer.as_mut().write(&[a, b, c, d, e, f, g]).await?;
    }
    writer.finish().await
}

#[cfg(feature = "howdah")]
mod howdah {
    //! howdah, whose types the server is asked for each time.

    use howdah::{AsyncConnection, Connection};
    use tokio::runtime::Runtime;

    use super::{Row, check, current_thread, rows};
    use crate::howdah::conninfo;
    use crate::requests::{Case, Server};
    use crate::{Driver, Failure};

    #[derive(Default)]
    pub(super) struct Blocking(Option<(Connection, Case, Vec<Row>)>);

    pub(super) struct Tokio {
        runtime: Runtime,
        opened: Option<(AsyncConnection, Case, Vec<Row>)>,
    }

    impl Tokio {
        pub(super) fn new() -> Result<Self, Failure> {
            Ok(Self {
                runtime: current_thread()?,
                opened: None,
            })
        }
    }

    impl Driver for Blocking {
        fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
            let conn = Connection::connect(&conninfo(server))?;
            self.0 = Some((conn, case.clone(), rows(case)));
            Ok(())
        }

        fn run(&mut self, ops: u64) -> Result<(), Failure> {
            let (conn, case, rows) = self.0.as_mut().ok_or("no case is open")?;
            for _ in 0..ops {
                let mut copy = conn.copy_in_rows(&case.numbered)?;
                for row in &*rows {
                    copy.write_row(row)?;
                }
                check(case, copy.finish()?)?;
            }
            Ok(())
        }

        fn close(&mut self) -> Result<(), Failure> {
            self.0 = None;
            Ok(())
        }
    }

    impl Driver for Tokio {
        fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
            let conninfo = conninfo(server);
            let conn = self.runtime.block_on(AsyncConnection::connect(&conninfo))?;
            self.opened = Some((conn, case.clone(), rows(case)));
            Ok(())
        }

        fn run(&mut self, ops: u64) -> Result<(), Failure> {
            let (conn, case, rows) = self.opened.as_mut().ok_or("no case is open")?;
            self.runtime.block_on(async {
                for _ in 0..ops {
                    let mut copy = conn.copy_in_rows(&case.numbered).await?;
                    for row in &*rows {
                        copy.write_row(row).await?;
                    }
                    check(case, copy.finish().await?)?;
                }
                Ok(())
            })
        }

        fn close(&mut self) -> Result<(), Failure> {
            self.opened = None;
            Ok(())
        }
    }
}

//! What one connection does that is no statement repeated: a statement of a new text each time, and a million rows that are
//! looked at as they arrive.

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;
use tokio_postgres::types::Type;

use crate::copying::current_thread;
use crate::requests::{Case, Kind, Server};
use crate::{Driver, Failure, check_rows, tokio_pg};

/// What a driver does for such cases.
pub(crate) fn driver(name: &str) -> Result<Box<dyn Driver>, Failure> {
    Ok(match name {
        "tokio-postgres" => Box::new(TokioPostgres::new()?),
        #[cfg(feature = "howdah")]
        "howdah-blocking" => Box::<howdah::Blocking>::default(),
        #[cfg(feature = "howdah")]
        "howdah-tokio" => Box::new(howdah::Tokio::new()?),
        _ => return Err(format!("no such cases for {name:?}").into()),
    })
}

/// Makes texts that no statement had before.
#[derive(Default)]
struct Texts(u64);

impl Texts {
    fn next(&mut self, sql: &str) -> String {
        self.0 += 1;
        format!("{sql} + {}", self.0)
    }
}

/// The parameter of a statement that is executed once.
const PARAMETER: i32 = 1;

fn is_stream(case: &Case) -> bool {
    matches!(case.kind, Kind::RowStream | Kind::Stream)
}

struct TokioPostgres {
    runtime: Runtime,
    opened: Option<(tokio_postgres::Client, Case)>,
    background: Option<JoinHandle<Result<(), tokio_postgres::Error>>>,
    texts: Texts,
}

impl TokioPostgres {
    fn new() -> Result<Self, Failure> {
        Ok(Self {
            runtime: current_thread()?,
            opened: None,
            background: None,
            texts: Texts::default(),
        })
    }
}

impl Driver for TokioPostgres {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        let config = tokio_pg::config(server);
        let (client, connection) = self.runtime.block_on(config.connect(NoTls))?;
        self.background = Some(self.runtime.spawn(connection));
        self.runtime.block_on(client.query("SELECT 1", &[]))?;
        self.opened = Some((client, case.clone()));
        Ok(())
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        let (client, case) = self.opened.as_ref().ok_or("no case is open")?;
        let texts = &mut self.texts;
        self.runtime.block_on(async {
            for _ in 0..ops {
                let count = if is_stream(case) {
                    stream(client, &case.numbered).await?
                } else {
                    let sql = texts.next(&case.numbered);
                    let rows = match case.kind {
                        Kind::OnceTyped => {
                            let params = [(&PARAMETER as _, Type::INT4)];
                            client.query_typed(&sql, &params).await?
                        }
                        _ if case.params.is_empty() => client.query(&sql, &[]).await?,
                        _ => client.query(&sql, &[&PARAMETER]).await?,
                    };
                    for row in &rows {
                        row.try_get::<_, i32>(0)?;
                    }
                    rows.len()
                };
                check_rows(case, count)?;
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

async fn stream(
    client: &tokio_postgres::Client,
    sql: &str,
) -> Result<usize, tokio_postgres::Error> {
    let rows = client.query_raw(sql, std::iter::empty::<i32>()).await?;
    let mut rows = pin!(rows);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        std::hint::black_box((
            row.try_get::<_, i32>(0)?,
            row.try_get::<_, &str>(1)?,
            row.try_get::<_, f64>(2)?,
        ));
        count += 1;
    }
    Ok(count)
}

#[cfg(feature = "howdah")]
mod howdah {
    use howdah::types::oid;
    use howdah::{AsyncConnection, Connection, Row, Rows, Typed};
    use tokio::runtime::Runtime;

    use super::{PARAMETER, Texts, current_thread, is_stream};
    use crate::howdah::conninfo;
    use crate::requests::{Case, Kind, Server};
    use crate::{Driver, Failure, check_rows};

    const TYPED: Typed<'_, (i32,)> = Typed(&[oid::INT4], (PARAMETER,));

    #[derive(Default)]
    pub(super) struct Blocking {
        opened: Option<(Connection, Case)>,
        texts: Texts,
    }

    pub(super) struct Tokio {
        runtime: Runtime,
        opened: Option<(AsyncConnection, Case)>,
        texts: Texts,
    }

    impl Tokio {
        pub(super) fn new() -> Result<Self, Failure> {
            Ok(Self {
                runtime: current_thread()?,
                opened: None,
                texts: Texts::default(),
            })
        }
    }

    impl Driver for Blocking {
        fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
            let mut conn = Connection::connect(&conninfo(server))?;
            conn.query("SELECT 1", ())?;
            self.opened = Some((conn, case.clone()));
            Ok(())
        }

        fn run(&mut self, ops: u64) -> Result<(), Failure> {
            let (conn, case) = self.opened.as_mut().ok_or("no case is open")?;
            for _ in 0..ops {
                let count = if is_stream(case) {
                    let mut count = 0;
                    for row in conn.query_stream(&case.numbered, ())? {
                        look(&row?)?;
                        count += 1;
                    }
                    count
                } else {
                    let sql = self.texts.next(&case.numbered);
                    read(match case.kind {
                        Kind::OnceTyped => conn.query(&sql, TYPED)?,
                        _ if case.params.is_empty() => conn.query(&sql, ())?,
                        _ => conn.query(&sql, (PARAMETER,))?,
                    })?
                };
                check_rows(case, count)?;
            }
            Ok(())
        }

        fn close(&mut self) -> Result<(), Failure> {
            self.opened = None;
            Ok(())
        }
    }

    impl Driver for Tokio {
        fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
            let conninfo = conninfo(server);
            let mut conn = self.runtime.block_on(AsyncConnection::connect(&conninfo))?;
            self.runtime.block_on(conn.query("SELECT 1", ()))?;
            self.opened = Some((conn, case.clone()));
            Ok(())
        }

        fn run(&mut self, ops: u64) -> Result<(), Failure> {
            let (conn, case) = self.opened.as_mut().ok_or("no case is open")?;
            let texts = &mut self.texts;
            self.runtime.block_on(async {
                for _ in 0..ops {
                    let count = if is_stream(case) {
                        let mut rows = conn.query_stream(&case.numbered, ()).await?;
                        let mut count = 0;
                        while let Some(row) = rows.next().await {
                            look(&row?)?;
                            count += 1;
                        }
                        count
                    } else {
                        let sql = texts.next(&case.numbered);
                        read(match case.kind {
                            Kind::OnceTyped => conn.query(&sql, TYPED).await?,
                            _ if case.params.is_empty() => conn.query(&sql, ()).await?,
                            _ => conn.query(&sql, (PARAMETER,)).await?,
                        })?
                    };
                    check_rows(case, count)?;
                }
                Ok(())
            })
        }

        fn close(&mut self) -> Result<(), Failure> {
            self.opened = None;
            Ok(())
        }
    }

    fn read(rows: Rows) -> howdah::Result<usize> {
        let count = rows.row_count();
        for row in rows {
            row.get::<i32>(0)?;
        }
        Ok(count)
    }

    fn look(row: &Row) -> howdah::Result<()> {
        std::hint::black_box((row.get::<i32>(0)?, row.get::<&str>(1)?, row.get::<f64>(2)?));
        Ok(())
    }
}

//! One worker of the benchmark: `howdah-bench DRIVER` obeys `bench/run.py` over its standard input and output.
//!
//! The conversation is one JSON object per line. The worker speaks first, with its version, then answers each
//! request.

mod copying;
mod floor;
#[cfg(feature = "howdah")]
mod howdah;
mod requests;
mod single;
mod tokio_pg;
mod usage;

use std::io::{BufRead, Write};
use std::time::Instant;

use requests::{Case, Kind, Reply, Request, Sample, Server};
use serde::Serialize;

/// What a driver fails with: only its text is used.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A driver under measurement. `open` precedes any number of `run`, and `close` ends the case.
trait Driver {
    /// Connects, prepares the statement and checks that it gives the rows that the case announces.
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure>;
    /// Does the case's operation `ops` times in all, spread over its connections.
    fn run(&mut self, ops: u64) -> Result<(), Failure>;
    /// Lets go of every connection.
    fn close(&mut self) -> Result<(), Failure>;
}

fn main() -> Result<(), Failure> {
    let name = std::env::args().nth(1).unwrap_or_default();
    match driver(&name) {
        Ok((driver, version)) => {
            say(&Reply::Version(version))?;
            serve(&mut Worker {
                name,
                driver,
                apart: None,
                peak: false,
            })
        }
        Err(missing) => say(&Reply::Missing(missing.to_string())),
    }
}

fn driver(name: &str) -> Result<(Box<dyn Driver>, String), Failure> {
    Ok(match name {
        "floor" => (
            Box::new(floor::Floor::default()),
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        "tokio-postgres" => (
            Box::new(tokio_pg::TokioPostgres::new()?),
            locked_version("tokio-postgres"),
        ),
        #[cfg(feature = "howdah")]
        "howdah-blocking" => (Box::<howdah::Blocking>::default(), locked_version("howdah")),
        #[cfg(feature = "howdah")]
        "howdah-tokio" => (Box::new(howdah::Tokio::new()?), locked_version("howdah")),
        _ => return Err(format!("this build has no driver {name:?}").into()),
    })
}

/// A driver, and what it does for a case that stands apart while that is open.
struct Worker {
    name: String,
    driver: Box<dyn Driver>,
    apart: Option<Box<dyn Driver>>,
    /// Whether the memory that counts is the most that it takes.
    peak: bool,
}

impl Driver for Worker {
    fn open(&mut self, server: &Server, case: &Case) -> Result<(), Failure> {
        if case.kind.is_copy() {
            self.apart = Some(copying::driver(&self.name)?);
        } else if case.kind.is_single() {
            self.apart = Some(single::driver(&self.name)?);
        }
        self.chosen().open(server, case)
    }

    fn run(&mut self, ops: u64) -> Result<(), Failure> {
        self.chosen().run(ops)
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.chosen().close()?;
        self.apart = None;
        Ok(())
    }
}

impl Worker {
    fn chosen(&mut self) -> &mut dyn Driver {
        self.apart.as_mut().unwrap_or(&mut self.driver).as_mut()
    }
}

fn serve(worker: &mut Worker) -> Result<(), Failure> {
    for line in std::io::stdin().lock().lines() {
        let outcome = serde_json::from_str(&line?)
            .map_err(Failure::from)
            .and_then(|request| obey(worker, &request));
        say(&outcome.unwrap_or_else(|error| Reply::Error(error.to_string())))?;
    }
    Ok(())
}

fn obey(worker: &mut Worker, request: &Request) -> Result<Reply, Failure> {
    match request {
        Request::Open { server, case } => {
            worker.peak = case.kind == Kind::Stream;
            worker.open(server, case).map(|()| Reply::Done(true))
        }
        Request::Run { ops } => measure(worker, *ops).map(Reply::Sample),
        Request::Close => worker.close().map(|()| Reply::Done(true)),
    }
}

fn measure(worker: &mut Worker, ops: u64) -> Result<Sample, Failure> {
    if worker.peak {
        usage::forget_peak()?;
    }
    let (resident, cpu, start) = (
        usage::resident_bytes()?,
        usage::cpu_seconds(),
        Instant::now(),
    );
    worker.run(ops)?;
    let wall = start.elapsed().as_secs_f64();
    let grown = match worker.peak {
        true => usage::peak_bytes()?,
        false => usage::resident_bytes()?,
    };
    Ok(Sample {
        ops,
        cpu: usage::cpu_seconds() - cpu,
        wall,
        grown: grown - resident,
    })
}

fn say<T: Serialize>(reply: &T) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    Ok(out.flush()?)
}

/// The version of a dependency as this program was built with it.
fn locked_version(package: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    lock.split_once(&format!("name = \"{package}\"\nversion = \""))
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or("unknown")
        .to_owned()
}

/// Fails unless a statement gave the number of rows that its case announces.
fn check_rows(case: &Case, got: usize) -> Result<(), Failure> {
    let expected = case.rows.unwrap_or(0);
    if got == expected {
        return Ok(());
    }
    Err(format!("{}: {got} rows instead of {expected}", case.name).into())
}

/// Splits `ops` operations over `connections` as evenly as they go.
fn shares(ops: u64, connections: usize) -> impl Iterator<Item = u64> {
    let connections = connections as u64;
    (0..connections).map(move |i| ops / connections + u64::from(i < ops % connections))
}

/// How many connections a case is measured on; the cases that open their own start with one that is closed again.
fn standing(case: &Case) -> usize {
    match case.kind {
        Kind::Query => case.connections,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        assert_eq!(shares(23, 10).sum::<u64>(), 23);
        assert_eq!(shares(3, 2).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn versions_come_from_the_lock_file() {
        assert!(locked_version("tokio-postgres").starts_with("0.7."));
        assert_eq!(locked_version("no-such-package"), "unknown");
    }

    #[test]
    fn an_unknown_driver_is_reported_by_name() {
        assert!(
            driver("nothing")
                .err()
                .is_some_and(|e| e.to_string().contains("nothing"))
        );
    }
}

//! `howdah.pq`: libpq's objects, as a face of the engine.
//!
//! A `PGconn` stands on the same core as a connection of the driver's. It speaks to the server by requests of its own, and gives
//! their results in libpq's order (`machine`); so it has the session for itself from the first command until all has been
//! answered (`lease`).

mod attempt;
mod beside;
mod body;
mod cancel;
mod conn;
mod escaping;
mod info;
mod lease;
mod machine;
mod methods;
mod numbers;
mod opening;
mod params;
mod passwords;
mod result;
mod run;
mod trace;

pub(crate) use body::Status;
pub(crate) use cancel::{PgCancel, PgCancelConn};
pub(crate) use conn::PgConn;
pub(crate) use escaping::Escaping;
pub(crate) use info::Conninfo;
pub(crate) use result::{PgResult, Shown};

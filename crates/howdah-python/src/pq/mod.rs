//! `howdah.pq`: libpq's objects, as a face of the engine.
//!
//! A `PGconn` stands on the same core as a connection of the driver's. It speaks to the server by requests of its own, and gives
//! their results in libpq's order (`machine`); so it has the session for itself from the first command until all has been
//! answered (`lease`).

mod beside;
mod body;
mod conn;
mod info;
mod lease;
mod machine;
mod methods;
mod params;
mod result;
mod run;

pub(crate) use conn::PgConn;
pub(crate) use result::PgResult;

//! PostgreSQL's frontend/backend protocol, version 3, without I/O: the engine of the howdah driver.
//!
//! Bytes go in, events and bytes come out. There are no sockets, files, clocks, threads or random numbers in here: a
//! shell owns the socket, and hands in the time, the environment and the nonce.
//!
//! | module | what it is |
//! |---|---|
//! | [`conninfo`] | connection strings, and the plan of which servers to try |
//! | [`startup`], [`auth`] | the handshake, and its methods of authentication |
//! | [`connection`] | the conversation: requests are queued, replies become events |
//! | [`session`] | statements on top of it: a queue of exchanges, transactions, preparation, cancelling |
//! | [`replication`] | what the data of replication holds, and the messages of `pgoutput` |
//! | [`wire`] | messages to bytes and back, in both directions; the trace |
//! | [`error`] | errors by blame: the peer broke the protocol, or the caller misused the engine |
//!
//! # The loop that runs it
//!
//! Every shell is this loop around a [`session::Session`]; [`connection`] has the one for the layer below.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::time::Instant;
//!
//! use howdah_protocol::conninfo::ChannelBinding;
//! use howdah_protocol::connection::{Connection, Params};
//! use howdah_protocol::session::{
//!     Execute, ExchangeId, Outcome, Progress, ResultFormat, Session,
//! };
//! use howdah_protocol::startup::StartupConfig;
//!
//! type Anything = Box<dyn std::error::Error>;
//!
//! /// Moves bytes until an exchange is answered; without one, until the session rests.
//! fn run(
//!     session: &mut Session,
//!     socket: &mut (impl Read + Write),
//!     wanted: Option<ExchangeId>,
//! ) -> Result<Outcome, Anything> {
//!     loop {
//!         let written = socket.write(session.outgoing())?;
//!         session.sent(written);
//!         match session.advance(Instant::now())? {
//!             Progress::Ended(id, outcome) if Some(id) == wanted => return Ok(*outcome),
//!             Progress::Idle if wanted.is_none() => return Ok(Outcome::default()),
//!             Progress::NeedInput | Progress::Idle => match socket.read(session.spare())? {
//!                 0 => return Err(session.eof().into()),
//!                 count => session.received(count),
//!             },
//!             Progress::Notice(notice) => println!("notice: {notice:?}"),
//!             Progress::Notification(notification) => println!("{notification:?}"),
//!             // Nothing else was asked for, and nothing is given up.
//!             Progress::Ended(..) | Progress::Working | Progress::SendCancel => {}
//!         }
//!     }
//! }
//!
//! fn conversation(socket: &mut (impl Read + Write)) -> Result<Outcome, Anything> {
//!     let connection = Connection::start(StartupConfig {
//!         params: vec![("user".into(), "ann".into()), ("database".into(), "shop".into())],
//!         user: "ann".into(),
//!         password: None,
//!         nonce: "printable, random".into(),
//!         protocol_minor: 0,
//!         min_protocol_minor: 0,
//!         ..StartupConfig::default()
//!     })?;
//!     let mut session = Session::new(connection);
//!     run(&mut session, socket, None)?; // the handshake
//!     let id = session.execute(&Execute {
//!         sql: b"SELECT 'hello'",
//!         params: &Params::default(),
//!         format: ResultFormat::Text,
//!         prepare: None,
//!         begin: false,
//!         extended: false,
//!     })?;
//!     run(&mut session, socket, Some(id))
//! }
//!
//! # // A server that says what it has to say whatever it is sent, a packet after the other.
//! # struct Script(Vec<&'static [u8]>);
//! # impl Read for Script {
//! #     fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
//! #         let Some(packet) = self.0.first_mut() else { return Ok(0) };
//! #         let (now, later) = packet.split_at(room.len().min(packet.len()).min(9));
//! #         room[..now.len()].copy_from_slice(now);
//! #         *packet = later;
//! #         self.0.retain(|packet| !packet.is_empty());
//! #         Ok(now.len())
//! #     }
//! # }
//! # impl Write for Script {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
//! #         Ok(bytes.len())
//! #     }
//! #     fn flush(&mut self) -> std::io::Result<()> {
//! #         Ok(())
//! #     }
//! # }
//! # let mut socket = Script(vec![
//! #     b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I",
//! #     b"T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0",
//! #     b"D\0\0\0\x0f\0\x01\0\0\0\x05helloC\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I",
//! # ]);
//! let outcome = conversation(&mut socket)?;
//! let mut row = outcome.results[0].rows.get(0).ok_or("a row")?;
//! assert_eq!(row.next(), Some(Some(&b"hello"[..])));
//! # Ok::<(), Anything>(())
//! ```
//!
//! # When it goes wrong
//!
//! What [`session::Session::execute`] refuses has not been queued, and the session is as before. After an error of
//! [`session::Session::advance`] or an end of input the conversation is over: close the socket. Nothing the peer sends
//! is believed: frames are capped, and tiny before authentication; memory grows only as bytes arrive; counts are
//! checked against the bytes that remain.
#![forbid(unsafe_code)]
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::panic))]

pub mod auth;
pub mod connection;
pub mod conninfo;
pub mod error;
mod memory;
pub mod replication;
pub mod session;
pub mod startup;
pub mod wire;

//! Following the plan of a connection, server by server.

use crate::config::Config;
use crate::core::Core;
use crate::core::dial::{Dial, Refusal};
use crate::error::Result;
use howdah_net::connect::{ConnectError, establish};
use howdah_net::connector::Action;
use howdah_net::drive::{Lost, Step, Until, drive, prepare};
use howdah_net::link::Link;
use howdah_net::resolve::resolve;
use howdah_net::socket::{Peer, Socket};

/// Connects to the first server that lets the session start.
pub(super) fn connect(config: &Config) -> Result<(Core, Socket)> {
    let mut dial = Dial::new(config)?;
    loop {
        match dial.next_action() {
            Action::Resolve { host, port } => {
                match resolve(&host, port, dial.deadline(), &mut || true) {
                    Ok(addresses) => dial.connector.resolved(addresses),
                    Err(error) => dial.refused(Refusal::Unreachable(error))?,
                }
            }
            Action::Connect(peer) => match attempt(&mut dial, config, &peer) {
                Ok((session, socket)) => return Ok((dial.done(session), socket)),
                Err(refusal) => dial.refused(refusal)?,
            },
            Action::GiveUp => return Err(dial.give_up()),
        }
    }
}

fn attempt(
    dial: &mut Dial,
    config: &Config,
    peer: &Peer,
) -> std::result::Result<(Link, Socket), Refusal> {
    let deadline = dial.deadline();
    let socket = establish(peer, &dial.tcp_options(), deadline, &mut || true)
        .map_err(Refusal::Unreachable)?;
    dial.check_peer(&socket)?;
    dial.ask(config).map_err(Refusal::Final)?;
    prepare(&socket).map_err(|error| Refusal::Session(Lost::Io(error), &[]))?;
    let mut session = dial.session()?;
    loop {
        let step = drive(&mut session, &socket, Until::Idle, deadline);
        match step.map_err(|lost| Refusal::of(&session, lost))? {
            Step::Done => return Ok((session, socket)),
            Step::TimedOut => return Err(Refusal::Unreachable(ConnectError::TimedOut)),
            // Nobody can have registered a handler yet.
            Step::Notice(_) | Step::Notification(_) | Step::Interrupted => {}
            // Nothing was asked.
            Step::Ended(..) | Step::SendCancel => {}
        }
    }
}

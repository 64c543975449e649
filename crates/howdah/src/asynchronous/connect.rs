//! Following the plan of a connection, server by server.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Instant;

use super::turn::poll_turn;
use super::watch::Watched;
use crate::config::{Config, Provider};
use crate::core::Core;
use crate::core::dial::{Dial, Refusal};
use crate::error::Result;
use howdah_net::connect::ConnectError;
use howdah_net::connector::Action;
use howdah_net::drive::{Step, Until};
use howdah_net::link::Link;
use howdah_net::resolve::unresolved;
use howdah_net::socket::{Peer, Socket};

/// Connects to the first server that lets the session start.
pub(super) async fn connect(config: &Config) -> Result<(Core, Watched)> {
    let mut dial = Dial::new(config)?;
    loop {
        match dial.next_action() {
            Action::Resolve { host, port } => {
                match by(dial.deadline(), resolve(&host, port)).await {
                    Ok(addresses) => dial.connector.resolved(addresses),
                    Err(refusal) => dial.refused(refusal)?,
                }
            }
            Action::Connect(peer) => {
                match by(dial.deadline(), attempt(&mut dial, config, &peer)).await {
                    Ok((session, link)) => return Ok((dial.done(session), link)),
                    Err(refusal) => dial.refused(refusal)?,
                }
            }
            Action::GiveUp => return Err(dial.give_up()),
        }
    }
}

async fn by<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = std::result::Result<T, Refusal>>,
) -> std::result::Result<T, Refusal> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    tokio::time::timeout_at(deadline.into(), work)
        .await
        .unwrap_or(Err(Refusal::Unreachable(ConnectError::TimedOut)))
}

async fn resolve(host: &str, port: u16) -> std::result::Result<Vec<SocketAddr>, Refusal> {
    tokio::net::lookup_host((host, port))
        .await
        .map(Iterator::collect)
        .map_err(|error| Refusal::Unreachable(unresolved(host, error)))
}

async fn attempt(
    dial: &mut Dial,
    config: &Config,
    peer: &Peer,
) -> std::result::Result<(Link, Watched), Refusal> {
    let link = establish(dial, peer)
        .await
        .map_err(|error| Refusal::Unreachable(ConnectError::Io(error)))?;
    dial.check_peer(&link.socket)?;
    let (password, token) = (
        ask(&config.password).await?,
        ask(&config.oauth_token).await?,
    );
    dial.provide(password, token);
    let mut session = dial.session()?;
    loop {
        let timer = session.poll_timeout();
        let turn = poll_fn(|cx| match poll_turn(&mut session, &link, Until::Idle, cx) {
            Poll::Pending if session.poll_timeout() != timer => Poll::Ready(Ok(None)),
            polled => polled,
        });
        let turn = match timer {
            // What the handshake waits for is not the socket alone: it looks again.
            Some(timer) => tokio::time::timeout_at(timer.into(), turn)
                .await
                .unwrap_or(Ok(None)),
            None => turn.await,
        };
        // Nobody can have registered a handler yet: messages are dropped.
        if let Some(Step::Done) = turn.map_err(|lost| Refusal::of(&session, lost))? {
            return Ok((session, link));
        }
    }
}

async fn ask(provider: &Option<Provider>) -> std::result::Result<Option<String>, Refusal> {
    let Some(provider) = provider else {
        return Ok(None);
    };
    let secret = provider.ask_async().await;
    secret.map(Some).map_err(Refusal::Final)
}

async fn establish(dial: &Dial, peer: &Peer) -> std::io::Result<Watched> {
    let socket = Socket::begin_connect(peer, &dial.tcp_options())?;
    let link = Watched::new(socket)?;
    poll_fn(|cx| link.poll_write_ready(cx)).await?;
    link.socket.finish_connect()?;
    Ok(link)
}

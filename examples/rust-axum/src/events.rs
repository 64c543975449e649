//! Notifications as server-sent events: one connection listens for all clients.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use howdah::{AsyncListener, Config, Error, ListenerEvent, ListenerOptions};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, WeakSender, channel};

use crate::{Failure, Service};

/// Where transfers are told of.
pub(crate) const CHANNEL: &str = "transfers";
/// How many events wait for a client that reads slowly.
const WAITING: usize = 1000;

/// What the clients are told.
#[derive(Debug, Clone)]
enum Heard {
    Transfer(String),
    /// Some may be missing: whoever keeps a copy of the accounts has to read them again.
    Gap,
}

/// The connection that listens. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Events {
    listener: Arc<AsyncListener>,
    /// The task that follows the listener has the sender: when that ends, so do all streams.
    sender: WeakSender<Heard>,
}

impl Events {
    pub(crate) async fn connect(config: &Config) -> Result<Self, Error> {
        let listener = ListenerOptions::new()
            .heartbeat(Duration::from_secs(30))
            .on_error(|error| eprintln!("listening: {error}"))
            .connect_async(config)
            .await?;
        listener.listen(CHANNEL).await?;
        let listener = Arc::new(listener);
        let (sender, _) = channel(WAITING);
        let weak = sender.downgrade();
        tokio::spawn(follow(Arc::clone(&listener), sender));
        Ok(Self {
            listener,
            sender: weak,
        })
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.listener.close();
    }
}

async fn follow(listener: Arc<AsyncListener>, sender: Sender<Heard>) {
    while let Some(event) = listener.next().await {
        let heard = match event {
            Ok(ListenerEvent::Notification(notify)) => Heard::Transfer(notify.payload),
            Ok(_) => Heard::Gap,
            Err(error) => {
                eprintln!("listening has ended: {error}");
                return;
            }
        };
        // That nobody listens is no matter.
        let _ = sender.send(heard);
    }
}

pub(crate) async fn stream(
    State(service): State<Service>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let sender = service.events.sender.upgrade().ok_or(Failure::Busy)?;
    let events = stream::unfold(sender.subscribe(), next);
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn next(
    mut receiver: Receiver<Heard>,
) -> Option<(Result<Event, Infallible>, Receiver<Heard>)> {
    let event = match receiver.recv().await {
        Ok(Heard::Transfer(told)) => Event::default().event("transfer").data(told),
        // The client was too slow, which is a gap as well.
        Ok(Heard::Gap) | Err(RecvError::Lagged(_)) => Event::default().event("gap").data(""),
        Err(RecvError::Closed) => return None,
    };
    Some((Ok(event), receiver))
}

//! The task behind a client: it alone reads and writes, and gives each request its outcome.
//!
//! It runs whether or not those who wait are polled. What they queue is written at once when it comes to run, in one piece.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use howdah_protocol::connection::Notification;
use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_protocol::wire::{Diagnostic, TransactionStatus};

use super::hub::{Hub, OwnSession, State};
use crate::asynchronous::AsyncSession;
use crate::asynchronous::timer::Timer;
use crate::asynchronous::turn::{poll_receive, poll_send};
use crate::error::Error;
use howdah_net::drive::{Lost, Step, Until, flush, hand_out};

pub(super) struct Driver {
    hub: Arc<Hub>,
    timer: Timer,
    /// Those to be woken once the lock is released.
    woken: Vec<Waker>,
}

/// What the driver has to do without the lock.
enum Turned {
    /// Nothing, until it is woken.
    Waiting,
    Notice(Diagnostic),
    Notification(Notification),
    /// There is no connection any more.
    Over,
}

impl Driver {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            timer: Timer::default(),
            woken: Vec::new(),
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let mut state = this.hub.lock();
            let turned = state.turn(cx, &mut this.woken);
            let deadline = state.timeout();
            drop(state);
            this.woken.drain(..).for_each(Waker::wake);
            match turned {
                Turned::Waiting if this.timer.poll(deadline, cx).is_pending() => {
                    return Poll::Pending;
                }
                Turned::Waiting => {}
                Turned::Notice(notice) => this.hub.messages.deliver_notice(notice),
                Turned::Notification(notification) => {
                    this.hub.messages.handle_notification(&notification);
                }
                Turned::Over => return Poll::Ready(()),
            }
        }
    }
}

impl Drop for Driver {
    /// Whatever ends it, nobody waits for ever: it may be a runtime that shuts down.
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.is_driven = false;
        state.end(&mut self.woken);
        drop(state);
        self.woken.drain(..).for_each(Waker::wake);
    }
}

impl State {
    /// Does all that can be done without waiting.
    fn turn(&mut self, cx: &mut Context<'_>, woken: &mut Vec<Waker>) -> Turned {
        let driver = self.driver.as_ref();
        if !driver.is_some_and(|known| known.will_wake(cx.waker())) {
            self.driver = Some(cx.waker().clone());
        }
        match self.move_bytes(cx, woken) {
            Ok(turned) => turned,
            Err(lost) => {
                let error = self.session.as_mut().map(|session| session.lose(lost));
                if let Some(error) = error {
                    self.requests.fail(&error, woken);
                }
                self.end(woken);
                Turned::Over
            }
        }
    }

    fn move_bytes(&mut self, cx: &mut Context<'_>, woken: &mut Vec<Waker>) -> Result<Turned, Lost> {
        let mut now = Instant::now();
        loop {
            // Who leases it does all by themselves, and gives it back.
            let Some(session) = &mut self.session else {
                return Ok(Turned::Waiting);
            };
            if self.handles == 0 || session.core.is_closed() {
                self.end(woken);
                return Ok(Turned::Over);
            }
            session.poll_cancel_ended(cx);
            match hand_out(&mut session.core.session, Until::Heard, now)? {
                Some(Step::Ended(id, outcome)) => self.answer(id, outcome, woken),
                Some(Step::Notice(notice)) => return Ok(Turned::Notice(notice)),
                Some(Step::Notification(notification)) => {
                    if session.core.messages.keeps_notifications() {
                        session.core.keep_notification(notification.clone())?;
                    }
                    return Ok(Turned::Notification(notification));
                }
                Some(Step::SendCancel) => session.send_cancel(),
                Some(Step::Done | Step::TimedOut | Step::Interrupted) => {}
                None => {
                    if session.core.is_left_in_transaction() {
                        session.core.session.transactions.owe_whole_rollback();
                        continue;
                    }
                    if poll_bytes(session, cx)?.is_pending() {
                        self.rest(woken);
                        return Ok(Turned::Waiting);
                    }
                    now = Instant::now();
                }
            }
        }
    }

    /// Gives a request its outcome.
    fn answer(&mut self, id: ExchangeId, outcome: Box<Outcome>, woken: &mut Vec<Waker>) {
        let Some(session) = &mut self.session else {
            return;
        };
        session.core.note(&outcome);
        let is_idle = session.core.status() == TransactionStatus::Idle;
        let outcome = if is_idle || outcome.error.is_some() {
            Ok(outcome)
        } else {
            // What it has done will not be kept: see `is_left_in_transaction`.
            Err(Error::stray_transaction())
        };
        self.requests.answer(id, outcome, woken);
    }

    /// Has those go on who wait for what is the case now.
    fn rest(&mut self, woken: &mut Vec<Waker>) {
        if self.line.timeout().is_some() {
            self.line.pass(Instant::now());
        }
        self.call(woken);
        if let Some(session) = &mut self.session {
            if session.core.session.is_settled() {
                session.core.recovered();
            }
            if !session.core.session.is_interrupted() {
                woken.append(&mut self.resting);
            }
            if !session.core.session.backlog.is_empty() {
                woken.extend(std::mem::take(&mut self.listeners).into_values());
            }
        }
    }

    /// Closes the connection, and tells all who wait.
    pub(super) fn end(&mut self, woken: &mut Vec<Waker>) {
        if let Some(session) = &mut self.session {
            session.hang_up();
        }
        // They have been sent, and the server may have done them.
        let text = "the client was closed, or its runtime has ended, before the answer came";
        let lost = Lost::Io(io::Error::new(io::ErrorKind::ConnectionAborted, text));
        self.requests.fail(&Error::lost(lost), woken);
        self.line.call_all(woken);
        woken.append(&mut self.resting);
        woken.extend(std::mem::take(&mut self.listeners).into_values());
    }

    /// When to look at the time.
    fn timeout(&self) -> Option<Instant> {
        let session = self.session.as_ref();
        let interruption = session.and_then(|session| session.core.session.poll_timeout());
        let offer = self.line.timeout();
        interruption.into_iter().chain(offer).min()
    }
}

/// Sends what is outgoing, and receives: ready when something was moved.
fn poll_bytes(session: &mut OwnSession, cx: &mut Context<'_>) -> Result<Poll<()>, Lost> {
    let AsyncSession { core, link, .. } = &mut **session;
    let gate = core.cancel.gate();
    let session = &mut core.session;
    // Nothing is sent while a cancel request is under way, which wakes this when it ends.
    if !session.outgoing().is_empty() && (gate.try_enter() || gate.poll_free(cx).is_ready()) {
        let sent = flush(session, &link.socket)?;
        if !sent && poll_send(session, link, cx)?.is_ready() {
            return Ok(Poll::Ready(()));
        }
    }
    // The rest of the notifications waits at the server until somebody takes these.
    if session.backlog.is_filling() && session.is_idle() {
        return Ok(Poll::Pending);
    }
    Ok(match poll_receive(session, link, cx) {
        Poll::Ready(received) => Poll::Ready(received?),
        Poll::Pending => Poll::Pending,
    })
}

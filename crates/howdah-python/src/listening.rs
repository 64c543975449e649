//! What `Listener` and `AsyncListener` stand on: the hub and the follower that all shells share, see [`howdah_net::listening`].
//!
//! The follower's door does nothing by itself: it says what is to be done, and its future goes on when it is told how that went.
//! So the package runs it, a step at a time, in a thread or in a task.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use howdah_adapt::lock;
use howdah_net::listening::{
    Door, Event, Failure, Hub, Pace, Work as Doing, follow, is_final_state,
};
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::core::limit::Timeout;
use crate::errors;
use crate::imports;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is to be done: its name, what it is about, and seconds.
type Step<'py> = (&'static str, Bound<'py, PyAny>, Option<f64>);

/// What a listener wants and has heard, and what its follower is to do next.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct ListenerHub {
    hub: Arc<Hub<Fault>>,
    desk: Arc<Mutex<Desk>>,
    work: Mutex<Option<Work>>,
    /// The exceptions that the hub has by their numbers.
    raised: Py<PyDict>,
    numbers: AtomicU64,
}

/// An error as the rules see it: Python's objects are kept beside the hub, since none may be dropped under its lock.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Usage(&'static str),
    Closed(&'static str),
    Raised {
        number: u64,
        closed: bool,
        last: bool,
    },
}

impl Failure for Fault {
    fn usage(text: &'static str) -> Self {
        Self::Usage(text)
    }

    fn closed(text: &'static str) -> Self {
        Self::Closed(text)
    }

    fn again(&self) -> Self {
        *self
    }

    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Raised { closed: true, .. })
    }

    fn is_final(&self) -> bool {
        matches!(self, Self::Usage(_) | Self::Raised { last: true, .. })
    }
}

/// What the follower wants done, and how that went.
#[derive(Default)]
struct Desk {
    asked: Option<Asked>,
    answer: Option<Result<(), Fault>>,
}

enum Asked {
    Connect,
    Disconnect,
    Report(Fault),
    Run(String, Duration),
    Wait(Option<Instant>),
}

/// The follower's side of the desk.
struct Clerk(Arc<Mutex<Desk>>);

impl Clerk {
    async fn ask(&self, asked: Asked) -> Result<(), Fault> {
        *lock(&self.0) = Desk {
            asked: Some(asked),
            // Of the first step that is the one that it stands for.
            answer: None,
        };
        poll_fn(|_| match lock(&self.0).answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }
}

impl Door<Fault> for Clerk {
    fn connect<'a>(&'a mut self, _: &'a Arc<Hub<Fault>>) -> Doing<'a, Result<(), Fault>> {
        Box::pin(self.ask(Asked::Connect))
    }

    fn disconnect(&mut self) -> Doing<'_, ()> {
        Box::pin(async {
            let _ = self.ask(Asked::Disconnect).await;
        })
    }

    fn report<'a>(&'a mut self, error: &'a Fault, _: u32) -> Doing<'a, ()> {
        Box::pin(async {
            let _ = self.ask(Asked::Report(*error)).await;
        })
    }

    fn run<'a>(
        &'a mut self,
        _: &'a Hub<Fault>,
        sql: &'a str,
        bound: Duration,
    ) -> Doing<'a, Result<(), Fault>> {
        Box::pin(self.ask(Asked::Run(sql.to_owned(), bound)))
    }

    fn wait<'a>(
        &'a mut self,
        _: &'a Hub<Fault>,
        until: Option<Instant>,
    ) -> Doing<'a, Result<(), Fault>> {
        Box::pin(self.ask(Asked::Wait(until)))
    }
}

#[pymethods]
impl ListenerHub {
    #[new]
    fn new(
        py: Python<'_>,
        buffer_size: usize,
        delays: (Timeout, Timeout),
        max_attempts: Option<u32>,
        heartbeat: Option<Timeout>,
        connect_timeout: Option<Timeout>,
    ) -> PyResult<Self> {
        if buffer_size == 0 {
            return Err(PyValueError::new_err(
                "the buffer of a listener has room for one notification at least",
            ));
        }
        let heartbeat = heartbeat
            .and_then(Timeout::time)
            .filter(|time| !time.is_zero());
        let min_delay = delays.0.time().unwrap_or(Duration::MAX);
        let pace = Pace {
            min_delay,
            max_delay: delays.1.time().unwrap_or(Duration::MAX).max(min_delay),
            max_attempts,
            heartbeat,
            answer: Pace::bound(heartbeat, connect_timeout.and_then(Timeout::time)),
        };
        let hub = Hub::new(buffer_size);
        let desk = Arc::default();
        let work = follow(Clerk(Arc::clone(&desk)), Arc::clone(&hub), pace);
        Ok(Self {
            hub,
            desk,
            work: Mutex::new(Some(Box::pin(work))),
            raised: PyDict::new(py).unbind(),
            numbers: AtomicU64::new(0),
        })
    }

    /// Want a channel. Raises `ProgrammingError` for a name that is none.
    fn want(&self, py: Python<'_>, channel: &str) -> PyResult<()> {
        self.hub
            .want(channel)
            .map_err(|fault| self.error(py, fault))
    }

    /// Want a channel no more.
    fn unwant(&self, py: Python<'_>, channel: &str) -> PyResult<()> {
        self.hub
            .unwant(channel)
            .map_err(|fault| self.error(py, fault))
    }

    /// The channels that are wanted, sorted.
    #[getter]
    fn channels(&self) -> Vec<String> {
        self.hub.wanted()
    }

    /// Whether it is closed, or has failed.
    #[getter]
    fn is_over(&self) -> bool {
        self.hub.is_over()
    }

    /// Whether the channel is listened on. Raises what the server has against it.
    fn is_listening(&self, py: Python<'_>, channel: &str) -> PyResult<bool> {
        let answer = self.hub.answer(channel).transpose();
        answer
            .map(|listening| listening.is_some())
            .map_err(|fault| self.error(py, fault))
    }

    /// Whether the channel is listened on no more.
    fn is_silent(&self, channel: &str) -> bool {
        self.hub.is_silent(channel)
    }

    /// Take a notification in.
    fn push(&self, channel: &str, payload: &str, pid: i32) {
        self.hub.push(channel, payload, pid);
    }

    /// Take the next event, in a list: empty when there are no more, and `None` if there is none at the moment.
    ///
    /// Raises, once, what has ended the listener.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Vec<Py<PyAny>>>> {
        match self.hub.take_event() {
            None => Ok(None),
            Some(Ok(None)) => Ok(Some(Vec::new())),
            Some(Ok(Some(event))) => Ok(Some(vec![object(py, event)?])),
            Some(Err(fault)) => Err(self.error(py, fault)),
        }
    }

    /// End it. What has come and was not taken is dropped.
    fn close(&self) {
        self.hub.close();
    }

    /// Go on, after the last step was done, or has raised `error`: say what is to be done next, if anything is.
    ///
    /// `lost` says that there is no connection after the error, and `wrong` that the program is to blame for it.
    #[pyo3(signature = (error = None, *, lost = false, wrong = false))]
    fn step<'py>(
        &self,
        py: Python<'py>,
        error: Option<Bound<'py, PyAny>>,
        lost: bool,
        wrong: bool,
    ) -> PyResult<Option<Step<'py>>> {
        let answer = match error {
            Some(error) => Err(self.fault(py, &error, lost, wrong)?),
            None => Ok(()),
        };
        lock(&self.desk).answer = Some(answer);
        let asked = self.poll();
        if matches!(asked, None | Some(Asked::Wait(_))) {
            // The follower has none at these points but what is in the hub.
            self.forget(py)?;
        }
        let none = || py.None().into_bound(py);
        Ok(Some(match asked {
            None => return Ok(None),
            Some(Asked::Connect) => ("connect", none(), None),
            Some(Asked::Disconnect) => ("disconnect", none(), None),
            Some(Asked::Report(fault)) => {
                let error = self.error(py, fault).into_value(py);
                ("report", error.into_bound(py).into_any(), None)
            }
            Some(Asked::Run(sql, bound)) => {
                let sql = sql.into_pyobject(py)?.into_any();
                ("run", sql, Some(bound.as_secs_f64()))
            }
            Some(Asked::Wait(until)) => {
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                ("wait", none(), left.map(|left| left.as_secs_f64()))
            }
        }))
    }

    /// Note that nobody asks for the next step any more: who waits is told.
    fn abandon(&self) {
        let work = lock(&self.work).take();
        drop(work);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.raised)
    }
}

impl ListenerHub {
    /// Lets the follower go on.
    fn poll(&self) -> Option<Asked> {
        let mut work = lock(&self.work);
        let running = work.as_mut()?;
        let polled = running
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_ready() {
            *work = None;
        }
        lock(&self.desk).asked.take()
    }

    /// Keeps an exception.
    fn fault(
        &self,
        py: Python<'_>,
        error: &Bound<'_, PyAny>,
        closed: bool,
        wrong: bool,
    ) -> PyResult<Fault> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.raised.bind(py).set_item(number, error)?;
        let state: Option<String> = match error.getattr_opt(intern!(py, "sqlstate"))? {
            Some(state) => state.extract()?,
            None => None,
        };
        Ok(Fault::Raised {
            number,
            closed,
            last: wrong || state.is_some_and(|state| is_final_state(&state)),
        })
    }

    /// The exception for it, another one each time.
    fn error(&self, py: Python<'_>, fault: Fault) -> PyErr {
        match fault {
            Fault::Usage(text) => errors::programming(py, text),
            Fault::Closed(text) => errors::gone(py, errors::operational(py, text)),
            Fault::Raised { number, .. } => match self.raised.bind(py).get_item(number) {
                Ok(Some(error)) => errors::copy(py, &PyErr::from_value(error)),
                _ => self.error(py, Fault::Closed("the listener is closed")),
            },
        }
    }

    /// Drops the exceptions that nobody can ask for any more.
    fn forget(&self, py: Python<'_>) -> PyResult<()> {
        let raised = self.raised.bind(py);
        if raised.is_empty() {
            return Ok(());
        }
        let kept = self.hub.failures();
        for number in raised.keys() {
            let this: u64 = number.extract()?;
            let is_this =
                |fault: &Fault| matches!(fault, Fault::Raised { number, .. } if *number == this);
            if !kept.iter().any(is_this) {
                raised.del_item(&number)?;
            }
        }
        Ok(())
    }
}

/// A `Notify` or a `Gap`.
fn object(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    let made = match event {
        Event::Notification(heard) => {
            let class = imports::NOTIFY.get(py)?;
            class.call1((heard.channel, heard.payload, heard.pid))?
        }
        Event::Gap(gap) => imports::GAP
            .get(py)?
            .call1((gap.reconnected, gap.dropped))?,
    };
    Ok(made.unbind())
}

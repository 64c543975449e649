//! Opening connections: the steps of the plan, blocking or handed to asyncio.

mod plan;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use howdah_ffi::descriptors::owned_socket;
use howdah_net::connect::establish;
use howdah_net::drive;
use howdah_net::resolve::resolve;
use howdah_net::socket::TcpOptions;
use howdah_net::{Action, ConnectError, Connector, Peer, Socket};
use howdah_protocol::connection::{Connection, Error};
use howdah_protocol::conninfo::{self, Params};
use howdah_protocol::session::Session;
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::core::limit::Timeout;
use crate::core::snapshot::SessionSnapshot;
use crate::core::{Core, Flavor, Io};
use crate::errors;
use crate::jobs::start::Start;
use crate::log;
use crate::shell::asyncio::Channel;
use crate::shell::select::Select;
use crate::shell::{self, blocking};
use howdah_adapt::lock;
use plan::Plan;

/// A session that has been started, on its way to its connection object.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct Opened {
    pub(crate) core: Arc<Core>,
    pub(crate) channel: Option<Py<Channel>>,
}

impl Opened {
    /// The one that `connect()` passes on; the other arguments are for the `__init__()` of the class.
    pub(crate) fn among<'py>(
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, Self>> {
        let named = kwargs.map(|kwargs| kwargs.values());
        args.iter()
            .chain(named.iter().flatten())
            .find_map(|value| value.cast_into::<Self>().ok())
            .ok_or_else(|| {
                PyTypeError::new_err("connections are made by the class method connect()")
            })
    }
}

#[pymethods]
impl Opened {
    /// Close it: nobody wants it any more.
    fn discard(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(channel) = &self.channel {
            Channel::detach(channel.bind(py))?;
        }
        self.core.close();
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.channel)
    }
}

/// Return the parameters of a connection string. Raises `ProgrammingError` if it is malformed.
#[pyfunction]
pub(crate) fn parse_conninfo<'py>(conninfo: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let py = conninfo.py();
    let params =
        conninfo::parse(&text_of(conninfo)?).map_err(|error| errors::conninfo(py, &error))?;
    let dict = PyDict::new(py);
    for (name, value) in params.iter() {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}

/// Make a connection string, quoting what needs it.
#[pyfunction]
pub(crate) fn make_conninfo(py: Python<'_>, params: &Bound<'_, PyDict>) -> PyResult<String> {
    let pairs = params
        .iter()
        .map(|(name, value)| Ok((text_of(&name)?, text_of(&value)?)))
        .collect::<PyResult<Vec<_>>>()?;
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    conninfo::make(pairs).map_err(|error| errors::conninfo(py, &error))
}

/// Raise `ProgrammingError` for a keyword that a connection string cannot have.
#[pyfunction]
pub(crate) fn check_conninfo_keyword(keyword: &Bound<'_, PyAny>) -> PyResult<()> {
    let checked = Params::new().set(&text_of(keyword)?, "");
    checked.map_err(|error| errors::conninfo(keyword.py(), &error))
}

/// Return the values that parameters have by default.
#[pyfunction]
pub(crate) fn conninfo_defaults() -> HashMap<&'static str, &'static str> {
    let keywords = conninfo::KEYWORDS.iter();
    keywords
        .filter_map(|keyword| Some((keyword.name, keyword.compiled?)))
        .collect()
}

/// Return the keywords whose values are not to be shown.
#[pyfunction]
pub(crate) fn conninfo_secrets() -> Vec<&'static str> {
    let secrets = conninfo::KEYWORDS
        .iter()
        .filter(|keyword| keyword.is_secret());
    secrets.map(|keyword| keyword.name).collect()
}

/// The text of a connection string or of an option.
///
/// The error for one that has lone surrogates does not have the text in it, as Python's own does: it may be a password.
fn text_of(text: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = text.cast::<PyString>()?;
    text.to_str().map(str::to_owned).map_err(|_| {
        let reason = "surrogates not allowed in connection options";
        PyUnicodeEncodeError::new_err(("utf-8", "***", 0, 3, reason))
    })
}

/// Open a connection, trying one server after the other, and return what makes a connection object.
///
/// It takes no longer than `timeout`, however many servers there are.
#[pyfunction]
#[pyo3(signature = (params, timeout = None, oauth_token = None))]
pub(crate) fn connect_blocking(
    py: Python<'_>,
    params: &Bound<'_, PyDict>,
    timeout: Option<Timeout>,
    oauth_token: Option<Py<PyAny>>,
) -> PyResult<Opened> {
    let secrets = Secrets::among(params, oauth_token)?;
    let mut plan = Plan::new(connector(params)?, timeout);
    loop {
        let action = plan.next_action();
        let deadline = plan.attempt_deadline();
        let peer = match action {
            Action::GiveUp => return Err(plan.failure(py)),
            Action::Resolve { host, port } => {
                match look_up(py, &host, port, deadline)? {
                    Ok(addresses) => plan.connector.resolved(addresses),
                    Err(error) => plan.connector.unreachable(&error),
                }
                continue;
            }
            Action::Connect(peer) => peer,
        };
        let socket = match reach(py, &peer, &plan.connector.tcp_options(), deadline)? {
            Ok(socket) => socket,
            Err(error) => {
                plan.connector.unreachable(&error);
                continue;
            }
        };
        if let Err(error) = plan.connector.check_peer(&socket) {
            plan.connector.unreachable(&error);
            continue;
        }
        secrets.ask_blocking(py, &mut plan.connector)?;
        drive::prepare(&socket)?;
        let core = Arc::new(session(py, &plan.connector, Flavor::Sync, socket)?);
        let mut job = Start {
            peer,
            deadline: Some(deadline),
        };
        match blocking::run(py, &core, &mut job, None) {
            Ok(_) => {
                return Ok(Opened {
                    core,
                    channel: None,
                });
            }
            Err(error) => note_refusal(py, &mut plan, &core, error)?,
        }
    }
}

/// Resolves a name, in whatever way this thread waits.
pub(crate) fn look_up(
    py: Python<'_>,
    host: &str,
    port: u16,
    deadline: Instant,
) -> PyResult<Result<Vec<SocketAddr>, ConnectError>> {
    match Select::replaced(py)? {
        Some(select) => select.resolve(host, port, deadline),
        None => blocking::watching(py, |go_on| resolve(host, port, Some(deadline), go_on)),
    }
}

/// Connects a socket, in whatever way this thread waits.
fn reach(
    py: Python<'_>,
    peer: &Peer,
    options: &TcpOptions,
    deadline: Instant,
) -> PyResult<Result<Socket, ConnectError>> {
    match Select::replaced(py)? {
        Some(select) => select.establish(peer, options, deadline),
        None => blocking::watching(py, |go_on| establish(peer, options, Some(deadline), go_on)),
    }
}

/// A connection on its way, for the asyncio shell.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct Connecting {
    plan: Mutex<Plan>,
    secrets: Secrets,
}

#[pymethods]
impl Connecting {
    #[new]
    #[pyo3(signature = (params, timeout = None, oauth_token = None))]
    fn new(
        params: &Bound<'_, PyDict>,
        timeout: Option<Timeout>,
        oauth_token: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self {
            secrets: Secrets::among(params, oauth_token)?,
            plan: Mutex::new(Plan::new(connector(params)?, timeout)),
        })
    }

    /// What to call, for each attempt, and to give to `provide()`.
    #[getter]
    fn providers(&self, py: Python<'_>) -> Vec<(&'static str, Py<PyAny>)> {
        self.secrets.providers(py)
    }

    /// Take a secret for the attempt under way.
    fn provide(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        provide(&mut lock(&self.plan).connector, name, value)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.secrets.traverse(&visit)
    }

    /// Seconds that are left for the attempt.
    #[getter]
    fn timeout(&self) -> f64 {
        let deadline = lock(&self.plan).attempt_deadline();
        deadline
            .saturating_duration_since(Instant::now())
            .as_secs_f64()
    }

    /// What to do next: `("resolve", host, port)`, `("tcp", address, port)`, `("unix", path, 0)`, or `None` to give up.
    fn next_action(&self) -> Option<(&'static str, String, u16)> {
        match lock(&self.plan).next_action() {
            Action::GiveUp => None,
            Action::Resolve { host, port } => Some(("resolve", host, port)),
            Action::Connect(Peer::Tcp(address)) => {
                Some(("tcp", address.ip().to_string(), address.port()))
            }
            Action::Connect(Peer::Unix(path)) => {
                let path = path.to_string_lossy().into_owned();
                let path = match path.strip_prefix('@') {
                    Some(name) => format!("\0{name}"),
                    None => path,
                };
                Some(("unix", path, 0))
            }
        }
    }

    /// Take the addresses that a name was resolved to.
    fn resolved(&self, addresses: Vec<(String, u16)>) -> PyResult<()> {
        let parse = |(ip, port): &(String, u16)| {
            let ip: IpAddr = ip.parse().ok()?;
            Some(SocketAddr::new(ip, *port))
        };
        let addresses = addresses.iter().filter_map(parse).collect();
        lock(&self.plan).connector.resolved(addresses);
        Ok(())
    }

    /// Note that a name could not be resolved.
    fn unresolved(&self, host: &str, reason: &str) {
        let text = format!("failed to resolve host '{host}': {reason}");
        lock(&self.plan)
            .connector
            .unreachable(&ConnectError::Unresolved(text, None));
    }

    /// Note that the server could not be reached, for the system's error with this number and text.
    fn unreachable(&self, errno: Option<i32>, text: String) {
        let error = match errno {
            Some(errno) if errno > 0 => std::io::Error::from_raw_os_error(errno),
            _ => std::io::Error::other(text),
        };
        lock(&self.plan)
            .connector
            .unreachable(&ConnectError::Io(error));
    }

    /// Note that the time of the attempt is over.
    fn timed_out(&self) {
        lock(&self.plan)
            .connector
            .unreachable(&ConnectError::TimedOut);
    }

    /// Note that the server refused the session. Anything but a database error is raised again.
    fn refused(&self, opened: &Bound<'_, Opened>, error: Bound<'_, PyAny>) -> PyResult<()> {
        let py = opened.py();
        let core = Arc::clone(&opened.get().core);
        let mut plan = lock(&self.plan);
        note_refusal(py, &mut plan, &core, PyErr::from_value(error))
    }

    /// The exception for all failures together.
    fn failure(&self, py: Python<'_>) -> Py<PyAny> {
        lock(&self.plan).failure(py).into_value(py).into_any()
    }

    /// Take over a connected socket's descriptor; `None` if it leads to the wrong server.
    fn adopt(&self, py: Python<'_>, fd: i64) -> PyResult<Option<Opened>> {
        let Some(owned) = owned_socket(fd) else {
            return Err(PyValueError::new_err("not a descriptor"));
        };
        let socket = Socket::from_fd(owned);
        let mut plan = lock(&self.plan);
        let connector = &mut plan.connector;
        if let Err(error) = connector.check_peer(&socket) {
            connector.unreachable(&error);
            return Ok(None);
        }
        if let Some(Peer::Tcp(_)) = connector.peer() {
            socket.set_tcp_options(&connector.tcp_options())?;
        }
        let core = Arc::new(session(py, connector, Flavor::Async, socket)?);
        let channel = Py::new(py, Channel::new(Arc::clone(&core)))?;
        Ok(Some(Opened {
            core,
            channel: Some(channel),
        }))
    }

    /// Run the handshake: an awaitable.
    fn handshake(&self, opened: &Bound<'_, Opened>) -> PyResult<Py<PyAny>> {
        let py = opened.py();
        let peer = lock(&self.plan).connector.peer().cloned();
        let peer = peer.ok_or_else(|| PyValueError::new_err("nothing is connected"))?;
        let opened = opened.get();
        let job = Start {
            peer,
            deadline: None,
        };
        shell::run(py, &opened.core, opened.channel.as_ref(), job)
    }
}

/// What is asked for at each attempt: functions that give a password or a token.
struct Secrets {
    providers: Vec<(&'static str, Py<PyAny>)>,
}

impl Secrets {
    /// Those among the parameters of `connect()`. A token that is no function is given all the same.
    fn among(params: &Bound<'_, PyDict>, oauth_token: Option<Py<PyAny>>) -> PyResult<Self> {
        let password = params.get_item(PASSWORD)?;
        let password = password.filter(|password| password.is_callable());
        let providers = password.map(|password| (PASSWORD, password.unbind()));
        let token = oauth_token.map(|token| (OAUTH_TOKEN, token));
        Ok(Self {
            providers: providers.into_iter().chain(token).collect(),
        })
    }

    fn providers(&self, py: Python<'_>) -> Vec<(&'static str, Py<PyAny>)> {
        let providers = self.providers.iter();
        providers
            .map(|(name, provider)| (*name, provider.clone_ref(py)))
            .collect()
    }

    fn ask_blocking(&self, py: Python<'_>, connector: &mut Connector) -> PyResult<()> {
        for (name, provider) in &self.providers {
            let provider = provider.bind(py);
            let value = if provider.is_callable() {
                provider.call0()?
            } else {
                provider.clone()
            };
            if value.hasattr(intern!(py, "__await__"))? {
                // A coroutine that is closed does not complain that nobody awaited it.
                if value.hasattr(intern!(py, "close"))? {
                    value.call_method0(intern!(py, "close"))?;
                }
                let text = format!(
                    "the function for {name} has to be awaited, which only AsyncConnection can do"
                );
                return Err(PyTypeError::new_err(text));
            }
            provide(connector, name, &value)?;
        }
        Ok(())
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.providers
            .iter()
            .try_for_each(|(_, provider)| visit.call(provider))
    }
}

const PASSWORD: &str = "password";
const OAUTH_TOKEN: &str = "oauth_token";

/// Gives a secret to the attempt under way; `None` is none.
fn provide(connector: &mut Connector, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if value.is_none() {
        return Ok(());
    }
    if !value.is_instance_of::<PyString>() {
        let kind = value.get_type().name()?;
        let text = format!("the function for {name} has to return a string, not {kind}");
        return Err(PyTypeError::new_err(text));
    }
    let text = text_of(value)?;
    if name == PASSWORD {
        connector.set_password(&text);
    } else {
        connector.set_oauth_token(&text);
    }
    Ok(())
}

/// The connector for these parameters.
fn connector(params: &Bound<'_, PyDict>) -> PyResult<Connector> {
    let py = params.py();
    let mut options = Params::new();
    for (name, value) in params.iter() {
        if value.is_none() || value.is_callable() {
            continue;
        }
        let (name, value) = (text_of(&name)?, text_of(value.str()?.as_any())?);
        options
            .set(&name, value)
            .map_err(|error| errors::conninfo(py, &error))?;
    }
    let connector = Connector::new(&options).map_err(|error| errors::conninfo(py, &error))?;
    for warning in &connector.config().warnings {
        log::warning(py, warning);
    }
    Ok(connector)
}

/// A session over a connected socket, with its handshake queued.
pub(crate) fn session(
    py: Python<'_>,
    connector: &Connector,
    flavor: Flavor,
    socket: Socket,
) -> PyResult<Core> {
    let startup = connector
        .startup()
        .map_err(|error| errors::operational(py, error.to_string()))?;
    let connection = Connection::start(startup)
        .map_err(|error| errors::lost(py, &Error::Startup(error), "utf-8"))?;
    let mut session = Session::new(connection);
    session.detect_poolers();
    let io = Io {
        session: connector.link(session),
        socket: Arc::new(socket),
    };
    Ok(Core::new(
        flavor,
        io,
        SessionSnapshot::new(effective(connector)),
    ))
}

/// The options in effect for the server that was reached: one host of several.
pub(crate) fn effective(connector: &Connector) -> Vec<(String, String)> {
    let mut options: Vec<(String, String)> = connector
        .config()
        .params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut set = |name: &str, value: String| {
        options.retain(|(key, _)| key != name);
        if !value.is_empty() {
            options.push((name.to_owned(), value));
        }
    };
    if let Some(target) = connector.target() {
        let host = match &target.endpoint {
            conninfo::Endpoint::Unix(name) | conninfo::Endpoint::Tcp(name) => name.clone(),
        };
        set("host", host);
        set("port", target.port.to_string());
    }
    if let Some(Peer::Tcp(address)) = connector.peer() {
        set("hostaddr", address.ip().to_string());
    }
    if let Some(password) = connector
        .target()
        .and_then(|target| target.password.as_ref())
    {
        set(PASSWORD, password.expose().to_owned());
    }
    set("user", connector.config().user.clone());
    set("dbname", connector.config().dbname.clone());
    options
}

/// Notes that a server refused the session; anything but a database error goes on to the caller.
fn note_refusal(py: Python<'_>, plan: &mut Plan, core: &Arc<Core>, error: PyErr) -> PyResult<()> {
    core.close();
    let is = |class: &str| {
        let class = errors::class(py, class)?;
        error.value(py).is_instance(&class)
    };
    if is("ConnectionTimeout")? {
        plan.connector.unreachable(&ConnectError::TimedOut);
        return Ok(());
    }
    if !is("Error")? || is("NotSupportedError")? {
        return Err(error);
    }
    let text = error.value(py).to_string();
    plan.refused(&text, core.refusal().as_ref(), core.others());
    Ok(())
}

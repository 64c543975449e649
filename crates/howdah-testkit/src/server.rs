//! Scripts behind a socket, one for each connection, in background threads.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::script::{Player, Script, ScriptError, State};

/// No conversation of a test lasts longer: after this a silent client is an error, not a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(2);

/// A server that plays one script for each connection, in the order in which they arrive.
///
/// Dropping it ends its threads; [`MockServer::join`] also says whether all scripts were played.
pub struct MockServer {
    address: Address,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Vec<String>, ScriptError>>>,
}

enum Address {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix {
        folder: PathBuf,
    },
}

/// The port in the name of the Unix socket.
const UNIX_PORT: u16 = 5432;

impl MockServer {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn tcp(scripts: impl IntoIterator<Item = Script>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = Address::Tcp(listener.local_addr()?);
        let accept = move || {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Socket>)
        };
        Ok(Self::start(address, scripts, accept))
    }

    /// Listens on `.s.PGSQL.5432` in a new folder.
    ///
    /// # Errors
    /// Those of the folder and the socket.
    #[cfg(unix)]
    pub fn unix(scripts: impl IntoIterator<Item = Script>) -> io::Result<Self> {
        let folder = new_folder()?;
        let path = folder.join(format!(".s.PGSQL.{UNIX_PORT}"));
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        let accept = move || {
            let (stream, _) = listener.accept()?;
            Ok(Box::new(stream) as Box<dyn Socket>)
        };
        Ok(Self::start(Address::Unix { folder }, scripts, accept))
    }

    /// What a conninfo has as `host`: an address, or the folder of the socket.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.address {
            Address::Tcp(address) => address.ip().to_string(),
            #[cfg(unix)]
            Address::Unix { folder } => folder.display().to_string(),
        }
    }

    /// What a conninfo has as `port`.
    #[must_use]
    pub fn port(&self) -> u16 {
        match &self.address {
            Address::Tcp(address) => address.port(),
            #[cfg(unix)]
            Address::Unix { .. } => UNIX_PORT,
        }
    }

    /// A conninfo for this server, without encryption.
    #[must_use]
    pub fn conninfo(&self) -> String {
        let (host, port) = (self.host(), self.port());
        format!("host={host} port={port} user=me dbname=db sslmode=disable")
    }

    /// Waits until all scripts were played, and returns what the client sent on each connection, as lines of a trace.
    ///
    /// # Errors
    /// The first script, by its number, that was not played to its end, or that no connection asked for.
    pub fn join(mut self) -> Result<Vec<String>, ScriptError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(ScriptError::new("the mock server panicked", "")),
        }
    }

    fn start(
        address: Address,
        scripts: impl IntoIterator<Item = Script>,
        accept: impl Fn() -> io::Result<Box<dyn Socket>> + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let scripts: Vec<_> = scripts.into_iter().collect();
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || serve(&accept, scripts, &stop)
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        #[cfg(unix)]
        if let Address::Unix { folder } = &self.address {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

trait Socket: Read + Write + Send {
    fn prepare(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn prepare(&self) -> io::Result<()> {
        self.set_nonblocking(false)?;
        self.set_write_timeout(Some(PATIENCE))?;
        self.set_read_timeout(Some(TICK))
    }
}

#[cfg(unix)]
impl Socket for std::os::unix::net::UnixStream {
    fn prepare(&self) -> io::Result<()> {
        self.set_nonblocking(false)?;
        self.set_write_timeout(Some(PATIENCE))?;
        self.set_read_timeout(Some(TICK))
    }
}

fn serve(
    accept: &dyn Fn() -> io::Result<Box<dyn Socket>>,
    scripts: Vec<Script>,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<String>, ScriptError> {
    let mut threads = Vec::new();
    let mut missed = None;
    for (number, script) in scripts.into_iter().enumerate() {
        let Some(socket) = next_connection(accept, stop) else {
            missed = Some(format!("script {number}: nobody connected"));
            break;
        };
        let stop = Arc::clone(stop);
        threads.push(std::thread::spawn(move || converse(socket, script, &stop)));
    }
    let mut transcripts = Vec::new();
    for (number, thread) in threads.into_iter().enumerate() {
        match thread.join() {
            Ok(Ok(transcript)) => transcripts.push(transcript),
            Ok(Err(error)) => {
                return Err(ScriptError::new(format!("script {number}: {error}"), ""));
            }
            Err(_) => return Err(ScriptError::new(format!("script {number} panicked"), "")),
        }
    }
    match missed {
        Some(what) => Err(ScriptError::new(what, "")),
        None => Ok(transcripts),
    }
}

fn next_connection(
    accept: &dyn Fn() -> io::Result<Box<dyn Socket>>,
    stop: &AtomicBool,
) -> Option<Box<dyn Socket>> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && !stop.load(Ordering::Relaxed) {
        match accept() {
            Ok(socket) => return Some(socket),
            Err(_) => std::thread::sleep(TICK),
        }
    }
    None
}

fn converse(
    mut socket: Box<dyn Socket>,
    script: Script,
    stop: &AtomicBool,
) -> Result<String, ScriptError> {
    let mut player = Player::new(script);
    let io_error = |player: &Player, error: io::Error| player.error(&error.to_string());
    socket.prepare().map_err(|e| io_error(&player, e))?;
    loop {
        let mut out = Vec::new();
        let state = player.play(&mut out)?;
        socket.write_all(&out).map_err(|e| io_error(&player, e))?;
        match state {
            State::Closed => return Ok(player.transcript().to_owned()),
            State::Sleep(time) => std::thread::sleep(time),
            State::Input | State::Hang => listen(&mut *socket, &mut player, stop)?,
        }
        if stop.load(Ordering::Relaxed) {
            return Err(player.error("the server was stopped"));
        }
    }
}

/// Waits for bytes or the client's end.
fn listen(
    socket: &mut dyn Socket,
    player: &mut Player,
    stop: &AtomicBool,
) -> Result<(), ScriptError> {
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; 16_384];
    while Instant::now() < deadline && !stop.load(Ordering::Relaxed) {
        match socket.read(&mut buffer) {
            Ok(0) => {
                player.received_eof();
                return Ok(());
            }
            Ok(len) => {
                player.received(&buffer[..len]);
                return Ok(());
            }
            Err(error) if waits(&error) => {}
            // A client that closes with bytes unread resets the connection: that is its end as well.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                player.received_eof();
                return Ok(());
            }
            Err(error) => return Err(player.error(&error.to_string())),
        }
    }
    Err(player.error("the client stayed silent"))
}

fn waits(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

#[cfg(unix)]
fn new_folder() -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("howdah-mock-{}-{number}", std::process::id());
        let folder = Path::new(&std::env::temp_dir()).join(name);
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use howdah_protocol::wire::frontend;

    use super::*;

    fn login(stream: &mut (impl Read + Write)) {
        let mut out = Vec::new();
        frontend::startup_message(&mut out, 0, [(&b"user"[..], &b"me"[..])]).unwrap();
        stream.write_all(&out).unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"Z\0\0\0\x05I") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
    }

    fn script() -> Script {
        Script::new().accept_startup().expect_eof()
    }

    #[test]
    fn tcp_connections_get_their_scripts_in_order() {
        let cancel = Script::new().expect_startup("CancelRequest", |message| {
            matches!(
                message,
                howdah_protocol::wire::FrontendMessage::CancelRequest { process_id: 7, .. }
            )
        });
        let server = MockServer::tcp([script(), cancel]).unwrap();
        let address = (server.host(), server.port());
        let mut stream = TcpStream::connect((address.0.as_str(), address.1)).unwrap();
        login(&mut stream);
        let mut second = TcpStream::connect((address.0.as_str(), address.1)).unwrap();
        let mut out = Vec::new();
        frontend::cancel_request(&mut out, 7, b"key!").unwrap();
        second.write_all(&out).unwrap();
        assert_eq!(second.read(&mut [0]).unwrap(), 0, "the server closes");
        drop(stream);
        let transcripts = server.join().unwrap();
        assert_eq!(transcripts.len(), 2);
        assert!(transcripts[1].contains("CancelRequest"));
    }

    #[cfg(unix)]
    #[test]
    fn unix_sockets_work_and_leave_nothing_behind() {
        let server = MockServer::unix([script()]).unwrap();
        let folder = PathBuf::from(server.host());
        let path = folder.join(".s.PGSQL.5432");
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        login(&mut stream);
        drop(stream);
        server.join().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_script_that_failed_is_reported_with_its_number() {
        let server = MockServer::tcp([script()]).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        login(&mut stream);
        let mut out = Vec::new();
        frontend::query(&mut out, b"select 1").unwrap();
        stream.write_all(&out).unwrap();
        let error = server.join().unwrap_err().to_string();
        assert!(
            error.starts_with("script 0: expected the client to close"),
            "{error}"
        );
        assert!(error.contains("select 1"), "{error}");
    }

    #[test]
    fn dropping_a_server_that_hangs_ends_it() {
        let server = MockServer::tcp([Script::new().hang()]).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        let before = Instant::now();
        drop(server);
        assert!(before.elapsed() < PATIENCE / 2);
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }
}

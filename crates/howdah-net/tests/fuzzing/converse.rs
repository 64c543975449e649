//! A link and a server with TLS that talk to each other in memory.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use howdah_net::Link;
use howdah_net::link::Plan;
use howdah_protocol::connection::{Connection, Error};
use howdah_protocol::conninfo::{Config, Encryption, Environment, Params, Passfile, System};
use howdah_protocol::session::{Progress, Session};
use howdah_protocol::startup::StartupConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

/// A certificate of `localhost` that has signed itself, until the year 2100.
pub(super) const CERTIFICATE: &[u8] = include_bytes!("server.crt");
pub(super) const KEY: &[u8] = include_bytes!("server.key");

/// No error is longer, in bytes: it shows nothing of what came.
const LONGEST_ERROR: usize = 500;

/// The client, and what it has seen.
pub(super) struct Client {
    link: Link,
    pub(super) seen: Vec<String>,
    pub(super) error: Option<Error>,
}

impl Client {
    pub(super) fn new(config: &Config) -> Self {
        let plan = Plan::new(config, config.targets.first());
        let link = Link::new(session(config), config.encryptions(false), plan);
        Self::of(link)
    }

    /// One that is given the plaintext.
    pub(super) fn plain(config: &Config) -> Self {
        let plan = Plan::new(config, config.targets.first());
        Self::of(Link::new(session(config), &[Encryption::Plain], plan))
    }

    fn of(link: Link) -> Self {
        let mut client = Self {
            link,
            seen: Vec::new(),
            error: None,
        };
        client.advance();
        client
    }

    /// Receives bytes, at most `piece` at once.
    pub(super) fn receive(&mut self, mut bytes: &[u8], piece: usize) {
        while self.error.is_none() && !bytes.is_empty() {
            let spare = self.link.spare();
            let (now, later) = bytes.split_at(spare.len().min(piece).min(bytes.len()));
            spare[..now.len()].copy_from_slice(now);
            self.link.received(now.len());
            self.advance();
            bytes = later;
        }
    }

    fn advance(&mut self) {
        loop {
            match self.link.advance(Instant::now()) {
                Ok(Progress::NeedInput | Progress::Idle) => return,
                Ok(progress) => self.seen.push(format!("{progress:?}")),
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            }
        }
    }

    /// Takes what the client sends.
    pub(super) fn send(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        loop {
            let bytes = self.link.outgoing();
            if bytes.is_empty() {
                return sent;
            }
            let len = bytes.len();
            sent.extend_from_slice(bytes);
            self.link.sent(len);
        }
    }

    /// Whether the server's certificate has been accepted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.link.tls().is_some()
    }

    /// What ended the connection, at the latest its end.
    pub(super) fn end(&mut self) -> &Error {
        let link = &mut self.link;
        let error = self.error.get_or_insert_with(|| link.eof());
        if let Error::Encryption(error) = &error {
            let text = error.to_string();
            assert!(text.len() <= LONGEST_ERROR, "{text}");
            assert!(!text.contains("sesame"), "{text}");
        }
        error
    }
}

fn session(config: &Config) -> Session {
    let startup = StartupConfig::new(config, &config.targets[0], "nonce");
    Session::new(Connection::start(startup).expect("parameters that can be sent"))
}

/// The options, with a host that is not looked for.
pub(super) fn config(options: &[(&str, &str)]) -> Config {
    let mut params = Params::new();
    let host = [("host", "localhost"), ("hostaddr", "127.0.0.1")];
    for (name, value) in host.iter().chain(options) {
        params.set(name, *value).expect("a known option");
    }
    let environment = Environment {
        env: &|_| None,
        os_user: Some("ann"),
        home: None,
        system: System::Unix,
        socket_dirs: &[],
        config_dirs: &[],
        service_file: &|_| None,
        passfile: &|_| Passfile::Missing,
    };
    Config::resolve(&params, &environment).expect("options that are right")
}

/// A server with TLS, as a client's bytes go in and its own come out.
pub(super) struct Server<'a> {
    tls: ServerConnection,
    /// How many bytes of the SSLRequest are to come.
    request: usize,
    out: Vec<u8>,
    /// What it says once there is TLS.
    plain: &'a [u8],
    /// In pieces so long, before each of which keys are changed.
    refresh: Option<usize>,
}

impl<'a> Server<'a> {
    pub(super) fn new(config: Arc<ServerConfig>, is_direct: bool, plain: &'a [u8]) -> Self {
        let mut tls = ServerConnection::new(config).expect("a configuration that is right");
        tls.set_buffer_limit(None);
        Self {
            tls,
            request: if is_direct { 0 } else { 8 },
            out: Vec::new(),
            plain,
            refresh: None,
        }
    }

    pub(super) fn refreshing(mut self, piece: usize) -> Self {
        self.refresh = Some(piece);
        self
    }

    /// Takes what the client sent; what the server makes of it.
    pub(super) fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (request, mut bytes) = bytes.split_at(self.request.min(bytes.len()));
        self.request -= request.len();
        if !request.is_empty() && self.request == 0 {
            self.out.push(b'S');
        }
        let mut is_right = true;
        while is_right && !bytes.is_empty() && self.tls.read_tls(&mut bytes).is_ok() {
            is_right = self.tls.process_new_packets().is_ok();
            // What the client says does not matter; the end of what is there is an error.
            let _ = self.tls.reader().read_to_end(&mut Vec::new());
        }
        if is_right && !self.tls.is_handshaking() {
            self.speak();
        }
        while self.tls.wants_write() && self.tls.write_tls(&mut self.out).is_ok() {}
        std::mem::take(&mut self.out)
    }

    fn speak(&mut self) {
        let plain = std::mem::take(&mut self.plain);
        for piece in plain.chunks(self.refresh.unwrap_or(plain.len()).max(1)) {
            if self.refresh.is_some() {
                // An older TLS has nothing of the kind.
                let _ = self.tls.refresh_traffic_keys();
            }
            self.tls.writer().write_all(piece).expect("no limit");
        }
    }
}

/// A server's configuration: with this certificate, right or not, and the key of [`CERTIFICATE`].
pub(super) fn server_config(
    certificate: CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let key = ring::sign::any_supported_type(&key).expect("a key that ring has");
    let certified = CertifiedKey::new(vec![certificate], key);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions that ring has")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Arc::new(config)
}

pub(super) fn own_certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate")
}

/// Talks until both are silent; `change` sees what the server sends, and does with it what it likes.
pub(super) fn converse(
    client: &mut Client,
    server: &mut Server<'_>,
    piece: usize,
    mut change: impl FnMut(Vec<u8>) -> Vec<u8>,
) {
    while client.error.is_none() {
        let sent = client.send();
        let answer = server.answer(&sent);
        if answer.is_empty() {
            break;
        }
        client.receive(&change(answer), piece);
    }
}

/// A folder for files, with the right certificate `server.crt` and its key `server.key`. Each thread has its own.
pub(super) fn folder() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    thread_local! {
        static FOLDER: PathBuf = made(ROOT.get_or_init(|| {
            let root = option_env!("CARGO_TARGET_TMPDIR").map(PathBuf::from);
            root.unwrap_or_else(env::temp_dir)
        }));
    }
    FOLDER.with(PathBuf::clone)
}

fn made(root: &Path) -> PathBuf {
    let thread = std::thread::current().id();
    let folder = root.join(format!("howdah-fuzz-{}-{thread:?}", process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    write(&folder.join("server.crt"), CERTIFICATE);
    write(&folder.join("server.key"), KEY);
    folder
}

/// Writes a file that nobody else may read.
pub(super) fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its owner's file");
    }
}

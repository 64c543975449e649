//! Nobody is taken for the server who is not, by what the options promise: whoever answers, in every combination.

#![cfg(feature = "tokio")]

mod common;

use std::io::{Error as IoError, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::certificates::{authority, server};
use common::message;
use hmac::{Hmac, KeyInit, Mac};
use howdah::{AsyncConnection, Connection, Error};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sha2::{Digest, Sha256};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const PLUS: &str = "SCRAM-SHA-256-PLUS";

const REQUIREMENTS: [Option<&str>; 6] = [
    None,
    Some(""),
    Some("scram-sha-256"),
    Some("!password,!md5"),
    Some("!none"),
    Some("none,md5"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Trust,
    Password,
    Md5,
    Scram,
    /// It does not offer to bind the proof to the channel.
    ScramUnbound,
    /// It asks for SCRAM, and lets anybody in instead.
    LetIn,
    /// It makes up the server's proof, or leaves it out.
    Forged,
    Unsigned,
    /// It asks for SCRAM first, and for the password then.
    Harvest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Right,
    /// For another name.
    Misnamed,
    /// Signed by somebody else.
    Unknown,
    None,
}

/// An attacker who passes everything on to the real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Nobody,
    Passing,
    /// It withholds the offer to bind the proof.
    Stripping,
}

/// A server, or whoever stands in its place or before it.
#[derive(Clone, Copy, Debug)]
struct Kind(Method, Tls, Between);

impl Kind {
    fn cheats(self) -> bool {
        use Method::{Forged, Harvest, LetIn, Unsigned};
        matches!(self.0, LetIn | Forged | Unsigned | Harvest)
    }
}

/// What a peer saw: how it was spoken to, what it asked for, and whether the proof was bound to the channel.
#[derive(Clone, Copy, Debug)]
struct Seen {
    encrypted: bool,
    method: &'static str,
    bound: bool,
}

/// What a user asks for.
#[derive(Clone, Copy, Debug)]
struct Wish {
    sslmode: &'static str,
    has_root: bool,
    binding: &'static str,
    /// Nothing is not the same as an empty list, by which no method is accepted.
    require_auth: Option<&'static str>,
}

impl Wish {
    fn all() -> Vec<Self> {
        let modes = [
            ("disable", false),
            ("allow", true),
            ("prefer", false),
            ("prefer", true),
            ("require", false),
            ("require", true),
            ("verify-ca", true),
            ("verify-full", false),
            ("verify-full", true),
        ];
        let mut all = Vec::new();
        for (sslmode, has_root) in modes {
            for binding in ["disable", "prefer", "require"] {
                for require_auth in REQUIREMENTS {
                    all.push(Self {
                        sslmode,
                        has_root,
                        binding,
                        require_auth,
                    });
                }
            }
        }
        all
    }

    /// Whether a peer that saw this may be taken for the server.
    fn permits(self, kind: Kind, seen: Seen) -> bool {
        self.permits_channel(kind.1, seen.encrypted)
            && self.permits_method(seen)
            && seen.method != "forged"
    }

    fn permits_channel(self, tls: Tls, encrypted: bool) -> bool {
        let verifies = self.sslmode.starts_with("verify");
        match self.sslmode {
            "disable" | "allow" | "prefer" if !encrypted => true,
            "disable" => false,
            _ if !encrypted => false,
            _ if verifies && !self.has_root => false,
            _ if self.has_root && tls == Tls::Unknown => false,
            "verify-full" => tls == Tls::Right,
            _ => true,
        }
    }

    fn permits_method(self, seen: Seen) -> bool {
        let words: Vec<_> = self.require_auth.unwrap_or_default().split(',').collect();
        let negated = |word: &&str| word.strip_prefix('!') == Some(seen.method);
        let accepted = match self.require_auth {
            None => true,
            Some("") => seen.method == "none",
            Some(text) if text.starts_with('!') => !words.iter().any(negated),
            Some(_) => words.contains(&seen.method),
        };
        accepted && (self.binding != "require" || seen.bound)
    }

    /// What an honest server sees at the first attempt, if it is one.
    fn honest(self, kind: Kind) -> Option<Seen> {
        if kind.cheats() || kind.2 != Between::Nobody {
            return None;
        }
        let wants_tls = !matches!(self.sslmode, "disable" | "allow");
        let encrypted = wants_tls && kind.1 != Tls::None;
        let method = match kind.0 {
            Method::Trust => "none",
            Method::Password => "password",
            Method::Md5 => "md5",
            _ => "scram-sha-256",
        };
        let bound = encrypted && kind.0 == Method::Scram && self.binding != "disable";
        Some(Seen {
            encrypted,
            method,
            bound,
        })
    }
}

/// A peer of one kind.
struct Impostor {
    kind: Kind,
    config: Arc<ServerConfig>,
    /// What a proof has to be bound to: the certificate of the server that checks it.
    hash: Vec<u8>,
    let_in: Mutex<Vec<Seen>>,
    told: Mutex<Vec<Seen>>,
}

impl Impostor {
    /// Serves one connection, up to its end.
    fn talk(&self, mut client: TcpStream) -> Result<()> {
        client.set_nodelay(true)?;
        let mut head = read(&mut client, 8)?;
        while head == SSL_REQUEST {
            if self.kind.1 == Tls::None {
                client.write_all(b"N")?;
                head = read(&mut client, 8)?;
                continue;
            }
            client.write_all(b"S")?;
            let tls = ServerConnection::new(Arc::clone(&self.config)).map_err(IoError::other)?;
            let mut stream = StreamOwned::new(tls, client);
            let head = read(&mut stream, 8)?;
            return self.admit(&mut stream, &head, true);
        }
        self.admit(&mut client, &head, false)
    }

    fn admit(&self, peer: &mut (impl Read + Write), head: &[u8], encrypted: bool) -> Result<()> {
        read(peer, size_of_message(head) - 8)?;
        let seen = |method| Seen {
            encrypted,
            method,
            bound: false,
        };
        let seen = match self.kind.0 {
            Method::Trust => seen("none"),
            Method::Password => self.ask(peer, seen("password"))?,
            Method::Md5 => self.ask(peer, seen("md5"))?,
            _ => self.scram(peer, encrypted)?,
        };
        self.let_in.lock().unwrap().push(seen);
        let key = message(b'K', &[0; 8]);
        let greeting = [request(0, b""), key, message(b'Z', b"I")].concat();
        peer.write_all(&greeting)?;
        peer.flush()?;
        // The client says goodbye.
        read(peer, 5).map(drop)
    }

    /// Asks for the password, or its hash.
    fn ask(&self, peer: &mut (impl Read + Write), seen: Seen) -> Result<Seen> {
        let asked = match seen.method {
            "md5" => request(5, b"salt"),
            _ => request(3, b""),
        };
        peer.write_all(&asked)?;
        peer.flush()?;
        read_message(peer)?;
        self.told.lock().unwrap().push(seen);
        Ok(seen)
    }

    fn scram(&self, peer: &mut (impl Read + Write), encrypted: bool) -> Result<Seen> {
        let Kind(method, _, between) = self.kind;
        let knows_plus = encrypted && method != Method::ScramUnbound;
        let offered: &[u8] = if knows_plus && between != Between::Stripping {
            b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
        } else {
            b"SCRAM-SHA-256\0\0"
        };
        let answer = exchange(peer, &request(10, offered))?;
        let (mechanism, rest) = answer.split_once('\0').ok_or(IoError::other("no name"))?;
        let (header, bare) = rest[4..].split_once(",,").unwrap();
        // A client that would have bound the channel finds out that the offer was withheld.
        if header == "y" && knows_plus && !self.kind.cheats() {
            return Err(IoError::other("the offer was withheld"));
        }
        let bound = mechanism == PLUS;
        let seen = |method| Seen {
            encrypted,
            method,
            bound,
        };
        match method {
            Method::LetIn => return Ok(seen("none")),
            Method::Harvest => return self.ask(peer, seen("password")),
            _ => {}
        }
        let nonce = bare.split_once(",r=").unwrap().1;
        let challenge = format!("r={nonce}more,s=c2FsdA==,i=1");
        let last = exchange(peer, &request(11, challenge.as_bytes()))?;
        let (unproven, proof) = last.split_once(",p=").unwrap();
        if self.kind.cheats() {
            if method == Method::Forged {
                let forged = format!("v={}", BASE64.encode([0; 32]));
                peer.write_all(&request(12, forged.as_bytes()))?;
            }
            return Ok(seen("forged"));
        }
        let hash: &[u8] = if bound { &self.hash } else { b"" };
        let channel = BASE64.encode([format!("{header},,").as_bytes(), hash].concat());
        let (expected, signature) = proofs(&format!("{bare},{challenge},{unproven}"));
        if BASE64.encode(expected) != proof || !unproven.starts_with(&format!("c={channel},")) {
            return Err(IoError::other("a wrong proof"));
        }
        let signed = format!("v={}", BASE64.encode(signature));
        peer.write_all(&request(12, signed.as_bytes()))?;
        Ok(seen("scram-sha-256"))
    }
}

fn size_of_message(length: &[u8]) -> usize {
    u32::from_be_bytes(length[..4].try_into().unwrap()) as usize
}

fn read(peer: &mut impl Read, count: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    peer.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_message(peer: &mut impl Read) -> Result<String> {
    let head = read(peer, 5)?;
    let body = read(peer, size_of_message(&head[1..]) - 4)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn exchange(peer: &mut (impl Read + Write), asked: &[u8]) -> Result<String> {
    peer.write_all(asked)?;
    peer.flush()?;
    read_message(peer)
}

fn request(kind: u32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes()[..], data].concat())
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

/// The client's proof and the server's signature, after one iteration.
fn proofs(text: &str) -> (Vec<u8>, Vec<u8>) {
    let salted = hmac(b"sesame", b"salt\0\0\0\x01");
    let client_key = hmac(&salted, b"Client Key");
    let mask = hmac(&Sha256::digest(&client_key), text.as_bytes());
    let proof = client_key.iter().zip(mask).map(|(key, mask)| key ^ mask);
    let signature = hmac(&hmac(&salted, b"Server Key"), text.as_bytes());
    (proof.collect(), signature)
}

/// Serves as long as the process runs.
fn serve(impostor: &Arc<Impostor>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let impostor = Arc::clone(impostor);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let impostor = Arc::clone(&impostor);
            // The client may hang up at any time.
            std::thread::spawn(move || impostor.talk(client));
        }
    });
    port
}

/// The authorities' world: impostors of each kind, and the file with the root that is believed.
struct World {
    root: PathBuf,
    impostors: Vec<Arc<Impostor>>,
}

impl World {
    fn new(name: &str, kinds: &[Kind]) -> Self {
        let ((one, pem), (another, _)) = (authority("one"), authority("another"));
        let folder = std::env::temp_dir();
        let root = folder.join(format!(
            "howdah-accepting-{}-{name}.crt",
            std::process::id()
        ));
        std::fs::write(&root, pem).unwrap();
        let right = server("localhost", &one);
        let misnamed = server("elsewhere", &one);
        let unknown = server("localhost", &another);
        let hash = |(_, certificate): &(_, rustls::pki_types::CertificateDer<'_>)| {
            Sha256::digest(certificate).to_vec()
        };
        let impostor = |kind: &Kind| {
            let own = match kind.1 {
                Tls::Misnamed => &misnamed,
                Tls::Unknown => &unknown,
                Tls::Right | Tls::None => &right,
            };
            let checking = if kind.2 == Between::Nobody {
                own
            } else {
                &right
            };
            Arc::new(Impostor {
                kind: *kind,
                config: Arc::new(own.0.clone()),
                hash: hash(checking),
                let_in: Mutex::default(),
                told: Mutex::default(),
            })
        };
        let impostors = kinds.iter().map(impostor).collect();
        Self { root, impostors }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.root);
    }
}

/// What went wrong with this peer, and how many times it was taken for the server.
fn judge(
    impostor: &Arc<Impostor>,
    root: &Path,
    connect: impl Fn(&str) -> std::result::Result<(), Error>,
) -> (Vec<String>, usize) {
    let kind = impostor.kind;
    let port = serve(impostor);
    let (mut wrong, mut accepts) = (Vec::new(), 0);
    for wish in Wish::all() {
        impostor.let_in.lock().unwrap().clear();
        impostor.told.lock().unwrap().clear();
        let root = if wish.has_root {
            root.display().to_string()
        } else {
            "/nonexistent/root.crt".to_owned()
        };
        let options = format!(
            "sslmode={} channel_binding={}{} sslrootcert={root}",
            wish.sslmode,
            wish.binding,
            wish.require_auth
                .map(|methods| format!(" require_auth='{methods}'"))
                .unwrap_or_default()
        );
        let target = "host=localhost hostaddr=127.0.0.1 user=u dbname=d password=sesame";
        match connect(&format!(
            "{target} port={port} connect_timeout=20 {options}"
        )) {
            Ok(()) => {
                accepts += 1;
                let seen = *impostor.let_in.lock().unwrap().last().unwrap();
                if !wish.permits(kind, seen) {
                    wrong.push(format!("{kind:?} {wish:?} was accepted: {seen:?}"));
                }
            }
            Err(error) => {
                let first = wish.honest(kind);
                if first.is_some_and(|seen| wish.permits(kind, seen)) {
                    wrong.push(format!("{kind:?} {wish:?} was refused: {error}"));
                }
            }
        }
        for seen in &*impostor.told.lock().unwrap() {
            if kind.0 == Method::Harvest || !wish.permits(kind, *seen) {
                wrong.push(format!("{kind:?} {wish:?} told: {seen:?}"));
            }
        }
    }
    (wrong, accepts)
}

fn check(name: &str, kinds: &[Kind]) {
    let world = World::new(name, kinds);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for impostor in &world.impostors {
        let blocking = |target: &str| Connection::connect(target).map(drop);
        let tokio = |target: &str| runtime.block_on(AsyncConnection::connect(target)).map(drop);
        let doors = [
            judge(impostor, &world.root, blocking),
            judge(impostor, &world.root, tokio),
        ];
        for (wrong, accepts) in doors {
            assert_eq!(wrong, Vec::<String>::new());
            // Whoever cheats is never taken for the server; everybody else is by those who ask for little.
            assert_eq!(accepts == 0, impostor.kind.cheats(), "{:?}", impostor.kind);
        }
    }
}

#[test]
fn servers_with_tls() {
    use Method::{Md5, Password, Scram, ScramUnbound, Trust};
    let honest = [Trust, Password, Md5, Scram, ScramUnbound];
    let kinds = honest.map(|method| Kind(method, Tls::Right, Between::Nobody));
    check("with", &kinds);
}

#[test]
fn servers_without_tls() {
    use Method::{Md5, Password, Scram, Trust};
    let honest = [Trust, Password, Md5, Scram];
    let kinds = honest.map(|method| Kind(method, Tls::None, Between::Nobody));
    check("without", &kinds);
}

#[test]
fn servers_of_others_and_attackers_in_between() {
    let kinds = [
        Kind(Method::Scram, Tls::Misnamed, Between::Nobody),
        Kind(Method::Password, Tls::Misnamed, Between::Nobody),
        Kind(Method::Scram, Tls::Unknown, Between::Nobody),
        Kind(Method::Trust, Tls::Unknown, Between::Nobody),
        Kind(Method::Scram, Tls::Unknown, Between::Passing),
        Kind(Method::Scram, Tls::Unknown, Between::Stripping),
        Kind(Method::Password, Tls::Unknown, Between::Passing),
    ];
    check("others", &kinds);
}

#[test]
fn attackers_who_cheat() {
    use Method::{Forged, Harvest, LetIn, Unsigned};
    for tls in [Tls::Unknown, Tls::None] {
        let cheats = [LetIn, Forged, Unsigned, Harvest];
        let kinds = cheats.map(|method| Kind(method, tls, Between::Nobody));
        check(&format!("cheats-{tls:?}"), &kinds);
    }
}

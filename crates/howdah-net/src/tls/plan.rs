//! What the options ask for as a configuration of rustls, and what is known once it is agreed on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use howdah_protocol::conninfo::{Config, SslCertMode, SslMode, Target, TlsOptions, TlsVersion};
use howdah_protocol::startup::{Channel, EncryptionError, TlsChannel};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, SignatureScheme, SupportedProtocolVersion, version};

use super::key_log::KeyLogFile;
use super::verify::Verifier;
use super::{TlsFacts, certificate, files};

/// The protocol's name in ALPN. Source: PostgreSQL documentation, "Message Flow", "SSL Session Encryption".
const ALPN: &[u8] = b"postgresql";

/// What the options of a connection say about TLS with one server.
#[derive(Debug, Clone)]
pub struct TlsPlan {
    options: TlsOptions,
    mode: SslMode,
    /// The server's name as the user gave it.
    host: Option<String>,
}

/// TLS as it was set up for one connection, which a cancel request is sent with as well.
#[derive(Clone)]
pub struct TlsRoute {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    direct: bool,
    certificate: Arc<ClientCertificate>,
}

impl TlsPlan {
    /// What the options say about a server.
    #[must_use]
    pub fn new(config: &Config, target: Option<&Target>) -> Self {
        Self {
            options: config.tls.clone(),
            mode: config.sslmode,
            host: target.and_then(|target| target.host.clone()),
        }
    }

    /// Whether TLS begins at once, without an SSLRequest.
    pub(crate) fn is_direct(&self) -> bool {
        self.options.direct
    }

    /// Reads the files, and sets TLS up.
    ///
    /// # Errors
    /// A file that cannot be used, a certificate authority that is missing, a host without a name that is to be verified.
    pub(crate) fn route(&self) -> Result<TlsRoute, EncryptionError> {
        self.build().map_err(EncryptionError::in_handshake)
    }

    fn build(&self) -> Result<TlsRoute, String> {
        let options = &self.options;
        let provider = Arc::new(ring::default_provider());
        let is_needed = matches!(self.mode, SslMode::VerifyCa | SslMode::VerifyFull);
        let trust = files::trust(options, is_needed)?;
        let host = match (self.mode, &self.host) {
            (SslMode::VerifyFull, Some(host)) => Some(host.clone()),
            (SslMode::VerifyFull, None) => {
                return Err("host name must be specified for a verified SSL connection".to_owned());
            }
            _ => None,
        };
        let certificate = Arc::new(ClientCertificate {
            identity: self.identity(&provider)?,
            requested: AtomicBool::new(false),
        });
        let verifier = Verifier::new(trust, host, Arc::clone(&provider));
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(options))
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesClientCert>);
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        if let Some(path) = &options.key_log {
            config.key_log = Arc::new(KeyLogFile::open(path)?);
        }
        let name = self.server_name();
        config.enable_sni = options.sni && matches!(name, ServerName::DnsName(_));
        Ok(TlsRoute {
            config: Arc::new(config),
            name,
            direct: options.direct,
            certificate,
        })
    }

    fn identity(&self, provider: &CryptoProvider) -> Result<Option<Arc<CertifiedKey>>, String> {
        if self.options.certificate_mode == SslCertMode::Disable {
            return Ok(None);
        }
        let Some((chain, key)) = files::identity(&self.options)? else {
            return Ok(None);
        };
        let certified = CertifiedKey::from_der(chain, key, provider);
        certified.map(|key| Some(Arc::new(key))).map_err(|error| {
            let path = self.options.key.as_ref().map(|file| file.path.as_str());
            let path = path.unwrap_or_default();
            format!("certificate does not match private key file \"{path}\": {error}")
        })
    }

    /// What the server is told, and nothing is verified with. An address is not told, nor is what cannot be a name.
    fn server_name(&self) -> ServerName<'static> {
        let host = self.host.clone().unwrap_or_default();
        let nobody = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into());
        // "10.1" is an address to some.
        if host
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return nobody;
        }
        ServerName::try_from(host).unwrap_or(nobody)
    }
}

impl TlsRoute {
    /// Whether TLS begins at once, without an SSLRequest.
    pub(crate) fn is_direct(&self) -> bool {
        self.direct
    }

    /// A connection whose handshake is about to begin.
    pub(crate) fn connect(&self) -> Result<ClientConnection, EncryptionError> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map_err(|error| EncryptionError::in_handshake(format!("SSL error: {error}")))
    }

    /// What authentication has to know of a connection whose handshake is over.
    pub(crate) fn channel(&self, connection: &ClientConnection) -> Channel {
        let certificates = connection.peer_certificates();
        let own = certificates.and_then(|chain| chain.first());
        let end_point = own.map_or_else(
            || Err("the server has no certificate to bind the channel to".to_owned()),
            |certificate| certificate::end_point(certificate),
        );
        let requested = self.certificate.requested.load(Ordering::Relaxed);
        Channel::Tls(Box::new(TlsChannel {
            end_point,
            certificate_requested: requested,
            certificate_sent: requested && self.certificate.identity.is_some(),
        }))
    }
}

/// Without the client's key.
impl fmt::Debug for TlsRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRoute")
            .field("name", &self.name)
            .field("direct", &self.direct)
            .finish_non_exhaustive()
    }
}

impl TlsFacts {
    /// What a connection whose handshake is over has agreed on.
    pub(crate) fn of(connection: &ClientConnection) -> Self {
        let is_old = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2);
        let suite = connection.negotiated_cipher_suite();
        let suite = suite.and_then(|suite| suite.suite().as_str());
        let known = SUITES.iter().find(|(name, ..)| Some(*name) == suite);
        let (_, cipher, key_bits) = known.unwrap_or(&("", "", 0));
        Self {
            version: if is_old { "TLSv1.2" } else { "TLSv1.3" },
            cipher,
            key_bits: *key_bits,
            alpn: connection.alpn_protocol().is_some(),
        }
    }
}

/// The suites of rustls, with OpenSSL's names and the bits of their keys.
#[rustfmt::skip]
const SUITES: &[(&str, &str, u16)] = &[
    ("TLS13_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", 256),
    ("TLS13_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", 128),
    ("TLS13_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", 256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", 256),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", 128),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", 256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", 256),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", 128),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", 256),
];

/// The versions of the options that rustls has. Older ones are not offered, whatever is allowed.
fn versions(options: &TlsOptions) -> Vec<&'static SupportedProtocolVersion> {
    let known: [(TlsVersion, &'static SupportedProtocolVersion); 2] = [
        (TlsVersion::Tls1_3, &version::TLS13),
        (TlsVersion::Tls1_2, &version::TLS12),
    ];
    let range = options.min_version..=options.max_version;
    let wanted = known.into_iter().filter(|(it, _)| range.contains(it));
    wanted.map(|(_, version)| version).collect()
}

/// The client's certificate, which is sent if the server asks for one, whomever it trusts.
#[derive(Debug)]
struct ClientCertificate {
    identity: Option<Arc<CertifiedKey>>,
    /// Whether the server has asked for one.
    requested: AtomicBool,
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.requested.store(true, Ordering::Relaxed);
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}

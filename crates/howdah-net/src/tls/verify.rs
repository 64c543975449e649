//! Whether a server's certificate is trusted: webpki's answer, with libpq's choice of what is asked.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use super::certificate::Certificate;
use super::names;

/// Verifies what was asked for: nothing, the chain, or the chain and the host's name.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Option<Trust>,
    host: Option<String>,
    provider: Arc<CryptoProvider>,
}

/// Who is trusted.
#[derive(Debug)]
pub(super) struct Trust {
    roots: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    revoked: Vec<CertRevocationList<'static>>,
}

impl Trust {
    /// Trusts these certificates; those that are none are passed over if there are others.
    pub(super) fn new(
        roots: Vec<CertificateDer<'static>>,
        revoked: Vec<CertRevocationList<'static>>,
    ) -> Result<Self, String> {
        let anchor = |root| anchor_from_trusted_cert(root).map(|anchor| anchor.to_owned());
        let anchors: Vec<_> = roots.iter().map(anchor).collect();
        if let (false, Some(Err(error))) = (anchors.iter().any(Result::is_ok), anchors.first()) {
            return Err(format!("the certificate in it cannot be read: {error}"));
        }
        let anchors = anchors.into_iter().filter_map(Result::ok).collect();
        Ok(Self {
            roots,
            anchors,
            revoked,
        })
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        provider: &CryptoProvider,
    ) -> Result<(), String> {
        if self.is_trusted_itself(end_entity) {
            let certificate = Certificate::parse(end_entity)?;
            return certificate.check_use(now.as_secs()).map_err(str::to_owned);
        }
        let crls: Vec<_> = self.revoked.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&crls).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let certificate = EndEntityCert::try_from(end_entity).map_err(|error| words(&error))?;
        certificate
            .verify_for_usage(
                provider.signature_verification_algorithms.all,
                &self.anchors,
                intermediates,
                now,
                KeyUsage::server_auth(),
                revocation,
                None,
            )
            .map(drop)
            .map_err(|error| words(&error))
    }

    /// Whether the server's own certificate is among the roots, and issued by itself: there is no chain to look at.
    ///
    /// Servers often have one that `openssl req -x509` has made, which calls itself an authority: webpki takes that for no
    /// server's. Where there are revocation lists, webpki has its say all the same.
    fn is_trusted_itself(&self, end_entity: &CertificateDer<'_>) -> bool {
        let is_root = self.roots.iter().any(|root| root == end_entity);
        let is_self_issued = || Certificate::parse(end_entity).is_ok_and(|it| it.is_self_issued());
        self.revoked.is_empty() && is_root && is_self_issued()
    }
}

impl Verifier {
    pub(super) fn new(
        trust: Option<Trust>,
        host: Option<String>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self {
            trust,
            host,
            provider,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            trust
                .verify(end_entity, intermediates, now, &self.provider)
                .map_err(|why| Error::General(format!("certificate verify failed: {why}")))?;
        }
        if let Some(host) = &self.host {
            let certificate = Certificate::parse(end_entity).map_err(Error::General)?;
            names::check(&certificate, host).map_err(Error::General)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Why webpki does not trust a certificate, in words.
fn words(error: &webpki::Error) -> String {
    use webpki::Error as E;
    let text = match error {
        E::UnknownIssuer => "it was not issued by a trusted root",
        E::CertExpired { .. } => "it has expired",
        E::CertNotValidYet { .. } => "it is not valid yet",
        E::CertRevoked => "it has been revoked",
        E::UnknownRevocationStatus => "no revocation list tells whether it has been revoked",
        E::CrlExpired { .. } => "the revocation list has expired",
        E::CaUsedAsEndEntity => "it is an authority's and no server's",
        E::EndEntityUsedAsCa => "it was issued by a certificate that is no authority's",
        E::UnsupportedCertVersion => "it is no certificate of version 3",
        E::InvalidSignatureForPublicKey => "its signature is wrong",
        E::RequiredEkuNotFoundContext(_) => "it is not for servers",
        other => return format!("{other:?}"),
    };
    text.to_owned()
}

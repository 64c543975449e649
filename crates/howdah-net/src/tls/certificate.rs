//! What is read of a server's certificate beside its chain: its names, and the hash that a channel binding is made with.

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::asn1::{Any, ContextSpecific, ObjectIdentifier};
use x509_cert::der::{Decode, SliceReader, TagNumber};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};
use x509_cert::spki::AlgorithmIdentifierOwned;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// The hashes of signature algorithms, and of the hash algorithms that RSA-PSS names.
#[rustfmt::skip]
const HASHES: &[(&str, Hash)] = &[
    ("1.2.840.113549.1.1.4", Hash::Weak),   // MD5 with RSA
    ("1.2.840.113549.1.1.5", Hash::Weak),   // SHA-1 with RSA
    ("1.2.840.10045.4.1", Hash::Weak),      // SHA-1 with ECDSA
    ("1.2.840.10040.4.3", Hash::Weak),      // SHA-1 with DSA
    ("1.2.840.113549.2.5", Hash::Weak),     // MD5
    ("1.3.14.3.2.26", Hash::Weak),          // SHA-1
    ("1.2.840.113549.1.1.14", Hash::Sha224), ("1.2.840.10045.4.3.1", Hash::Sha224),
    ("2.16.840.1.101.3.4.3.1", Hash::Sha224), ("2.16.840.1.101.3.4.2.4", Hash::Sha224),
    ("1.2.840.113549.1.1.11", Hash::Sha256), ("1.2.840.10045.4.3.2", Hash::Sha256),
    ("2.16.840.1.101.3.4.3.2", Hash::Sha256), ("2.16.840.1.101.3.4.2.1", Hash::Sha256),
    ("1.2.840.113549.1.1.12", Hash::Sha384), ("1.2.840.10045.4.3.3", Hash::Sha384),
    ("2.16.840.1.101.3.4.3.3", Hash::Sha384), ("2.16.840.1.101.3.4.2.2", Hash::Sha384),
    ("1.2.840.113549.1.1.13", Hash::Sha512), ("1.2.840.10045.4.3.4", Hash::Sha512),
    ("2.16.840.1.101.3.4.3.4", Hash::Sha512), ("2.16.840.1.101.3.4.2.3", Hash::Sha512),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    /// MD5 or SHA-1, for which RFC 5929 says to use SHA-256.
    Weak,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// A certificate that has been parsed.
pub(super) struct Certificate(CertificateInner<Raw>);

/// A name that a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Dns(String),
    Ip(Vec<u8>),
}

impl Certificate {
    pub(super) fn parse(der: &[u8]) -> Result<Self, String> {
        let parsed = CertificateInner::<Raw>::from_der(der);
        parsed
            .map(Self)
            .map_err(|error| format!("the server's certificate cannot be read: {error}"))
    }

    /// The DNS names and IP addresses of the extension subjectAltName.
    pub(super) fn alternative_names(&self) -> Result<Vec<Name>, String> {
        let unreadable =
            |error| format!("the names of the server's certificate cannot be read: {error}");
        let tbs = self.0.tbs_certificate();
        let found = tbs.get_extension::<SubjectAltName>().map_err(unreadable)?;
        let names = found.map(|(_, names)| names.0).unwrap_or_default();
        Ok(names.into_iter().filter_map(Name::of).collect())
    }

    /// The first common name of the subject.
    pub(super) fn common_name(&self) -> Option<String> {
        let subject = self.0.tbs_certificate().subject();
        let mut attributes = subject.iter();
        let found = attributes.find(|attribute| attribute.oid == COMMON_NAME)?;
        // Whatever kind of string it is: in all that matter here ASCII is ASCII.
        Some(String::from_utf8_lossy(found.value.value()).into_owned())
    }

    /// Whether it names itself as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        let tbs = self.0.tbs_certificate();
        tbs.issuer() == tbs.subject()
    }

    /// Whether it may be used by a server at this time, in seconds since 1970.
    pub(super) fn check_use(&self, now: u64) -> Result<(), &'static str> {
        let tbs = self.0.tbs_certificate();
        let validity = tbs.validity();
        if now < validity.not_before.to_unix_duration().as_secs() {
            return Err("it is not valid yet");
        }
        if now > validity.not_after.to_unix_duration().as_secs() {
            return Err("it has expired");
        }
        match tbs.get_extension::<ExtendedKeyUsage>() {
            Ok(None) => Ok(()),
            Ok(Some((_, usage))) if usage.0.contains(&SERVER_AUTH) => Ok(()),
            _ => Err("it is not for servers"),
        }
    }

    fn hash(&self) -> Result<Hash, String> {
        let algorithm = self.0.signature_algorithm();
        let named = match &algorithm.parameters {
            Some(parameters) if algorithm.oid == RSA_PSS => pss_hash(parameters),
            _ => Some(algorithm.oid.to_string()),
        };
        let found = named.and_then(|named| HASHES.iter().find(|(oid, _)| *oid == named));
        found.map(|(_, hash)| *hash).ok_or_else(|| {
            format!(
                "channel binding is not possible: the signature algorithm of the server's certificate ({}) has no hash to do it with",
                algorithm.oid
            )
        })
    }
}

impl Name {
    fn of(name: GeneralName) -> Option<Self> {
        match name {
            GeneralName::DnsName(name) => Some(Self::Dns(name.to_string())),
            GeneralName::IpAddress(address) => Some(Self::Ip(address.as_bytes().to_vec())),
            _ => None,
        }
    }
}

/// The channel binding `tls-server-end-point` of RFC 5929: the certificate's hash, by the hash of its signature.
pub(super) fn end_point(der: &[u8]) -> Result<Vec<u8>, String> {
    Ok(match Certificate::parse(der)?.hash()? {
        Hash::Weak | Hash::Sha256 => Sha256::digest(der).to_vec(),
        Hash::Sha224 => Sha224::digest(der).to_vec(),
        Hash::Sha384 => Sha384::digest(der).to_vec(),
        Hash::Sha512 => Sha512::digest(der).to_vec(),
    })
}

/// The hash algorithm that the parameters of RSA-PSS name; SHA-1 where they name none. Source: RFC 4055, section 3.1.
fn pss_hash(parameters: &Any) -> Option<String> {
    const SHA1: &str = "1.3.14.3.2.26";
    let mut reader = SliceReader::new(parameters.value()).ok()?;
    let hash =
        ContextSpecific::<AlgorithmIdentifierOwned>::decode_explicit(&mut reader, TagNumber(0));
    match hash.ok()? {
        Some(hash) => Some(hash.value.oid.to_string()),
        None => Some(SHA1.to_owned()),
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;

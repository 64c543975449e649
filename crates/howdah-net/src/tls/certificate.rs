//! What is read of a server's certificate beside its chain: its names, and the hash that a channel binding is made with.

use pkcs8::der::asn1::{
    AnyRef, BitStringRef, ContextSpecific, GeneralizedTime, Ia5StringRef, IntRef, ObjectIdentifier,
    OctetStringRef, UtcTime,
};
use pkcs8::der::{
    self, Decode, DecodeValue, ErrorKind, FixedTag, Header, Reader, SliceReader, Tag, TagMode,
    TagNumber, Tagged,
};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
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

/// A certificate that has been parsed. Source: RFC 5280, section 4.1.
pub(super) struct Certificate<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    signed: Signed<'a>,
}

/// What the signature of a certificate is for.
struct Signed<'a> {
    issuer: DistinguishedName<'a>,
    /// The first and the last second, since 1970.
    validity: (u64, u64),
    subject: DistinguishedName<'a>,
    extensions: Vec<Extension<'a>>,
}

struct DistinguishedName<'a> {
    encoded: &'a [u8],
    /// The first one of its common names.
    common_name: Option<&'a [u8]>,
}

struct Extension<'a> {
    kind: ObjectIdentifier,
    value: &'a [u8],
}

/// A name that a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Dns(String),
    Ip(Vec<u8>),
}

impl<'a> Certificate<'a> {
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, String> {
        Self::from_der(der)
            .map_err(|error| format!("the server's certificate cannot be read: {error}"))
    }

    /// The DNS names and IP addresses of the extension subjectAltName.
    pub(super) fn alternative_names(&self) -> Result<Vec<Name>, String> {
        let unreadable =
            |error| format!("the names of the server's certificate cannot be read: {error}");
        let found = self.extension::<Vec<AnyRef<'_>>>(ALTERNATIVE_NAMES);
        let names = found.map_err(unreadable)?.unwrap_or_default();
        let names = names.into_iter().map(Name::of);
        names
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()
            .map_err(unreadable)
    }

    /// The first common name of the subject.
    pub(super) fn common_name(&self) -> Option<String> {
        let name = self.signed.subject.common_name?;
        // Whatever kind of string it is: in all that matter here ASCII is ASCII.
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// Whether it names itself as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.signed.issuer.encoded == self.signed.subject.encoded
    }

    /// Whether it may be used by a server at this time, in seconds since 1970.
    pub(super) fn check_use(&self, now: u64) -> Result<(), &'static str> {
        let (first, last) = self.signed.validity;
        if now < first {
            return Err("it is not valid yet");
        }
        if now > last {
            return Err("it has expired");
        }
        match self.extension::<Vec<ObjectIdentifier>>(EXTENDED_KEY_USAGE) {
            Ok(None) => Ok(()),
            Ok(Some(usage)) if usage.contains(&SERVER_AUTH) => Ok(()),
            _ => Err("it is not for servers"),
        }
    }

    /// The extension of a kind, of which there may be one.
    fn extension<T>(&self, kind: ObjectIdentifier) -> der::Result<Option<T>>
    where
        T: Decode<'a, Error = der::Error>,
    {
        let extensions = self.signed.extensions.iter();
        let mut found = extensions.filter(|extension| extension.kind == kind);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(ErrorKind::Failed.into()),
            (Some(extension), None) => T::from_der(extension.value).map(Some),
            (None, _) => Ok(None),
        }
    }

    fn hash(&self) -> Result<Hash, String> {
        let algorithm = &self.algorithm;
        let named = match algorithm.parameters {
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

impl FixedTag for Certificate<'_> {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Certificate<'a> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let signed = reader.decode()?;
        let algorithm = reader.decode()?;
        let _signature: BitStringRef<'_> = reader.decode()?;
        Ok(Self { algorithm, signed })
    }
}

impl FixedTag for Signed<'_> {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Signed<'a> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let version = reader.context_specific::<u8>(TagNumber(0), TagMode::Explicit)?;
        if version.is_some_and(|version| version > 2) {
            return Err(reader.error(Tag::Integer.value_error()));
        }
        let _serial_number: IntRef<'_> = reader.decode()?;
        let _algorithm: AlgorithmIdentifierRef<'_> = reader.decode()?;
        let issuer = DistinguishedName::read(reader)?;
        let validity =
            reader.sequence(|reader| Ok::<_, der::Error>((time(reader)?, time(reader)?)))?;
        let subject = DistinguishedName::read(reader)?;
        let _key: SubjectPublicKeyInfoRef<'_> = reader.decode()?;
        for unique_id in [1, 2] {
            reader.context_specific::<BitStringRef<'_>>(TagNumber(unique_id), TagMode::Implicit)?;
        }
        let extensions = reader.context_specific(TagNumber(3), TagMode::Explicit)?;
        Ok(Self {
            issuer,
            validity,
            subject,
            extensions: extensions.unwrap_or_default(),
        })
    }
}

impl<'a> DistinguishedName<'a> {
    fn read<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        let encoded = reader.tlv_bytes()?;
        let mut common_name = None;
        for set in Vec::<AnyRef<'_>>::from_der(encoded)? {
            set.tag().assert_eq(Tag::Set)?;
            let mut attributes = SliceReader::new(set.value())?;
            while !attributes.is_finished() {
                let (kind, value) = attributes.sequence(attribute)?;
                if kind == COMMON_NAME {
                    common_name.get_or_insert(value.value());
                }
            }
        }
        Ok(Self {
            encoded,
            common_name,
        })
    }
}

impl FixedTag for Extension<'_> {
    const TAG: Tag = Tag::Sequence;
}

impl<'a> DecodeValue<'a> for Extension<'a> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, _header: Header) -> der::Result<Self> {
        let kind = reader.decode()?;
        let _critical: Option<bool> = reader.decode()?;
        let value: &OctetStringRef = reader.decode()?;
        Ok(Self {
            kind,
            value: value.as_bytes(),
        })
    }
}

impl Name {
    /// The name that counts, if it is one of those kinds.
    fn of(name: AnyRef<'_>) -> der::Result<Option<Self>> {
        let Tag::ContextSpecific {
            constructed,
            number: TagNumber(kind @ 0..=8),
        } = name.tag()
        else {
            return Err(name.tag().unexpected_error(None).into());
        };
        let is_structure = matches!(kind, 0 | 3..=5);
        if constructed != is_structure {
            return Err(name.tag().unexpected_error(None).into());
        }
        let text = || Ia5StringRef::new(name.value());
        match kind {
            1 | 6 => text().map(|_| None),
            2 => Ok(Some(Self::Dns(text()?.as_str().to_owned()))),
            7 => Ok(Some(Self::Ip(name.value().to_vec()))),
            _ => Ok(None),
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

/// One attribute of a name: its kind, and its value.
fn attribute<'a>(reader: &mut SliceReader<'a>) -> der::Result<(ObjectIdentifier, AnyRef<'a>)> {
    Ok((reader.decode()?, reader.decode()?))
}

/// One end of a validity, in seconds since 1970.
fn time<'a, R: Reader<'a>>(reader: &mut R) -> der::Result<u64> {
    let since = match Tag::peek(reader)? {
        Tag::UtcTime => UtcTime::decode(reader)?.to_unix_duration(),
        _ => GeneralizedTime::decode(reader)?.to_unix_duration(),
    };
    Ok(since.as_secs())
}

/// The hash algorithm that the parameters of RSA-PSS name; SHA-1 where they name none. Source: RFC 4055, section 3.1.
fn pss_hash(parameters: AnyRef<'_>) -> Option<String> {
    const SHA1: &str = "1.3.14.3.2.26";
    let mut reader = SliceReader::new(parameters.value()).ok()?;
    let hash =
        ContextSpecific::<AlgorithmIdentifierRef<'_>>::decode_explicit(&mut reader, TagNumber(0));
    match hash.ok()? {
        Some(hash) => Some(hash.value.oid.to_string()),
        None => Some(SHA1.to_owned()),
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;

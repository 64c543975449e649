//! The files that the options about TLS name: roots, revocation lists, the client's certificate and key.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use howdah_protocol::auth::Password;
use howdah_protocol::conninfo::{OptionalFile, RootCertificates, TlsOptions};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::SecretDocument;
use pkcs8::pkcs5::pbes2::{Kdf, ScryptParams};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use webpki::{CertRevocationList, OwnedCertRevocationList};

use super::verify::Trust;
use crate::connect::os_message;
use crate::platform;

/// The longest file that is read, in bytes. There are revocation lists of more than 100 MB.
const LONGEST_FILE: u64 = 256 << 20;

/// The longest file with a key.
const LONGEST_KEY: u64 = 1 << 20;

/// How often a password is hashed at most, as in SCRAM.
const MAX_ITERATIONS: u32 = 4_000_000;

/// What scrypt may take, in bytes. Source: OpenSSL, `SCRYPT_MAX_MEM`.
const MAX_SCRYPT_MEMORY: u128 = 32 << 20;

/// How many blocks scrypt may mix: eight times what OpenSSL has it do.
const MAX_SCRYPT_BLOCKS: u128 = 8 << 17;

/// Whom the options have trusted; `None` if they name nobody, and nobody has to be. Source: libpq, `initialize_SSL`.
pub(super) fn trust(options: &TlsOptions, is_needed: bool) -> Result<Option<Trust>, String> {
    let advice = "Either provide the file, use the system's trusted roots with sslrootcert=system, or change sslmode to disable \
                  server certificate verification.";
    let file = match &options.roots {
        RootCertificates::System => return system_roots(options).map(Some),
        RootCertificates::File(file) if Path::new(&file.path).exists() => file,
        RootCertificates::File(file) if is_needed => {
            let path = &file.path;
            return Err(format!(
                "root certificate file \"{path}\" does not exist\n{advice}"
            ));
        }
        RootCertificates::Nowhere if is_needed => {
            return Err(format!(
                "could not get home directory to locate root certificate file\n{advice}"
            ));
        }
        _ => return Ok(None),
    };
    let path = &file.path;
    let unreadable =
        |why: String| format!("could not read root certificate file \"{path}\": {why}");
    let roots = certificates(path).map_err(unreadable)?;
    let revoked = revocation_lists(options)?;
    Trust::new(roots, revoked).map(Some).map_err(unreadable)
}

fn system_roots(options: &TlsOptions) -> Result<Trust, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(ToString::to_string);
        let why = why.unwrap_or_else(|| "there are none".to_owned());
        return Err(format!(
            "could not load system root certificate paths: {why}"
        ));
    }
    // The list at the usual place belongs to the root there.
    let file = options.crl_file.as_ref();
    let is_given = options.crl_dir.is_some() || file.is_some_and(|file| file.is_given);
    let revoked = is_given.then(|| revocation_lists(options)).transpose()?;
    Trust::new(found.certs, revoked.unwrap_or_default())
}

/// The client's certificate and key, if there are any to be sent. Source: libpq, `initialize_SSL`.
pub(super) fn identity(
    options: &TlsOptions,
) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, String> {
    let Some(certificate) = &options.certificate else {
        return Ok(None);
    };
    let path = &certificate.path;
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => {
            let why = os_message(&error);
            return Err(format!("could not open certificate file \"{path}\": {why}"));
        }
    }
    let chain = certificates(path)
        .map_err(|why| format!("could not read certificate file \"{path}\": {why}"))?;
    let Some(key) = &options.key else {
        return Ok(None);
    };
    Ok(Some((
        chain,
        private_key(key, options.key_password.as_ref())?,
    )))
}

fn private_key(
    file: &OptionalFile,
    password: Option<&Password>,
) -> Result<PrivateKeyDer<'static>, String> {
    let path = &file.path;
    if file.is_given && platform::without_drive(path).contains(':') {
        return Err(format!(
            "private key \"{path}\" is not supported: engines are OpenSSL's, and a file's name has no colon"
        ));
    }
    let metadata = fs::metadata(path).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return format!("certificate present, but not private key file \"{path}\"");
        }
        let why = os_message(&error);
        format!("could not stat private key file \"{path}\": {why}")
    })?;
    if !metadata.is_file() {
        return Err(format!("private key file \"{path}\" is not a regular file"));
    }
    if platform::is_key_open_to_others(&metadata) {
        return Err(format!(
            "private key file \"{path}\" has group or world access; file must have permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned by root"
        ));
    }
    let unusable = |why: String| format!("could not load private key file \"{path}\": {why}");
    let bytes = read(Path::new(path), LONGEST_KEY).map_err(unusable)?;
    decode_key(&bytes, password).map_err(unusable)
}

/// A key of PKCS#8, PKCS#1 or SEC1, in PEM or DER.
fn decode_key(bytes: &[u8], password: Option<&Password>) -> Result<PrivateKeyDer<'static>, String> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err("keys encrypted in OpenSSL's old format are not supported: convert it with \"openssl pkcs8 -topk8\"".to_owned());
    }
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let (_, document) =
            SecretDocument::from_pem(pem_section(&text)).map_err(|error| error.to_string())?;
        return decrypt(document.as_bytes(), password);
    }
    if text.contains("-----BEGIN ") {
        return PrivateKeyDer::from_pem_slice(bytes).map_err(|error| words(&error).to_owned());
    }
    if EncryptedPrivateKeyInfoRef::try_from(bytes).is_ok() {
        return decrypt(bytes, password);
    }
    PrivateKeyDer::try_from(bytes.to_vec()).map_err(str::to_owned)
}

/// The encrypted key of a file, which may have something before and behind it.
fn pem_section(text: &str) -> &str {
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let start = text.find("-----BEGIN ENCRYPTED").unwrap_or_default();
    let end = text.find(END).map_or(text.len(), |end| end + END.len());
    text.get(start..end).unwrap_or(text)
}

fn decrypt(der: &[u8], password: Option<&Password>) -> Result<PrivateKeyDer<'static>, String> {
    let Some(password) = password else {
        return Err("it is encrypted, and no sslpassword is given".to_owned());
    };
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|error| error.to_string())?;
    let kdf = info.encryption_algorithm.pbes2().map(|how| &how.kdf);
    if kdf.is_some_and(|kdf| !is_affordable(kdf)) {
        return Err("its password would have to be hashed too often".to_owned());
    }
    // Wrong passwords show in what is decrypted.
    let key = info.decrypt(password.expose()).map_err(|_| {
        "it cannot be decrypted: the sslpassword is wrong, or its cipher is not supported"
            .to_owned()
    })?;
    PrivateKeyDer::try_from(key.as_bytes().to_vec()).map_err(str::to_owned)
}

/// Whether a password is made a key within seconds. The numbers are the file's.
fn is_affordable(kdf: &Kdf) -> bool {
    match kdf {
        Kdf::Pbkdf2(params) => params.iteration_count <= MAX_ITERATIONS,
        Kdf::Scrypt(params) => is_scrypt_affordable(params),
        // What it is, decrypting will say.
        _ => true,
    }
}

fn is_scrypt_affordable(params: &ScryptParams) -> bool {
    let cost = u128::from(params.cost_parameter);
    let (block, lanes) = (
        u128::from(params.block_size),
        u128::from(params.parallelization),
    );
    let memory = 128 * block * (cost + lanes + 1);
    cost.is_power_of_two()
        && memory <= MAX_SCRYPT_MEMORY
        && cost * block * lanes <= MAX_SCRYPT_BLOCKS
}

/// The certificates of a file in PEM: one at least.
fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(Path::new(path), LONGEST_FILE)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| words(&error).to_owned())?;
    if found.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(found)
}

/// The revocation lists that the options name. The one at the usual place need not be there.
fn revocation_lists(options: &TlsOptions) -> Result<Vec<CertRevocationList<'static>>, String> {
    let mut lists = Vec::new();
    if let Some(file) = &options.crl_file {
        let read = read_lists(Path::new(&file.path), &mut lists);
        if file.is_given {
            let path = &file.path;
            read.map_err(|why| format!("could not read revocation list \"{path}\": {why}"))?;
        }
    }
    if let Some(path) = &options.crl_dir {
        let unreadable =
            |why: String| format!("could not read revocation lists in \"{path}\": {why}");
        let entries = fs::read_dir(path).map_err(|error| unreadable(os_message(&error)))?;
        for entry in entries.flatten() {
            // OpenSSL's names: the hash of the issuer, and a number.
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.rsplit_once(".r"));
            if number.is_some_and(|(_, number)| number.parse::<u32>().is_ok()) {
                read_lists(&entry.path(), &mut lists).map_err(unreadable)?;
            }
        }
        if lists.is_empty() {
            return Err(unreadable("there are none".to_owned()));
        }
    }
    Ok(lists)
}

fn read_lists(path: &Path, lists: &mut Vec<CertRevocationList<'static>>) -> Result<(), String> {
    let bytes = read(path, LONGEST_FILE)?;
    let before = lists.len();
    for list in CertificateRevocationListDer::pem_slice_iter(&bytes) {
        let list = list.map_err(|error| words(&error).to_owned())?;
        let list =
            OwnedCertRevocationList::from_der(&list).map_err(|error| format!("{error:?}"))?;
        lists.push(list.into());
    }
    if lists.len() == before {
        return Err("there is no revocation list in it".to_owned());
    }
    Ok(())
}

/// Reads a file, which may be a device that does not end.
fn read(path: &Path, longest: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| os_message(&error))?;
    let mut file = file.take(longest + 1);
    let len = file.read_to_end(&mut bytes);
    let len = len.map_err(|error| os_message(&error))?;
    if u64::try_from(len).is_ok_and(|len| len <= longest) {
        return Ok(bytes);
    }
    Err(format!("it is longer than {longest} bytes"))
}

/// What is wrong with a PEM file. The library would show lines of it, which may be a key.
fn words(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "there is no END line to a BEGIN line in it",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line in it is not a line by itself",
        pem::Error::Base64Decode(_) => "what is between BEGIN and END is not base64",
        pem::Error::NoItemsFound => "there is no key in it",
        _ => "it is not PEM",
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_key_is_shown() {
        let begin = "-----BEGIN PRIVATE KEY----- c2VzYW1l";
        for (rest, text) in [
            ("", "a BEGIN line in it is not a line by itself"),
            (
                " -----END PRIVATE KEY-----",
                "there is no END line to a BEGIN line in it",
            ),
        ] {
            let error = decode_key(format!("{begin}{rest}").as_bytes(), None);
            assert_eq!(error.unwrap_err(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_may_have_no_end() {
        let error = read(Path::new("/dev/zero"), 10_000).unwrap_err();
        assert_eq!(error, "it is longer than 10000 bytes");
    }
}

//! `sslkeylogfile`: the secrets of TLS in a file, for tools that show what goes over the network.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use rustls::KeyLog;

use crate::connect::os_message;
use crate::platform;

/// A file in NSS's key log format. Whoever reads it can read what the connection carries.
#[derive(Debug)]
pub(super) struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    /// Appends to a file, which is made for its owner alone if there is none.
    pub(super) fn open(path: &str) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        let options = platform::for_owner_alone(options.append(true).create(true));
        let opened = options.open(path);
        opened.map(|file| Self(Mutex::new(file))).map_err(|error| {
            let why = os_message(&error);
            format!("could not open SSL key logging file \"{path}\": {why}")
        })
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The connection does not depend on it.
        let _ = file.write_all(line.as_bytes());
    }
}

//! Passwords as servers keep them.

use howdah_net::environment;
use howdah_protocol::auth::{Password, verifier};
use pyo3::prelude::*;

use super::body::Status;
use super::conn::PgConn;
use super::escaping::Escaping;
use crate::errors;

impl PgConn {
    /// A password as the server would keep it.
    pub(super) fn encrypted(
        &self,
        py: Python<'_>,
        password: &[u8],
        user: &[u8],
        algorithm: Option<Vec<u8>>,
    ) -> PyResult<String> {
        let failed =
            |why: &str| errors::operational(py, format!("password encryption failed: {why}"));
        self.usable(py, "password encryption")?;
        let algorithm = match algorithm {
            Some(algorithm) => algorithm,
            None => self.server_algorithm(py)?,
        };
        let (Ok(password), Ok(user)) = (std::str::from_utf8(password), std::str::from_utf8(user))
        else {
            return Err(failed("passwords and names have to be in UTF-8"));
        };
        match algorithm.as_slice() {
            b"md5" => Ok(verifier::md5(user, &Password::new(password))),
            b"scram-sha-256" | b"on" | b"off" => {
                let salt = environment::salt()?;
                Ok(verifier::scram(&Password::new(password), &salt))
            }
            other => {
                let name = String::from_utf8_lossy(other);
                let why = format!("unrecognized password encryption algorithm \"{name}\"");
                Err(failed(&why))
            }
        }
    }

    /// Sets a user's password.
    pub(super) fn set_password(
        &self,
        py: Python<'_>,
        user: &[u8],
        password: &[u8],
    ) -> PyResult<()> {
        let encrypted = self.encrypted(py, password, user, None)?;
        let user = Escaping::identifier(py, self.core(py)?.as_ref(), user)?;
        let command = [
            b"ALTER USER ",
            user.as_slice(),
            b" PASSWORD '",
            encrypted.as_bytes(),
            b"'",
        ];
        let result = self.execute(py, command.concat())?;
        match result.body_status() {
            Status::CommandOk => Ok(()),
            _ => {
                let text = Bound::new(py, result)?.call_method0("get_error_message")?;
                let text = format!("password encryption failed: {text}");
                Err(errors::operational(py, text))
            }
        }
    }

    fn server_algorithm(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let result = self.execute(py, b"SHOW password_encryption".to_vec())?;
        result.first_value().ok_or_else(|| {
            let text = "password encryption failed: password_encryption value is not known";
            errors::operational(py, text)
        })
    }
}

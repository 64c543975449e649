//! Messages to the server: functions that append to the caller's buffer.
//!
//! Each of them either appends one whole message or returns an error and leaves `out` as it was.

mod message;

pub use message::{FrontendMessage, Secret, Target, frame_header, startup_frame_len};

use super::backend::KEY_LENGTHS;
use super::{Format, write};
use crate::error::UsageError;

/// The longest startup packet that the server reads (`MAX_STARTUP_PACKET_LENGTH`).
pub const MAX_STARTUP_LEN: usize = 10_000;

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;

/// What a closure given to [`value`] has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsNull {
    /// The value is NULL; whatever was written is dropped.
    Yes,
    /// The value is the bytes that were written.
    No,
}

/// StartupMessage for protocol `3.minor`, with the parameters in the order given.
///
/// # Errors
/// A NUL or an empty name, more than [`MAX_STARTUP_LEN`] bytes.
pub fn startup_message<'a>(
    out: &mut Vec<u8>,
    minor: u16,
    parameters: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
) -> Result<(), UsageError> {
    write::untagged(out, MAX_STARTUP_LEN, |out| {
        out.extend_from_slice(&3_u16.to_be_bytes());
        out.extend_from_slice(&minor.to_be_bytes());
        for (name, value) in parameters {
            if name.is_empty() {
                let what = "startup parameter name";
                return Err(UsageError::EmptyName { what });
            }
            write::cstr(out, name, "startup parameter name")?;
            write::cstr(out, value, "startup parameter value")?;
        }
        out.push(0);
        Ok(())
    })
}

/// CancelRequest: the only message on a connection of its own.
///
/// # Errors
/// A key that is not 4 to 256 bytes long.
pub fn cancel_request(out: &mut Vec<u8>, process_id: i32, key: &[u8]) -> Result<(), UsageError> {
    if !KEY_LENGTHS.contains(&key.len()) {
        return Err(UsageError::InvalidKeyLength { length: key.len() });
    }
    write::untagged(out, MAX_STARTUP_LEN, |out| {
        out.extend_from_slice(&CANCEL_REQUEST.to_be_bytes());
        out.extend_from_slice(&process_id.to_be_bytes());
        write::bytes(out, key)
    })
}

/// SSLRequest: the server answers with one byte.
pub fn ssl_request(out: &mut Vec<u8>) {
    out.extend_from_slice(&8_u32.to_be_bytes());
    out.extend_from_slice(&SSL_REQUEST.to_be_bytes());
}

/// GSSENCRequest: the server answers with one byte.
pub fn gssenc_request(out: &mut Vec<u8>) {
    out.extend_from_slice(&8_u32.to_be_bytes());
    out.extend_from_slice(&GSSENC_REQUEST.to_be_bytes());
}

/// PasswordMessage: a password in clear text, or its MD5 hash.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn password(out: &mut Vec<u8>, password: &[u8]) -> Result<(), UsageError> {
    write::message(out, b'p', |out| write::cstr(out, password, "password"))
}

/// SASLInitialResponse; `None` is no response, which differs from an empty one.
///
/// # Errors
/// A NUL in the mechanism's name, or too many bytes.
pub fn sasl_initial_response(
    out: &mut Vec<u8>,
    mechanism: &[u8],
    response: Option<&[u8]>,
) -> Result<(), UsageError> {
    write::message(out, b'p', |out| {
        write::cstr(out, mechanism, "SASL mechanism")?;
        write::value(out, response)
    })
}

/// SASLResponse.
///
/// # Errors
/// Too many bytes.
pub fn sasl_response(out: &mut Vec<u8>, data: &[u8]) -> Result<(), UsageError> {
    write::message(out, b'p', |out| write::bytes(out, data))
}

/// GSSResponse: a GSSAPI or SSPI token.
///
/// # Errors
/// Too many bytes.
pub fn gss_response(out: &mut Vec<u8>, token: &[u8]) -> Result<(), UsageError> {
    write::message(out, b'p', |out| write::bytes(out, token))
}

/// Query: one or several commands by the simple protocol.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn query(out: &mut Vec<u8>, sql: &[u8]) -> Result<(), UsageError> {
    write::message(out, b'Q', |out| write::cstr(out, sql, "query"))
}

/// Parse; an empty name is the unnamed statement, a zero OID leaves the type to the server.
///
/// # Errors
/// A NUL, more than 65,535 types, or too many bytes.
pub fn parse(
    out: &mut Vec<u8>,
    name: &[u8],
    sql: &[u8],
    parameter_oids: &[u32],
) -> Result<(), UsageError> {
    write::message(out, b'P', |out| {
        write::cstr(out, name, "statement name")?;
        write::cstr(out, sql, "query")?;
        parameter_count(out, parameter_oids.len())?;
        write::room(out, 4 * parameter_oids.len())?;
        out.extend(parameter_oids.iter().flat_map(|oid| oid.to_be_bytes()));
        Ok(())
    })
}

/// Bind; `values` is what `count` calls of [`value`], [`put_value`] and [`put_null`] have written.
///
/// No formats mean text, one format means all: otherwise there has to be one for each value. In `result_formats` it is
/// one for each column.
///
/// # Errors
/// A NUL, more than 65,535 values, a wrong number of formats, or too many bytes.
#[inline]
pub fn bind(
    out: &mut Vec<u8>,
    portal: &[u8],
    statement: &[u8],
    formats: &[Format],
    values: &[u8],
    count: usize,
    result_formats: &[Format],
) -> Result<(), UsageError> {
    check_formats(formats, count)?;
    debug_assert!(tiles(values, count), "values must be `count` values");
    write::message(out, b'B', |out| {
        write::cstr(out, portal, "portal name")?;
        write::cstr(out, statement, "statement name")?;
        write::formats(out, formats)?;
        parameter_count(out, count)?;
        write::bytes(out, values)?;
        write::formats(out, result_formats)
    })
}

/// Appends one value for [`bind`]: its length is patched in when `f` has written the bytes.
///
/// # Errors
/// What `f` returns, or a value too large for a message; `out` is then as before.
#[inline]
pub fn value<E: From<UsageError>>(
    out: &mut Vec<u8>,
    f: impl FnOnce(&mut Vec<u8>) -> Result<IsNull, E>,
) -> Result<(), E> {
    let at = out.len();
    write::room(out, 4).map_err(E::from)?;
    out.extend_from_slice(&[0; 4]);
    let written = match f(out) {
        Ok(IsNull::No) => write::check_size(out.len().saturating_sub(at + 4)).map_err(E::from),
        Ok(IsNull::Yes) => {
            out.truncate(at + 4);
            Ok(-1)
        }
        Err(error) => Err(error),
    };
    match written {
        Ok(len) => {
            write::patch(out, at, len);
            Ok(())
        }
        Err(error) => {
            out.truncate(at);
            Err(error)
        }
    }
}

/// Appends one value for [`bind`] from its bytes.
///
/// # Errors
/// A value too large for a message; `out` is then as before.
#[inline]
pub fn put_value(out: &mut Vec<u8>, data: &[u8]) -> Result<(), UsageError> {
    write::value(out, Some(data))
}

/// Appends NULL for [`bind`].
///
/// # Errors
/// There is no memory; `out` is as before.
#[inline]
pub fn put_null(out: &mut Vec<u8>) -> Result<(), UsageError> {
    write::value(out, None)
}

/// Describe of a prepared statement: ParameterDescription, then RowDescription or NoData.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn describe_statement(out: &mut Vec<u8>, name: &[u8]) -> Result<(), UsageError> {
    named(out, b'D', Target::Statement, name)
}

/// Describe of a portal: RowDescription or NoData.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn describe_portal(out: &mut Vec<u8>, name: &[u8]) -> Result<(), UsageError> {
    named(out, b'D', Target::Portal, name)
}

/// Close of a prepared statement; one that does not exist is no error.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn close_statement(out: &mut Vec<u8>, name: &[u8]) -> Result<(), UsageError> {
    named(out, b'C', Target::Statement, name)
}

/// Close of a portal; one that does not exist is no error.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn close_portal(out: &mut Vec<u8>, name: &[u8]) -> Result<(), UsageError> {
    named(out, b'C', Target::Portal, name)
}

/// Execute; 0 rows means all.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn execute(out: &mut Vec<u8>, portal: &[u8], max_rows: i32) -> Result<(), UsageError> {
    write::message(out, b'E', |out| {
        write::cstr(out, portal, "portal name")?;
        out.extend_from_slice(&max_rows.to_be_bytes());
        Ok(())
    })
}

/// Sync.
#[inline]
pub fn sync(out: &mut Vec<u8>) {
    write::empty(out, b'S');
}

/// Flush.
#[inline]
pub fn flush(out: &mut Vec<u8>) {
    write::empty(out, b'H');
}

/// Terminate.
pub fn terminate(out: &mut Vec<u8>) {
    write::empty(out, b'X');
}

/// CopyData.
///
/// # Errors
/// Too many bytes.
#[inline]
pub fn copy_data(out: &mut Vec<u8>, data: &[u8]) -> Result<(), UsageError> {
    write::message(out, b'd', |out| write::bytes(out, data))
}

/// CopyDone.
pub fn copy_done(out: &mut Vec<u8>) {
    write::empty(out, b'c');
}

/// CopyFail; the server puts the reason into its error.
///
/// # Errors
/// A NUL, or too many bytes.
pub fn copy_fail(out: &mut Vec<u8>, reason: &[u8]) -> Result<(), UsageError> {
    write::message(out, b'f', |out| write::cstr(out, reason, "reason"))
}

/// FunctionCall: the fast-path interface; formats as in [`bind`].
///
/// # Errors
/// More than 65,535 arguments, a wrong number of formats, or too many bytes.
pub fn function_call(
    out: &mut Vec<u8>,
    function_oid: u32,
    formats: &[Format],
    arguments: &[Option<&[u8]>],
    result_format: Format,
) -> Result<(), UsageError> {
    check_formats(formats, arguments.len())?;
    write::message(out, b'F', |out| {
        out.extend_from_slice(&function_oid.to_be_bytes());
        write::formats(out, formats)?;
        parameter_count(out, arguments.len())?;
        arguments
            .iter()
            .try_for_each(|argument| write::value(out, *argument))?;
        out.extend_from_slice(&result_format.code().to_be_bytes());
        Ok(())
    })
}

fn named(out: &mut Vec<u8>, tag: u8, target: Target, name: &[u8]) -> Result<(), UsageError> {
    write::message(out, tag, |out| {
        out.push(target.as_byte());
        write::cstr(out, name, target.what())
    })
}

#[inline]
fn parameter_count(out: &mut Vec<u8>, count: usize) -> Result<(), UsageError> {
    let short = u16::try_from(count).map_err(|_| UsageError::TooManyParameters { count })?;
    out.extend_from_slice(&short.to_be_bytes());
    Ok(())
}

#[inline]
fn check_formats(formats: &[Format], count: usize) -> Result<(), UsageError> {
    if count > usize::from(u16::MAX) {
        return Err(UsageError::TooManyParameters { count });
    }
    if formats.len() > 1 && formats.len() != count {
        let formats = formats.len();
        return Err(UsageError::FormatCountMismatch { formats, count });
    }
    Ok(())
}

/// Whether a block of values holds exactly `count` of them.
fn tiles(values: &[u8], count: usize) -> bool {
    let mut r = super::read::Reader::new(values, "values");
    (0..count).all(|_| r.value().is_ok()) && r.remaining() == 0
}

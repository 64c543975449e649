//! The server's side: requests as values, for mock servers, traces and tests.

use std::fmt;

use super::{CANCEL_REQUEST, GSSENC_REQUEST, MAX_STARTUP_LEN, SSL_REQUEST};
use crate::error::{ProtocolError, UsageError};
use crate::wire::backend::KEY_LENGTHS;
use crate::wire::read::Reader;
use crate::wire::{Format, FrameHeader, HEADER_LEN, MAX_MESSAGE_LEN, body_len, write};

/// One message from the client.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FrontendMessage<'a> {
    /// 'p': PasswordMessage, SASLInitialResponse, SASLResponse or GSSResponse; what the server asked for tells which.
    AuthenticationResponse(Secret<'a>),
    /// 'B'.
    Bind {
        /// Name of the portal to make.
        portal: &'a [u8],
        /// Name of the prepared statement.
        statement: &'a [u8],
        /// None, one for all values, or one for each.
        formats: Vec<Format>,
        /// The values, `None` for NULL.
        values: Vec<Option<&'a [u8]>>,
        /// None, one for all columns, or one for each.
        result_formats: Vec<Format>,
    },
    /// No tag: the only message on its connection.
    CancelRequest {
        /// Process ID of the backend to interrupt.
        process_id: i32,
        /// The key from its BackendKeyData.
        secret_key: Secret<'a>,
    },
    /// 'C'.
    Close(Target, &'a [u8]),
    /// 'd'.
    CopyData(&'a [u8]),
    /// 'c'.
    CopyDone,
    /// 'f', with the reason.
    CopyFail(&'a [u8]),
    /// 'D'.
    Describe(Target, &'a [u8]),
    /// 'E'.
    Execute {
        /// Name of the portal.
        portal: &'a [u8],
        /// Most rows to return, 0 for all.
        max_rows: i32,
    },
    /// 'H'.
    Flush,
    /// 'F'.
    FunctionCall {
        /// OID of the function.
        function_oid: u32,
        /// None, one for all arguments, or one for each.
        formats: Vec<Format>,
        /// The arguments, `None` for NULL.
        arguments: Vec<Option<&'a [u8]>>,
        /// Format of the result.
        result_format: Format,
    },
    /// No tag: asks for GSSAPI encryption.
    GssEncRequest,
    /// 'P'.
    Parse {
        /// Name of the statement to make.
        name: &'a [u8],
        /// The query.
        sql: &'a [u8],
        /// Types of the parameters, 0 for unspecified.
        parameter_oids: Vec<u32>,
    },
    /// 'Q'.
    Query(&'a [u8]),
    /// No tag: asks for TLS.
    SslRequest,
    /// No tag: the first message of a session.
    StartupMessage {
        /// Minor version of protocol 3.
        minor: u16,
        /// Names and values.
        parameters: Vec<(&'a [u8], &'a [u8])>,
    },
    /// 'S'.
    Sync,
    /// 'X'.
    Terminate,
}

/// What a Describe or Close is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A prepared statement ('S').
    Statement,
    /// A portal ('P').
    Portal,
}

impl Target {
    /// The byte of Describe and Close.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }

    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Statement => "statement name",
            Self::Portal => "portal name",
        }
    }
}

/// The body of an authentication response, or a key for cancelling; its `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret<'a>(pub &'a [u8]);

impl<'a> Secret<'a> {
    /// Reads the body as a PasswordMessage.
    ///
    /// # Errors
    /// No NUL at the end, or one before.
    pub fn password(self) -> Result<&'a [u8], ProtocolError> {
        let mut r = Reader::new(self.0, "PasswordMessage");
        let password = r.cstr()?;
        r.finish()?;
        Ok(password)
    }

    /// Reads the body as a SASLInitialResponse: the mechanism and the response.
    ///
    /// # Errors
    /// A body of another shape.
    pub fn sasl_initial(self) -> Result<(&'a [u8], Option<&'a [u8]>), ProtocolError> {
        let mut r = Reader::new(self.0, "SASLInitialResponse");
        let initial = (r.cstr()?, r.value()?);
        r.finish()?;
        Ok(initial)
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

impl<'a> FrontendMessage<'a> {
    /// Reads the body of a message with the type `tag`.
    ///
    /// # Errors
    /// An unknown type, or a body that does not hold exactly what the protocol says.
    pub fn decode(tag: u8, body: &'a [u8]) -> Result<Self, ProtocolError> {
        let mut r = Reader::new(body, message_name(tag));
        let message = match tag {
            b'B' => read_bind(&mut r)?,
            b'C' => Self::Close(read_target(&mut r)?, r.cstr()?),
            b'D' => Self::Describe(read_target(&mut r)?, r.cstr()?),
            b'E' => Self::Execute {
                portal: r.cstr()?,
                max_rows: r.i32()?,
            },
            b'F' => read_function_call(&mut r)?,
            b'H' => Self::Flush,
            b'P' => read_parse(&mut r)?,
            b'Q' => Self::Query(r.cstr()?),
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            b'c' => Self::CopyDone,
            b'd' => Self::CopyData(r.rest()),
            b'f' => Self::CopyFail(r.cstr()?),
            b'p' => Self::AuthenticationResponse(Secret(r.rest())),
            _ => return Err(unknown(tag)),
        };
        r.finish()?;
        Ok(message)
    }

    /// Reads the body of a message without a tag: what follows its length.
    ///
    /// # Errors
    /// A protocol other than 3, or a body that does not hold exactly what the protocol says.
    pub fn decode_startup(body: &'a [u8]) -> Result<Self, ProtocolError> {
        let mut r = Reader::new(body, "StartupMessage");
        let message = match r.u32()? {
            SSL_REQUEST => Self::SslRequest,
            GSSENC_REQUEST => Self::GssEncRequest,
            CANCEL_REQUEST => read_cancel(&mut r)?,
            version => read_startup(&mut r, version)?,
        };
        r.finish()?;
        Ok(message)
    }

    /// Appends the whole message, header included.
    ///
    /// # Errors
    /// As the function of [`frontend`](super) that makes it; `out` is then as before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), UsageError> {
        match self {
            Self::AuthenticationResponse(Secret(body)) => super::sasl_response(out, body),
            Self::Bind {
                portal,
                statement,
                formats,
                values,
                result_formats,
            } => {
                let block = value_block(values)?;
                let count = values.len();
                super::bind(
                    out,
                    portal,
                    statement,
                    formats,
                    &block,
                    count,
                    result_formats,
                )
            }
            Self::CancelRequest {
                process_id,
                secret_key,
            } => super::cancel_request(out, *process_id, secret_key.0),
            Self::Close(target, name) => super::named(out, b'C', *target, name),
            Self::CopyData(data) => super::copy_data(out, data),
            Self::CopyFail(reason) => super::copy_fail(out, reason),
            Self::Describe(target, name) => super::named(out, b'D', *target, name),
            Self::Execute { portal, max_rows } => super::execute(out, portal, *max_rows),
            Self::FunctionCall {
                function_oid,
                formats,
                arguments,
                result_format,
            } => super::function_call(out, *function_oid, formats, arguments, *result_format),
            Self::Parse {
                name,
                sql,
                parameter_oids,
            } => super::parse(out, name, sql, parameter_oids),
            Self::Query(sql) => super::query(out, sql),
            Self::StartupMessage { minor, parameters } => {
                super::startup_message(out, *minor, parameters.iter().copied())
            }
            Self::CopyDone
            | Self::Flush
            | Self::GssEncRequest
            | Self::SslRequest
            | Self::Sync
            | Self::Terminate => {
                self.encode_empty(out);
                Ok(())
            }
        }
    }

    /// The name in the protocol's documentation.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AuthenticationResponse(_) => message_name(b'p'),
            Self::Bind { .. } => message_name(b'B'),
            Self::CancelRequest { .. } => "CancelRequest",
            Self::Close(..) => message_name(b'C'),
            Self::CopyData(_) => message_name(b'd'),
            Self::CopyDone => message_name(b'c'),
            Self::CopyFail(_) => message_name(b'f'),
            Self::Describe(..) => message_name(b'D'),
            Self::Execute { .. } => message_name(b'E'),
            Self::Flush => message_name(b'H'),
            Self::FunctionCall { .. } => message_name(b'F'),
            Self::GssEncRequest => "GSSENCRequest",
            Self::Parse { .. } => message_name(b'P'),
            Self::Query(_) => message_name(b'Q'),
            Self::SslRequest => "SSLRequest",
            Self::StartupMessage { .. } => "StartupMessage",
            Self::Sync => message_name(b'S'),
            Self::Terminate => message_name(b'X'),
        }
    }

    fn encode_empty(&self, out: &mut Vec<u8>) {
        match self {
            Self::CopyDone => super::copy_done(out),
            Self::Flush => super::flush(out),
            Self::GssEncRequest => super::gssenc_request(out),
            Self::SslRequest => super::ssl_request(out),
            Self::Terminate => super::terminate(out),
            _ => super::sync(out),
        }
    }
}

/// The header of the client's message that starts at `buf`; `None` if fewer than five bytes are there.
///
/// # Errors
/// An unknown type, or a length below 4 or above what the server takes.
pub fn frame_header(buf: &[u8]) -> Result<Option<FrameHeader>, ProtocolError> {
    let Some(&[tag, a, b, c, d]) = buf.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    if message_name(tag) == UNKNOWN {
        return Err(unknown(tag));
    }
    body_len([a, b, c, d], MAX_MESSAGE_LEN)
        .map(|body_len| Some(FrameHeader { tag, body_len }))
        .ok_or_else(|| crate::wire::bad_length(tag, [a, b, c, d]))
}

/// Length of the untagged message that starts at `buf`, its length word included; `None` if that has not arrived.
///
/// # Errors
/// A length below 8 or above what the server takes.
pub fn startup_frame_len(buf: &[u8]) -> Result<Option<usize>, ProtocolError> {
    let Some(&word) = buf.first_chunk::<4>() else {
        return Ok(None);
    };
    match body_len(word, MAX_STARTUP_LEN) {
        Some(body) if body >= 4 => Ok(Some(body + 4)),
        _ => Err(ProtocolError::malformed(format_args!(
            "StartupMessage: its length cannot be {}",
            i32::from_be_bytes(word)
        ))),
    }
}

const UNKNOWN: &str = "unknown";

const fn message_name(tag: u8) -> &'static str {
    match tag {
        b'B' => "Bind",
        b'C' => "Close",
        b'D' => "Describe",
        b'E' => "Execute",
        b'F' => "FunctionCall",
        b'H' => "Flush",
        b'P' => "Parse",
        b'Q' => "Query",
        b'S' => "Sync",
        b'X' => "Terminate",
        b'c' => "CopyDone",
        b'd' => "CopyData",
        b'f' => "CopyFail",
        b'p' => "AuthenticationResponse",
        _ => UNKNOWN,
    }
}

#[cold]
fn unknown(tag: u8) -> ProtocolError {
    ProtocolError::unexpected(
        format_args!("message type '{}'", tag.escape_ascii()),
        "a message from a client",
    )
}

fn value_block(values: &[Option<&[u8]>]) -> Result<Vec<u8>, UsageError> {
    let mut block = Vec::new();
    values
        .iter()
        .try_for_each(|value| write::value(&mut block, *value))?;
    Ok(block)
}

fn read_bind<'a>(r: &mut Reader<'a>) -> Result<FrontendMessage<'a>, ProtocolError> {
    let (portal, statement) = (r.cstr()?, r.cstr()?);
    let (formats, values) = read_values(r)?;
    Ok(FrontendMessage::Bind {
        portal,
        statement,
        formats,
        values,
        result_formats: r.formats()?,
    })
}

fn read_function_call<'a>(r: &mut Reader<'a>) -> Result<FrontendMessage<'a>, ProtocolError> {
    let function_oid = r.u32()?;
    let (formats, arguments) = read_values(r)?;
    Ok(FrontendMessage::FunctionCall {
        function_oid,
        formats,
        arguments,
        result_format: r.format()?,
    })
}

fn read_parse<'a>(r: &mut Reader<'a>) -> Result<FrontendMessage<'a>, ProtocolError> {
    let (name, sql) = (r.cstr()?, r.cstr()?);
    let count = r.count(4)?;
    Ok(FrontendMessage::Parse {
        name,
        sql,
        parameter_oids: (0..count).map(|_| r.u32()).collect::<Result<_, _>>()?,
    })
}

type Values<'a> = Vec<Option<&'a [u8]>>;

fn read_values<'a>(r: &mut Reader<'a>) -> Result<(Vec<Format>, Values<'a>), ProtocolError> {
    let formats = r.formats()?;
    let count = r.count(4)?;
    if super::check_formats(&formats, count).is_err() {
        return Err(r.malformed("the number of formats is not that of the values"));
    }
    let values = (0..count).map(|_| r.value()).collect::<Result<_, _>>()?;
    Ok((formats, values))
}

fn read_target(r: &mut Reader<'_>) -> Result<Target, ProtocolError> {
    match r.u8()? {
        b'S' => Ok(Target::Statement),
        b'P' => Ok(Target::Portal),
        _ => Err(r.malformed("neither a statement nor a portal")),
    }
}

fn read_cancel<'a>(r: &mut Reader<'a>) -> Result<FrontendMessage<'a>, ProtocolError> {
    let process_id = r.i32()?;
    let secret_key = r.rest();
    if !KEY_LENGTHS.contains(&secret_key.len()) {
        return Err(r.malformed("a cancel key has 4 to 256 bytes"));
    }
    Ok(FrontendMessage::CancelRequest {
        process_id,
        secret_key: Secret(secret_key),
    })
}

fn read_startup<'a>(
    r: &mut Reader<'a>,
    version: u32,
) -> Result<FrontendMessage<'a>, ProtocolError> {
    let [major_high, major, minor_high, minor] = version.to_be_bytes();
    if [major_high, major] != [0, 3] {
        return Err(r.malformed("not protocol 3"));
    }
    let mut parameters = Vec::new();
    loop {
        match r.cstr()? {
            [] => break,
            name => parameters.push((name, r.cstr()?)),
        }
    }
    Ok(FrontendMessage::StartupMessage {
        minor: u16::from_be_bytes([minor_high, minor]),
        parameters,
    })
}

//! Messages from the server.

mod diagnostic;
mod encode;
mod row;

pub use diagnostic::Diagnostic;
pub use row::{DataRow, Fields, check_data_row, fields};

use super::read::Reader;
use super::{Format, Secret, TransactionStatus};
use crate::error::ProtocolError;
use crate::memory;

/// Lengths of a cancel key that protocol 3.2 allows; 3.0 always has 4 bytes.
pub(crate) const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 4..=256;

/// One message from the server, borrowing from the receive buffer where that is worth it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum BackendMessage<'a> {
    /// 'R': one of the Authentication messages.
    Authentication(Authentication<'a>),
    /// 'K': what a CancelRequest has to show.
    BackendKeyData {
        /// Process ID of the backend.
        process_id: i32,
        /// The key, 4 to 256 bytes: never an integer.
        secret_key: Secret<'a>,
    },
    /// '2'.
    BindComplete,
    /// '3'.
    CloseComplete,
    /// 'C'.
    CommandComplete {
        /// The command tag, such as `INSERT 0 1`; see [`affected_rows`].
        tag: &'a [u8],
    },
    /// 'd'.
    CopyData(&'a [u8]),
    /// 'c'.
    CopyDone,
    /// 'G'.
    CopyInResponse(CopyResponse),
    /// 'H'.
    CopyOutResponse(CopyResponse),
    /// 'W': streaming replication only.
    CopyBothResponse(CopyResponse),
    /// 'D'.
    DataRow(DataRow<'a>),
    /// 'I'.
    EmptyQueryResponse,
    /// 'E'.
    ErrorResponse(Diagnostic),
    /// 'N'.
    NoticeResponse(Diagnostic),
    /// 'V'.
    FunctionCallResponse {
        /// The result, `None` for NULL.
        value: Option<&'a [u8]>,
    },
    /// 'v': the server speaks less than it was asked for, and goes on with that.
    NegotiateProtocolVersion {
        /// Newest version the server supports, as the startup message has it: `3 << 16 | minor`.
        version: i32,
        /// Names of the `_pq_.` options the server did not know.
        unrecognized: Vec<&'a [u8]>,
    },
    /// 'n'.
    NoData,
    /// 'A'.
    NotificationResponse {
        /// Process ID of the notifying backend.
        process_id: i32,
        /// The channel's name.
        channel: &'a [u8],
        /// The payload, often empty.
        payload: &'a [u8],
    },
    /// 't': the types of a statement's parameters.
    ParameterDescription(Vec<u32>),
    /// 'S'.
    ParameterStatus {
        /// Name of the run-time parameter.
        name: &'a [u8],
        /// Its current value.
        value: &'a [u8],
    },
    /// '1'.
    ParseComplete,
    /// 's'.
    PortalSuspended,
    /// 'Z'.
    ReadyForQuery(TransactionStatus),
    /// 'T'.
    RowDescription(Vec<FieldDescription>),
}

/// What the server asks of the client before it lets it in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Authentication<'a> {
    /// 0: the client is in.
    Ok,
    /// 2.
    KerberosV5,
    /// 3.
    CleartextPassword,
    /// 5.
    Md5Password {
        /// Salt of the hash.
        salt: [u8; 4],
    },
    /// 7.
    Gss,
    /// 8: a GSSAPI or SSPI token.
    GssContinue(&'a [u8]),
    /// 9.
    Sspi,
    /// 10: names of SASL mechanisms, in the server's order of preference.
    Sasl(Vec<&'a [u8]>),
    /// 11: a SASL challenge.
    SaslContinue(&'a [u8]),
    /// 12: the outcome of SASL, with additional data.
    SaslFinal(&'a [u8]),
}

/// The server is ready to take or give COPY data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyResponse {
    /// Format of the whole copy.
    pub format: Format,
    /// Format of each column; all text if the whole copy is.
    pub columns: Vec<Format>,
}

/// One column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDescription {
    /// Name in the client encoding.
    pub name: Box<[u8]>,
    /// OID of the table the column comes from, or 0.
    pub table_oid: u32,
    /// Attribute number of the column in that table, or 0.
    pub column_id: i16,
    /// OID of the type.
    pub type_oid: u32,
    /// `pg_type.typlen`: negative for types of variable width.
    pub type_size: i16,
    /// `pg_attribute.atttypmod`: its meaning depends on the type.
    pub type_modifier: i32,
    /// Text or binary; always text in the description of a statement.
    pub format: Format,
}

impl<'a> BackendMessage<'a> {
    /// Reads the body of a message with the type `tag`.
    ///
    /// # Errors
    /// An unknown type, or a body that does not hold exactly what the protocol says, from the first byte to the last.
    pub fn decode(tag: u8, body: &'a [u8]) -> Result<Self, ProtocolError> {
        match tag {
            b'D' => DataRow::decode(body).map(Self::DataRow),
            b'E' => Diagnostic::decode(body, "ErrorResponse").map(Self::ErrorResponse),
            b'N' => Diagnostic::decode(body, "NoticeResponse").map(Self::NoticeResponse),
            b'd' => Ok(Self::CopyData(body)),
            _ => Self::decode_short(tag, body),
        }
    }

    /// The type byte.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        match self {
            Self::Authentication(_) => b'R',
            Self::BackendKeyData { .. } => b'K',
            Self::BindComplete => b'2',
            Self::CloseComplete => b'3',
            Self::CommandComplete { .. } => b'C',
            Self::CopyData(_) => b'd',
            Self::CopyDone => b'c',
            Self::CopyInResponse(_) => b'G',
            Self::CopyOutResponse(_) => b'H',
            Self::CopyBothResponse(_) => b'W',
            Self::DataRow(_) => b'D',
            Self::EmptyQueryResponse => b'I',
            Self::ErrorResponse(_) => b'E',
            Self::NoticeResponse(_) => b'N',
            Self::FunctionCallResponse { .. } => b'V',
            Self::NegotiateProtocolVersion { .. } => b'v',
            Self::NoData => b'n',
            Self::NotificationResponse { .. } => b'A',
            Self::ParameterDescription(_) => b't',
            Self::ParameterStatus { .. } => b'S',
            Self::ParseComplete => b'1',
            Self::PortalSuspended => b's',
            Self::ReadyForQuery(_) => b'Z',
            Self::RowDescription(_) => b'T',
        }
    }

    /// The name in the protocol's documentation, for messages such as "got X while expecting Y".
    #[must_use]
    pub const fn name(&self) -> &'static str {
        message_name(self.tag())
    }

    fn decode_short(tag: u8, body: &'a [u8]) -> Result<Self, ProtocolError> {
        let mut r = Reader::new(body, message_name(tag));
        let message = match tag {
            b'1' => Self::ParseComplete,
            b'2' => Self::BindComplete,
            b'3' => Self::CloseComplete,
            b'I' => Self::EmptyQueryResponse,
            b'c' => Self::CopyDone,
            b'n' => Self::NoData,
            b's' => Self::PortalSuspended,
            b'A' => Self::NotificationResponse {
                process_id: r.i32()?,
                channel: r.cstr()?,
                payload: r.cstr()?,
            },
            b'C' => Self::CommandComplete { tag: r.cstr()? },
            b'G' => Self::CopyInResponse(CopyResponse::read(&mut r)?),
            b'H' => Self::CopyOutResponse(CopyResponse::read(&mut r)?),
            b'W' => Self::CopyBothResponse(CopyResponse::read(&mut r)?),
            b'K' => read_key_data(&mut r)?,
            b'R' => Self::Authentication(Authentication::read(&mut r)?),
            b'S' => Self::ParameterStatus {
                name: r.cstr()?,
                value: r.cstr()?,
            },
            b'T' => Self::RowDescription(read_row_description(&mut r)?),
            b'V' => Self::FunctionCallResponse { value: r.value()? },
            b'Z' => Self::ReadyForQuery(read_status(&mut r)?),
            b't' => Self::ParameterDescription(read_oids(&mut r)?),
            b'v' => read_negotiation(&mut r)?,
            _ => return Err(super::unknown_tag(tag)),
        };
        r.finish()?;
        Ok(message)
    }
}

/// The name of the server's message with a type byte, as the protocol's documentation has it.
#[must_use]
pub const fn message_name(tag: u8) -> &'static str {
    match tag {
        b'1' => "ParseComplete",
        b'2' => "BindComplete",
        b'3' => "CloseComplete",
        b'A' => "NotificationResponse",
        b'C' => "CommandComplete",
        b'D' => "DataRow",
        b'E' => "ErrorResponse",
        b'G' => "CopyInResponse",
        b'H' => "CopyOutResponse",
        b'I' => "EmptyQueryResponse",
        b'K' => "BackendKeyData",
        b'N' => "NoticeResponse",
        b'R' => "Authentication",
        b'S' => "ParameterStatus",
        b'T' => "RowDescription",
        b'V' => "FunctionCallResponse",
        b'W' => "CopyBothResponse",
        b'Z' => "ReadyForQuery",
        b'c' => "CopyDone",
        b'd' => "CopyData",
        b'n' => "NoData",
        b's' => "PortalSuspended",
        b't' => "ParameterDescription",
        b'v' => "NegotiateProtocolVersion",
        _ => "unknown",
    }
}

/// How many rows a command tag speaks of: its last word, if that is a number.
#[must_use]
pub fn affected_rows(tag: &[u8]) -> Option<u64> {
    let digits = tag.rsplit(|&byte| byte == b' ').next()?;
    if digits.is_empty() || digits.len() == tag.len() {
        return None;
    }
    digits.iter().try_fold(0_u64, |rows, byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        rows.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

impl<'a> Authentication<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, ProtocolError> {
        Ok(match r.i32()? {
            0 => Self::Ok,
            2 => Self::KerberosV5,
            3 => Self::CleartextPassword,
            5 => Self::Md5Password { salt: r.array()? },
            7 => Self::Gss,
            8 => Self::GssContinue(r.rest()),
            9 => Self::Sspi,
            10 => Self::Sasl(read_mechanisms(r)?),
            11 => Self::SaslContinue(r.rest()),
            12 => Self::SaslFinal(r.rest()),
            code => {
                return Err(ProtocolError::refused(format!(
                    "authentication method {code} not supported"
                )));
            }
        })
    }
}

impl CopyResponse {
    fn read(r: &mut Reader<'_>) -> Result<Self, ProtocolError> {
        let code = r.u8()?;
        Ok(Self {
            format: r.format_of(i16::from(code))?,
            columns: r.formats()?,
        })
    }
}

fn read_key_data<'a>(r: &mut Reader<'a>) -> Result<BackendMessage<'a>, ProtocolError> {
    let process_id = r.i32()?;
    let secret_key = r.rest();
    if !KEY_LENGTHS.contains(&secret_key.len()) {
        return Err(r.malformed("a cancel key has 4 to 256 bytes"));
    }
    Ok(BackendMessage::BackendKeyData {
        process_id,
        secret_key: Secret(secret_key),
    })
}

fn read_mechanisms<'a>(r: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, ProtocolError> {
    let mut mechanisms = Vec::new();
    loop {
        match r.cstr()? {
            [] => return Ok(mechanisms),
            name => mechanisms.push(name),
        }
    }
}

fn read_negotiation<'a>(r: &mut Reader<'a>) -> Result<BackendMessage<'a>, ProtocolError> {
    let version = r.i32()?;
    let count = r.long_count(1)?;
    Ok(BackendMessage::NegotiateProtocolVersion {
        version,
        unrecognized: (0..count).map(|_| r.cstr()).collect::<Result<_, _>>()?,
    })
}

fn read_oids(r: &mut Reader<'_>) -> Result<Vec<u32>, ProtocolError> {
    let count = r.count(4)?;
    (0..count).map(|_| r.u32()).collect()
}

fn read_status(r: &mut Reader<'_>) -> Result<TransactionStatus, ProtocolError> {
    TransactionStatus::from_byte(r.u8()?).ok_or_else(|| r.malformed("unknown transaction status"))
}

/// The columns that the body of a RowDescription tells.
pub(crate) fn row_description(body: &[u8]) -> Result<Vec<FieldDescription>, ProtocolError> {
    let mut r = Reader::new(body, message_name(b'T'));
    let columns = read_row_description(&mut r)?;
    r.finish()?;
    Ok(columns)
}

fn read_row_description(r: &mut Reader<'_>) -> Result<Vec<FieldDescription>, ProtocolError> {
    // A name takes at least its NUL, the rest of a field 18 bytes.
    let count = r.count(19)?;
    let mut columns = Vec::new();
    memory::room(&mut columns, count)?;
    for _ in 0..count {
        columns.push(FieldDescription {
            name: memory::boxed(r.cstr()?)?,
            table_oid: r.u32()?,
            column_id: r.i16()?,
            type_oid: r.u32()?,
            type_size: r.i16()?,
            type_modifier: r.i32()?,
            format: r.format()?,
        });
    }
    Ok(columns)
}

//! The server's side: messages to bytes.

use super::{Authentication, BackendMessage, CopyResponse, FieldDescription, KEY_LENGTHS};
use crate::error::UsageError;
use crate::wire::write;

impl BackendMessage<'_> {
    /// Appends the whole message, header included.
    ///
    /// # Errors
    /// A NUL in a string, a count or a size that the protocol can't say; `out` is then as before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), UsageError> {
        write::message(out, self.tag(), |out| self.encode_body(out))
    }

    fn encode_body(&self, out: &mut Vec<u8>) -> Result<(), UsageError> {
        match self {
            Self::BindComplete
            | Self::CloseComplete
            | Self::CopyDone
            | Self::EmptyQueryResponse
            | Self::NoData
            | Self::ParseComplete
            | Self::PortalSuspended => Ok(()),
            Self::Authentication(request) => encode_authentication(request, out),
            Self::BackendKeyData {
                process_id,
                secret_key,
            } => encode_key_data(*process_id, secret_key.0, out),
            Self::CommandComplete { tag } => write::cstr(out, tag, "command tag"),
            Self::CopyData(data) => write::bytes(out, data),
            Self::CopyInResponse(copy)
            | Self::CopyOutResponse(copy)
            | Self::CopyBothResponse(copy) => encode_copy(copy, out),
            Self::DataRow(row) => write::bytes(out, row.body()),
            Self::ErrorResponse(fields) | Self::NoticeResponse(fields) => fields.encode(out),
            Self::FunctionCallResponse { value } => write::value(out, *value),
            Self::NegotiateProtocolVersion {
                version,
                unrecognized,
            } => encode_negotiation(*version, unrecognized, out),
            Self::NotificationResponse {
                process_id,
                channel,
                payload,
            } => {
                out.extend_from_slice(&process_id.to_be_bytes());
                write::cstr(out, channel, "channel")?;
                write::cstr(out, payload, "payload")
            }
            Self::ParameterDescription(oids) => {
                write::count(out, oids.len(), "parameter types")?;
                out.extend(oids.iter().flat_map(|oid| oid.to_be_bytes()));
                Ok(())
            }
            Self::ParameterStatus { name, value } => {
                write::cstr(out, name, "parameter name")?;
                write::cstr(out, value, "parameter value")
            }
            Self::ReadyForQuery(status) => {
                out.push(status.as_byte());
                Ok(())
            }
            Self::RowDescription(columns) => encode_row_description(columns, out),
        }
    }
}

fn encode_authentication(
    request: &Authentication<'_>,
    out: &mut Vec<u8>,
) -> Result<(), UsageError> {
    let (code, data): (i32, &[u8]) = match request {
        Authentication::Ok => (0, &[]),
        Authentication::KerberosV5 => (2, &[]),
        Authentication::CleartextPassword => (3, &[]),
        Authentication::Md5Password { salt } => (5, salt),
        Authentication::Gss => (7, &[]),
        Authentication::GssContinue(token) => (8, token),
        Authentication::Sspi => (9, &[]),
        Authentication::Sasl(_) => (10, &[]),
        Authentication::SaslContinue(data) => (11, data),
        Authentication::SaslFinal(data) => (12, data),
    };
    out.extend_from_slice(&code.to_be_bytes());
    if let Authentication::Sasl(mechanisms) = request {
        return encode_mechanisms(mechanisms, out);
    }
    write::bytes(out, data)
}

fn encode_mechanisms(mechanisms: &[&[u8]], out: &mut Vec<u8>) -> Result<(), UsageError> {
    for name in mechanisms {
        if name.is_empty() {
            return Err(UsageError::EmptyName {
                what: "SASL mechanism",
            });
        }
        write::cstr(out, name, "SASL mechanism")?;
    }
    out.push(0);
    Ok(())
}

fn encode_key_data(process_id: i32, key: &[u8], out: &mut Vec<u8>) -> Result<(), UsageError> {
    if !KEY_LENGTHS.contains(&key.len()) {
        return Err(UsageError::InvalidKeyLength { length: key.len() });
    }
    out.extend_from_slice(&process_id.to_be_bytes());
    write::bytes(out, key)
}

fn encode_copy(copy: &CopyResponse, out: &mut Vec<u8>) -> Result<(), UsageError> {
    let [_, format] = copy.format.code().to_be_bytes();
    out.push(format);
    write::formats(out, &copy.columns)
}

fn encode_negotiation(
    version: i32,
    unrecognized: &[&[u8]],
    out: &mut Vec<u8>,
) -> Result<(), UsageError> {
    out.extend_from_slice(&version.to_be_bytes());
    out.extend_from_slice(&write::check_size(unrecognized.len())?.to_be_bytes());
    unrecognized
        .iter()
        .try_for_each(|name| write::cstr(out, name, "option name"))
}

fn encode_row_description(
    columns: &[FieldDescription],
    out: &mut Vec<u8>,
) -> Result<(), UsageError> {
    write::count(out, columns.len(), "columns")?;
    for column in columns {
        write::cstr(out, &column.name, "column name")?;
        out.extend_from_slice(&column.table_oid.to_be_bytes());
        out.extend_from_slice(&column.column_id.to_be_bytes());
        out.extend_from_slice(&column.type_oid.to_be_bytes());
        out.extend_from_slice(&column.type_size.to_be_bytes());
        out.extend_from_slice(&column.type_modifier.to_be_bytes());
        out.extend_from_slice(&column.format.code().to_be_bytes());
    }
    Ok(())
}

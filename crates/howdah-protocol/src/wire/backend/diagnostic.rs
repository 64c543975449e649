//! The fields of an ErrorResponse or NoticeResponse.

use std::fmt;

use crate::error::{ProtocolError, UsageError};
use crate::memory;
use crate::wire::read::Reader;
use crate::wire::write;

/// What the server says of an error or a notice, owned and valid for as long as you keep it.
///
/// Texts are in the client encoding. Source: PostgreSQL documentation, "Error and Notice Message Fields".
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    // (code, text, NUL)*, without the zero that ends the list.
    fields: Box<[u8]>,
}

impl Diagnostic {
    /// Builds a diagnostic from its fields, for servers and tests.
    ///
    /// # Errors
    /// A field code that is zero, a text with a NUL.
    pub fn from_fields<'a>(
        fields: impl IntoIterator<Item = (u8, &'a [u8])>,
    ) -> Result<Self, UsageError> {
        let mut block = Vec::new();
        for (code, text) in fields {
            if code == 0 {
                return Err(UsageError::InvalidFieldCode);
            }
            write::room(&mut block, 0)?;
            block.push(code);
            write::cstr(&mut block, text, "diagnostic field")?;
        }
        Ok(Self {
            fields: block.into(),
        })
    }

    /// The text of the first field with a code, known to this driver or not.
    #[must_use]
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.iter()
            .find_map(|(each, text)| (each == code).then_some(text))
    }

    /// All fields in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = &*self.fields;
        std::iter::from_fn(move || {
            let (&code, after) = rest.split_first()?;
            let end = after.iter().position(|&byte| byte == 0)?;
            let (text, after) = after.split_at_checked(end)?;
            rest = after.get(1..)?;
            Some((code, text))
        })
    }

    pub(super) fn decode(body: &[u8], what: &'static str) -> Result<Self, ProtocolError> {
        let mut r = Reader::new(body, what);
        while r.u8()? != 0 {
            r.cstr()?;
        }
        r.finish()?;
        let fields = body
            .split_last()
            .map_or_else(|| Ok(Box::default()), |(_, fields)| memory::boxed(fields))?;
        Ok(Self { fields })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), UsageError> {
        write::bytes(out, &self.fields)?;
        out.push(0);
        Ok(())
    }
}

macro_rules! getters {
    ($($code:literal $name:ident $doc:literal)*) => {
        impl Diagnostic {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $name(&self) -> Option<&[u8]> {
                    self.get($code)
                }
            )*
        }
    };
}

getters! {
    b'S' severity "Severity, in the server's language."
    b'V' severity_nonlocalized "Severity, never translated: `ERROR`, `FATAL`, `WARNING`, ..."
    b'C' sqlstate "The SQLSTATE code."
    b'M' message_primary "The message, usually one line."
    b'D' message_detail "More about the problem."
    b'H' message_hint "A suggestion what to do."
    b'P' statement_position "Where in the query, in characters from 1, as decimal digits."
    b'p' internal_position "Where in the query that the server made itself."
    b'q' internal_query "The query that the server made itself."
    b'W' context "Call stack, one entry a line."
    b's' schema_name "Schema of the object the error is about."
    b't' table_name "Table the error is about."
    b'c' column_name "Column the error is about."
    b'd' datatype_name "Data type the error is about."
    b'n' constraint_name "Constraint the error is about."
    b'F' source_file "File of the server's source."
    b'L' source_line "Line in the server's source."
    b'R' source_function "Function of the server's source."
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter().map(|(code, text)| {
                    (char::from(code), String::from_utf8_lossy(text).into_owned())
                }),
            )
            .finish()
    }
}

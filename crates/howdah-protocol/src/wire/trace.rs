//! Traces of a conversation in the format of libpq's `PQtrace`.
//!
//! One line a message: the timestamp if one is given, `F` or `B` for the sender, the length word, the name, and the
//! contents, separated by tabs. Three things differ from libpq: passwords, SASL and GSSAPI data and cancel keys are always
//! masked; control characters and invalid UTF-8 in strings are escaped, so that a message stays on its line; and the
//! salt of AuthenticationMD5Password is not reported as a mismatched length.
//! Source: `fe-trace.c` of PostgreSQL 18.

use std::fmt::{self, Write};

use super::read::Reader;
use crate::error::ProtocolError;

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The client.
    Frontend,
    /// The server.
    Backend,
}

/// Prints messages; it remembers what kind of authentication response the server asked for.
#[derive(Debug, Clone, Default)]
pub struct Tracer {
    regress: bool,
    awaited: Option<&'static Layout>,
}

impl Tracer {
    /// A tracer that prints everything but secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tracer whose lines are the same in every run (`PQTRACE_REGRESS_MODE`): no timestamps, no OIDs, no process IDs,
    /// no COPY data, no places in the server's source.
    #[must_use]
    pub fn regress() -> Self {
        Self {
            regress: true,
            awaited: None,
        }
    }

    /// Prints a message with a type byte; `body` is what follows its length.
    ///
    /// A body that does not hold what its type says is printed as far as it goes, and a second line says so.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn message(
        &mut self,
        out: &mut impl Write,
        timestamp: Option<&str>,
        direction: Direction,
        tag: u8,
        body: &[u8],
    ) -> fmt::Result {
        let diagnostic = direction == Direction::Backend && matches!(tag, b'E' | b'N');
        self.start(out, timestamp, direction, body.len(), diagnostic)?;
        match self.layout(direction, tag, body) {
            Some(layout) => self.finish(out, layout, body),
            None => writeln!(out, "Unknown message: {tag:02x}"),
        }
    }

    /// Prints a message without a type byte: StartupMessage, CancelRequest, SSLRequest or GSSENCRequest.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn startup(
        &self,
        out: &mut impl Write,
        timestamp: Option<&str>,
        body: &[u8],
    ) -> fmt::Result {
        self.start(out, timestamp, Direction::Frontend, body.len(), false)?;
        match body.first_chunk::<4>() {
            None => writeln!(out, "Unknown message"),
            Some([4, 210, 22, 46]) => self.finish(out, &CANCEL_REQUEST, body),
            Some([4, 210, 22, 47]) => self.finish(out, &SSL_REQUEST, body),
            Some([4, 210, 22, 48]) => self.finish(out, &GSSENC_REQUEST, body),
            Some(_) => self.finish(out, &STARTUP_MESSAGE, body),
        }
    }

    /// Prints the single byte that answers an encryption request; libpq names it `SSLResponse` or `GSSENCResponse`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn encryption_response(
        &self,
        out: &mut impl Write,
        timestamp: Option<&str>,
        name: &str,
        answer: u8,
    ) -> fmt::Result {
        self.timestamp(out, timestamp)?;
        writeln!(out, "B\t1\t{name}\t {}", answer.escape_ascii())
    }

    fn start(
        &self,
        out: &mut impl Write,
        timestamp: Option<&str>,
        direction: Direction,
        body_len: usize,
        diagnostic: bool,
    ) -> fmt::Result {
        self.timestamp(out, timestamp)?;
        let sender = match direction {
            Direction::Frontend => 'F',
            Direction::Backend => 'B',
        };
        // Lines and names in the server's source have a length of their own in each version.
        if self.regress && diagnostic {
            write!(out, "{sender}\tNN\t")
        } else {
            write!(out, "{sender}\t{}\t", body_len + 4)
        }
    }

    fn timestamp(&self, out: &mut impl Write, timestamp: Option<&str>) -> fmt::Result {
        match timestamp {
            Some(timestamp) if !self.regress => write!(out, "{timestamp}\t"),
            _ => Ok(()),
        }
    }

    fn layout(&mut self, direction: Direction, tag: u8, body: &[u8]) -> Option<&'static Layout> {
        match (direction, tag) {
            (Direction::Frontend, b'p') => Some(
                self.awaited
                    .take()
                    .unwrap_or(&UNKNOWN_AUTHENTICATION_RESPONSE),
            ),
            (Direction::Frontend, _) => find(FRONTEND, tag),
            (Direction::Backend, b'R') => {
                let code = body
                    .first_chunk()
                    .map_or(-1, |code| i32::from_be_bytes(*code));
                self.awaited = response_to(code);
                Some(authentication(code))
            }
            (Direction::Backend, _) => find(BACKEND, tag),
        }
    }

    fn finish(&self, out: &mut impl Write, layout: &Layout, body: &[u8]) -> fmt::Result {
        out.write_str(layout.name)?;
        if layout.parts.iter().any(|part| !matches!(part, Skip(_))) {
            out.write_char('\t')?;
        }
        let mut line = Line {
            out,
            reader: Reader::new(body, layout.name),
            regress: self.regress,
        };
        let printed = line.parts(layout.parts);
        let rest = line.reader.remaining();
        match printed {
            Err(Stop::Format) => Err(fmt::Error),
            Ok(()) if rest == 0 => writeln!(out),
            Ok(()) | Err(Stop::Short) => {
                let expected = body.len() + 4;
                let consumed = expected.saturating_sub(rest);
                writeln!(
                    out,
                    "\nmismatched message length: consumed {consumed}, expected {expected}"
                )
            }
        }
    }
}

/// A message: its name and what its body holds.
#[derive(Debug)]
struct Layout {
    name: &'static str,
    parts: &'static [Part],
}

/// One piece of a body, and how it is printed.
#[derive(Debug)]
enum Part {
    Byte,
    Int16,
    Int32,
    /// An Int32 that differs from run to run.
    Varying,
    Text,
    /// Strings up to and including an empty one.
    Texts,
    /// Pairs of strings up to an empty name, which is not printed.
    Pairs,
    /// A length, and bytes unless it is -1.
    Value,
    /// The bytes that are left; they differ from run to run.
    Rest,
    /// The bytes that are left, never shown.
    SecretRest,
    /// A length and bytes that are never shown.
    SecretValue,
    /// A string that is never shown.
    SecretText,
    /// Bytes that libpq does not print.
    Skip(usize),
    /// The fields of an error or notice.
    Fields,
    /// An Int16 count of groups.
    List(&'static [Part]),
    /// An Int32 count of groups.
    LongList(&'static [Part]),
}

use Part::{
    Byte, Fields, Int16, Int32, List, LongList, Pairs, Rest, SecretRest, SecretText, SecretValue,
    Skip, Text, Texts, Value, Varying,
};

const fn layout(name: &'static str, parts: &'static [Part]) -> Layout {
    Layout { name, parts }
}

static FRONTEND: &[(u8, Layout)] = &[
    (
        b'B',
        layout(
            "Bind",
            &[Text, Text, List(&[Int16]), List(&[Value]), List(&[Int16])],
        ),
    ),
    (b'C', layout("Close", &[Byte, Text])),
    (b'D', layout("Describe", &[Byte, Text])),
    (b'E', layout("Execute", &[Text, Int32])),
    (
        b'F',
        layout(
            "FunctionCall",
            &[Varying, List(&[Int16]), List(&[Value]), Int16],
        ),
    ),
    (b'H', layout("Flush", &[])),
    (b'P', layout("Parse", &[Text, Text, List(&[Varying])])),
    (b'Q', layout("Query", &[Text])),
    (b'S', layout("Sync", &[])),
    (b'X', layout("Terminate", &[])),
    (b'c', layout("CopyDone", &[])),
    (b'd', layout("CopyData", &[Rest])),
    (b'f', layout("CopyFail", &[Text])),
];

static BACKEND: &[(u8, Layout)] = &[
    (b'1', layout("ParseComplete", &[])),
    (b'2', layout("BindComplete", &[])),
    (b'3', layout("CloseComplete", &[])),
    (b'A', layout("NotificationResponse", &[Varying, Text, Text])),
    (b'C', layout("CommandComplete", &[Text])),
    (b'D', layout("DataRow", &[List(&[Value])])),
    (b'E', layout("ErrorResponse", &[Fields])),
    (b'G', layout("CopyInResponse", &[Byte, List(&[Int16])])),
    (b'H', layout("CopyOutResponse", &[Byte, List(&[Int16])])),
    (b'I', layout("EmptyQueryResponse", &[])),
    (b'K', layout("BackendKeyData", &[Varying, SecretRest])),
    (b'N', layout("NoticeResponse", &[Fields])),
    (b'S', layout("ParameterStatus", &[Text, Text])),
    (
        b'T',
        layout(
            "RowDescription",
            &[List(&[Text, Varying, Int16, Varying, Int16, Int32, Int16])],
        ),
    ),
    (b'V', layout("FunctionCallResponse", &[Value])),
    (b'W', layout("CopyBothResponse", &[Byte, List(&[Int16])])),
    (b'Z', layout("ReadyForQuery", &[Byte])),
    (b'c', layout("CopyDone", &[])),
    (b'd', layout("CopyData", &[Rest])),
    (b'n', layout("NoData", &[])),
    (b's', layout("PortalSuspended", &[])),
    (b't', layout("ParameterDescription", &[List(&[Varying])])),
    (
        b'v',
        layout("NegotiateProtocolVersion", &[Int32, LongList(&[Text])]),
    ),
];

static CANCEL_REQUEST: Layout = layout("CancelRequest", &[Int16, Int16, Varying, SecretRest]);
static SSL_REQUEST: Layout = layout("SSLRequest", &[Int16, Int16]);
static GSSENC_REQUEST: Layout = layout("GSSENCRequest", &[Int16, Int16]);
static STARTUP_MESSAGE: Layout = layout("StartupMessage", &[Int16, Int16, Pairs]);

static PASSWORD: Layout = layout("PasswordMessage", &[SecretText]);
static SASL_INITIAL: Layout = layout("SASLInitialResponse", &[Text, SecretValue]);
static SASL_RESPONSE: Layout = layout("SASLResponse", &[SecretRest]);
static GSS_RESPONSE: Layout = layout("GSSResponse", &[SecretRest]);
static UNKNOWN_AUTHENTICATION_RESPONSE: Layout =
    layout("UnknownAuthenticationResponse", &[SecretRest]);

fn find(layouts: &'static [(u8, Layout)], tag: u8) -> Option<&'static Layout> {
    layouts
        .iter()
        .find_map(|(each, layout)| (*each == tag).then_some(layout))
}

fn authentication(code: i32) -> &'static Layout {
    static OK: Layout = layout("AuthenticationOk", &[Skip(4)]);
    static KERBEROS: Layout = layout("AuthenticationKerberosV5", &[Skip(4)]);
    static CLEARTEXT: Layout = layout("AuthenticationCleartextPassword", &[Skip(4)]);
    static MD5: Layout = layout("AuthenticationMD5Password", &[Skip(8)]);
    static GSS: Layout = layout("AuthenticationGSS", &[Skip(4)]);
    static GSS_CONTINUE: Layout = layout("AuthenticationGSSContinue", &[Skip(4), SecretRest]);
    static SSPI: Layout = layout("AuthenticationSSPI", &[Skip(4)]);
    static SASL: Layout = layout("AuthenticationSASL", &[Skip(4), Texts]);
    static SASL_CONTINUE: Layout = layout("AuthenticationSASLContinue", &[Skip(4), SecretRest]);
    static SASL_FINAL: Layout = layout("AuthenticationSASLFinal", &[Skip(4), SecretRest]);
    static OTHER: Layout = layout("Unknown authentication message", &[Int32]);
    match code {
        0 => &OK,
        2 => &KERBEROS,
        3 => &CLEARTEXT,
        5 => &MD5,
        7 => &GSS,
        8 => &GSS_CONTINUE,
        9 => &SSPI,
        10 => &SASL,
        11 => &SASL_CONTINUE,
        12 => &SASL_FINAL,
        _ => &OTHER,
    }
}

/// What the client sends next after an authentication request: all of it has the same type byte.
fn response_to(code: i32) -> Option<&'static Layout> {
    match code {
        3 | 5 => Some(&PASSWORD),
        7..=9 => Some(&GSS_RESPONSE),
        10 => Some(&SASL_INITIAL),
        11 => Some(&SASL_RESPONSE),
        _ => None,
    }
}

enum Stop {
    Format,
    Short,
}

impl From<fmt::Error> for Stop {
    fn from(_: fmt::Error) -> Self {
        Self::Format
    }
}

impl From<ProtocolError> for Stop {
    fn from(_: ProtocolError) -> Self {
        Self::Short
    }
}

struct Line<'a, 'w, W> {
    out: &'w mut W,
    reader: Reader<'a>,
    regress: bool,
}

impl<W: Write> Line<'_, '_, W> {
    fn parts(&mut self, parts: &[Part]) -> Result<(), Stop> {
        parts.iter().try_for_each(|part| self.part(part))
    }

    fn part(&mut self, part: &Part) -> Result<(), Stop> {
        match part {
            Byte => return self.byte().map(drop),
            Text => return self.text(false).map(drop),
            SecretText => return self.text(true).map(drop),
            Value => return self.value(false),
            SecretValue => return self.value(true),
            Texts => while !self.text(false)? {},
            Pairs => return self.pairs(),
            Fields => return self.fields(),
            List(group) => {
                let count = self.reader.u16()?;
                write!(self.out, " {count}")?;
                (0..count).try_for_each(|_| self.parts(group))?;
            }
            LongList(group) => {
                let count = self.reader.i32()?;
                write!(self.out, " {count}")?;
                (0..count).try_for_each(|_| self.parts(group))?;
            }
            // As libpq does: an Int16 is printed without a sign, even where it has one.
            Int16 => write!(self.out, " {}", self.reader.u16()?)?,
            Int32 => write!(self.out, " {}", self.reader.i32()?)?,
            Varying => match self.reader.i32()? {
                _ if self.regress => self.out.write_str(" NNNN")?,
                number => write!(self.out, " {number}")?,
            },
            Rest => bytes(self.out, self.reader.rest(), self.regress)?,
            SecretRest => bytes(self.out, self.reader.rest(), true)?,
            Skip(len) => drop(self.reader.bytes(*len)?),
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = self.reader.u8()?;
        match byte {
            b' '..=b'~' => write!(self.out, " {}", char::from(byte))?,
            _ => write!(self.out, " \\x{byte:02x}")?,
        }
        Ok(byte)
    }

    /// Prints a string and says whether it was empty.
    fn text(&mut self, masked: bool) -> Result<bool, Stop> {
        let text = self.reader.cstr()?;
        if masked {
            self.out.write_str(" \"SSSS\"")?;
        } else {
            self.out.write_str(" \"")?;
            escaped(self.out, text)?;
            self.out.write_char('"')?;
        }
        Ok(text.is_empty())
    }

    fn value(&mut self, masked: bool) -> Result<(), Stop> {
        match self.reader.value()? {
            None => self.out.write_str(" -1")?,
            Some(value) => {
                write!(self.out, " {}", value.len())?;
                bytes(self.out, value, masked)?;
            }
        }
        Ok(())
    }

    fn pairs(&mut self) -> Result<(), Stop> {
        while self.reader.peek() != Some(0) {
            self.text(false)?;
            self.text(false)?;
        }
        self.reader.u8()?;
        Ok(())
    }

    fn fields(&mut self) -> Result<(), Stop> {
        loop {
            match self.byte()? {
                0 => return Ok(()),
                code => self.text(self.regress && matches!(code, b'F' | b'L' | b'R'))?,
            };
        }
    }
}

/// Bytes between single quotes, with everything but printable ASCII escaped.
fn bytes(out: &mut impl Write, data: &[u8], masked: bool) -> fmt::Result {
    if masked {
        return out.write_str(" 'BBBB'");
    }
    out.write_str(" '")?;
    for &byte in data {
        match byte {
            b' '..=b'~' => out.write_char(char::from(byte))?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_char('\'')
}

/// Text as it is, but for control characters and what is not UTF-8.
fn escaped(out: &mut impl Write, text: &[u8]) -> fmt::Result {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                write!(out, "\\x{:02x}", u32::from(character))?;
            } else {
                out.write_char(character)?;
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

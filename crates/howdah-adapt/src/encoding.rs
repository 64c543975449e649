//! Client encodings: strings to and from the bytes that the session's `client_encoding` asks for.

pub(super) mod multibyte;

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::error;
use crate::memory;
use howdah_ffi::values::{bytes, str_from_utf8};

/// Python's name for the encoding with PostgreSQL's `name`.
///
/// # Errors
/// NotSupportedError if Python has no such codec.
#[pyfunction]
pub fn python_encoding(py: Python<'_>, name: &[u8]) -> PyResult<&'static str> {
    let name = String::from_utf8_lossy(name);
    match Encoding::from_postgres(&name) {
        Encoding::Unavailable(_) => Err(unavailable(py, &name)),
        encoding => encoding.python_name(py),
    }
}

/// The session's client encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF8.
    Utf8,
    /// No encoding: the server does not know what its text means. Text is loaded as bytes and sent as UTF-8.
    SqlAscii,
    /// One that Python has under this name.
    Python(&'static str),
    /// One that Python does not have.
    Unavailable(&'static str),
}

impl Encoding {
    /// The encoding with PostgreSQL's `name`, in any spelling that the server takes.
    ///
    /// Source: PostgreSQL documentation, "Character Set Support", table of character sets.
    pub fn from_postgres(name: &str) -> Self {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
        let name: Vec<u8> = letters.map(|byte| byte.to_ascii_uppercase()).collect();
        Self::Python(match name.as_slice() {
            b"UTF8" | b"UNICODE" => return Self::Utf8,
            b"SQLASCII" => return Self::SqlAscii,
            b"EUCTW" => return Self::Unavailable("EUC_TW"),
            b"MULEINTERNAL" => return Self::Unavailable("MULE_INTERNAL"),
            b"LATIN1" | b"ISO88591" => "iso8859-1",
            b"LATIN2" | b"ISO88592" => "iso8859-2",
            b"LATIN3" | b"ISO88593" => "iso8859-3",
            b"LATIN4" | b"ISO88594" => "iso8859-4",
            b"ISO88595" => "iso8859-5",
            b"ISO88596" => "iso8859-6",
            b"ISO88597" => "iso8859-7",
            b"ISO88598" => "iso8859-8",
            b"LATIN5" | b"ISO88599" => "iso8859-9",
            b"LATIN6" | b"ISO885910" => "iso8859-10",
            b"LATIN7" | b"ISO885913" => "iso8859-13",
            b"LATIN8" | b"ISO885914" => "iso8859-14",
            b"LATIN9" | b"ISO885915" => "iso8859-15",
            b"LATIN10" | b"ISO885916" => "iso8859-16",
            b"WIN1250" => "cp1250",
            b"WIN1251" | b"WIN" => "cp1251",
            b"WIN1252" => "cp1252",
            b"WIN1253" => "cp1253",
            b"WIN1254" => "cp1254",
            b"WIN1255" => "cp1255",
            b"WIN1256" => "cp1256",
            b"WIN1257" => "cp1257",
            b"WIN1258" | b"ABC" | b"TCVN" | b"TCVN5712" | b"VSCII" => "cp1258",
            b"WIN866" | b"ALT" => "cp866",
            b"WIN874" => "cp874",
            b"KOI8R" | b"KOI8" => "koi8-r",
            b"KOI8U" => "koi8-u",
            b"EUCCN" => "gb2312",
            b"EUCJP" => "euc_jp",
            b"EUCJIS2004" => "euc_jis_2004",
            b"EUCKR" => "euc_kr",
            b"BIG5" | b"WIN950" | b"WINDOWS950" => "big5",
            b"GBK" | b"WIN936" | b"WINDOWS936" => "gbk",
            b"GB18030" => "gb18030",
            b"UHC" | b"WIN949" | b"WINDOWS949" => "cp949",
            b"JOHAB" => "johab",
            b"SJIS" | b"MSKANJI" | b"SHIFTJIS" | b"WIN932" | b"WINDOWS932" => "shift_jis",
            b"SHIFTJIS2004" => SHIFT_JIS_2004,
            _ => return Self::Unavailable("of a name that is not known"),
        })
    }

    /// Python's name for it; `ascii` for SQL_ASCII.
    ///
    /// # Errors
    /// NotSupportedError if Python has no such codec.
    pub fn python_name(self, py: Python<'_>) -> PyResult<&'static str> {
        match self {
            Self::Utf8 => Ok("utf-8"),
            Self::SqlAscii => Ok("ascii"),
            Self::Python(name) => Ok(name),
            Self::Unavailable(name) => Err(unavailable(py, name)),
        }
    }

    /// Appends a string.
    ///
    /// What is ASCII stays so, and nothing else becomes it: a yen sign that is sent as a backslash would undo the quote behind
    /// it.
    ///
    /// # Errors
    /// UnicodeEncodeError, NotSupportedError.
    #[inline]
    pub fn encode(self, text: &Bound<'_, PyString>, out: &mut Vec<u8>) -> PyResult<()> {
        match self {
            Self::Utf8 | Self::SqlAscii => memory::append(out, text.to_str()?.as_bytes())?,
            Self::Python("shift_jis" | "euc_jp") => {
                refuse_pretended_ascii(text, self.python_name(text.py())?)?;
                by_codec(text, self.python_name(text.py())?, out)?;
            }
            Self::Python(SHIFT_JIS_2004) => encode_shift_jis_2004(text, out)?,
            Self::Python(_) | Self::Unavailable(_) => {
                by_codec(text, self.python_name(text.py())?, out)?;
            }
        }
        Ok(())
    }

    /// A str; bytes if the encoding is SQL_ASCII.
    ///
    /// # Errors
    /// UnicodeDecodeError, NotSupportedError.
    #[inline]
    pub fn decode<'py>(self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Utf8 => Ok(str_from_utf8(py, data)?.into_any()),
            Self::SqlAscii => Ok(bytes(py, data)?.into_any()),
            Self::Python(SHIFT_JIS_2004) => {
                let text = bytes(py, data)?.call_method1("decode", (SHIFT_JIS_2004,))?;
                let text = text.call_method1("replace", (YEN, "\\"))?;
                text.call_method1("replace", (OVERLINE, "~"))
            }
            Self::Python(_) | Self::Unavailable(_) => {
                let name = self.python_name(py)?;
                bytes(py, data)?.call_method1("decode", (name,))
            }
        }
    }

    /// The same for a value from the server, whose error is a DataError besides.
    #[inline]
    pub(super) fn load<'py>(self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        self.decode(py, data).map_err(|e| error::of_value(py, e))
    }

    /// A str, whatever the bytes are: for names and payloads, where there has to be one. What is no text is replaced.
    ///
    /// # Errors
    /// Only of the interpreter.
    pub fn decode_str<'py>(self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyString>> {
        match self.decode(py, data).map(Bound::cast_into::<PyString>) {
            Ok(Ok(text)) => Ok(text),
            _ => str_from_utf8(py, String::from_utf8_lossy(data).as_bytes()),
        }
    }
}

fn unavailable(py: Python<'_>, name: &str) -> PyErr {
    let message = format!("codec not available in Python: '{name}'");
    error::of_class(py, "NotSupportedError", &message)
}

/// For Python the bytes of a backslash and a tilde are other characters in it; for PostgreSQL they are ASCII.
const SHIFT_JIS_2004: &str = "shift_jis_2004";
/// Python writes these two as a backslash and a tilde, in the encodings of Japanese.
const YEN: &str = "\u{a5}";
const OVERLINE: &str = "\u{203e}";

fn by_codec(text: &Bound<'_, PyString>, codec: &str, out: &mut Vec<u8>) -> PyResult<()> {
    let bytes = text.call_method1("encode", (codec,))?;
    memory::append(out, bytes.cast::<PyBytes>()?.as_bytes())
}

fn refuse_pretended_ascii(text: &Bound<'_, PyString>, codec: &str) -> PyResult<()> {
    let utf8 = text.to_str()?;
    match [YEN, OVERLINE].into_iter().find(|char| utf8.contains(char)) {
        None => Ok(()),
        Some(char) => {
            let reason = "it would be sent as another character";
            Err(PyUnicodeEncodeError::new_err((
                codec.to_owned(),
                char,
                0,
                1,
                reason,
            )))
        }
    }
}

fn encode_shift_jis_2004(text: &Bound<'_, PyString>, out: &mut Vec<u8>) -> PyResult<()> {
    refuse_pretended_ascii(text, SHIFT_JIS_2004)?;
    for part in text.to_str()?.split_inclusive(['\\', '~']) {
        let others = part.trim_end_matches(['\\', '~']);
        by_codec(
            &str_from_utf8(text.py(), others.as_bytes())?,
            SHIFT_JIS_2004,
            out,
        )?;
        memory::append(out, &part.as_bytes()[others.len()..])?;
    }
    Ok(())
}

//! What a COPY statement says of its columns, as far as it has to be known to write and read rows.
//!
//! Source: PostgreSQL documentation, "COPY" and "Lexical Structure".

use super::statement::skip_blanks;

/// A COPY statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CopyStatement {
    /// A statement that has the same columns. It is described, and not run.
    pub(crate) like: String,
    /// An option because of which the data does not look as that of the text format does without options.
    pub(crate) option: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A name or a key word.
    Word(&'a str),
    /// A name in quotes, with them.
    Quoted(&'a str),
    Open,
    Close,
    Dot,
    Comma,
    Other(&'a str),
}

impl CopyStatement {
    /// Reads a statement; `None` if it is no COPY, or none that is understood.
    pub(crate) fn parse(sql: &str) -> Option<Self> {
        let mut rest = sql;
        next(&mut rest).filter(|token| token.is("copy"))?;
        let like = if token(rest)?.0 == Token::Open {
            query(&mut rest)?
        } else {
            table(&mut rest)?
        };
        let way = next(&mut rest)?;
        if !way.is("from") && !way.is("to") {
            return None;
        }
        Some(Self {
            like,
            option: option(rest),
        })
    }
}

/// The query of a COPY, which stands in parentheses.
fn query(rest: &mut &str) -> Option<String> {
    let (_, inner) = token(rest)?;
    let mut depth = 1_usize;
    *rest = inner;
    loop {
        let before = *rest;
        match next(rest)? {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let len = inner.len() - before.len();
            return inner.get(..len).map(str::to_owned);
        }
    }
}

/// The table of a COPY, with its columns if they are named.
fn table(rest: &mut &str) -> Option<String> {
    let first = token(rest)?;
    let names = token(first.1)?.0;
    // What stands before the table may be an old way to ask for the binary format.
    let is_old = first.0.is("binary") && names.is_name() && !names.is("from") && !names.is("to");
    if is_old {
        *rest = first.1;
    }
    let mut name = String::new();
    loop {
        name.push_str(next(rest)?.name()?);
        let (dot, behind) = token(rest)?;
        if dot != Token::Dot {
            break;
        }
        name.push('.');
        *rest = behind;
    }
    let columns = columns(rest)?;
    Some(format!("SELECT {columns} FROM {name} AS copied"))
}

/// The list of columns, if there is one.
fn columns(rest: &mut &str) -> Option<String> {
    let (open, behind) = token(rest)?;
    if open != Token::Open {
        return Some("*".to_owned());
    }
    *rest = behind;
    let mut columns = String::new();
    loop {
        columns.push_str("copied.");
        columns.push_str(next(rest)?.name()?);
        match next(rest)? {
            Token::Comma => columns.push_str(", "),
            Token::Close => return Some(columns),
            _ => return None,
        }
    }
}

/// The first of the options that change what the data looks like.
fn option(mut rest: &str) -> Option<String> {
    const CHANGING: [&str; 10] = [
        "csv",
        "delimiter",
        "delimiters",
        "null",
        "default",
        "header",
        "quote",
        "escape",
        "encoding",
        "json",
    ];
    while let Some(token) = next(&mut rest) {
        if token.is("where") {
            return None;
        }
        let text = match token {
            Token::Word(text) | Token::Quoted(text) | Token::Other(text) => text,
            _ => continue,
        };
        let word = text.trim_matches(|c| matches!(c, '\'' | '"'));
        let found = CHANGING.iter().find(|name| name.eq_ignore_ascii_case(word));
        if let Some(found) = found {
            return Some(found.to_uppercase());
        }
    }
    None
}

impl<'a> Token<'a> {
    fn is(self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }

    fn is_name(self) -> bool {
        self.name().is_some()
    }

    fn name(self) -> Option<&'a str> {
        match self {
            Self::Word(text) | Self::Quoted(text) => Some(text),
            _ => None,
        }
    }
}

/// Takes the next token.
fn next<'a>(rest: &mut &'a str) -> Option<Token<'a>> {
    let (token, behind) = token(rest)?;
    *rest = behind;
    Some(token)
}

/// The length of the token that a text begins with; `None` if it cannot be read.
#[cfg(feature = "tracing")]
pub(super) fn token_length(text: &str) -> Option<usize> {
    let (_, behind) = token(text)?;
    Some(text.len() - behind.len())
}

/// The token at the front of a text, and what is behind it.
fn token(text: &str) -> Option<(Token<'_>, &str)> {
    let text = skip_blanks(text);
    let first = text.chars().next()?;
    let len = match first {
        '"' => quoted(text, '"', false)?,
        '\'' => quoted(text, '\'', false)?,
        'e' | 'E' if text.get(1..2) == Some("'") => 1 + quoted(text.get(1..)?, '\'', true)?,
        '$' => dollar_quoted(text).unwrap_or(1),
        c if is_in_name(c) => text.find(|c| !is_in_name(c)).unwrap_or(text.len()),
        c => c.len_utf8(),
    };
    let (token, behind) = text.split_at_checked(len)?;
    let token = match first {
        '(' => Token::Open,
        ')' => Token::Close,
        '.' => Token::Dot,
        ',' => Token::Comma,
        '"' => Token::Quoted(token),
        c if is_in_name(c) && c != '$' && !c.is_ascii_digit() && !token.ends_with('\'') => {
            Token::Word(token)
        }
        _ => Token::Other(token),
    };
    Some((token, behind))
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// The length of what is in quotes; a quote in it is doubled, or stands behind a backslash, if that `escapes`.
fn quoted(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((place, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|next| next.1 == quote).is_none() {
            return Some(place + 1);
        }
    }
    None
}

/// The length of what is between two equal marks like `$$` or `$mark$`.
fn dollar_quoted(text: &str) -> Option<usize> {
    let name = text.get(1..)?;
    let end = name.find(|c| !is_in_name(c) || c == '$')?;
    let mark = text.get(..end + 2).filter(|mark| mark.ends_with('$'))?;
    let body = text.get(mark.len()..)?;
    Some(2 * mark.len() + body.find(mark)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(sql: &str) -> String {
        CopyStatement::parse(sql).expect(sql).like
    }

    #[test]
    fn columns_of_a_table() {
        for (sql, expected) in [
            ("COPY t FROM STDIN", "SELECT * FROM t AS copied"),
            (
                "-- a comment\ncopy a . \"b\"\"c\" ( x,\"Y z\" /* ) */ , time ) to STDOUT (FORMAT binary)",
                "SELECT copied.x, copied.\"Y z\", copied.time FROM a.\"b\"\"c\" AS copied",
            ),
            ("COPY binary t FROM STDIN", "SELECT * FROM t AS copied"),
            ("COPY binary FROM STDIN", "SELECT * FROM binary AS copied"),
            (
                "COPY binary.t FROM STDIN",
                "SELECT * FROM binary.t AS copied",
            ),
            ("COPY äö$1 FROM STDIN", "SELECT * FROM äö$1 AS copied"),
        ] {
            assert_eq!(like(sql), expected);
        }
    }

    #[test]
    fn columns_of_a_query() {
        for query in [
            "SELECT 1",
            "SELECT ')', \")\", E'\\')', $$)$$, $a$)$$$a$, (1), '''' -- )\n, /* ) */ 2",
            "SELECT $1",
            "",
        ] {
            assert_eq!(like(&format!("COPY ({query}) TO STDOUT")), query);
        }
    }

    #[test]
    fn what_is_not_understood() {
        for sql in [
            "",
            "COPY",
            "SELECT 1",
            "COPY (SELECT 1 TO STDOUT",
            "COPY t (a FROM STDIN",
            "COPY t (a, ) FROM STDIN",
            "COPY t FRO STDIN",
            "COPY \"t FROM STDIN",
            "COPY 't' FROM STDIN",
        ] {
            assert_eq!(CopyStatement::parse(sql), None, "{sql:?}");
        }
    }

    #[test]
    fn options() {
        let option = |tail: &str| {
            let sql = format!("COPY t FROM STDIN {tail}");
            CopyStatement::parse(&sql).expect("a COPY").option
        };
        for tail in [
            "",
            "(FORMAT binary, FREEZE)",
            "WITH BINARY",
            "WHERE a IS NOT NULL",
            "(ON_ERROR ignore)",
        ] {
            assert_eq!(option(tail), None, "{tail:?}");
        }
        for (tail, expected) in [
            ("(FORMAT csv)", "CSV"),
            ("(format 'CSV')", "CSV"),
            ("csv header", "CSV"),
            ("(DELIMITER ',')", "DELIMITER"),
            ("WITH NULL AS ''", "NULL"),
            ("(FORMAT text, \"encoding\" 'LATIN1')", "ENCODING"),
        ] {
            assert_eq!(option(tail).as_deref(), Some(expected), "{tail:?}");
        }
    }
}

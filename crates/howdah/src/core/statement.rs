//! What can be told of a statement by its text.

/// Whether a statement is a COPY, behind blanks and comments.
pub(crate) fn is_copy(sql: &str) -> bool {
    first_word(sql).eq_ignore_ascii_case("COPY")
}

/// Statements behind which everything has the columns that it had, as far as their text tells.
const KEEP_DEFINITIONS: [&str; 18] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "WITH",
    "VALUES",
    "TABLE",
    "TRUNCATE",
    "SHOW",
    "FETCH",
    "LOCK",
    "NOTIFY",
    "LISTEN",
    "UNLISTEN",
    "SAVEPOINT",
    "RELEASE",
    "REFRESH",
];

/// Whether statements that are prepared may be of no use behind this one: it may have changed what they give, or dropped them.
pub(crate) fn may_redefine(sql: &str) -> bool {
    let word = first_word(sql);
    let mentions = |names: &[&str]| {
        let text = sql.to_ascii_lowercase();
        names.iter().any(|name| text.contains(name))
    };
    match word {
        // Blanks, or a SELECT in parentheses.
        "" => false,
        _ if word.eq_ignore_ascii_case("SET") => mentions(&["search_path", "schema"]),
        _ if word.eq_ignore_ascii_case("RESET") => mentions(&["search_path", "all"]),
        _ => !KEEP_DEFINITIONS
            .iter()
            .any(|kept| word.eq_ignore_ascii_case(kept)),
    }
}

/// The word that is first behind blanks and comments.
fn first_word(sql: &str) -> &str {
    let text = skip_blanks(sql);
    let len = text.bytes().take_while(|byte| is_in_name(*byte)).count();
    text.get(..len).unwrap_or_default()
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

/// A name as an identifier. Source: PostgreSQL documentation, "Lexical Structure".
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What follows blanks and comments. Source: PostgreSQL documentation, "Lexical Structure".
pub(super) fn skip_blanks(text: &str) -> &str {
    let rest = behind_blanks(text.as_bytes());
    // What is skipped ends at a character of ASCII.
    text.get(text.len() - rest.len()..).unwrap_or_default()
}

fn behind_blanks(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, rest @ ..] => rest,
            [b'-', b'-', rest @ ..] => {
                let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                end.and_then(|end| rest.get(end..)).unwrap_or_default()
            }
            [b'/', b'*', rest @ ..] => skip_comment(rest),
            _ => return text,
        };
    }
}

/// What follows a comment that has begun; comments nest.
fn skip_comment(mut text: &[u8]) -> &[u8] {
    let mut depth = 1;
    while depth > 0 {
        text = match text {
            [b'/', b'*', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'*', b'/', rest @ ..] => {
                depth -= 1;
                rest
            }
            [_, rest @ ..] => rest,
            [] => return text,
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_first_word() {
        for sql in [
            "COPY t FROM STDIN",
            "copy",
            " \t\n-- SELECT\n/* a /* b */ */CoPy(SELECT 1) TO STDOUT",
            "--\rcopy t",
        ] {
            assert!(is_copy(sql), "{sql:?}");
        }
        for sql in [
            "",
            "COP",
            "copying",
            "copy_t",
            "SELECT 'COPY'",
            "-- COPY t",
            "/* /* */ COPY",
            "\"copy\"",
            "cop\u{e9}",
            "copy\u{e9}",
        ] {
            assert!(!is_copy(sql), "{sql:?}");
        }
    }

    #[test]
    fn what_may_redefine_is_known_by_its_first_word() {
        for sql in [
            "ALTER TABLE t ADD c int",
            " -- SELECT\ncreate temp table t ()",
            "DROP VIEW v",
            "DO $$ $$",
            "CALL p()",
            "deallocate all",
            "SET LOCAL Search_Path = x",
            "SET SCHEMA 'x'",
            "RESET ALL",
            "selection",
        ] {
            assert!(may_redefine(sql), "{sql:?}");
        }
        for sql in [
            "",
            "-- ALTER TABLE t",
            "(SELECT 1)",
            "select 1",
            "/* DROP */ INSERT INTO t VALUES (1)",
            "WITH a AS (SELECT 1) SELECT 'ALTER TABLE'",
            "SET statement_timeout = 1",
            "RESET work_mem",
        ] {
            assert!(!may_redefine(sql), "{sql:?}");
        }
    }
}

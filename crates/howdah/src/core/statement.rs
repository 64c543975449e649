//! What can be told of a statement by its text.

/// Whether a statement is a COPY, behind blanks and comments.
pub(crate) fn is_copy(sql: &str) -> bool {
    let word = skip_blanks(sql).as_bytes();
    let (word, rest) = word.split_at(word.len().min(4));
    word.eq_ignore_ascii_case(b"COPY") && !rest.first().is_some_and(|byte| is_in_name(*byte))
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
}

//! Statements without the literals in them.

use crate::core::copy_statement::token_length;
use crate::core::statement::skip_blanks;

/// Of a statement no more than this is shown, in bytes.
const LONGEST: usize = 8 * 1024;

/// A statement in which each literal is `?`, as is what cannot be read. Comments are left out: they may have anything in them.
pub(super) fn blanked(sql: &str) -> String {
    let shown = sql.get(..sql.floor_char_boundary(LONGEST)).unwrap_or(sql);
    let mut rest = shown;
    let mut blanked = String::with_capacity(shown.len());
    let mut is_number_of_parameter = false;
    loop {
        let behind = skip_blanks(rest);
        if behind.is_empty() {
            break;
        }
        if behind.len() < rest.len() && !blanked.is_empty() {
            blanked.push(' ');
        }
        rest = behind;
        let token = token_length(rest).and_then(|length| rest.split_at_checked(length));
        let Some((text, behind)) = token else {
            blanked.push('?');
            break;
        };
        rest = behind;
        if text == "$" && !rest.starts_with(|c: char| c.is_ascii_digit()) {
            // Of a literal in dollar quotes whose end is not there, or not shown.
            blanked.push('?');
            break;
        }
        if is_literal(text) && !is_number_of_parameter {
            blanked.push('?');
        } else {
            blanked.push_str(text);
        }
        is_number_of_parameter = text == "$";
    }
    if shown.len() < sql.len() {
        blanked.push('…');
    }
    blanked
}

/// The first word of a statement, if it is one.
pub(super) fn operation(sql: &str) -> Option<String> {
    let text = skip_blanks(sql);
    let end = text.find(|c: char| !c.is_ascii_alphabetic());
    let word = text.get(..end.unwrap_or(text.len()))?;
    (!word.is_empty() && word.len() < 20).then(|| word.to_ascii_uppercase())
}

fn is_literal(text: &str) -> bool {
    match text.as_bytes() {
        [b'\'' | b'0'..=b'9', ..] => true,
        [b'e' | b'E', second, ..] => *second == b'\'',
        [b'$', _, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_blanked_and_all_else_is_kept() {
        for (sql, expected) in [
            (
                "SELECT * FROM t WHERE id = $1",
                "SELECT * FROM t WHERE id = $1",
            ),
            (
                "ALTER ROLE ann\n  PASSWORD 'it''s \"x\"' -- 'secret'\n;",
                "ALTER ROLE ann PASSWORD ? ;",
            ),
            (
                "SELECT E'\\'x', U&'y', B'1', $$secret$$, $a$ ' $a$, 12.5e3, t1.c2, \"a'b\", $2::int4",
                "SELECT ?, U&?, B?, ?, ?, ?.?, t1.c2, \"a'b\", $2::int4",
            ),
            ("/* 'a' */ SELECT/**/'b'", "SELECT ?"),
            ("SELECT 'never closed, secret", "SELECT ?"),
            ("SELECT $a$ never closed", "SELECT ?"),
            ("SELECT $$never closed, 'secret'", "SELECT ?"),
            ("", ""),
            (" -- nothing", ""),
        ] {
            assert_eq!(blanked(sql), expected, "{sql:?}");
        }
    }

    #[test]
    fn a_long_statement_is_cut() {
        let sql = format!("SELECT {}", "ä, ".repeat(LONGEST));
        let shown = blanked(&sql);
        assert!(shown.len() <= LONGEST + '…'.len_utf8() && shown.ends_with('…'));
    }

    #[test]
    fn operations_are_first_words() {
        assert_eq!(operation(" -- x\nselect 1").as_deref(), Some("SELECT"));
        assert_eq!(operation("(SELECT 1)"), None);
        assert_eq!(operation(""), None);
    }
}

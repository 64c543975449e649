//! SASLprep as PostgreSQL applies it to passwords.
//!
//! Source: RFC 4013, with PostgreSQL's differences, which decide what its servers have stored: ASCII passes unchecked,
//! characters are checked before normalization rather than after it, and a password that fails a check is used as it
//! is. The crate `stringprep` has the tables; its own `saslprep` follows the RFC to the letter.

use std::borrow::Cow;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

/// The form of a password that SCRAM derives keys from.
pub(super) fn prepare(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    let mapped: String = password.chars().filter_map(map).collect();
    if mapped.is_empty() || mapped.contains(is_prohibited) || breaks_bidi_rules(&mapped) {
        return Cow::Borrowed(password);
    }
    Cow::Owned(mapped.nfkc().collect())
}

/// RFC 4013, 2.1.
fn map(c: char) -> Option<char> {
    if tables::non_ascii_space_character(c) {
        return Some(' ');
    }
    (!tables::commonly_mapped_to_nothing(c)).then_some(c)
}

/// RFC 4013, 2.3 and 2.5.
fn is_prohibited(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

/// RFC 3454, 6: right-to-left text begins and ends as such, and has no left-to-right characters.
fn breaks_bidi_rules(text: &str) -> bool {
    if !text.contains(tables::bidi_r_or_al) {
        return false;
    }
    text.contains(is_left_to_right)
        || !text.starts_with(tables::bidi_r_or_al)
        || !text.ends_with(tables::bidi_r_or_al)
}

/// RFC 3454, D.2. The crate's table is today's Unicode, where mathematical nablas and partial differentials are neutral;
/// in Unicode 3.2, which the RFC and PostgreSQL use, they were left-to-right.
fn is_left_to_right(c: char) -> bool {
    const CHANGED: [char; 10] = [
        '\u{1d6c1}',
        '\u{1d6db}',
        '\u{1d6fb}',
        '\u{1d715}',
        '\u{1d735}',
        '\u{1d74f}',
        '\u{1d76f}',
        '\u{1d789}',
        '\u{1d7a9}',
        '\u{1d7c3}',
    ];
    tables::bidi_l(c) || CHANGED.contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of PostgreSQL 18.6's `pg_saslprep`; an unchanged text is one that it refuses or finds in order.
    ///
    /// All code points were compared, alone and in three contexts, when this was written.
    #[test]
    fn answers_are_postgresqls() {
        let cases = [
            ("pencil\u{7}", "pencil\u{7}"),
            ("I\u{ad}X", "IX"),
            ("\u{2168}", "IX"),
            ("a\u{a0}b", "a b"),
            ("\u{ad}", "\u{ad}"),
            ("\u{fb01}\u{7}", "\u{fb01}\u{7}"),
            ("\u{fb01}\u{221}", "\u{fb01}\u{221}"),
            ("\u{fb01}\u{e000}", "\u{fb01}\u{e000}"),
            ("\u{fb01}\u{340}", "\u{fb01}\u{340}"),
            ("\u{5d0}\u{fb01}\u{5d0}", "\u{5d0}\u{fb01}\u{5d0}"),
            ("\u{5d0}\u{b2}", "\u{5d0}\u{b2}"),
            ("\u{5d0}\u{b2}\u{5d0}", "\u{5d0}2\u{5d0}"),
            ("\u{5d0}\u{1d6c1}\u{5d0}", "\u{5d0}\u{1d6c1}\u{5d0}"),
            ("e\u{301}", "\u{e9}"),
        ];
        for (password, prepared) in cases {
            assert_eq!(prepare(password), prepared, "{password:?}");
        }
    }
}

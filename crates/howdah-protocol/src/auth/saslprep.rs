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
    text.contains(tables::bidi_l)
        || !text.starts_with(tables::bidi_r_or_al)
        || !text.ends_with(tables::bidi_r_or_al)
}

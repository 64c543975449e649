//! Values of parameters, for those who have asked for them.

use std::fmt::Write;

use howdah_protocol::connection::Params;
use howdah_protocol::wire;
use howdah_types::{AnyText, Format, FromSql, LoadContext, Type, Types};

/// Of a value no more than this is shown, in bytes.
const LONGEST: usize = 128;
/// Of all together, about.
const MOST: usize = 2048;
/// What is longer is not made text first.
const LONG: usize = 4 * LONGEST;

/// The parameters of one execution as the server's log has them: `$1 = 'ann', $2 = NULL`.
pub(super) fn shown(params: &Params, types: &[u32], known: &Types) -> String {
    let mut out = String::new();
    for (index, value) in params.values().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if out.len() >= MOST {
            out.push('…');
            break;
        }
        // Writing to a string does not fail.
        let _ = write!(out, "${} = ", index + 1);
        let format = match params.formats.get(index) {
            Some(wire::Format::Binary) => Format::Binary,
            _ => Format::Text,
        };
        let ty = types.get(index).copied().unwrap_or_default();
        match value {
            None => out.push_str("NULL"),
            Some(raw) => show(Type::new(ty, known), format, raw, &mut out),
        }
    }
    out
}

fn show(ty: Type<'_>, format: Format, raw: &[u8], out: &mut String) {
    if raw.len() > LONG {
        let _ = write!(out, "({} bytes)", raw.len());
        return;
    }
    match AnyText::from_sql(ty, format, raw, &LoadContext::default()) {
        Ok(text) => {
            let text = &*text.0;
            let cut = text.floor_char_boundary(LONGEST);
            let (part, more) = text.split_at(cut);
            let _ = write!(out, "'{}'", part.replace('\'', "''"));
            if !more.is_empty() {
                out.push('…');
            }
        }
        Err(_) => {
            let _ = write!(out, "({} bytes)", raw.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use howdah_types::{ToSql, oid};

    use super::*;
    use crate::params::encode;

    fn shown_of(params: &[&dyn ToSql], types: &[u32]) -> String {
        let (known, mut encoded) = (Types::new(), Params::default());
        encode(params, types, &known, &mut encoded).unwrap();
        shown(&encoded, types, &known)
    }

    #[test]
    fn values_are_shown_as_text() {
        let types = [oid::INT4, oid::TEXT, oid::TEXT, oid::FLOAT8, oid::UNKNOWN];
        let params: [&dyn ToSql; 5] = [&-7, &"it's", &None::<&str>, &0.5, &"x"];
        assert_eq!(
            shown_of(&params, &types),
            "$1 = '-7', $2 = 'it''s', $3 = NULL, $4 = '0.5', $5 = 'x'"
        );
    }

    #[test]
    fn they_are_bounded() {
        let (cut, long) = ("ä".repeat(LONGEST), "a".repeat(1 << 20));
        let text = shown_of(&[&cut, &long], &[oid::TEXT, oid::TEXT]);
        let cut = "ä".repeat(LONGEST / 2);
        assert_eq!(text, format!("$1 = '{cut}'…, $2 = (1048576 bytes)"));
        let many = vec![oid::TEXT; 1000];
        let value: &dyn ToSql = &"0123456789";
        let text = shown_of(&vec![value; 1000], &many);
        assert!(text.len() < MOST + LONGEST && text.ends_with(", …"));
    }
}

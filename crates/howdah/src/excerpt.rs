//! The line of a statement where an error is, with a caret under the place, as psql shows it.

/// How many columns of a line are shown, where it is longer.
const MAX_COLUMNS: usize = 60;

/// How many of them come behind the place of the error.
const COLUMNS_BEHIND: usize = 10;

/// The line in `source` where the character with this number, from 1, is, and a line with a caret below it. `None` if it is not in
/// there: a place right behind the end is.
pub(crate) fn excerpt(source: &str, position: usize) -> Option<String> {
    let at = byte_of(source, position)?;
    let (before, behind) = source.split_at(at);
    let number = 1 + line_ends(before);
    let start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let (left, is_cut_left) = last_columns(before.get(start..)?, MAX_COLUMNS - COLUMNS_BEHIND);
    let line_end = behind.find(['\n', '\r']).unwrap_or(behind.len());
    let (right, is_cut_right) = first_columns(behind.get(..line_end)?, MAX_COLUMNS - columns(left));

    let mut shown = format!("LINE {number}: {}", if is_cut_left { "..." } else { "" });
    let indent = shown.len() + columns(left);
    shown.extend([left, right].concat().chars().map(printed));
    shown.push_str(if is_cut_right { "..." } else { "" });
    shown.push('\n');
    shown.extend(std::iter::repeat_n(' ', indent));
    shown.push('^');
    Some(shown)
}

/// Where a character begins, by its number from 1.
fn byte_of(source: &str, position: usize) -> Option<usize> {
    let ends = std::iter::once(source.len());
    let mut places = source.char_indices().map(|(at, _)| at).chain(ends);
    places.nth(position.checked_sub(1)?)
}

/// How many lines end in a text, whichever way.
fn line_ends(text: &str) -> usize {
    let ends = text.matches(['\n', '\r']).count();
    ends - text.matches("\r\n").count()
}

/// As much of the end of a text as fits, and whether something is left out.
fn last_columns(text: &str, most: usize) -> (&str, bool) {
    let mut room = most;
    for (at, c) in text.char_indices().rev() {
        match room.checked_sub(width(c)) {
            Some(left) => room = left,
            None => return (text.get(at + c.len_utf8()..).unwrap_or_default(), true),
        }
    }
    (text, false)
}

/// As much of the beginning of a text as fits, and whether something is left out.
fn first_columns(text: &str, most: usize) -> (&str, bool) {
    let mut room = most;
    for (at, c) in text.char_indices() {
        match room.checked_sub(width(c)) {
            Some(left) => room = left,
            None => return (text.get(..at).unwrap_or_default(), true),
        }
    }
    (text, false)
}

fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// What stands for a character: a tab would move the caret.
fn printed(c: char) -> char {
    if c == '\t' { ' ' } else { c }
}

/// How many columns of a screen a character takes. Source: Unicode's EastAsianWidth.txt, wide and fullwidth blocks.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xA960..=0xA97C
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF01..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F680..=0x1F6FF
        | 0x1F900..=0x1F9FF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str, position: usize) -> Vec<String> {
        let text = excerpt(source, position).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_short_line_is_shown_as_it_is() {
        let lines = shown("SELECT nope", 8);
        assert_eq!(lines, ["LINE 1: SELECT nope", "               ^"]);
        assert_eq!(shown("SELECT", 7), ["LINE 1: SELECT", "              ^"]);
        assert_eq!(shown("", 1), ["LINE 1: ", "        ^"]);
    }

    #[test]
    fn lines_are_counted_whichever_way_they_end() {
        for end in ["\n", "\r\n", "\r"] {
            let sql = ["SELECT 1,", "", "\tnope, 2", "FROM t"].join(end);
            let at = sql[..sql.find("nope").unwrap()].chars().count() + 1;
            assert_eq!(
                shown(&sql, at),
                ["LINE 3:  nope, 2", "         ^"],
                "{end:?}"
            );
        }
    }

    #[test]
    fn the_caret_is_under_characters_of_any_width() {
        let sql = "SELECT 'é日本', nope";
        let lines = shown(sql, 15);
        assert_eq!(lines, [format!("LINE 1: {sql}"), format!("{:24}^", "")]);
    }

    #[test]
    fn of_a_long_line_what_is_around_the_place_is_shown() {
        let sql = format!("SELECT {}, nope, {}", "a".repeat(200), "b".repeat(200));
        let at = sql.find("nope").unwrap();
        let lines = shown(&sql, at + 1);
        assert!(lines[0].starts_with("LINE 1: ...aaa") && lines[0].ends_with("bbb..."));
        assert_eq!(lines[0].find("nope"), lines[1].find('^'));
        let first = shown(&sql, 1);
        assert_eq!(first[0].len(), "LINE 1: ".len() + MAX_COLUMNS + 3);
        assert_eq!(first[1], "        ^");
        let wide = format!("SELECT {}, nope", "日".repeat(200));
        let lines = shown(&wide, 7 + 200 + 3);
        assert!(lines[0].ends_with("日, nope") && lines[0].starts_with("LINE 1: ...日"));
        assert_eq!(
            lines[1].len(),
            12 + columns(&lines[0][11..].replace("nope", ""))
        );
    }

    #[test]
    fn a_place_that_is_not_in_the_text_is_not_shown() {
        for position in [0, 8, usize::MAX] {
            assert_eq!(excerpt("SELECT", position), None);
        }
    }
}

//! The password file.
//!
//! Source: libpq, "The Password File". Lines are `host:port:database:user:password`; `*` matches anything, a
//! backslash escapes a colon or a backslash, `#` begins a comment.

/// What is looked up: the four fields of a line.
pub(super) struct Entry<'a> {
    pub(super) host: &'a str,
    pub(super) port: &'a str,
    pub(super) dbname: &'a str,
    pub(super) user: &'a str,
}

/// The password of the first line that matches, if it is not empty.
pub(super) fn lookup(text: &str, entry: &Entry<'_>) -> Option<String> {
    text.split('\n')
        .find_map(|line| match_line(line, entry))
        .filter(|password| !password.is_empty())
}

fn match_line(line: &str, entry: &Entry<'_>) -> Option<String> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for wanted in [entry.host, entry.port, entry.dbname, entry.user] {
        rest = match_field(rest, wanted)?;
    }
    Some(unescape(rest))
}

/// What follows the field and its colon, if the field is `wanted` or `*`.
fn match_field<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix("*:") {
        return Some(rest);
    }
    let mut wanted = wanted.chars();
    let mut chars = line.chars();
    loop {
        let c = match chars.next()? {
            ':' => return wanted.next().is_none().then_some(chars.as_str()),
            '\\' => chars.next()?,
            c => c,
        };
        if wanted.next() != Some(c) {
            return None;
        }
    }
}

fn unescape(field: &str) -> String {
    let mut value = String::with_capacity(field.len());
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        value.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<String> {
        lookup(
            text,
            &Entry {
                host: "h:1",
                port: "5432",
                dbname: "d",
                user: "u",
            },
        )
    }

    #[test]
    fn first_matching_line_wins() {
        let text =
            "# h\\:1:5432:d:u:comment\n\nother:5432:d:u:no\r\nh\\:1:5432:d:u:yes\r\n*:*:*:*:late\n";
        assert_eq!(find(text).as_deref(), Some("yes"));
    }

    #[test]
    fn lines() {
        let cases = [
            ("*:*:*:*:p", Some("p")),
            ("h\\:1:5432:*:u:a\\:b\\\\c", Some("a:b\\c")),
            ("*:*:*:*:a:b", Some("a:b")),
            ("*:*:*:*:trailing\\", Some("trailing\\")),
            ("*:*:*:*: spaces ", Some(" spaces ")),
            ("*:5433:*:*:p", None),
            ("*:543:*:*:p", None),
            ("*:54321:*:*:p", None),
            ("*:*:*:*", None),
            ("*:*:*:*:", None),
            ("*x:*:*:*:p", None),
            ("h:1:5432:d:u:p", None),
            ("\\", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(find(line).as_deref(), expected, "{line}");
        }
    }
}

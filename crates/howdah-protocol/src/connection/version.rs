//! The server's version as a number.

/// A server's version as a number, from what it reports as `server_version`: 180006 is `18.6 (Debian 18.6-1)`, 190000 is
/// `19devel`, 90603 is `9.6.3`. A text of three numbers is read by the old rule whatever the first is, as libpq does.
///
/// 0 where the text is not a version, or has a part that is too large for its place.
#[must_use]
pub fn server_version_number(text: &str) -> u32 {
    number(text).unwrap_or(0)
}

fn number(text: &str) -> Option<u32> {
    let mut parts = [None; 3];
    let mut rest = Some(text);
    for part in &mut parts {
        let Some((digits, after)) = rest.map(leading_digits) else {
            break;
        };
        if digits.is_empty() {
            break;
        }
        *part = Some(digits.parse::<u32>().ok()?);
        rest = after.strip_prefix('.');
    }
    // Since 10 a version has two parts, before it had three.
    let (major, rest) = match parts {
        [Some(major), Some(minor), None] if major >= 10 => (major, within(minor, 9999)?),
        [Some(major), minor, patch] => {
            let minor = within(minor.unwrap_or(0), 99)?;
            (major, minor * 100 + within(patch.unwrap_or(0), 99)?)
        }
        [None, ..] => return None,
    };
    major.checked_mul(10_000)?.checked_add(rest)
}

fn leading_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or_default()
}

fn within(part: u32, most: u32) -> Option<u32> {
    (part <= most).then_some(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::server_version_number;

    #[test]
    fn versions() {
        for (text, number) in [
            ("18.6 (Debian 18.6-1.pgdg12+1)", 180_006),
            ("10.0", 100_000),
            ("18", 180_000),
            ("19devel", 190_000),
            ("19beta1", 190_000),
            ("9.6.3", 90_603),
            ("9.6devel", 90_600),
            ("8.0.2", 80_002),
            ("11.2-YB-2.0.0.0-b0", 110_002),
            // As libpq tells it.
            ("14.4.0", 140_400),
            ("18.", 180_000),
            ("18.x.3", 180_000),
            ("0018.6", 180_006),
            ("429496.7295", u32::MAX),
        ] {
            assert_eq!(server_version_number(text), number, "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_0() {
        for text in [
            "",
            ".",
            "..",
            "devel",
            "-18.6",
            " 18.6",
            "\0",
            "١٨.٦",
            "99999999999999",
            "4294967295",
            "429496.7296",
            "429497.0",
            "18.99999999999",
            "18.10000",
            "9.100.1",
            "9.6.100",
        ] {
            assert_eq!(server_version_number(text), 0, "{text}");
        }
        assert_eq!(server_version_number(&"9".repeat(1 << 20)), 0);
        assert_eq!(server_version_number(&"1.".repeat(1 << 20)), 10_101);
    }

    proptest! {
        #[test]
        fn any_text_has_a_number(text in "[0-9. ]*|.*") {
            let number = server_version_number(&text);
            prop_assert!(number == 0 || text.starts_with(|c: char| c.is_ascii_digit()));
        }

        #[test]
        fn numbers_keep_the_order_of_versions(major in 10..1000_u32, minor in 0..10_000_u32, tail in "( .*)?") {
            let text = format!("{major}.{minor}{tail}");
            prop_assert_eq!(server_version_number(&text), major * 10_000 + minor);
        }
    }
}

//! What an error may quote of a connection string.
//!
//! An option that holds a secret is easy to hide. But a password that is not escaped where it should be tears a
//! connection string at the wrong places: in `postgresql://ann:pass/word@db.example/shop` the port is `pass`, and the
//! database `word@db.example/shop`. libpq accepts that and so do we, as the database may really be called so; then no
//! error quotes any of it.

/// Stands for what is not quoted.
pub(crate) const HIDDEN: &str = "***";

/// An option's value, for an error: hidden if it looks as if it held further options, or credentials.
pub fn shown(value: &str) -> &str {
    if value.contains(ODD) { HIDDEN } else { value }
}

/// A word that is no option, for an error: hidden if it looks like a URI, or the beginning of one, with credentials.
pub(super) fn shown_word(word: &str) -> &str {
    let is_scheme = |scheme: &str| scheme.to_ascii_lowercase().starts_with("postgres");
    let rest = match word.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => word,
    };
    match rest.split_once(':') {
        Some((_, after)) if !matches!(after, "" | "/") => HIDDEN,
        _ => shown(word),
    }
}

/// Whether the name of a host, a user or a database looks like a piece of a connection string that was torn.
///
/// A user may be called `ann@tenant`, as Azure has it, and with them a database by default; a socket in the abstract namespace begins with `@`.
pub(super) fn is_torn(host: &str, user: &str, dbname: &str) -> bool {
    let host_is = |host: &str| host.strip_prefix('@').unwrap_or(host).contains(ODD);
    let dbname_is = dbname != user && dbname.contains(ODD);
    host.split(',').any(host_is) || user.contains(['=', ';']) || dbname_is
}

/// What separates the parts of connection strings, here and elsewhere.
const ODD: [char; 3] = ['@', '=', ';'];

/// Hides what stands between double quotes: names, in a server's message. There may be quotes in a name.
pub(super) fn without_quoted(text: &str) -> String {
    let Some((before, rest)) = text.split_once('"') else {
        return text.to_owned();
    };
    let after = rest.rsplit_once('"').map_or("", |(_, after)| after);
    format!("{before}\"{HIDDEN}\"{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_credentials_are_hidden() {
        for word in [
            "ann",
            "postgresql:",
            "postgresql:/",
            "POSTGRESQL://h",
            "ann:",
            "'b'",
            "",
        ] {
            assert_eq!(shown_word(word), word);
        }
        let hidden = [
            "ann:pw@h",
            "postgres//ann:pw@h",
            "http://ann:pw",
            "h;password=pw",
            "a=b",
            "ann:pw",
            "ann:/pw",
            "ann://pw",
            "x:/ann:pw",
            "POSTGRES://ann:/pw",
        ];
        for word in hidden {
            assert_eq!(shown_word(word), HIDDEN, "{word}");
        }
        assert_eq!(shown("::x"), "::x");
        assert_eq!(shown("5;password=pw"), HIDDEN);
    }

    #[test]
    fn torn_names_are_recognised() {
        assert!(!is_torn(
            "db.example,@abstract,/run/x,::1",
            "ann@tenant",
            "shop"
        ));
        assert!(is_torn("db,word@db", "ann", "shop"));
        assert!(is_torn("/run/word@db", "ann", "shop"));
        assert!(is_torn("db", "ann", "word@db/shop"));
        assert!(is_torn("db;password=pw", "ann", "shop"));
        assert!(is_torn("db", "ann;password=pw", "shop"));
    }

    #[test]
    fn quoted_names_are_hidden_with_what_is_between_them() {
        assert_eq!(without_quoted("no names"), "no names");
        assert_eq!(without_quoted("a \"b\" c \"d\"e\" f"), "a \"***\" f");
        assert_eq!(without_quoted("a \"b"), "a \"***\"");
    }
}

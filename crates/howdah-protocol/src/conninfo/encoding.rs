//! `client_encoding=auto`: PostgreSQL's name for the encoding of the user's locale.

/// The encoding named by the locale variables of the environment.
///
/// A locale that names no code set, such as `C`, gives `SQL_ASCII`, as libpq does.
pub(super) fn from_locale(env: &dyn Fn(&str) -> Option<String>) -> &'static str {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(env)
        .find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default();
    let code_set = locale
        .split_once('.')
        .map_or("", |(_, rest)| rest.split('@').next().unwrap_or_default());
    from_code_set(code_set)
}

/// Maps a code set, spelled in any of the usual ways, to PostgreSQL's name.
fn from_code_set(code_set: &str) -> &'static str {
    let name: String = code_set
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    CODE_SETS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("SQL_ASCII", |(_, encoding)| encoding)
}

/// Code sets without punctuation, and PostgreSQL's names ("Character Set Support", table of client encodings).
const CODE_SETS: &[(&str, &str)] = &[
    ("utf8", "UTF8"),
    ("iso88591", "LATIN1"),
    ("iso88592", "LATIN2"),
    ("iso88593", "LATIN3"),
    ("iso88594", "LATIN4"),
    ("iso88595", "ISO_8859_5"),
    ("iso88596", "ISO_8859_6"),
    ("iso88597", "ISO_8859_7"),
    ("iso88598", "ISO_8859_8"),
    ("iso88599", "LATIN5"),
    ("iso885910", "LATIN6"),
    ("iso885913", "LATIN7"),
    ("iso885914", "LATIN8"),
    ("iso885915", "LATIN9"),
    ("iso885916", "LATIN10"),
    ("koi8r", "KOI8R"),
    ("koi8u", "KOI8U"),
    ("cp1250", "WIN1250"),
    ("cp1251", "WIN1251"),
    ("cp1252", "WIN1252"),
    ("cp1253", "WIN1253"),
    ("cp1254", "WIN1254"),
    ("cp1255", "WIN1255"),
    ("cp1256", "WIN1256"),
    ("cp1257", "WIN1257"),
    ("cp1258", "WIN1258"),
    ("eucjp", "EUC_JP"),
    ("euckr", "EUC_KR"),
    ("euctw", "EUC_TW"),
    ("euccn", "EUC_CN"),
    ("gb2312", "EUC_CN"),
    ("gb18030", "GB18030"),
    ("gbk", "GBK"),
    ("big5", "BIG5"),
    ("sjis", "SJIS"),
    ("shiftjis", "SJIS"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)]) -> &'static str {
        from_locale(&|name| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn locale_names_the_encoding() {
        assert_eq!(with(&[]), "SQL_ASCII");
        assert_eq!(with(&[("LANG", "C")]), "SQL_ASCII");
        assert_eq!(with(&[("LANG", "C.UTF-8")]), "UTF8");
        assert_eq!(with(&[("LANG", "de_DE.ISO-8859-15@euro")]), "LATIN9");
        assert_eq!(
            with(&[
                ("LANG", "it_IT.utf8"),
                ("LC_CTYPE", "ru_RU.KOI8-R"),
                ("LC_ALL", "")
            ]),
            "KOI8R"
        );
        assert_eq!(with(&[("LANG", "xx.nonsense")]), "SQL_ASCII");
    }
}

//! Names in other cases: `rename_all`.

use syn::{Error, LitStr, Result};

/// How names of fields and variants become names of attributes and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Lower,
    Upper,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
    Camel,
    Pascal,
}

const RULES: [(&str, Rule); 8] = [
    ("lowercase", Rule::Lower),
    ("UPPERCASE", Rule::Upper),
    ("snake_case", Rule::Snake),
    ("SCREAMING_SNAKE_CASE", Rule::ScreamingSnake),
    ("kebab-case", Rule::Kebab),
    ("SCREAMING-KEBAB-CASE", Rule::ScreamingKebab),
    ("camelCase", Rule::Camel),
    ("PascalCase", Rule::Pascal),
];

impl Rule {
    /// The rule that is written like its own result.
    pub(crate) fn parse(name: &LitStr) -> Result<Self> {
        let text = name.value();
        let found = RULES.iter().find(|(rule, _)| *rule == text);
        found.map(|(_, rule)| *rule).ok_or_else(|| {
            let known = RULES.map(|(rule, _)| rule).join(", ");
            Error::new(name.span(), format!("no such case; there are {known}"))
        })
    }

    pub(crate) fn apply(self, name: &str) -> String {
        let words = words(name);
        let joined = |separator: &str| words.join(separator);
        match self {
            Self::Lower => joined(""),
            Self::Upper => joined("").to_uppercase(),
            Self::Snake => joined("_"),
            Self::ScreamingSnake => joined("_").to_uppercase(),
            Self::Kebab => joined("-"),
            Self::ScreamingKebab => joined("-").to_uppercase(),
            Self::Pascal => words.iter().map(|word| capitalised(word)).collect(),
            Self::Camel => {
                let rest = words.iter().skip(1).map(|word| capitalised(word));
                words.first().cloned().into_iter().chain(rest).collect()
            }
        }
    }
}

/// The words of a name in snake or Pascal case, in lower case. A run of capitals is one word up to the last of them.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let begins = c.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        if c == '_' || begins {
            words.push(String::new());
        }
        if c != '_'
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule() {
        for (rule, from_variant, from_field) in [
            (Rule::Lower, "veryhappy", "zipcode"),
            (Rule::Upper, "VERYHAPPY", "ZIPCODE"),
            (Rule::Snake, "very_happy", "zip_code"),
            (Rule::ScreamingSnake, "VERY_HAPPY", "ZIP_CODE"),
            (Rule::Kebab, "very-happy", "zip-code"),
            (Rule::ScreamingKebab, "VERY-HAPPY", "ZIP-CODE"),
            (Rule::Camel, "veryHappy", "zipCode"),
            (Rule::Pascal, "VeryHappy", "ZipCode"),
        ] {
            assert_eq!(rule.apply("VeryHappy"), from_variant);
            assert_eq!(rule.apply("zip_code"), from_field);
        }
    }

    #[test]
    fn capitals_in_a_row() {
        assert_eq!(words("HTTPServer2Go"), ["http", "server2", "go"]);
        assert_eq!(words("_x__y"), ["x", "y"]);
        assert_eq!(words("ID"), ["id"]);
    }

    #[test]
    fn rules_are_written_like_their_results() {
        for (name, rule) in RULES {
            let parsed = Rule::parse(&LitStr::new(name, proc_macro2::Span::call_site())).unwrap();
            assert_eq!(parsed, rule);
        }
        let wrong = LitStr::new("Sponge", proc_macro2::Span::call_site());
        assert!(Rule::parse(&wrong).is_err());
    }
}

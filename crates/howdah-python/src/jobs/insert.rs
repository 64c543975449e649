//! The plainest INSERTs, understood: `INSERT INTO t (a, b) VALUES ($1, $2)`.

/// An INSERT of one row of parameters, each once and in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Insert {
    /// The table, as it is written.
    pub(crate) table: String,
    /// The columns' names, if it says any.
    pub(crate) columns: Option<Vec<String>>,
    /// How many values there are.
    pub(crate) count: usize,
    /// What stands before VALUES.
    pub(crate) head: String,
    /// What stands behind the values: nothing, or ON CONFLICT ... DO NOTHING.
    pub(crate) tail: String,
}

/// The longest name that is not cut off by the server.
const LONGEST_NAME: usize = 63;

impl Insert {
    /// Understands a statement; `None` for everything that is not as plain.
    pub(crate) fn parse(sql: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(sql).ok()?;
        let mut parser = Parser { text, rest: text };
        parser.words(&["insert", "into"])?;
        let table = parser.table()?;
        let columns = match parser.symbol('(') {
            Some(()) => Some(parser.names()?),
            None => None,
        };
        let head = parser.until_here().to_owned();
        parser.words(&["values"])?;
        parser.symbol('(')?;
        let count = parser.parameters()?;
        if columns.as_ref().is_some_and(|names| names.len() != count) {
            return None;
        }
        let tail = parser.conflict()?;
        Some(Self {
            table,
            columns,
            count,
            head,
            tail,
        })
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// What has been read.
    fn until_here(&self) -> &'a str {
        let end = self.text.len() - self.rest.len();
        self.text.get(..end).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        // Those that the server takes for space.
        self.rest = self
            .rest
            .trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.skip_space();
        self.rest = self.rest.strip_prefix(symbol)?;
        Some(())
    }

    /// A word of letters, digits and the like.
    fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$');
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        let starts = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        // A letter beyond ASCII goes on with it; a quote behind it makes it something else.
        let ends = !rest.starts_with(|c: char| !c.is_ascii() || c == '"' || c == '\'' || c == '&');
        self.rest = rest;
        (starts && ends).then_some(word)
    }

    fn words(&mut self, words: &[&str]) -> Option<()> {
        words.iter().try_for_each(|wanted| {
            let word = self.word()?;
            word.eq_ignore_ascii_case(wanted).then_some(())
        })
    }

    /// A name, as the server understands it.
    fn name(&mut self) -> Option<String> {
        if self.symbol('"').is_none() {
            let word = self.word()?;
            return (word.len() <= LONGEST_NAME).then(|| word.to_ascii_lowercase());
        }
        let mut name = String::new();
        loop {
            let (part, rest) = self.rest.split_once('"')?;
            name.push_str(part);
            self.rest = rest;
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    name.push('"');
                    self.rest = rest;
                }
                None => break,
            }
        }
        (!name.is_empty() && name.len() <= LONGEST_NAME && !name.contains('\0')).then_some(name)
    }

    /// The name of a table, with that of a schema or without; as it is written.
    fn table(&mut self) -> Option<String> {
        self.skip_space();
        let start = self.text.len() - self.rest.len();
        self.name()?;
        if self.symbol('.').is_some() {
            self.name()?;
        }
        let table = self.until_here().get(start..)?.trim_end();
        Some(table.to_owned())
    }

    /// Names up to the closing parenthesis.
    fn names(&mut self) -> Option<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.symbol(',').is_some() {
            names.push(self.name()?);
        }
        self.symbol(')')?;
        Some(names)
    }

    /// `$1, $2, ...)`; gives how many.
    fn parameters(&mut self) -> Option<usize> {
        let mut count = 0_usize;
        loop {
            self.symbol('$')?;
            count += 1;
            let end = self.rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, rest) = self.rest.split_at_checked(end)?;
            if number != count.to_string() {
                return None;
            }
            self.rest = rest;
            if self.symbol(',').is_none() {
                self.symbol(')')?;
                return Some(count);
            }
        }
    }

    /// What may stand behind the values, up to the end.
    fn conflict(&mut self) -> Option<String> {
        self.skip_space();
        let start = self.text.len() - self.rest.len();
        let mut end = start;
        if !self.rest.is_empty() && !self.rest.starts_with(';') {
            self.words(&["on", "conflict"])?;
            if self.symbol('(').is_some() {
                self.names()?;
            }
            self.words(&["do", "nothing"])?;
            end = self.text.len() - self.rest.len();
        }
        // A semicolon at the end is none of the statement's.
        let _ = self.symbol(';');
        self.skip_space();
        let tail = self.text.get(start..end)?.to_owned();
        self.rest.is_empty().then_some(tail)
    }
}

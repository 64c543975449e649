//! `tsquery`: words that a document is searched for, with operators between them.
//!
//! In binary an operator comes before its operands, the right one first; in text it stands between them. Both
//! directions work on lists, not by recursion, so that deep input costs memory in proportion and no stack.

use crate::reader::{Reader, Scanner};
use crate::tsvector::{quoted_word, unquote_to, word_to_text};
use crate::{DecodeError, int};

const NAME: &str = "tsquery";

// The kinds and operators of ts_type.h.
const WORD: u8 = 1;
const OPERATOR: u8 = 2;
const NOT: u8 = 1;
const AND: u8 = 2;
const OR: u8 = 3;
const PHRASE: u8 = 4;
/// The weights that a word is limited to: their letters, and the bits of the binary form.
const WEIGHTS: [(u8, u8); 4] = [(b'A', 8), (b'B', 4), (b'C', 2), (b'D', 1)];
/// The longest distance of words in a phrase, `MAXENTRYPOS`.
const MAX_DISTANCE: u16 = 0x4000;

/// A word or an operator of a `tsquery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A word.
    Word {
        /// The word, in the client encoding.
        word: &'a [u8],
        /// The weights that are searched: 8 for A, 4 for B, 2 for C, 1 for D; 0 for all.
        weights: u8,
        /// Whether words that begin with this one are meant too.
        prefix: bool,
    },
    /// Not the operand.
    Not,
    /// Both operands.
    And,
    /// One of the operands, or both.
    Or,
    /// The right operand so many words after the left one.
    Phrase(u16),
}

/// Reads the items of a `tsquery` in binary: an operator comes before its right operand, that before its left one.
#[derive(Debug, Clone)]
pub struct TsqueryBinary<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> TsqueryBinary<'a> {
    /// Starts reading.
    ///
    /// # Errors
    /// A count that is negative or larger than the bytes allow.
    pub fn new(raw: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let left = usize::try_from(reader.i32()?).ok();
        // An item has at least two bytes.
        let left = left.filter(|left| *left <= reader.remaining() / 2);
        let left = left.ok_or(DecodeError::length(NAME, "more items than bytes"))?;
        Ok(Self { reader, left })
    }

    /// The next item, `None` after the last. Whether operators have their operands is not checked.
    ///
    /// # Errors
    /// An unknown kind of item, a value that is out of range, or bytes after the last item.
    pub fn next_item(&mut self) -> Result<Option<Item<'a>>, DecodeError> {
        if self.left == 0 {
            return self.reader.finish().map(|()| None);
        }
        self.left -= 1;
        let [kind, value] = self.reader.array()?;
        let item = match (kind, value) {
            (WORD, weights) => self.word(weights)?,
            (OPERATOR, NOT) => Item::Not,
            (OPERATOR, AND) => Item::And,
            (OPERATOR, OR) => Item::Or,
            (OPERATOR, PHRASE) => self.phrase()?,
            _ => return Err(DecodeError::invalid(NAME, "unknown kind of item")),
        };
        Ok(Some(item))
    }

    fn word(&mut self, weights: u8) -> Result<Item<'a>, DecodeError> {
        let [prefix] = self.reader.array()?;
        if weights > 15 || prefix > 1 {
            return Err(DecodeError::invalid(NAME, "unknown weight or flag"));
        }
        let word = self.reader.cstring()?;
        let prefix = prefix == 1;
        Ok(Item::Word {
            word,
            weights,
            prefix,
        })
    }

    fn phrase(&mut self) -> Result<Item<'a>, DecodeError> {
        let distance = self.reader.u16()?;
        if distance > MAX_DISTANCE {
            return Err(DecodeError::range(NAME, "distance out of range"));
        }
        Ok(Item::Phrase(distance))
    }
}

/// Appends the text of a binary value, as `tsqueryout` would write it: `'a' & !( 'b':*A | 'c' )`.
///
/// # Errors
/// Those of [`TsqueryBinary`], and operators whose operands are missing or too many.
pub fn binary_to_text(raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut reader = TsqueryBinary::new(raw)?;
    let mut items = Vec::new();
    while let Some(item) = reader.next_item()? {
        items.push(item);
    }
    if items.is_empty() {
        return Ok(());
    }
    let sizes = sizes(&items).ok_or(DecodeError::invalid(
        NAME,
        "operators and operands disagree",
    ))?;
    write_infix(&items, &sizes, out);
    Ok(())
}

/// Appends the binary form of a text as the server writes it: quoted words, operators and parentheses.
///
/// # Errors
/// Another layout, or a distance out of range.
pub fn text_to_binary(raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let bad = DecodeError::invalid(NAME, "not quoted words with operators between them");
    let items = postfix(&mut Scanner::new(raw)).ok_or(bad)?;
    let count = i32::try_from(items.len()).map_err(|_| bad)?;
    out.extend_from_slice(&count.to_be_bytes());
    // Left, right, operator: backwards this is the order of the binary form.
    for item in items.iter().rev() {
        item_to_binary(*item, out);
    }
    Ok(())
}

/// How many items there are to each operand, its own operands included; `None` if they do not add up.
fn sizes(items: &[Item<'_>]) -> Option<Vec<usize>> {
    let mut sizes = vec![0; items.len()];
    for (at, item) in items.iter().enumerate().rev() {
        let size = match item {
            Item::Word { .. } => 1,
            Item::Not => 1 + sizes.get(at + 1)?,
            _ => {
                let right = sizes.get(at + 1)?;
                1 + right + sizes.get(at + 1 + right)?
            }
        };
        *sizes.get_mut(at)? = size;
    }
    (sizes.first() == Some(&items.len())).then_some(sizes)
}

/// What is still to be written, the last of a list first.
enum Step {
    /// The operand at an index, inside an operator of a priority, perhaps on the right of a phrase.
    Operand(usize, u8, bool),
    /// The operator at an index.
    Operator(usize),
    Close,
}

fn write_infix(items: &[Item<'_>], sizes: &[usize], out: &mut Vec<u8>) {
    let mut steps = vec![Step::Operand(0, 0, false)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Close => out.extend_from_slice(b" )"),
            Step::Operator(at) => {
                if let Some(item) = items.get(at) {
                    operator_to_text(*item, out);
                }
            }
            Step::Operand(at, outer, right_of_phrase) => {
                let Some(&item) = items.get(at) else { continue };
                let priority = priority(item);
                let phrase = matches!(item, Item::Phrase(_));
                match item {
                    Item::Word { .. } => operator_to_text(item, out),
                    Item::Not => {
                        operator_to_text(item, out);
                        steps.push(Step::Operand(at + 1, priority, false));
                    }
                    _ => {
                        if priority < outer || phrase && right_of_phrase {
                            out.extend_from_slice(b"( ");
                            steps.push(Step::Close);
                        }
                        let left = at + 1 + sizes.get(at + 1).copied().unwrap_or_default();
                        steps.push(Step::Operand(at + 1, priority, phrase));
                        steps.push(Step::Operator(at));
                        steps.push(Step::Operand(left, priority, false));
                    }
                }
            }
        }
    }
}

const fn priority(item: Item<'_>) -> u8 {
    match item {
        Item::Or => 1,
        Item::And => 2,
        Item::Phrase(_) => 3,
        Item::Not => 4,
        Item::Word { .. } => 5,
    }
}

fn operator_to_text(item: Item<'_>, out: &mut Vec<u8>) {
    match item {
        Item::Word {
            word,
            weights,
            prefix,
        } => {
            word_to_text(word, out);
            if prefix || weights > 0 {
                out.push(b':');
            }
            if prefix {
                out.push(b'*');
            }
            let letters = WEIGHTS.iter().filter(|(_, bit)| weights & bit != 0);
            out.extend(letters.map(|(letter, _)| letter));
        }
        Item::Not => out.push(b'!'),
        Item::And => out.extend_from_slice(b" & "),
        Item::Or => out.extend_from_slice(b" | "),
        Item::Phrase(1) => out.extend_from_slice(b" <-> "),
        Item::Phrase(distance) => {
            out.extend_from_slice(b" <");
            int::int_to_text(distance, out);
            out.extend_from_slice(b"> ");
        }
    }
}

fn item_to_binary(item: Item<'_>, out: &mut Vec<u8>) {
    match item {
        Item::Word {
            word,
            weights,
            prefix,
        } => {
            out.extend_from_slice(&[WORD, weights, u8::from(prefix)]);
            unquote_to(word, out);
            out.push(0);
        }
        Item::Not => out.extend_from_slice(&[OPERATOR, NOT]),
        Item::And => out.extend_from_slice(&[OPERATOR, AND]),
        Item::Or => out.extend_from_slice(&[OPERATOR, OR]),
        Item::Phrase(distance) => {
            out.extend_from_slice(&[OPERATOR, PHRASE]);
            out.extend_from_slice(&distance.to_be_bytes());
        }
    }
}

/// The items of a text, an operator behind its operands, and words still with doubled quotes.
///
/// Dijkstra's shunting yard; `None` on the stack of operators is a parenthesis.
fn postfix<'a>(scanner: &mut Scanner<'a>) -> Option<Vec<Item<'a>>> {
    let mut items = Vec::new();
    let mut waiting: Vec<Option<Item<'a>>> = Vec::new();
    skip_spaces(scanner);
    if scanner.is_empty() {
        return Some(items);
    }
    loop {
        operand(scanner, &mut items, &mut waiting)?;
        while closes(scanner) {
            release(0, &mut items, &mut waiting);
            // The parenthesis that it closes.
            waiting.pop()?;
        }
        if scanner.is_empty() {
            break;
        }
        let item = operator(scanner)?;
        release(priority(item), &mut items, &mut waiting);
        waiting.push(Some(item));
    }
    release(0, &mut items, &mut waiting);
    waiting.is_empty().then_some(items)
}

/// A word, with what stands before it: `!` and opening parentheses.
fn operand<'a>(
    scanner: &mut Scanner<'a>,
    items: &mut Vec<Item<'a>>,
    waiting: &mut Vec<Option<Item<'a>>>,
) -> Option<()> {
    loop {
        skip_spaces(scanner);
        if scanner.eat(b'!') {
            waiting.push(Some(Item::Not));
        } else if scanner.eat(b'(') {
            waiting.push(None);
        } else {
            break;
        }
    }
    let word = quoted_word(scanner)?;
    let (mut prefix, mut weights) = (false, 0);
    if scanner.eat(b':') {
        prefix = scanner.eat(b'*');
        for (letter, bit) in WEIGHTS {
            if scanner.eat(letter) {
                weights |= bit;
            }
        }
    }
    items.push(Item::Word {
        word,
        weights,
        prefix,
    });
    Some(())
}

fn operator<'a>(scanner: &mut Scanner<'_>) -> Option<Item<'a>> {
    match scanner.next()? {
        b'&' => Some(Item::And),
        b'|' => Some(Item::Or),
        b'<' if scanner.eat_str(b"->") => Some(Item::Phrase(1)),
        b'<' => {
            let (distance, _) = scanner.number()?;
            let distance = u16::try_from(distance).ok()?;
            let fits = distance <= MAX_DISTANCE && scanner.eat(b'>');
            fits.then_some(Item::Phrase(distance))
        }
        _ => None,
    }
}

/// Moves the operators that bind at least as closely as `priority`, up to a parenthesis.
fn release<'a>(at_least: u8, items: &mut Vec<Item<'a>>, waiting: &mut Vec<Option<Item<'a>>>) {
    while let Some(Some(item)) =
        waiting.pop_if(|item| item.is_some_and(|i| priority(i) >= at_least))
    {
        items.push(item);
    }
}

fn closes(scanner: &mut Scanner<'_>) -> bool {
    skip_spaces(scanner);
    scanner.eat(b')')
}

fn skip_spaces(scanner: &mut Scanner<'_>) {
    while scanner.eat(b' ') {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn to_binary(text: &str) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        text_to_binary(text.as_bytes(), &mut out).map(|()| out)
    }

    fn to_text(binary: &[u8]) -> Result<String, DecodeError> {
        let mut out = Vec::new();
        binary_to_text(binary, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn operators_and_parentheses() {
        for text in [
            "",
            "'a'",
            "'it''s' & 'b\\\\c'",
            "'a' & !( 'b' | 'c':*AB ) <-> 'd' <3> 'e'",
            "'a' <-> ( 'b' <-> 'c' )",
            "'a' <-> 'b' <-> 'c'",
            "!( 'a' & 'b' ) | !!'c'",
            "'a' <-> !( 'b' <-> 'c' )",
            "'a':D | 'b':*",
        ] {
            assert_eq!(to_text(&to_binary(text).unwrap()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn refused() {
        for bad in [
            "a",
            "'a",
            "'a' 'b'",
            "'a' &",
            "& 'a'",
            "( 'a'",
            "'a' )",
            "()",
            "!",
            "'a' <> 'b'",
            "'a' <16385> 'b'",
            "'a':E",
            "'a' <- 'b'",
            "'a\0'",
        ] {
            assert!(to_binary(bad).is_err(), "{bad}");
        }
        for bad in [
            &b""[..],
            b"\xff\xff\xff\xff",
            b"\x7f\xff\xff\xff\x02\x01",
            b"\0\0\0\x01\x02\x01",
            b"\0\0\0\x02\x02\x02\x01\0\0a\0",
            b"\0\0\0\x02\x01\0\0a\0\x01\0\0a\0",
            b"\0\0\0\x01\x03\x01",
            b"\0\0\0\x01\x01\x10\0a\0",
            b"\0\0\0\x01\x01\0\x02a\0",
            b"\0\0\0\x01\x01\0\0a",
            b"\0\0\0\x01\x01\0\0a\0\0",
        ] {
            assert!(to_text(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn depth_needs_no_stack() {
        let deep = format!("{}'a'{}", "!( ".repeat(100_000), " )".repeat(100_000));
        let text = to_text(&to_binary(&deep).unwrap()).unwrap();
        assert_eq!(text, format!("{}'a'", "!".repeat(100_000)));
    }

    fn query() -> impl Strategy<Value = String> {
        let word = "'(a|''|\\\\\\\\){0,3}'(:\\*?A?B?C?D?)?";
        let leaf = word.prop_map(|word| word.trim_end_matches(':').to_owned());
        leaf.prop_recursive(5, 20, 2, |inner| {
            let operator = prop_oneof![Just("&"), Just("|"), Just("<->"), Just("<7>")];
            prop_oneof![
                inner.clone().prop_map(|a| format!("!( {a} )")),
                (inner.clone(), operator, inner)
                    .prop_map(|(a, op, b)| format!("( {a} ) {op} ( {b} )")),
            ]
        })
    }

    proptest! {
        #[test]
        fn text_and_binary_settle(text in query()) {
            // Parentheses that say nothing go with the first pass; what is left stays.
            let written = to_text(&to_binary(&text).unwrap()).unwrap();
            let binary = to_binary(&written).unwrap();
            prop_assert_eq!(to_text(&binary).unwrap(), written);
        }

        #[test]
        fn hostile_text_never_panics(text in "[!&|<>()'a:*A -]{0,20}") {
            if let Ok(binary) = to_binary(&text) {
                prop_assert!(to_text(&binary).is_ok());
            }
        }

        #[test]
        fn hostile_binary_never_panics(raw in prop::collection::vec(0_u8..5, 0..20)) {
            let _ = to_text(&[&[0, 0, 0, 3], raw.as_slice()].concat());
        }
    }
}

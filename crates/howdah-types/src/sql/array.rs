//! Arrays as lists, and lists of lists: `Vec<T>`, `&[T]` and `[T; N]`.
//!
//! Lower bounds are not kept: a list counts from 0 whatever the array counts from, and what is sent counts from 1.
//! The lists in a list have to be of equal length, as PostgreSQL's arrays are rectangular.

use super::to_sql::common_format;
use super::{Element, FromSql, FromSqlOwned, IsNull, SqlType, ToSql, Type};
use crate::array::{
    ArrayBinary, ArrayEvent, ArrayText, ArrayWriter, MAX_DIMENSIONS, quote_element,
};
use crate::quoting::room_for_quotes;
use crate::{DecodeError, DecodeErrorKind, EncodeError, Format, LoadContext, length, memory};

const NAME: &str = "array";

impl<'a, T: FromSqlOwned> FromSql<'a> for Vec<T> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let element = ty
            .element()
            .filter(|(element, _)| T::accepts_item(*element));
        let (element, delimiter) = element.ok_or_else(|| ty.mismatch::<Self>())?;
        let mut items = Items::new(element, delimiter, format, raw, ctx)?;
        let list = items.list()?;
        items.finish()?;
        if list.is_empty() && !T::accepts_item(element.thorough()) {
            return Err(ty.mismatch::<Self>());
        }
        Ok(list)
    }

    fn accepts(ty: Type<'_>) -> bool {
        ty.element()
            .is_some_and(|(element, _)| T::accepts_item(element))
    }

    /// An item may be a list of the array's next dimension, or an array of its own where a domain is in between.
    fn accepts_item(element: Type<'_>) -> bool {
        T::accepts_item(element) || Self::accepts(element)
    }

    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        match item {
            Item::List => items.rest_of_list(),
            Item::Value(_) | Item::Null => items.scalar(item),
        }
    }
}

impl<'a, T: FromSqlOwned, const N: usize> FromSql<'a> for [T; N] {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        if !<Self as FromSql<'_>>::accepts(ty) {
            return Err(ty.mismatch::<Self>());
        }
        Vec::<T>::from_sql(ty, format, raw, ctx).and_then(sized)
    }

    fn accepts(ty: Type<'_>) -> bool {
        Vec::<T>::accepts(ty)
    }

    fn accepts_item(element: Type<'_>) -> bool {
        Vec::<T>::accepts_item(element)
    }

    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        Vec::<T>::from_item(item, items).and_then(sized)
    }
}

impl<T: Element> ToSql for [T] {
    fn format(&self, ty: Type<'_>) -> Format {
        match ty.element() {
            Some((element, _)) if !element.is_untyped() => self.item_format(element),
            _ => Format::Text,
        }
    }

    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        let (element, delimiter) = ty.element().ok_or_else(|| ty.refused::<Self>())?;
        let shape = Shape::of(self)?;
        if shape.lengths().is_empty() {
            if !T::is_item_of(element.thorough()) {
                return Err(ty.refused::<Self>());
            }
            if format == Format::Text {
                out.extend_from_slice(b"{}");
                return Ok(IsNull::No);
            }
        }
        let kind = match format {
            Format::Text => WriterKind::Text { delimiter },
            Format::Binary => {
                let oid = element.declared_oid();
                WriterKind::Binary(ArrayWriter::begin(out, oid, shape.lengths())?)
            }
        };
        let mut writer = ItemWriter { out, element, kind };
        self.write_item(&mut writer)?;
        writer.finish();
        Ok(IsNull::No)
    }
}

impl<T: Element> SqlType for [T] {
    fn is_sent_as(ty: Type<'_>) -> bool {
        ty.element()
            .is_some_and(|(element, _)| T::is_item_of(element))
    }
}

impl<T: Element> Element for [T] {
    const LEVELS: usize = T::LEVELS + 1;

    fn is_item_of(element: Type<'_>) -> bool {
        T::is_item_of(element)
    }

    fn item_format(&self, element: Type<'_>) -> Format {
        common_format(self.iter().map(|item| item.item_format(element)))
    }

    fn measure(&self, level: usize, shape: &mut Shape) -> Result<(), EncodeError> {
        shape.list(level, self.len())?;
        self.iter()
            .try_for_each(|item| item.measure(level + 1, shape))
    }

    fn write_item(&self, writer: &mut ItemWriter<'_>) -> Result<(), EncodeError> {
        writer.open();
        for (at, item) in self.iter().enumerate() {
            writer.separate(at);
            item.write_item(writer)?;
        }
        writer.close();
        Ok(())
    }
}

/// The same for what is a slice in other clothes.
macro_rules! as_slice {
    ($rust:ty $(, $count:ident)?) => {
        impl<T: Element $(, const $count: usize)?> ToSql for $rust {
            fn format(&self, ty: Type<'_>) -> Format {
                self.as_slice().format(ty)
            }

            fn to_sql(
                &self,
                ty: Type<'_>,
                format: Format,
                out: &mut Vec<u8>,
            ) -> Result<IsNull, EncodeError> {
                self.as_slice().to_sql(ty, format, out)
            }
        }

        impl<T: Element $(, const $count: usize)?> SqlType for $rust {
            fn is_sent_as(ty: Type<'_>) -> bool {
                <[T]>::is_sent_as(ty)
            }
        }

        impl<T: Element $(, const $count: usize)?> Element for $rust {
            const LEVELS: usize = <[T]>::LEVELS;

            fn is_item_of(element: Type<'_>) -> bool {
                <[T]>::is_item_of(element)
            }

            fn item_format(&self, element: Type<'_>) -> Format {
                self.as_slice().item_format(element)
            }

            fn measure(&self, level: usize, shape: &mut Shape) -> Result<(), EncodeError> {
                self.as_slice().measure(level, shape)
            }

            fn write_item(&self, writer: &mut ItemWriter<'_>) -> Result<(), EncodeError> {
                self.as_slice().write_item(writer)
            }
        }
    };
}

as_slice!(Vec<T>);
as_slice!([T; N], N);

/// What comes next in an array.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'i> {
    /// A list, which [`Items::rest_of_list`] reads.
    List,
    /// An element.
    Value(&'i [u8]),
    /// An element that is NULL.
    Null,
}

/// The items of an array in either format, one after the other.
#[doc(hidden)]
#[derive(Debug)]
pub struct Items<'a> {
    source: Source<'a>,
    element: Type<'a>,
    ctx: &'a LoadContext,
}

#[derive(Debug)]
enum Source<'a> {
    Text(ArrayText<'a>),
    Binary(Rows<'a>),
}

impl<'a> Items<'a> {
    fn new(
        element: Type<'a>,
        delimiter: u8,
        format: Format,
        raw: &'a [u8],
        ctx: &'a LoadContext,
    ) -> Result<Self, DecodeError> {
        element.check_depth()?;
        let mut element = element;
        let source = match format {
            Format::Text => Source::Text(ArrayText::new(raw, delimiter)?),
            Format::Binary => {
                let reader = ArrayBinary::new(raw)?;
                element = told_element(element, reader.element_oid())?;
                Source::Binary(Rows {
                    reader,
                    left: [0; MAX_DIMENSIONS],
                    depth: 0,
                })
            }
        };
        Ok(Self {
            source,
            element,
            ctx,
        })
    }

    /// Reads the outermost list.
    fn list<T: FromSqlOwned>(&mut self) -> Result<Vec<T>, DecodeError> {
        if let Source::Binary(rows) = &self.source
            && rows.reader.remaining() == 0
        {
            return Ok(Vec::new());
        }
        match self.next_item(&mut Vec::new())? {
            Some(Item::List) => self.rest_of_list(),
            _ => Err(DecodeError::invalid(NAME, "no list")),
        }
    }

    /// Reads the items of a list that has been opened, and its end.
    fn rest_of_list<T: FromSqlOwned>(&mut self) -> Result<Vec<T>, DecodeError> {
        let mut list = Vec::new();
        memory::room(&mut list, self.size_of_list())?;
        let mut scratch = Vec::new();
        while let Some(item) = self.next_item(&mut scratch)? {
            memory::push(&mut list, T::from_item(item, self)?)?;
        }
        Ok(list)
    }

    /// Reads an item that is no list.
    pub fn scalar<'i, T: FromSql<'i>>(&self, item: Item<'i>) -> Result<T, DecodeError> {
        let raw = match item {
            Item::Value(raw) => Some(raw),
            Item::Null => None,
            Item::List => {
                return Err(DecodeError::range(
                    NAME,
                    "more dimensions than the Rust type",
                ));
            }
        };
        let format = match self.source {
            Source::Text(_) => Format::Text,
            Source::Binary(_) => Format::Binary,
        };
        T::from_nullable(self.element, format, raw, self.ctx).map_err(|error| {
            // A list where the array has its elements: what it is of was found right before.
            if error.kind() == DecodeErrorKind::Mismatch && !T::accepts(self.element) {
                return DecodeError::range(NAME, "fewer dimensions than the Rust type");
            }
            error
        })
    }

    /// The next item of the list that is open, or `None` at its end.
    fn next_item<'s>(&mut self, scratch: &'s mut Vec<u8>) -> Result<Option<Item<'s>>, DecodeError>
    where
        'a: 's,
    {
        match &mut self.source {
            Source::Text(reader) => Ok(match reader.next_event()? {
                Some(ArrayEvent::Open) => Some(Item::List),
                Some(ArrayEvent::Null) => Some(Item::Null),
                Some(ArrayEvent::Element(text)) => Some(Item::Value(text.try_bytes(scratch)?)),
                Some(ArrayEvent::Close) | None => None,
            }),
            Source::Binary(rows) => rows.next_item(),
        }
    }

    /// How many items the list has, as far as that is known.
    fn size_of_list(&self) -> usize {
        match &self.source {
            Source::Text(_) => 0,
            Source::Binary(rows) => rows.size_of_list(),
        }
    }

    /// Checks that nothing follows.
    fn finish(&mut self) -> Result<(), DecodeError> {
        match &mut self.source {
            Source::Text(reader) => reader.next_event().map(drop),
            Source::Binary(rows) => rows.reader.next_element().map(drop),
        }
    }
}

/// The binary form has its dimensions in front, and no brackets: they are put back here.
#[derive(Debug)]
struct Rows<'a> {
    reader: ArrayBinary<'a>,
    /// How many items are left in the list that is open at each level.
    left: [usize; MAX_DIMENSIONS],
    depth: usize,
}

impl<'a> Rows<'a> {
    fn next_item(&mut self) -> Result<Option<Item<'a>>, DecodeError> {
        if let Some(level) = self.depth.checked_sub(1)
            && let Some(left) = self.left.get_mut(level)
        {
            if *left == 0 {
                self.depth = level;
                return Ok(None);
            }
            *left -= 1;
        }
        if let Some(dimension) = self.reader.dimensions().get(self.depth)
            && let Some(left) = self.left.get_mut(self.depth)
        {
            *left = usize::try_from(dimension.length).unwrap_or(0);
            self.depth += 1;
            return Ok(Some(Item::List));
        }
        match self.reader.next_element()? {
            Some(value) => Ok(Some(value.map_or(Item::Null, Item::Value))),
            None => Err(DecodeError::length(
                NAME,
                "fewer elements than its dimensions say",
            )),
        }
    }

    fn size_of_list(&self) -> usize {
        let level = self.depth.checked_sub(1);
        let left = level.and_then(|level| self.left.get(level));
        left.copied().unwrap_or(0)
    }
}

/// The type of the elements, which a binary array tells as well.
fn told_element(element: Type<'_>, told: u32) -> Result<Type<'_>, DecodeError> {
    let told = element.part(told);
    if element.is_untyped() || told.oid() == element.oid() {
        return Ok(told);
    }
    Err(DecodeError::invalid(
        NAME,
        "elements of another type than the array's",
    ))
}

fn sized<T, const N: usize>(list: Vec<T>) -> Result<[T; N], DecodeError> {
    list.try_into()
        .map_err(|_| DecodeError::range(NAME, "another number of items than the Rust type"))
}

/// The lengths of the lists in a list, level by level.
#[doc(hidden)]
#[derive(Debug)]
pub struct Shape {
    lengths: [usize; MAX_DIMENSIONS],
    levels: usize,
    seen: usize,
}

impl Shape {
    fn of<T: Element>(list: &[T]) -> Result<Self, EncodeError> {
        let levels = <[T]>::LEVELS;
        if levels > MAX_DIMENSIONS {
            return Err(EncodeError::new(NAME, "more than 6 dimensions"));
        }
        let mut shape = Self {
            lengths: [0; MAX_DIMENSIONS],
            levels,
            seen: 1,
        };
        match levels {
            1 => shape.lengths = [list.len(), 0, 0, 0, 0, 0],
            _ => {
                shape.seen = 0;
                list.measure(0, &mut shape)?;
            }
        }
        Ok(shape)
    }

    /// The dimensions; none of an array without elements.
    fn lengths(&self) -> &[usize] {
        let lengths = self.lengths.get(..self.levels).unwrap_or_default();
        if lengths.contains(&0) { &[] } else { lengths }
    }

    /// Notes a list, which has to be as long as those beside it.
    pub fn list(&mut self, level: usize, length: usize) -> Result<(), EncodeError> {
        let slot = self
            .lengths
            .get_mut(level)
            .ok_or(EncodeError::new(NAME, "more than 6 dimensions"))?;
        if level >= self.seen {
            self.seen = level + 1;
            *slot = length;
        }
        if *slot == length {
            Ok(())
        } else {
            Err(EncodeError::new(NAME, "lists of different lengths"))
        }
    }

    /// Notes a NULL where lists of so many levels were expected.
    pub fn null(&mut self, levels: usize) -> Result<(), EncodeError> {
        match levels {
            0 => Ok(()),
            _ => Err(EncodeError::new(NAME, "a NULL in the place of a list")),
        }
    }
}

/// Writes the items of an array in either format.
#[doc(hidden)]
#[derive(Debug)]
pub struct ItemWriter<'o> {
    out: &'o mut Vec<u8>,
    element: Type<'o>,
    kind: WriterKind,
}

#[derive(Debug)]
enum WriterKind {
    Text { delimiter: u8 },
    Binary(ArrayWriter),
}

impl ItemWriter<'_> {
    /// Writes an element.
    pub fn scalar<T: ToSql + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        memory::room(self.out, memory::FIXED)?;
        match &mut self.kind {
            WriterKind::Text { delimiter } => {
                let start = self.out.len();
                match value.to_sql(self.element, Format::Text, self.out)? {
                    IsNull::No => {
                        room_for_quotes(self.out, start)?;
                        quote_element(self.out, start, *delimiter);
                    }
                    IsNull::Yes => self.out.extend_from_slice(b"NULL"),
                }
            }
            WriterKind::Binary(writer) => {
                let mark = length::begin(self.out);
                match value.to_sql(self.element, Format::Binary, self.out)? {
                    IsNull::No => length::end(self.out, mark)?,
                    IsNull::Yes => {
                        self.out.truncate(mark - 4);
                        writer.null(self.out);
                    }
                }
            }
        }
        Ok(())
    }

    fn open(&mut self) {
        self.text(|_| b'{');
    }

    fn close(&mut self) {
        self.text(|_| b'}');
    }

    /// Writes what goes in front of the item with this number.
    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.text(|delimiter| delimiter);
        }
    }

    fn text(&mut self, byte: impl FnOnce(u8) -> u8) {
        if let WriterKind::Text { delimiter } = self.kind {
            self.out.push(byte(delimiter));
        }
    }

    fn finish(self) {
        if let WriterKind::Binary(writer) = self.kind {
            writer.finish(self.out);
        }
    }
}

//! `point`, `line`, `lseg`, `box`, `path`, `polygon` and `circle`: coordinates as `float8`.
//!
//! The text forms are those that the server writes. A `path` or a `polygon` holds its points and nothing besides.

use crate::DecodeError;
use crate::float::{float8_from_text, float8_to_text};
use crate::reader::{Reader, Scanner};

/// A `point`: `(x,y)`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// The first coordinate.
    pub x: f64,
    /// The second coordinate.
    pub y: f64,
}

/// A `line`: `{A,B,C}`, the points where `Ax + By + C` is zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The factor of x.
    pub a: f64,
    /// The factor of y.
    pub b: f64,
    /// What is added to both.
    pub c: f64,
}

/// An `lseg`: `[(x,y),(x,y)]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Where it starts.
    pub start: Point,
    /// Where it ends.
    pub end: Point,
}

/// A `box`: `(x,y),(x,y)`. The server puts the upper right corner first, whatever it is given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    /// The upper right corner.
    pub high: Point,
    /// The lower left corner.
    pub low: Point,
}

/// A `path`: `((x,y),...)` if it is closed, `[(x,y),...]` if it is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Whether the last point is connected with the first.
    pub closed: bool,
    /// The points.
    pub points: Vec<Point>,
}

/// A `polygon`: `((x,y),...)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// The corners.
    pub points: Vec<Point>,
}

/// A `circle`: `<(x,y),r>`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// The centre.
    pub center: Point,
    /// The radius.
    pub radius: f64,
}

macro_rules! readers {
    ($($shape:ty, $name:literal;)*) => { $(
        impl $shape {
            /// Reads the text form.
            ///
            /// # Errors
            /// Another layout, something that is no number, or text after the end.
            pub fn from_text(raw: &[u8]) -> Result<Self, DecodeError> {
                let mut scanner = Scanner::new(raw);
                let shape = Self::scan(&mut scanner).filter(|_| scanner.is_empty());
                shape.ok_or(DecodeError::invalid($name, "not in the layout of the type"))
            }

            /// Reads the binary form.
            ///
            /// # Errors
            /// Fewer or more bytes than the shape has, or a flag that is neither 0 nor 1.
            pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader::new($name, raw);
                let shape = Self::read(&mut reader)?;
                reader.finish()?;
                Ok(shape)
            }
        }
    )* };
}

readers! {
    Point, "point";
    Line, "line";
    Segment, "lseg";
    Rectangle, "box";
    Path, "path";
    Polygon, "polygon";
    Circle, "circle";
}

impl Point {
    /// Appends the text form.
    pub fn to_text(self, out: &mut Vec<u8>) {
        out.push(b'(');
        float8_to_text(self.x, out);
        out.push(b',');
        float8_to_text(self.y, out);
        out.push(b')');
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        numbers_to_binary(&[self.x, self.y], out);
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        eat(scanner, b'(')?;
        let x = number(scanner)?;
        eat(scanner, b',')?;
        let y = number(scanner)?;
        eat(scanner, b')')?;
        Some(Self { x, y })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (x, y) = (float(reader)?, float(reader)?);
        Ok(Self { x, y })
    }
}

impl Line {
    /// Appends the text form.
    pub fn to_text(self, out: &mut Vec<u8>) {
        for (before, number) in [(b'{', self.a), (b',', self.b), (b',', self.c)] {
            out.push(before);
            float8_to_text(number, out);
        }
        out.push(b'}');
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        numbers_to_binary(&[self.a, self.b, self.c], out);
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        eat(scanner, b'{')?;
        let a = number(scanner)?;
        eat(scanner, b',')?;
        let b = number(scanner)?;
        eat(scanner, b',')?;
        let c = number(scanner)?;
        eat(scanner, b'}')?;
        Some(Self { a, b, c })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (a, b, c) = (float(reader)?, float(reader)?, float(reader)?);
        Ok(Self { a, b, c })
    }
}

impl Segment {
    /// Appends the text form.
    pub fn to_text(self, out: &mut Vec<u8>) {
        points_to_text(b"[", &[self.start, self.end], b"]", out);
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        self.start.to_binary(out);
        self.end.to_binary(out);
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        eat(scanner, b'[')?;
        let [start, end] = two_points(scanner)?;
        eat(scanner, b']')?;
        Some(Self { start, end })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (start, end) = (Point::read(reader)?, Point::read(reader)?);
        Ok(Self { start, end })
    }
}

impl Rectangle {
    /// Appends the text form.
    pub fn to_text(self, out: &mut Vec<u8>) {
        points_to_text(b"", &[self.high, self.low], b"", out);
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        self.high.to_binary(out);
        self.low.to_binary(out);
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        let [high, low] = two_points(scanner)?;
        Some(Self { high, low })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (high, low) = (Point::read(reader)?, Point::read(reader)?);
        Ok(Self { high, low })
    }
}

impl Path {
    /// Appends the text form.
    pub fn to_text(&self, out: &mut Vec<u8>) {
        if self.closed {
            points_to_text(b"(", &self.points, b")", out);
        } else {
            points_to_text(b"[", &self.points, b"]", out);
        }
    }

    /// Appends the binary form; more than 2147483647 points, which no server has, are cut off.
    pub fn to_binary(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.closed));
        points_to_binary(&self.points, out);
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        let closed = match scanner.next()? {
            b'(' => true,
            b'[' => false,
            _ => return None,
        };
        let points = points(scanner)?;
        eat(scanner, if closed { b')' } else { b']' })?;
        Some(Self { closed, points })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let closed = match reader.array()? {
            [0] => false,
            [1] => true,
            _ => return Err(DecodeError::invalid("path", "neither open nor closed")),
        };
        let points = read_points(reader)?;
        Ok(Self { closed, points })
    }
}

impl Polygon {
    /// Appends the text form.
    pub fn to_text(&self, out: &mut Vec<u8>) {
        points_to_text(b"(", &self.points, b")", out);
    }

    /// Appends the binary form; more than 2147483647 points, which no server has, are cut off.
    pub fn to_binary(&self, out: &mut Vec<u8>) {
        points_to_binary(&self.points, out);
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        eat(scanner, b'(')?;
        let points = points(scanner)?;
        eat(scanner, b')')?;
        Some(Self { points })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let points = read_points(reader)?;
        Ok(Self { points })
    }
}

impl Circle {
    /// Appends the text form.
    pub fn to_text(self, out: &mut Vec<u8>) {
        out.push(b'<');
        self.center.to_text(out);
        out.push(b',');
        float8_to_text(self.radius, out);
        out.push(b'>');
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        self.center.to_binary(out);
        numbers_to_binary(&[self.radius], out);
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        eat(scanner, b'<')?;
        let center = Point::scan(scanner)?;
        eat(scanner, b',')?;
        let radius = number(scanner)?;
        eat(scanner, b'>')?;
        Some(Self { center, radius })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (center, radius) = (Point::read(reader)?, float(reader)?);
        Ok(Self { center, radius })
    }
}

fn eat(scanner: &mut Scanner<'_>, expected: u8) -> Option<()> {
    scanner.eat(expected).then_some(())
}

fn number(scanner: &mut Scanner<'_>) -> Option<f64> {
    let text = scanner.until(|byte, _| matches!(byte, b',' | b')' | b'}' | b'>'))?;
    float8_from_text(text).ok()
}

fn two_points(scanner: &mut Scanner<'_>) -> Option<[Point; 2]> {
    let first = Point::scan(scanner)?;
    eat(scanner, b',')?;
    Some([first, Point::scan(scanner)?])
}

/// One point or more; the server has no shape without any.
fn points(scanner: &mut Scanner<'_>) -> Option<Vec<Point>> {
    let mut points = vec![Point::scan(scanner)?];
    while scanner.eat(b',') {
        points.push(Point::scan(scanner)?);
    }
    Some(points)
}

fn float(reader: &mut Reader<'_>) -> Result<f64, DecodeError> {
    reader.array().map(f64::from_be_bytes)
}

/// The number of points and the points, no more than there are bytes for.
fn read_points(reader: &mut Reader<'_>) -> Result<Vec<Point>, DecodeError> {
    let bad = DecodeError::length("points", "their number and the length disagree");
    let count = usize::try_from(reader.i32()?).map_err(|_| bad)?;
    if count.checked_mul(16) != Some(reader.remaining()) {
        return Err(bad);
    }
    (0..count).map(|_| Point::read(reader)).collect()
}

fn points_to_text(before: &[u8], points: &[Point], after: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(before);
    for (at, point) in points.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        point.to_text(out);
    }
    out.extend_from_slice(after);
}

fn points_to_binary(points: &[Point], out: &mut Vec<u8>) {
    let count = i32::try_from(points.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    let count = usize::try_from(count).unwrap_or_default();
    for point in points.iter().take(count) {
        point.to_binary(out);
    }
}

fn numbers_to_binary(numbers: &[f64], out: &mut Vec<u8>) {
    for number in numbers {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points() -> impl Strategy<Value = Vec<Point>> {
        let point = (-1e30..1e30_f64, any::<i16>()).prop_map(|(x, y)| Point { x, y: y.into() });
        prop::collection::vec(point, 1..5)
    }

    #[test]
    fn refused() {
        for bad in [
            "", "(1,2", "(1)", "(1,2)x", "1,2", "(1,2,3)", "(1,a)", "((1,2))", "( 1,2)",
        ] {
            assert!(Point::from_text(bad.as_bytes()).is_err(), "{bad}");
        }
        for bad in [
            "",
            "()",
            "[]",
            "((1,2)",
            "[(1,2))",
            "((1,2),)",
            "((1,2)(3,4))",
            "(1,2)",
        ] {
            assert!(Path::from_text(bad.as_bytes()).is_err(), "{bad}");
            assert!(Polygon::from_text(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Circle::from_text(b"<(1,2)>").is_err());
        assert!(Line::from_text(b"{1,2}").is_err());
        assert!(Segment::from_text(b"[(1,2)]").is_err());
        assert!(Rectangle::from_text(b"(1,2),(3,4),(5,6)").is_err());
        for count in [-1_i32, 0, 2, i32::MAX] {
            let raw = [&count.to_be_bytes()[..], &[0; 16]].concat();
            assert!(Polygon::from_binary(&raw).is_err(), "{count}");
        }
        assert!(Path::from_binary(&[2, 0, 0, 0, 0]).is_err());
        assert!(Circle::from_binary(&[0; 25]).is_err());
    }

    proptest! {
        #[test]
        fn shapes_of_many_points(points in points(), closed: bool) {
            let path = Path { closed, points: points.clone() };
            let (mut text, mut binary) = (Vec::new(), Vec::new());
            path.to_text(&mut text);
            path.to_binary(&mut binary);
            prop_assert_eq!(Path::from_text(&text), Ok(path.clone()));
            prop_assert_eq!(Path::from_binary(&binary), Ok(path));
            let polygon = Polygon { points };
            prop_assert_eq!(Polygon::from_binary(&binary[1..]), Ok(polygon.clone()));
            if closed {
                prop_assert_eq!(Polygon::from_text(&text), Ok(polygon));
            }
        }

        #[test]
        fn hostile_text_never_panics(text in "[\\[({<0-9.,>})\\]]{0,24}") {
            let _ = Path::from_text(text.as_bytes());
            let _ = Circle::from_text(text.as_bytes());
            let _ = Rectangle::from_text(text.as_bytes());
        }
    }
}

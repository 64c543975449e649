use super::*;
use proptest::prelude::*;

/// Events as text: elements in quotes, so that the shape is visible.
fn events(text: &str, delimiter: u8) -> Result<String, DecodeError> {
    let mut reader = ArrayText::new(text.as_bytes(), delimiter)?;
    let mut out = String::new();
    let mut scratch = Vec::new();
    while let Some(event) = reader.next_event()? {
        match event {
            ArrayEvent::Open => out.push('('),
            ArrayEvent::Close => out.push(')'),
            ArrayEvent::Null => out.push_str("<null>"),
            ArrayEvent::Element(element) => {
                out.push_str(&format!(
                    "<{}>",
                    String::from_utf8_lossy(element.bytes(&mut scratch))
                ));
            }
        }
    }
    Ok(out)
}

#[test]
fn text() {
    for (text, expected) in [
        ("{}", "()"),
        ("{1,2,3}", "(<1><2><3>)"),
        ("{NULL,\"NULL\",null}", "(<null><NULL><null>)"),
        (
            "{\"\",\"a\\\"b\",\"a\\\\b\",\"{,}\"}",
            "(<><a\"b><a\\b><{,}>)",
        ),
        ("{{1,2},{3,NULL}}", "((<1><2>)(<3><null>))"),
        ("[0:2]={1,2,3}", "(<1><2><3>)"),
        ("[-1:0][+2:3]={{1,2},{3,4}}", "((<1><2>)(<3><4>))"),
        ("[3]={1,2,3}", "(<1><2><3>)"),
        ("{a\\,b}", "(<a,b>)"),
        ("{{}}", "(())"),
    ] {
        assert_eq!(events(text, b',').as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(
        events("{(1,1),(0,0);(2,2),(1,1)}", b';').as_deref(),
        Ok("(<(1,1),(0,0)><(2,2),(1,1)>)")
    );
}

#[test]
fn malformed_text() {
    for bad in [
        "",
        "1",
        "{",
        "}",
        "{1",
        "{1,",
        "{1,}",
        "{,1}",
        "{1,,2}",
        "{\"a}",
        "{\"a\\",
        "{a\\",
        "{1}}",
        "{1}x",
        "{\"a\"b}",
        "{a\"b\"}",
        "{{1}{2}}",
        "{1{2}}",
        "[0:2]{1}",
        "[0:2=",
        "[a:b]={1}",
        "[]={}",
        "[0:]={1}",
        "={1}",
        "{1}{2}",
    ] {
        assert!(events(bad, b',').is_err(), "{bad:?}");
    }
}

#[test]
fn depth_is_bounded() {
    let deep = "{".repeat(100_000);
    assert!(events(&deep, b',').is_err());
    let deep = format!("{}1{}", "{".repeat(100_000), "}".repeat(100_000));
    assert!(events(&deep, b',').is_err());
    let allowed = format!("{}1{}", "{".repeat(32), "}".repeat(32));
    assert!(events(&allowed, b',').is_ok());
}

fn sample() -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ArrayWriter::begin(&mut out, 23, &[2, 2]).unwrap();
    for value in [Some(1_i32), None, Some(3), Some(4)] {
        match value {
            Some(value) => length::value(&mut out, &value.to_be_bytes()).unwrap(),
            None => writer.null(&mut out),
        }
    }
    writer.finish(&mut out);
    out
}

#[test]
fn binary() {
    let raw = sample();
    let array = ArrayBinary::new(&raw).unwrap();
    assert_eq!(array.element_oid(), 23);
    let one = Dimension {
        length: 2,
        lower_bound: 1,
    };
    assert_eq!(array.dimensions(), [one, one]);
    assert_eq!(array.remaining(), 4);
    let elements: Vec<_> = array.map(Result::unwrap).collect();
    assert_eq!(
        elements,
        [
            Some(&[0, 0, 0, 1][..]),
            None,
            Some(&[0, 0, 0, 3]),
            Some(&[0, 0, 0, 4])
        ]
    );
    assert_eq!(raw[7], 1);
}

#[test]
fn empty_binary() {
    let mut out = Vec::new();
    ArrayWriter::begin(&mut out, 25, &[])
        .unwrap()
        .finish(&mut out);
    assert_eq!(out, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25]);
    let mut array = ArrayBinary::new(&out).unwrap();
    assert!(array.dimensions().is_empty());
    assert_eq!(array.next_element(), Ok(None));
}

#[test]
fn hostile_headers() {
    let words = |values: &[i32]| {
        values
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<_>>()
    };
    for bad in [
        words(&[7, 0, 23]),
        words(&[-1, 0, 23]),
        words(&[1, 2, 23, 0, 1]),
        words(&[1, 0, 23, -1, 1]),
        words(&[1, 0, 23, 1, i32::MAX, 0]),
        words(&[1, 0, 23, 2, 1, 0]),
        words(&[2, 0, 23, i32::MAX, 1, i32::MAX, 1, 0]),
        words(&[
            6,
            0,
            23,
            i32::MAX,
            0,
            i32::MAX,
            0,
            i32::MAX,
            0,
            i32::MAX,
            0,
            i32::MAX,
            0,
            i32::MAX,
            0,
        ]),
    ] {
        assert!(ArrayBinary::new(&bad).is_err(), "{bad:?}");
    }
    let hollow = words(&[2, 0, 23, i32::MAX, 0, 0, 1]);
    assert!(ArrayBinary::new(&hollow).unwrap().dimensions().is_empty());
    let negative = words(&[1, 0, 23, 1, 1, -2]);
    assert!(ArrayBinary::new(&negative).unwrap().next_element().is_err());
}

#[test]
fn damaged_binary_never_panics() {
    let raw = sample();
    for length in 0..raw.len() {
        let whole =
            ArrayBinary::new(&raw[..length]).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        assert!(whole.is_err(), "{length}");
    }
    for at in 0..raw.len() {
        for bit in 0..8 {
            let mut damaged = raw.clone();
            damaged[at] ^= 1 << bit;
            if let Ok(array) = ArrayBinary::new(&damaged) {
                assert!(array.take(10).count() <= 10);
            }
        }
    }
}

#[test]
fn limits_of_the_writer() {
    assert!(ArrayWriter::begin(&mut Vec::new(), 23, &[1; 7]).is_err());
    assert!(ArrayWriter::begin(&mut Vec::new(), 23, &[usize::MAX]).is_err());
}

fn quoted(elements: &[Option<String>], delimiter: u8) -> String {
    let mut out = vec![b'{'];
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        let start = out.len();
        match element {
            Some(element) => {
                out.extend_from_slice(element.as_bytes());
                quote_element(&mut out, start, delimiter);
            }
            None => out.extend_from_slice(b"NULL"),
        }
    }
    out.push(b'}');
    String::from_utf8(out).unwrap()
}

#[test]
fn quoting() {
    let some = |text: &str| Some(text.to_owned());
    let elements = [
        some("plain"),
        some(""),
        some("null"),
        None,
        some("a b"),
        some("\"\\"),
        some(";"),
        some("\x0b"),
    ];
    assert_eq!(
        quoted(&elements, b','),
        "{plain,\"\",\"null\",NULL,\"a b\",\"\\\"\\\\\",;,\"\x0b\"}"
    );
    assert_eq!(quoted(&[some(";"), some(",")], b';'), "{\";\";,}");
}

proptest! {
    #[test]
    fn text_round_trip(elements in prop::collection::vec(prop::option::of("[-a-zNUL{}\",;\\\\ \t\u{e9}]{0,6}"), 0..6), semicolon: bool) {
        let delimiter = if semicolon { b';' } else { b',' };
        let text = quoted(&elements, delimiter);
        let mut reader = ArrayText::new(text.as_bytes(), delimiter).unwrap();
        let mut scratch = Vec::new();
        let mut read = Vec::new();
        while let Some(event) = reader.next_event().unwrap() {
            match event {
                ArrayEvent::Element(element) => read.push(Some(String::from_utf8(element.bytes(&mut scratch).to_vec()).unwrap())),
                ArrayEvent::Null => read.push(None),
                ArrayEvent::Open | ArrayEvent::Close => {}
            }
        }
        prop_assert_eq!(read, elements);
    }

    #[test]
    fn hostile_text_never_panics(text in "[{}\",\\\\a\\[\\]:=0-9-]{0,24}") {
        let _ = events(&text, b',');
    }

    #[test]
    fn hostile_binary_never_panics(raw: Vec<u8>) {
        if let Ok(array) = ArrayBinary::new(&raw) {
            prop_assert!(array.remaining() <= raw.len());
        }
    }
}

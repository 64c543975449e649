//! `Option` of types with the derive macros, wherever a NULL can be.

#![cfg(feature = "derive")]

mod common;

use std::fmt::Debug;

use howdah::types::range::{Bounds, Range};
use howdah::types::{FromSqlOwned, Multirange};
use howdah::{Connection, FromSql, ToSql};

#[derive(Debug, Clone, Copy, PartialEq, ToSql, FromSql)]
#[howdah(rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Email(String);

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Person {
    mood: Option<Mood>,
    email: Option<Email>,
    moods: Option<Vec<Option<Mood>>>,
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
struct Couple(Option<Person>, Option<Person>);

/// A connection with the types, and their names, which begin alike.
fn connect() -> (Connection, String) {
    let mut conn = common::connect_without_autocommit();
    let name = common::unique("optional");
    conn.batch_execute(&format!(
        "CREATE TYPE {name}_mood AS ENUM ('sad', 'happy');
         CREATE DOMAIN {name}_email AS text;
         CREATE TYPE {name}_person AS (mood {name}_mood, email {name}_email, moods {name}_mood[]);
         CREATE TYPE {name}_couple AS (a {name}_person, b {name}_person);
         CREATE TYPE {name}_range AS RANGE (subtype = {name}_mood)"
    ))
    .unwrap();
    (conn, name)
}

/// Sends `value` and reads it, by text and by binary; and finds that it is the literal.
fn there_and_back<T>(conn: &mut Connection, ty: &str, value: T, literal: Option<&str>)
where
    T: ToSql + FromSqlOwned + PartialEq + Debug,
{
    let literal = literal.map_or("NULL".to_owned(), |text| format!("'{text}'"));
    let sql = format!("SELECT $1::{ty}, $1::{ty} IS NOT DISTINCT FROM {literal}::{ty}");
    for _ in 0..7 {
        let row = conn.query_one(&sql, [&value]).unwrap();
        assert_eq!(row.get::<T>(0).unwrap(), value, "{ty}");
        assert!(row.get::<bool>(1).unwrap(), "{value:?} as {ty}");
    }
    let sql = format!("SELECT {literal}::{ty}");
    for rows in conn.simple_query(&sql).unwrap() {
        for row in rows {
            assert_eq!(row.get::<T>(0).unwrap(), value, "{ty} in text");
        }
    }
}

#[test]
fn parameters_and_results() {
    let (mut conn, name) = connect();
    let conn = &mut conn;
    let mood = format!("{name}_mood");
    there_and_back(conn, &mood, Some(Mood::Sad), Some("sad"));
    there_and_back(conn, &mood, None::<Mood>, None);
    let email = format!("{name}_email");
    there_and_back(conn, &email, Some(Email("a".into())), Some("a"));
    there_and_back(conn, &email, None::<Email>, None);
    let person = Person {
        mood: Some(Mood::Happy),
        email: None,
        moods: Some(vec![None, Some(Mood::Sad)]),
    };
    let literal = r#"(happy,,"{NULL,sad}")"#;
    let ty = format!("{name}_person");
    there_and_back(conn, &ty, Some(person.clone()), Some(literal));
    there_and_back(conn, &ty, None::<Person>, None);
    there_and_back(conn, &ty, Some(Box::new(person)), Some(literal));
}

#[test]
fn items_of_lists() {
    let (mut conn, name) = connect();
    let conn = &mut conn;
    let moods = vec![Some(Mood::Sad), None];
    let ty = format!("{name}_mood[]");
    there_and_back(conn, &ty, moods.clone(), Some("{sad,NULL}"));
    there_and_back(conn, &ty, Some(moods), Some("{sad,NULL}"));
    there_and_back(conn, &ty, None::<Vec<Option<Mood>>>, None);
    there_and_back(conn, &ty, vec![None::<Mood>], Some("{NULL}"));
    let grid = vec![vec![Some(Mood::Sad), None], vec![None, None]];
    there_and_back(conn, &ty, grid, Some("{{sad,NULL},{NULL,NULL}}"));
    let emails = vec![None, Some(Email("NULL".into()))];
    let ty = format!("{name}_email[]");
    there_and_back(conn, &ty, emails, Some("{NULL,\"NULL\"}"));
    let person = Person {
        mood: None,
        email: Some(Email(String::new())),
        moods: None,
    };
    let ty = format!("{name}_person[]");
    let literal = r#"{NULL,"(,\"\",)"}"#;
    there_and_back(conn, &ty, vec![None, Some(person)], Some(literal));
}

#[test]
fn fields_of_structs() {
    let (mut conn, name) = connect();
    let conn = &mut conn;
    let ty = format!("{name}_couple");
    let person = Person {
        mood: None,
        email: None,
        moods: None,
    };
    let couple = Couple(None, Some(person));
    there_and_back(conn, &ty, couple, Some(r#"(,"(,,)")"#));
    there_and_back(conn, &ty, Couple(None, None), Some("(,)"));
    there_and_back(conn, &ty, (None::<Person>, None::<Person>), Some("(,)"));
    there_and_back(conn, &ty, None::<Couple>, None);
}

#[test]
fn bounds_of_ranges() {
    let (mut conn, name) = connect();
    let conn = &mut conn;
    let range = |lower, upper| {
        Range::Bounds(Bounds {
            lower,
            upper,
            lower_inclusive: lower.is_some(),
            upper_inclusive: false,
        })
    };
    let ty = format!("{name}_range");
    let both = range(Some(Mood::Sad), Some(Mood::Happy));
    there_and_back(conn, &ty, both, Some("[sad,happy)"));
    there_and_back(conn, &ty, Some(both), Some("[sad,happy)"));
    there_and_back(conn, &ty, None::<Range<Mood>>, None);
    there_and_back(conn, &ty, range(None, Some(Mood::Happy)), Some("(,happy)"));
    let list = vec![None, Some(both), Some(Range::Empty)];
    let literal = r#"{NULL,"[sad,happy)",empty}"#;
    there_and_back(conn, &format!("{ty}[]"), list, Some(literal));
    if conn.info().server_version() >= 140_000 {
        let ty = format!("{name}_multirange");
        let multi = Some(Multirange(vec![both]));
        there_and_back(conn, &ty, multi, Some("{[sad,happy)}"));
        there_and_back(conn, &ty, None::<Multirange<Mood>>, None);
    }
}

#[test]
fn a_null_is_of_its_type_too() {
    let (mut conn, name) = connect();
    let sql = format!("SELECT $1::{name}_person");
    let mut refused = |value: &dyn ToSql, rust: &str| {
        let error = conn.query(&sql, [value]).unwrap_err();
        assert!(error.is_usage(), "{error}");
        let text = error.to_string();
        assert!(text.contains(rust), "{text}");
    };
    refused(&None::<Mood>, "Option<Mood> cannot be sent as composite");
    refused(
        &None::<Couple>,
        "Option<Couple> cannot be sent as composite",
    );
    let row = conn
        .query_one(&format!("SELECT NULL::{name}_mood AS m"), ())
        .unwrap();
    assert_eq!(row.get::<Option<Mood>>("m").unwrap(), None);
    let error = row.get::<Option<Person>>("m").unwrap_err().to_string();
    assert_eq!(
        error,
        format!("column 0 \"m\" ({name}_mood) cannot be read as Option<Person>")
    );
    let error = row.get::<Mood>("m").unwrap_err().to_string();
    assert!(error.contains("NULL cannot be read as"), "{error}");
}

#[test]
fn rows_that_are_sent_in_turn() {
    let (mut conn, name) = connect();
    conn.batch_execute(&format!(
        "CREATE TEMP TABLE people (mood {name}_mood, email {name}_email)"
    ))
    .unwrap();
    let people = [
        (Some(Mood::Sad), None),
        (None, Some(Email("b".into()))),
        (None, None),
    ];
    conn.execute_many("INSERT INTO people VALUES ($1, $2)", &people)
        .unwrap();
    let found: Vec<(Option<Mood>, Option<Email>)> =
        conn.query_as("SELECT mood, email FROM people", ()).unwrap();
    assert_eq!(found, people);
}

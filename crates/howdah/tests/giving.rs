//! The ways in which parameters are given.

mod common;

use howdah::{Connection, ToParams, ToSql};

struct User {
    id: i32,
    name: String,
}

impl ToParams for User {
    fn with_params<R>(&self, work: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        work(&[&self.id, &self.name])
    }
}

const TWO: &str = "SELECT concat($1::int4 + 1, $2::text)";

fn given(conn: &mut Connection, params: impl ToParams) -> String {
    conn.query_one(TWO, params).unwrap().get(0).unwrap()
}

#[test]
fn values_of_different_types_are_a_tuple() {
    let mut conn = common::connect();
    let (one, text) = (1, "a".to_owned());
    assert_eq!(given(&mut conn, (1, "a")), "2a");
    assert_eq!(given(&mut conn, (&one, &text)), "2a");
    assert_eq!(given(&mut conn, (1_u8, None::<&str>)), "2");
    assert_eq!(given(&mut conn, (Some(one), text)), "2a");
    assert_eq!(conn.execute("SELECT 1", ()).unwrap(), 1);
    let list = vec![1, 2];
    let row = conn.query_one("SELECT array_length($1::int4[], 1)", (&list,));
    assert_eq!(row.unwrap().get::<i32>(0).unwrap(), 2);
}

#[test]
fn values_of_one_type_are_a_list() {
    let mut conn = common::connect();
    let texts = vec!["1".to_owned(), "b".to_owned()];
    assert_eq!(given(&mut conn, ["1", "b"]), "2b");
    assert_eq!(given(&mut conn, &texts), "2b");
    assert_eq!(given(&mut conn, &texts[..]), "2b");
    assert_eq!(given(&mut conn, texts), "2b");
    assert_eq!(conn.execute("SELECT 1", Vec::<i32>::new()).unwrap(), 1);
}

#[test]
fn values_known_at_run_time_are_a_list_of_dyn() {
    let mut conn = common::connect();
    let params: [&dyn ToSql; 2] = [&1, &"c"];
    assert_eq!(given(&mut conn, &params[..]), "2c");
    assert_eq!(given(&mut conn, params), "2c");
    let owned: Vec<Box<dyn ToSql>> = vec![Box::new(1), Box::new("c")];
    assert_eq!(given(&mut conn, &owned), "2c");
}

#[test]
fn lists_have_any_length() {
    let mut conn = common::connect();
    for length in [1, 15, 16, 17, 1000] {
        let numbers: Vec<i32> = (1..=length).collect();
        let places: Vec<_> = numbers.iter().map(|n| format!("${n}::int4")).collect();
        let sql = format!("SELECT ARRAY[{}]", places.join(","));
        let row = conn.query_one(&sql, &numbers).unwrap();
        assert_eq!(row.get::<Vec<i32>>(0).unwrap(), numbers);
    }
}

#[test]
fn a_type_of_ones_own_gives_its_fields() {
    let mut conn = common::connect();
    let name = "d".to_owned();
    let user = User { id: 1, name };
    assert_eq!(given(&mut conn, &user), "2d");
    assert_eq!(given(&mut conn, user), "2d");
}

#[test]
fn another_number_than_the_statement_has_is_refused() {
    let mut conn = common::connect();
    for error in [
        conn.query(TWO, (1,)).unwrap_err(),
        conn.query(TWO, (1, "a", 2)).unwrap_err(),
        conn.query(TWO, ["1", "a", "2"]).unwrap_err(),
    ] {
        assert!(error.is_usage(), "{error}");
        assert!(
            error.to_string().starts_with("the statement has 2"),
            "{error}"
        );
    }
    assert_eq!(given(&mut conn, (1, "a")), "2a");
}

#[cfg(feature = "tokio")]
#[tokio::test(flavor = "multi_thread")]
async fn futures_take_parameters_with_them() {
    let mut conn = howdah::AsyncConnection::connect(&common::dsn())
        .await
        .unwrap();
    let own = tokio::spawn(async move {
        let row = conn.query_one(TWO, (1, "a".to_owned())).await.unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "2a");
        let count = conn.execute(TWO, vec!["1", "a"]).await.unwrap();
        let mut stream = conn
            .query_stream(TWO, [&1 as &dyn ToSql, &"a"])
            .await
            .unwrap();
        let row = stream.next().await.unwrap().unwrap();
        (count, row.get::<String>(0).unwrap())
    });
    assert_eq!(own.await.unwrap(), (1, "2a".to_owned()));

    let client = howdah::AsyncClient::connect(&common::dsn()).await.unwrap();
    let shared = tokio::spawn(async move {
        let (id, name) = (1, "a".to_owned());
        let user = client.query_opt(TWO, User { id, name }).await.unwrap();
        let rows = client.query("COPY (SELECT 1) TO STDOUT", ()).await;
        assert!(rows.is_err());
        let count = client.execute(TWO, (&id, "a")).await.unwrap();
        (count, user.unwrap().get::<String>(0).unwrap())
    });
    assert_eq!(shared.await.unwrap(), (1, "2a".to_owned()));
}

//! The policy of prepared statements, result formats and usage errors, on the wire.

use howdah_protocol::error::UsageError;
use howdah_protocol::session::{BinaryChoice, Characteristics, Execute, ResultFormat};
use howdah_protocol::wire::{Format, FrontendMessage, HEADER_LEN, TransactionStatus, frontend};

use crate::client::{params, show_result, statement};
use crate::fixture::{Fixture, receive, row};
use crate::server::{Message, bytes};

const UNPREPARED: &str = "Parse , Bind , Describe, Execute, Sync";

fn prepare(number: u32) -> String {
    format!("Parse _howdah_{number}, Describe, Bind _howdah_{number}, Execute, Sync")
}

fn reuse(number: u32) -> String {
    format!("Bind _howdah_{number}, Execute, Sync")
}

#[test]
fn a_statement_is_prepared_after_five_executions_and_used_then() {
    let mut fixture = Fixture::new();
    for _ in 0..5 {
        assert_eq!(fixture.run_text("select $1"), UNPREPARED);
    }
    assert_eq!(fixture.run_text("select $1"), prepare(0));
    for _ in 0..3 {
        assert_eq!(fixture.run_text("select $1"), reuse(0));
        let outcome = fixture.outcome();
        let last = outcome.results.last().unwrap();
        assert_eq!(show_result(last), "a:25, n:23 | x, 1 | SELECT 1");
    }
    assert_eq!(fixture.prepared, ["_howdah_0"]);
}

#[test]
fn a_simple_query_is_counted_and_prepared_like_any_other() {
    let mut fixture = Fixture::new();
    for _ in 0..5 {
        assert_eq!(fixture.run_simple("select 1"), "Query select 1");
    }
    assert_eq!(fixture.run_simple("select 1"), prepare(0));
    assert_eq!(fixture.run_simple("select 1"), reuse(0));
}

#[test]
fn what_names_a_cursor_or_a_statement_is_never_prepared() {
    for sql in [
        "fetch all from c",
        "EXECUTE p",
        " -- one\n--\n/* a /* b */ */\tExecute p(1)",
        "/**/fetch",
    ] {
        let mut fixture = Fixture::new();
        for _ in 0..8 {
            assert_eq!(fixture.run_text(sql), UNPREPARED, "{sql}");
        }
        fixture.session.statements.threshold = Some(0);
        assert_eq!(fixture.run_text(sql), UNPREPARED, "{sql}");
        assert_eq!(fixture.prepare(sql), "Parse , Describe, Sync");
        assert_eq!(fixture.session.description(sql.as_bytes(), &[]), None);
    }
    for sql in [
        "fetching",
        "executed",
        "select fetch",
        "/* fetch",
        "-- fetch",
        "\"fetch\"",
        "",
        "/",
        "-",
    ] {
        let mut fixture = Fixture::new();
        fixture.session.statements.threshold = Some(0);
        assert_eq!(fixture.run_text(sql), prepare(0), "{sql}");
    }
}

#[test]
fn what_was_described_is_used_by_executions_without_types() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.session.description(b"select $1", &[]), None);
    assert_eq!(
        fixture.prepare("select $1"),
        "Parse _howdah_0, Describe, Sync"
    );
    let description = fixture.session.description(b"select $1", &[]).unwrap();
    assert_eq!(*description.parameters, [25]);
    assert_eq!(description.columns.unwrap().len(), 2);
    assert_eq!(fixture.run_untyped("select $1"), reuse(0));
    // Asked again, it replaces what was there.
    assert_eq!(
        fixture.prepare("select $1"),
        "Parse _howdah_1, Describe, Sync"
    );
    assert_eq!(
        fixture.run_untyped("select $1"),
        format!("Close _howdah_0, {}", reuse(1))
    );
    fixture.run_tagged("DEALLOCATE ALL");
    assert_eq!(fixture.session.description(b"select $1", &[]), None);
}

#[test]
fn what_was_described_with_types_is_used_by_executions_with_the_same() {
    let mut fixture = Fixture::new();
    fixture.session.prepare(b"select $1", &[25], true).unwrap();
    fixture.exchange();
    assert_eq!(fixture.session.description(b"select $1", &[]), None);
    assert!(fixture.session.description(b"select $1", &[25]).is_some());
    assert_eq!(fixture.run_text("select $1"), reuse(0));
    assert_eq!(fixture.run_untyped("select $1"), UNPREPARED);
}

#[test]
fn an_error_that_may_come_from_stale_types_has_the_statement_described_again() {
    for (sqlstate, is_kept) in [("42804", false), ("42883", false), ("23505", true)] {
        let mut fixture = Fixture::new();
        fixture.prepare("select $1");
        fixture.fail_next = Some(sqlstate);
        fixture.run_untyped("select $1");
        let kept = fixture.session.description(b"select $1", &[]).is_some();
        assert_eq!(kept, is_kept, "{sqlstate}");
    }
    // The types of a statement that was not described are the caller's.
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    fixture.run_untyped("select $1");
    fixture.fail_next = Some("42804");
    fixture.run_untyped("select $1");
    assert_eq!(fixture.run_untyped("select $1"), reuse(0));
}

#[test]
fn several_statements_in_one_query_are_never_counted() {
    let mut fixture = Fixture::new();
    for _ in 0..12 {
        assert_eq!(
            fixture.run_simple("select 1;select 2"),
            "Query select 1;select 2"
        );
        assert_eq!(fixture.outcome().results.len(), 2);
    }
}

#[test]
fn failed_executions_are_not_counted() {
    let mut fixture = Fixture::new();
    for _ in 0..8 {
        fixture.fail_next = Some("22012");
        assert_eq!(fixture.run_simple("select 1"), "Query select 1");
        assert!(fixture.outcome().error.is_some());
        fixture.fail_next = Some("22012");
        assert_eq!(fixture.run_text("select $1"), UNPREPARED);
        assert!(fixture.outcome().error.is_some());
    }
}

#[test]
fn the_types_of_the_parameters_belong_to_a_statement() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    let mut other = params(&[Some("x")]);
    other.oids[0] = 23;
    assert_eq!(fixture.run_text("select $1"), prepare(0));
    assert_eq!(fixture.run(&statement("select $1", &other)), prepare(1));
    assert_eq!(fixture.run_text("select $1"), reuse(0));
}

#[test]
fn thresholds_and_wishes() {
    let one = params(&[Some("x")]);
    let wish = |prepare| Execute {
        prepare,
        ..statement("select $1", &one)
    };
    let cases = [
        (Some(0), None, prepare(0)),
        (Some(1), None, UNPREPARED.to_owned()),
        (Some(0), Some(false), UNPREPARED.to_owned()),
        (Some(5), Some(true), prepare(0)),
        (Some(5), Some(false), UNPREPARED.to_owned()),
        (None, None, UNPREPARED.to_owned()),
        (None, Some(true), UNPREPARED.to_owned()),
    ];
    for (threshold, asked, expected) in cases {
        let mut fixture = Fixture::new();
        fixture.session.statements.threshold = threshold;
        assert_eq!(
            fixture.run(&wish(asked)),
            expected,
            "{threshold:?} {asked:?}"
        );
    }
    let mut fixture = Fixture::new();
    for _ in 0..9 {
        fixture.run(&wish(Some(false)));
    }
    assert_eq!(fixture.run(&wish(None)), UNPREPARED, "false does not count");
    assert_eq!(fixture.run(&wish(Some(true))), prepare(0));
    assert_eq!(fixture.run(&wish(Some(false))), UNPREPARED);
    assert_eq!(fixture.run(&wish(None)), reuse(0));
}

#[test]
fn the_least_recently_used_is_closed_with_the_next_request() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    fixture.session.statements.max = Some(2);
    assert_eq!(fixture.run_text("select a"), prepare(0));
    assert_eq!(fixture.run_text("select b"), prepare(1));
    assert_eq!(fixture.run_text("select a"), reuse(0));
    assert_eq!(fixture.run_text("select c"), prepare(2));
    assert_eq!(
        fixture.run_text("select a"),
        format!("Close _howdah_1, {}", reuse(0))
    );
    assert_eq!(fixture.run_text("select a"), reuse(0));
    assert_eq!(fixture.prepared, ["_howdah_0", "_howdah_2"]);
    assert_eq!(
        fixture.run_text("select b"),
        prepare(3),
        "a name is never used twice"
    );
    fixture.session.statements.max = Some(0);
    fixture.run_text("select d");
    fixture.session.statements.threshold = None;
    fixture.run_simple("select e");
    assert_eq!(fixture.prepared, [""; 0]);
}

#[test]
fn a_close_rides_in_front_of_a_simple_query_too() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    fixture.run_text("select a");
    fixture.session.statements.threshold = None;
    fixture.run_tagged("ROLLBACK");
    let sent = fixture.run_simple("select b");
    assert_eq!(sent, "Close _howdah_0, Query select b, Sync");
    assert_eq!(show_outcome(&mut fixture), ["a:25, n:23 | x, 1 | SELECT 1"]);
}

fn show_outcome(fixture: &mut Fixture) -> Vec<String> {
    let outcome = fixture.outcome();
    let last = outcome.results.len().saturating_sub(1);
    outcome.results[last..].iter().map(show_result).collect()
}

#[test]
fn commands_that_clear_the_prepared_statements() {
    let closing = ["DROP TABLE", "ALTER TABLE", "ROLLBACK", "DEALLOCATE"];
    let dropping = ["DISCARD ALL", "DEALLOCATE ALL"];
    let neither = [
        "COMMIT",
        "DROPPED",
        "DISCARD PLANS",
        "CREATE TABLE",
        "DELETE 3",
    ];
    for tag in closing.into_iter().chain(dropping).chain(neither) {
        let mut fixture = Fixture::new();
        fixture.session.statements.threshold = Some(0);
        fixture.run_text("select a");
        let none = params(&[]);
        fixture.tag = tag;
        fixture.run(&Execute {
            prepare: Some(false),
            ..statement("something", &none)
        });
        fixture.tag = "SELECT 1";
        let sent = fixture.run_text("select a");
        if closing.contains(&tag) {
            assert_eq!(sent, format!("Close _howdah_0, {}", prepare(1)), "{tag}");
        } else if dropping.contains(&tag) {
            assert_eq!(sent, prepare(1), "{tag}");
        } else {
            assert_eq!(sent, reuse(0), "{tag}");
        }
    }
}

#[test]
fn a_command_that_clears_is_not_kept_prepared_itself() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(1);
    for _ in 0..3 {
        assert_eq!(fixture.run_tagged("DROP TABLE"), "Query something");
    }
    fixture.session.statements.threshold = Some(0);
    assert_eq!(fixture.run_tagged("DROP TABLE"), prepare(0));
    fixture.session.statements.threshold = None;
    fixture.run_simple("select 1");
    assert_eq!(fixture.prepared, [""; 0]);
}

#[test]
fn a_stale_plan_is_discarded_and_prepared_anew() {
    for (sqlstate, stale) in [
        ("26000", true),
        ("0A000/RevalidateCachedQuery", true),
        ("0A000/other", false),
        ("0A000", false),
        ("22012", false),
    ] {
        let mut fixture = Fixture::new();
        fixture.session.statements.threshold = Some(0);
        fixture.run_text("select a");
        fixture.outcome();
        fixture.fail_next = Some(sqlstate);
        assert_eq!(fixture.run_text("select a"), reuse(0));
        let outcome = fixture.outcome();
        assert_eq!((outcome.failed_at, outcome.again), (0, stale), "{sqlstate}");
        let expected = if stale {
            format!("Close _howdah_0, {}", prepare(1))
        } else {
            reuse(0)
        };
        assert_eq!(fixture.run_text("select a"), expected, "{sqlstate}");
    }
}

#[test]
fn a_statement_that_could_be_prepared_but_not_run_is_closed() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    fixture.fail_next = Some("22P02");
    assert_eq!(fixture.run_text("select a"), prepare(0));
    let again = format!("Close _howdah_0, {}", prepare(1));
    assert_eq!(fixture.run_text("select a"), again);
    assert_eq!(fixture.prepared, ["_howdah_1"]);
}

#[test]
fn many_executions_in_one_exchange_prepare_once() {
    let mut fixture = Fixture::new();
    for value in ["1", "2", "3"] {
        let params = params(&[Some(value)]);
        let request = Execute {
            prepare: Some(true),
            ..statement("insert $1", &params)
        };
        fixture.session.execute_more(&request).unwrap();
    }
    fixture.session.end_exchange();
    fixture.exchange();
    assert_eq!(
        fixture.sent.join(", "),
        "Parse _howdah_0, Describe, Bind _howdah_0, Execute, \
         Bind _howdah_0, Describe, Execute, Bind _howdah_0, Describe, Execute, Sync"
    );
    let outcome = fixture.outcome();
    let shown: Vec<_> = outcome.results.iter().map(show_result).collect();
    assert_eq!(shown, ["a:25, n:23 | x, 1 | SELECT 1"; 3]);
    let one = params(&[Some("4")]);
    assert_eq!(
        fixture.run(&Execute {
            prepare: Some(true),
            ..statement("insert $1", &one)
        }),
        reuse(0)
    );
}

#[test]
fn what_failed_to_be_prepared_in_an_exchange_is_not_taken_for_prepared() {
    let mut fixture = Fixture::new();
    let one = params(&[Some("1")]);
    let request = Execute {
        prepare: Some(true),
        ..statement("insert $1", &one)
    };
    fixture.fail_next = Some("22P02");
    fixture.session.execute_more(&request).unwrap();
    fixture.session.execute_more(&request).unwrap();
    fixture.session.end_exchange();
    fixture.exchange();
    let outcome = fixture.outcome();
    assert_eq!((outcome.results.len(), outcome.failed_at), (0, 0));
    let again = format!("Close _howdah_0, {}", prepare(1));
    assert_eq!(fixture.run(&request), again);
}

#[test]
fn formats_of_the_results() {
    let one = params(&[Some("x")]);
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(1);
    let with = |format| Execute {
        format,
        ..statement("select $1", &one)
    };
    let choice = |id, accepts| ResultFormat::Auto(BinaryChoice { id, accepts });
    let auto = choice(0, &|oid| oid == 23);
    let other = choice(1, &|oid| oid == 25);
    let text_columns = "a:25, n:23 | x, 1 | SELECT 1";
    let binary_columns = "a:25*, n:23* | x, 1 | SELECT 1";
    let mixed_columns = "a:25, n:23* | x, 1 | SELECT 1";
    let other_columns = "a:25*, n:23 | x, 1 | SELECT 1";
    let steps = [
        (auto, vec![], text_columns),
        (auto, vec![], text_columns),
        (auto, vec![Format::Text, Format::Binary], mixed_columns),
        (other, vec![Format::Binary, Format::Text], other_columns),
        (auto, vec![Format::Text, Format::Binary], mixed_columns),
        (ResultFormat::Text, vec![], text_columns),
        (ResultFormat::Binary, vec![Format::Binary], binary_columns),
        (auto, vec![Format::Text, Format::Binary], mixed_columns),
    ];
    for (format, asked, seen) in steps {
        fixture.session.execute(&with(format)).unwrap();
        assert_eq!(
            result_formats(fixture.session.outgoing()),
            asked,
            "{format:?}"
        );
        fixture.exchange();
        let outcome = fixture.outcome();
        assert_eq!(show_result(&outcome.results[0]), seen, "{format:?}");
    }
}

#[test]
fn a_binary_result_of_a_first_preparation_is_described_as_binary() {
    let one = params(&[]);
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    let request = Execute {
        format: ResultFormat::Binary,
        ..statement("select 1", &one)
    };
    assert_eq!(fixture.run(&request), prepare(0));
    assert_eq!(
        show_outcome(&mut fixture),
        ["a:25*, n:23* | x, 1 | SELECT 1"]
    );
    fixture.run(&statement("select 1", &one));
    assert_eq!(show_outcome(&mut fixture), ["a:25, n:23 | x, 1 | SELECT 1"]);
}

/// The result formats of the only Bind in here.
fn result_formats(mut requests: &[u8]) -> Vec<Format> {
    while let Some(header) = frontend::frame_header(requests).unwrap() {
        let (frame, rest) = requests.split_at(header.frame_len());
        if let Ok(FrontendMessage::Bind { result_formats, .. }) =
            FrontendMessage::decode(header.tag, &frame[HEADER_LEN..])
        {
            return result_formats;
        }
        requests = rest;
    }
    panic!("no Bind was sent")
}

#[test]
fn a_usage_error_leaves_everything_as_it_was() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    fixture.run_text("select a");
    fixture.run_tagged("ROLLBACK");
    let one = params(&[Some("x")]);
    let mut many = params(&[]);
    for _ in 0..=u16::MAX {
        let null = |_: &mut Vec<u8>| {
            Ok::<_, UsageError>(howdah_protocol::connection::Written {
                oid: 0,
                format: Format::Text,
                null: howdah_protocol::wire::IsNull::Yes,
            })
        };
        many.push(null).unwrap();
    }
    let none = params(&[]);
    let begin = true;
    let bad = [
        Execute {
            begin,
            ..statement("select '\0'", &none)
        },
        Execute {
            begin,
            ..statement("select '\0', $1", &one)
        },
        Execute {
            begin,
            ..statement("select $1", &many)
        },
        Execute {
            begin,
            extended: true,
            ..statement("select '\0'", &none)
        },
    ];
    for request in &bad {
        assert!(fixture.session.execute(request).is_err());
        assert!(fixture.session.execute_more(request).is_err());
        assert!(fixture.session.outgoing().is_empty());
        assert!(fixture.session.is_idle());
        fixture.advance();
    }
    let sent = fixture.run_text("select b");
    assert!(
        sent.starts_with("Close _howdah_0, Close _howdah_1, Parse"),
        "{sent}"
    );
    assert_eq!(fixture.outcome().results.len(), 3);
}

#[test]
fn a_usage_error_amid_an_exchange_leaves_it_open() {
    let mut fixture = Fixture::new();
    let (one, none) = (params(&[Some("x")]), params(&[]));
    fixture
        .session
        .execute_more(&statement("select $1", &one))
        .unwrap();
    let before = fixture.session.outgoing().to_vec();
    let bad = statement("select '\0', $1", &one);
    assert!(fixture.session.execute_more(&bad).is_err());
    assert!(fixture.session.execute(&bad).is_err());
    assert!(fixture.session.execute(&statement("\0", &none)).is_err());
    assert_eq!(fixture.session.outgoing(), before);
    fixture.session.end_exchange();
    fixture.exchange();
    assert_eq!(fixture.sent.join(", "), UNPREPARED);
    assert_eq!(fixture.outcome().results.len(), 1);
}

#[test]
fn begin_is_only_sent_where_no_transaction_is_running() {
    let mut fixture = Fixture::new();
    let none = params(&[]);
    let read_only = |now: &mut Characteristics| now.read_only = Some(true);
    fixture.session.transactions.change(read_only);
    let request = Execute {
        begin: true,
        ..statement("select 1", &none)
    };
    fixture.session.execute(&request).unwrap();
    let requests = fixture.session.outgoing().to_vec();
    fixture.session.sent(requests.len());
    let in_block = Message::ReadyForQuery(TransactionStatus::InTransaction);
    let mut answers = fixture.answer(&requests);
    answers.truncate(answers.len() - 6);
    answers.extend(bytes(&[in_block]));
    // BEGIN has no rows: the fixture's answer to its Execute is cut down to its tag.
    let row = row();
    let at = answers
        .windows(row.len())
        .position(|window| window == row)
        .unwrap();
    answers.drain(at..at + row.len());
    receive(&mut fixture.session, &answers);
    fixture.advance();
    assert_eq!(
        fixture.sent.join(", "),
        "Parse , Bind , Execute, Query select 1, Sync"
    );
    assert_eq!(fixture.outcome().results.len(), 1);
    assert_eq!(fixture.run(&request), "Query select 1");
}

/// Answers what is outgoing, which begins with a BEGIN: that has no row.
fn answer_with_begin(fixture: &mut Fixture) {
    let requests = fixture.session.outgoing().to_vec();
    fixture.session.sent(requests.len());
    let mut answers = fixture.answer(&requests);
    let row = row();
    let at = answers
        .windows(row.len())
        .position(|window| window == row)
        .unwrap();
    answers.drain(at..at + row.len());
    receive(&mut fixture.session, &answers);
    fixture.advance();
}

/// What has been answered of an exchange says nothing of the transaction that was begun in it.
#[test]
fn begin_is_sent_once_in_an_exchange() {
    let mut fixture = Fixture::new();
    let none = params(&[]);
    let request = Execute {
        begin: true,
        extended: true,
        ..statement("select 1", &none)
    };
    fixture.session.execute_more(&request).unwrap();
    answer_with_begin(&mut fixture);
    assert!(
        fixture
            .sent
            .join(", ")
            .starts_with("Parse , Bind , Execute, Parse ")
    );
    assert!(fixture.session.is_idle() && !fixture.session.is_settled());
    fixture.session.execute_more(&request).unwrap();
    fixture.session.end_exchange();
    fixture.exchange();
    assert_eq!(
        fixture.sent.join(", "),
        "Parse , Bind , Describe, Execute, Sync"
    );
    // One that could not be queued has not been sent.
    let sql = "select '\0'";
    let wrong = Execute {
        sql: sql.as_bytes(),
        ..request
    };
    fixture
        .session
        .prepare_more(b"select 2", &[], false)
        .unwrap();
    fixture.session.execute_more(&wrong).unwrap_err();
    fixture.session.execute_more(&request).unwrap();
    fixture.session.end_exchange();
    answer_with_begin(&mut fixture);
    assert_eq!(
        fixture.sent.join(", "),
        "Parse , Describe, Parse , Bind , Execute, Parse , Bind , Describe, Execute, Sync"
    );
}

#[test]
fn answers_are_taken_one_by_one_amid_an_exchange() {
    let mut fixture = Fixture::new();
    let one = params(&[Some("x")]);
    let request = statement("select $1", &one);
    let id = fixture.session.execute_more(&request).unwrap();
    fixture
        .session
        .prepare_more(b"select 2", &[], true)
        .unwrap();
    fixture.exchange();
    let described = fixture.session.take_last(id).description.unwrap();
    assert_eq!(*described.parameters, [25]);
    fixture.session.execute_more(&request).unwrap();
    fixture.exchange();
    assert_eq!(fixture.session.take_last(id).results.len(), 1);
    assert!(!fixture.session.has_failed(id));
    fixture.fail_next = Some("22012");
    fixture.session.execute_more(&request).unwrap();
    fixture.exchange();
    assert!(fixture.session.has_failed(id));
    fixture.session.end_exchange();
    fixture.exchange();
    let outcome = fixture.outcome();
    assert_eq!((outcome.results.len(), outcome.failed_at), (1, 3));
}

#[test]
fn a_cursor_is_declared_and_described_in_one_exchange() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    let one = params(&[Some("x")]);
    let declare = Execute {
        prepare: Some(false),
        ..statement("declare c cursor for select $1", &one)
    };
    let id = fixture.session.execute_more(&declare).unwrap();
    assert_eq!(fixture.session.describe_cursor(b"c", false), Ok(id));
    fixture.exchange();
    let sent = fixture.sent.join(", ");
    assert!(
        sent.ends_with("Parse , Bind , Describe, Execute, Describe, Sync"),
        "{sent}"
    );
    let outcome = fixture.outcome();
    assert_eq!(outcome.results.len(), 1);
    let columns = outcome.description.unwrap().columns.unwrap();
    assert_eq!(columns.len(), 2);
}

#[test]
fn an_error_ends_the_question_what_columns_a_cursor_has() {
    let mut fixture = Fixture::new();
    fixture.fail_next = Some("42601");
    let none = params(&[]);
    fixture
        .session
        .execute_more(&statement("declare", &none))
        .unwrap();
    fixture.session.describe_cursor(b"c", false).unwrap();
    fixture.exchange();
    let outcome = fixture.outcome();
    assert!(outcome.error.is_some() && outcome.description.is_none());
    assert!(fixture.session.is_settled());
    let refused = fixture.session.describe_cursor(b"a\0b", true);
    assert!(
        matches!(refused, Err(UsageError::NulInString { .. })),
        "{refused:?}"
    );
    assert!(fixture.session.is_settled());
}

#[test]
fn chosen_formats_are_those_of_a_statement_that_is_not_prepared() {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    let none = params(&[]);
    let formats = [Format::Text, Format::Binary];
    let request = Execute {
        format: ResultFormat::Chosen(&formats),
        ..statement("fetch all from c", &none)
    };
    for _ in 0..2 {
        fixture.session.execute(&request).unwrap();
        assert_eq!(result_formats(fixture.session.outgoing()), formats);
        fixture.exchange();
        assert_eq!(fixture.sent.join(", "), UNPREPARED);
        assert!(fixture.outcome().error.is_none());
    }
}

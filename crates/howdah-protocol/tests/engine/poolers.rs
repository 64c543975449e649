//! Prepared statements that are missing or of no use, and poolers, which lose them.

use howdah_protocol::session::{Characteristics, ExchangeId, Execute};
use howdah_protocol::wire::TransactionStatus;

use crate::client::{params, statement};
use crate::fixture::Fixture;
use crate::server::{FAILED_BLOCK, IN_BLOCK, READY};

const STALE: &str = "0A000/RevalidateCachedQuery";
const PROBE: &str = "Query SELECT pg_catalog.pg_backend_pid()";
const UNPREPARED: &str = "Parse , Bind , Describe, Execute, Sync";
const BEGIN: &str = "Parse , Bind , Execute";

/// One that prepares at once.
fn eager() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.session.statements.threshold = Some(0);
    fixture
}

/// One behind a pooler, which has found out about it, and has prepared `select a` as number 0.
fn behind_a_pooler() -> Fixture {
    let mut fixture = eager();
    fixture.session.detect_poolers();
    fixture.backend_pid = "8";
    assert_eq!(fixture.run_text("select a"), prepare(0));
    assert_eq!(
        fixture.run_text("select a"),
        format!("{PROBE}, {}", reuse(0))
    );
    fixture.outcome();
    fixture
}

fn prepare(number: u32) -> String {
    format!("Parse _howdah_7_{number}, Describe, Bind _howdah_7_{number}, Execute, Sync")
}

fn reuse(number: u32) -> String {
    format!("Bind _howdah_7_{number}, Execute, Sync")
}

/// Prepares for one exchange: the statement is closed in it.
fn prepare_for_now(number: u32) -> String {
    let name = format!("_howdah_7_{number}");
    format!("Parse {name}, Bind {name}, Describe, Execute, Close {name}, Sync")
}

/// As a statement of the user's, which begins a transaction.
fn run(fixture: &mut Fixture, sql: &str) -> String {
    let one = params(&[Some("x")]);
    fixture.run(&Execute {
        begin: true,
        ..statement(sql, &one)
    })
}

fn again(fixture: &mut Fixture, sql: &str) -> String {
    let one = params(&[Some("x")]);
    let request = Execute {
        begin: true,
        ..statement(sql, &one)
    };
    fixture.session.execute_again(&request).unwrap();
    fixture.exchange();
    fixture.sent.join(", ")
}

fn wished(fixture: &mut Fixture, sql: &str) -> String {
    let one = params(&[Some("x")]);
    fixture.run(&Execute {
        prepare: Some(true),
        ..statement(sql, &one)
    })
}

fn without_autocommit(fixture: &mut Fixture) {
    let change = |now: &mut Characteristics| now.autocommit = false;
    fixture.session.transactions.change(change);
}

fn autocommit(fixture: &mut Fixture) {
    let change = |now: &mut Characteristics| now.autocommit = true;
    fixture.session.transactions.change(change);
}

#[test]
fn what_could_not_be_executed_outside_of_a_transaction_is_prepared_anew() {
    for reason in [STALE, "26000"] {
        let mut fixture = eager();
        autocommit(&mut fixture);
        fixture.run_text("select a");
        fixture.fail_next = Some(reason);
        fixture.run_text("select a");
        assert!(fixture.outcome().again, "{reason}");
        let sent = again(&mut fixture, "select a");
        let anew = "Parse _howdah_1, Describe, Bind _howdah_1, Execute, Sync";
        assert_eq!(sent, format!("Close _howdah_0, {anew}"), "{reason}");
        assert!(fixture.outcome().error.is_none());
    }
}

#[test]
fn the_transaction_that_was_begun_for_it_is_begun_anew() {
    let mut fixture = eager();
    without_autocommit(&mut fixture);
    fixture.ready = IN_BLOCK;
    run(&mut fixture, "select a");
    fixture.ready = READY;
    fixture.run_simple("commit");
    // Somebody else has dropped it.
    fixture.prepared.clear();
    fixture.ready = FAILED_BLOCK;
    let sent = run(&mut fixture, "select a");
    assert_eq!(sent, format!("{BEGIN}, Bind _howdah_0, Execute, Sync"));
    assert!(fixture.outcome().again);
    fixture.ready = IN_BLOCK;
    let anew = "Parse _howdah_2, Describe, Bind _howdah_2, Execute, Sync";
    let expected = format!("Query ROLLBACK, Close _howdah_0, {BEGIN}, {anew}");
    assert_eq!(again(&mut fixture, "select a"), expected);
    let outcome = fixture.outcome();
    assert!(outcome.error.is_none());
    assert_eq!(outcome.results.len(), 1, "the rollback gives nothing");
    let status = fixture.session.transaction_status();
    assert_eq!(status, TransactionStatus::InTransaction);
}

#[test]
fn within_a_transaction_the_error_is_the_callers() {
    let mut fixture = eager();
    autocommit(&mut fixture);
    fixture.run_text("select a");
    fixture.ready = IN_BLOCK;
    fixture.run_simple("begin");
    fixture.ready = FAILED_BLOCK;
    fixture.fail_next = Some(STALE);
    fixture.run_text("select a");
    let outcome = fixture.outcome();
    assert!(outcome.error.is_some() && !outcome.again);
}

#[test]
fn nothing_that_may_have_been_executed_is_executed_again() {
    // The error came in answer to Execute: the statement has run, and may have committed.
    let mut fixture = eager();
    autocommit(&mut fixture);
    fixture.run_text("select a");
    fixture.fail_execute = Some("26000");
    fixture.run_text("select a");
    let outcome = fixture.outcome();
    assert!(outcome.error.is_some() && !outcome.again);
    // Another statement of the exchange has been executed before.
    for before in ["select b", "select a"] {
        let mut fixture = eager();
        autocommit(&mut fixture);
        fixture.run_text("select a");
        fixture.outcome();
        more(&mut fixture, before);
        fixture.fail_bind = Some((1, STALE));
        more(&mut fixture, "select a");
        fixture.session.end_exchange();
        fixture.exchange();
        let outcome = fixture.outcome();
        assert_eq!((outcome.results.len(), outcome.failed_at), (1, 1));
        assert!(outcome.error.is_some() && !outcome.again, "{before}");
    }
}

fn more(fixture: &mut Fixture, sql: &str) -> ExchangeId {
    let one = params(&[Some("x")]);
    fixture.session.execute_more(&statement(sql, &one)).unwrap()
}

#[test]
fn a_sequence_of_which_nothing_has_been_executed_can_be_run_again() {
    for reason in [STALE, "26000"] {
        let mut fixture = eager();
        without_autocommit(&mut fixture);
        fixture.ready = IN_BLOCK;
        run(&mut fixture, "select a");
        fixture.ready = READY;
        fixture.run_simple("commit");
        fixture.run_text("select a");
        fixture.outcome();
        fixture.ready = FAILED_BLOCK;
        fixture.fail_bind = Some((1, reason));
        let one = params(&[Some("x")]);
        let request = Execute {
            begin: true,
            ..statement("select a", &one)
        };
        for _ in 0..2 {
            let id = fixture.session.execute_more(&request).unwrap();
            assert!(fixture.session.may_be_repeated(id));
        }
        fixture.session.end_exchange();
        fixture.exchange();
        let outcome = fixture.outcome();
        assert!(outcome.again && outcome.results.is_empty(), "{reason}");
        fixture.ready = IN_BLOCK;
        for _ in 0..2 {
            fixture.session.execute_more_again(&request).unwrap();
        }
        fixture.session.end_exchange();
        fixture.exchange();
        let outcome = fixture.outcome();
        assert!(outcome.error.is_none());
        assert_eq!(outcome.results.len(), 2);
        let rollbacks = fixture.sent.iter().filter(|sent| *sent == "Query ROLLBACK");
        assert_eq!(rollbacks.count(), 1);
    }
}

#[test]
fn what_is_prepared_is_checked_before_anything_is_executed() {
    let mut fixture = eager();
    autocommit(&mut fixture);
    fixture.prepare("select a");
    assert!(
        fixture
            .session
            .check_more(b"select b", true)
            .unwrap()
            .is_none()
    );
    let id = fixture.session.check_more(b"select a", true).unwrap();
    assert_eq!(id, Some(more(&mut fixture, "select b")));
    fixture.session.end_exchange();
    fixture.exchange();
    let outcome = fixture.outcome();
    assert!(outcome.description.is_none());
    assert_eq!(outcome.results.len(), 1);
    // Somebody else has dropped it, and another one.
    fixture.prepare("select c");
    fixture.prepared.clear();
    for sql in [b"select a", b"select c"] {
        fixture.session.check_more(sql, true).unwrap();
    }
    more(&mut fixture, "select b");
    fixture.session.end_exchange();
    fixture.exchange();
    let outcome = fixture.outcome();
    assert!(outcome.again && outcome.results.is_empty());
    for sql in [b"select a", b"select c"] {
        assert_eq!(fixture.session.description(sql, &[]), None);
    }
}

#[test]
fn a_name_that_is_taken_is_replaced_for_a_description_too() {
    let mut fixture = eager();
    autocommit(&mut fixture);
    fixture.fail_parse = Some("42P05");
    fixture.prepare("select a");
    assert!(fixture.outcome().again);
    assert_eq!(
        fixture.prepare("select a"),
        "Parse _howdah_1, Describe, Sync"
    );
}

#[test]
fn a_name_that_is_taken_is_replaced() {
    let mut fixture = eager();
    autocommit(&mut fixture);
    fixture.fail_parse = Some("42P05");
    fixture.run_text("select a");
    assert!(fixture.outcome().again);
    let anew = "Parse _howdah_1, Describe, Bind _howdah_1, Execute, Sync";
    assert_eq!(again(&mut fixture, "select a"), anew);
}

#[test]
fn one_session_of_the_server_is_asked_once() {
    let mut fixture = eager();
    fixture.session.detect_poolers();
    assert!(fixture.session.keeps_statements());
    assert_eq!(fixture.run_text("select a"), prepare(0));
    assert_eq!(
        fixture.run_text("select a"),
        format!("{PROBE}, {}", reuse(0))
    );
    assert_eq!(
        fixture.outcome().results.len(),
        2,
        "the probe gives nothing"
    );
    assert_eq!(fixture.run_text("select a"), reuse(0));
    assert!(fixture.session.keeps_statements());
}

#[test]
fn nobody_is_asked_within_a_transaction_nor_before_anything_is_prepared() {
    let mut fixture = Fixture::new();
    fixture.session.detect_poolers();
    assert_eq!(fixture.run_text("select a"), UNPREPARED);
    fixture.session.statements.threshold = Some(0);
    fixture.ready = IN_BLOCK;
    fixture.run_simple("begin");
    let sent = fixture.run_text("select a");
    assert_eq!(sent, prepare(1));
    // The server's session is the same as long as the transaction lasts.
    assert_eq!(fixture.run_text("select a"), reuse(1));
    fixture.ready = READY;
    fixture.run_simple("commit");
    assert!(fixture.run_text("select a").starts_with(PROBE));
}

#[test]
fn a_probe_that_fails_is_nobodys_error_and_is_sent_again() {
    let mut fixture = eager();
    fixture.session.detect_poolers();
    fixture.run_text("select a");
    fixture.fail_next = Some("57014");
    assert!(fixture.run_text("select a").starts_with(PROBE));
    assert!(fixture.outcome().error.is_none());
    assert!(fixture.run_text("select a").starts_with(PROBE));
}

#[test]
fn behind_a_pooler_statements_are_used_where_their_loss_can_be_made_good() {
    let mut fixture = behind_a_pooler();
    assert!(!fixture.session.keeps_statements());
    autocommit(&mut fixture);
    assert_eq!(fixture.run_text("select a"), reuse(0));
    // Not in the middle of a transaction that has not used it.
    fixture.ready = IN_BLOCK;
    fixture.run_simple("begin");
    assert_eq!(fixture.run_text("select a"), UNPREPARED);
    fixture.ready = READY;
    fixture.run_simple("commit");
    // As its first statement, and then on.
    without_autocommit(&mut fixture);
    fixture.ready = IN_BLOCK;
    assert_eq!(
        run(&mut fixture, "select a"),
        format!("{BEGIN}, {}", reuse(0))
    );
    assert_eq!(run(&mut fixture, "select a"), reuse(0));
}

#[test]
fn a_pooler_that_has_lost_one_is_given_none_any_more() {
    let mut fixture = behind_a_pooler();
    autocommit(&mut fixture);
    fixture.prepared.clear();
    assert_eq!(fixture.run_text("select a"), reuse(0));
    assert!(fixture.outcome().again);
    let sent = again(&mut fixture, "select a");
    assert_eq!(sent, format!("Close _howdah_7_0, {UNPREPARED}"));
    for _ in 0..8 {
        assert_eq!(fixture.run_text("select b"), UNPREPARED);
    }
    assert!(fixture.outcome().error.is_none());
}

#[test]
fn what_is_lost_before_it_is_known_who_answers_is_not_lost_again() {
    for (backend_pid, is_direct) in [("7", true), ("8", false)] {
        let mut fixture = eager();
        autocommit(&mut fixture);
        fixture.session.detect_poolers();
        fixture.backend_pid = backend_pid;
        fixture.run_text("select a");
        fixture.fail_next = Some("57014");
        assert!(fixture.run_text("select a").starts_with(PROBE));
        // The probe has failed, and the next finds none prepared.
        fixture.prepared.clear();
        let one = params(&[Some("x")]);
        fixture.fail_next = Some("57014");
        fixture
            .session
            .execute(&statement("select a", &one))
            .unwrap();
        fixture.exchange();
        assert!(fixture.outcome().again);
        assert!(!fixture.session.keeps_statements());
        // Others are unanswered, so that nobody can be asked in between.
        fixture
            .session
            .execute(&statement("select b", &one))
            .unwrap();
        fixture
            .session
            .execute(&statement("select a", &one))
            .unwrap();
        fixture.exchange();
        let sent = fixture.sent.join(", ");
        assert!(!sent.contains("Parse _howdah"), "{sent}");
        assert!(fixture.outcome().error.is_none());
        fixture.run_text("select a");
        assert_eq!(fixture.session.keeps_statements(), is_direct);
    }
}

#[test]
fn behind_a_pooler_what_is_prepared_at_once_is_closed_in_the_same_exchange() {
    let mut fixture = behind_a_pooler();
    autocommit(&mut fixture);
    assert_eq!(wished(&mut fixture, "select b"), prepare_for_now(1));
    assert_eq!(wished(&mut fixture, "select b"), prepare_for_now(2));
    assert_eq!(wished(&mut fixture, "select a"), prepare_for_now(3));
    assert_eq!(fixture.prepared, ["_howdah_7_0"]);
    let one = params(&[Some("x")]);
    for _ in 0..2 {
        let request = Execute {
            prepare: Some(true),
            ..statement("insert a", &one)
        };
        fixture.session.execute_more(&request).unwrap();
    }
    fixture.session.end_exchange();
    fixture.exchange();
    let name = "_howdah_7_4";
    let expected = format!(
        "Parse {name}, Bind {name}, Describe, Execute, Bind {name}, Describe, Execute, Close {name}, Sync"
    );
    assert_eq!(fixture.sent.join(", "), expected);
}

#[test]
fn what_cannot_be_sent_takes_its_probe_along() {
    let mut fixture = eager();
    fixture.session.detect_poolers();
    fixture.run_text("select a");
    let one = params(&[Some("x")]);
    let refused = fixture.session.execute(&statement("select\0", &one));
    assert!(refused.is_err());
    assert!(fixture.session.outgoing().is_empty() && fixture.session.is_settled());
    assert!(fixture.run_text("select a").starts_with(PROBE));
}

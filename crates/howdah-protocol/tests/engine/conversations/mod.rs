//! Conversations as data: tables of them, and one test that replays each table.

mod copy;
mod copy_session;
mod extended;
mod oauth;
mod portals;
mod queued;
mod replication;
mod sessions;
mod simple;
mod startup;
mod targets;

use crate::client::{Client, Plan, Raw, Runner, Steps, config};
use crate::replay::Conversation;
use crate::server::{READY, columns, complete};
use howdah_testkit::Script;

fn check(table: &[Conversation]) {
    for (number, conversation) in table.iter().enumerate() {
        let earlier = table[..number].iter().map(|other| other.name);
        assert!(
            !earlier.clone().any(|name| name == conversation.name),
            "{} is there twice",
            conversation.name
        );
        conversation.check();
    }
}

fn raw(plan: Plan) -> Box<dyn Client> {
    Box::new(Raw::new(config(), plan))
}

fn runner(steps: Steps) -> Box<dyn Client> {
    Box::new(Runner::new(config(), steps))
}

/// The server's side of a query, which shows that both sides are in step.
fn then_query(script: Script) -> Script {
    script
        .expect_query("select a")
        .send(&[columns(&["a"])])
        .send_row(&[Some("1")])
        .send(&[complete("SELECT 1"), READY])
        .expect_eof()
}

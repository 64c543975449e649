//! The plan of a connection: which server comes after which outcome, and what is said in the end.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use howdah_net::connect::ConnectError;
use howdah_net::connector::{Action, Connector};
use howdah_net::socket::Peer;
use howdah_protocol::conninfo::{self, TargetSessionAttrs};
use howdah_protocol::startup::StartupError;

fn connector(conninfo: &str) -> Connector {
    let text = format!("user=ann dbname=shop passfile=/nowhere {conninfo}");
    Connector::new(&conninfo::parse(&text).unwrap()).unwrap()
}

/// What comes next, in short.
fn next(connector: &mut Connector) -> String {
    match connector.next_action() {
        Action::Resolve { host, port } => format!("resolve {host} {port}"),
        Action::Connect(Peer::Tcp(address)) => address.to_string(),
        Action::Connect(Peer::Unix(path)) => path.display().to_string(),
        Action::GiveUp => "give up".to_owned(),
    }
}

fn addresses(list: &[&str]) -> Vec<SocketAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

fn down(connector: &mut Connector) {
    let error = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    connector.unreachable(&ConnectError::Io(error));
}

fn wrong(connector: &mut Connector, why: &'static str) {
    let error = StartupError::WrongServer(why);
    connector.refused(&error, Some(&error), &[]);
}

#[test]
fn every_address_of_every_host_in_order() {
    let mut plan =
        connector("host=one,/run/x,@y,10.0.0.4,five hostaddr=,,,,10.0.0.5 port=1,2,3,4,5");
    assert_eq!(next(&mut plan), "resolve one 1");
    plan.resolved(addresses(&["10.0.0.1:1", "[::1]:1"]));
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(next(&mut plan));
        down(&mut plan);
    }
    let expected = [
        "10.0.0.1:1",
        "[::1]:1",
        "/run/x/.s.PGSQL.2",
        "@y/.s.PGSQL.3",
        "10.0.0.4:4",
        "10.0.0.5:5",
    ];
    assert_eq!(seen, expected);
    assert_eq!(next(&mut plan), "give up");
    assert_eq!(plan.failures().len(), 6);
    let text = plan.failure_text();
    let named = [
        "host: 'one', port: '1', hostaddr: '10.0.0.1'",
        "'::1'",
        "/run/x",
        "@y",
        "'five'",
    ];
    for name in named {
        assert!(text.contains(name), "{name} is not in {text}");
    }
}

#[test]
fn a_name_without_an_address_is_a_failure_and_the_next_host_is_tried() {
    let mut plan = connector("host=one,10.0.0.2");
    assert_eq!(next(&mut plan), "resolve one 5432");
    plan.resolved(Vec::new());
    assert_eq!(next(&mut plan), "10.0.0.2:5432");
    down(&mut plan);
    assert!(plan.failure_text().contains("failed to resolve host 'one'"));
}

#[test]
fn other_addresses_of_the_wrong_server_are_not_tried() {
    let mut plan = connector("host=one,10.0.0.2 target_session_attrs=primary");
    next(&mut plan);
    plan.resolved(addresses(&["10.0.0.1:1", "[::1]:1"]));
    assert_eq!(next(&mut plan), "10.0.0.1:1");
    wrong(&mut plan, "server is in hot standby mode");
    assert_eq!(next(&mut plan), "10.0.0.2:5432");
    wrong(&mut plan, "server is in hot standby mode");
    assert_eq!(next(&mut plan), "give up");
    assert_eq!(
        plan.failure_text().matches("in hot standby mode").count(),
        3
    );
}

#[test]
fn a_primary_is_the_second_choice_of_prefer_standby() {
    let mut plan = connector("host=10.0.0.1,10.0.0.2,10.0.0.3 target_session_attrs=prefer-standby");
    let wanted = |plan: &Connector| plan.startup().unwrap().target_session_attrs;
    assert_eq!(next(&mut plan), "10.0.0.1:5432");
    down(&mut plan);
    for _ in 0..2 {
        next(&mut plan);
        assert_eq!(wanted(&plan), TargetSessionAttrs::PreferStandby);
        wrong(&mut plan, "server is not in hot standby mode");
    }
    // One that is down is not asked again.
    assert_eq!(next(&mut plan), "10.0.0.2:5432");
    assert_eq!(wanted(&plan), TargetSessionAttrs::Any);
    down(&mut plan);
    assert_eq!(next(&mut plan), "10.0.0.3:5432");
    down(&mut plan);
    assert_eq!(next(&mut plan), "give up");
}

#[test]
fn the_order_of_hosts_and_of_addresses_can_be_random() {
    let (mut hosts, mut first) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..200 {
        let mut plan = connector("host=a,b,c load_balance_hosts=random");
        hosts.insert(next(&mut plan));
        plan.resolved(addresses(&["10.0.0.1:1", "10.0.0.2:1"]));
        first.insert(next(&mut plan));
    }
    assert_eq!((hosts.len(), first.len()), (3, 2));
}

#[test]
fn tokens_stay_on_this_machine_without_encryption() {
    for (host, expected) in [
        ("127.0.0.1", true),
        ("::1", true),
        ("/run", true),
        ("10.0.0.1", false),
    ] {
        let mut plan = connector(&format!("host={host}"));
        next(&mut plan);
        assert_eq!(plan.startup().unwrap().is_confidential, expected, "{host}");
    }
}

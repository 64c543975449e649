//! Listeners through both shells, against a real server and what stands before it.

#![cfg(feature = "tokio")]

mod common;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::own_server::OwnServer;
use common::passing::upstream;
use common::{connect, dsn, eventually, tcp_dsn, terminate, unique, within};
use howdah::{AsyncListener, Config, Gap, Listener, ListenerEvent, ListenerOptions, Result};
use howdah_protocol::wire::BackendMessage;
use howdah_testkit::{MockServer, Script};
use tokio::runtime::Runtime;

const BOUND: Duration = Duration::from_secs(20);

/// A listener of either shell, used from one thread.
enum Ear {
    Blocking(Listener),
    Tokio(Runtime, AsyncListener),
}

type Open = fn(&ListenerOptions, &Config) -> Result<Ear>;

fn blocking(options: &ListenerOptions, config: &Config) -> Result<Ear> {
    options.connect(config).map(Ear::Blocking)
}

fn tokio(options: &ListenerOptions, config: &Config) -> Result<Ear> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(options.connect_async(config))?;
    Ok(Ear::Tokio(runtime, listener))
}

impl Ear {
    fn listen(&self, channel: &str) -> Result<()> {
        match self {
            Self::Blocking(listener) => listener.listen(channel),
            Self::Tokio(runtime, listener) => runtime.block_on(listener.listen(channel)),
        }
    }

    fn unlisten(&self, channel: &str) -> Result<()> {
        match self {
            Self::Blocking(listener) => listener.unlisten(channel),
            Self::Tokio(runtime, listener) => runtime.block_on(listener.unlisten(channel)),
        }
    }

    fn close(&self) {
        match self {
            Self::Blocking(listener) => listener.close(),
            Self::Tokio(_, listener) => listener.close(),
        }
    }

    /// The next event, `None` at the end.
    fn event(&self) -> Option<Result<ListenerEvent>> {
        match self {
            Self::Blocking(listener) => {
                let mut listener = listener;
                listener.next()
            }
            Self::Tokio(runtime, listener) => runtime
                .block_on(async { tokio::time::timeout(BOUND, listener.next()).await })
                .expect("an event"),
        }
    }

    fn payload(&self) -> String {
        let event = self.event().unwrap().unwrap();
        let notify = event.notification().unwrap_or_else(|| panic!("{event:?}"));
        notify.payload.clone()
    }

    fn gap(&self) -> Gap {
        match self.event().unwrap().unwrap() {
            ListenerEvent::Gap(gap) => gap,
            other => panic!("{other:?}"),
        }
    }

    /// Whether nothing comes in a short time.
    fn is_silent(&self) -> bool {
        let time = Duration::from_millis(50);
        match self {
            Self::Blocking(listener) => listener.next_timeout(time).unwrap().is_none(),
            Self::Tokio(runtime, listener) => runtime
                .block_on(async { tokio::time::timeout(time, listener.next()).await })
                .is_err(),
        }
    }
}

/// A configuration that is known by its application name.
fn named(conninfo: &str) -> (Config, String) {
    let name = unique("listener");
    let mut config: Config = conninfo.parse().unwrap();
    config.set("application_name", &name).unwrap();
    (config, name)
}

/// The process that serves it.
fn pid_of(name: &str) -> i32 {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = $1";
    let row = connect().query_one(sql, (&name,)).unwrap();
    row.get(0).unwrap()
}

fn notify(channel: &str, payload: &str) {
    let mut conn = connect();
    conn.execute("SELECT pg_notify($1, $2)", (channel, payload))
        .unwrap();
}

fn quick() -> ListenerOptions {
    ListenerOptions::new().delay(Duration::from_millis(1), Duration::from_millis(20))
}

/// Each scenario, through both shells.
macro_rules! both {
    ($($name:ident)*) => {
        mod blocking_ {
            $(#[test] fn $name() { super::within(super::BOUND * 2, || super::$name(super::blocking)); })*
        }
        mod tokio_ {
            $(#[test] fn $name() { super::within(super::BOUND * 2, || super::$name(super::tokio)); })*
        }
    };
}

both! {
    channels_are_heard_by_their_very_names
    a_connection_that_was_lost_is_made_again_with_a_gap
    a_full_buffer_drops_the_oldest_and_says_so
    attempts_that_fail_are_reported_and_repeated
    attempts_can_have_an_end
    who_is_refused_gives_up
    a_server_that_is_silent_is_found_by_the_heartbeat
    a_channel_that_is_refused_leaves_the_others
    what_it_runs_is_bounded_without_a_heartbeat
    a_real_server_that_is_restarted
    listen_waits_for_the_connection
    closing_wakes_who_waits
    closing_ends_the_session
    the_first_connection_is_not_tried_again
    each_attempt_asks_for_the_password
}

fn channels_are_heard_by_their_very_names(open: Open) {
    let (config, _) = named(&dsn());
    let ear = open(&ListenerOptions::new(), &config).unwrap();
    let odd = format!("{} \"Ä'; DROP", unique("x"));
    let other = unique("Other");
    ear.listen(&odd).unwrap();
    ear.listen(&other).unwrap();
    ear.listen(&other).unwrap();
    notify(&odd, "one");
    notify(&other, &"z".repeat(7999));
    notify(&other, "");
    match ear.event().unwrap().unwrap() {
        ListenerEvent::Notification(heard) => {
            assert_eq!((heard.channel, heard.payload), (odd.clone(), "one".into()));
            assert!(heard.pid > 0);
        }
        gap => panic!("{gap:?}"),
    }
    assert_eq!(ear.payload().len(), 7999);
    assert_eq!(ear.payload(), "");
    ear.unlisten(&odd).unwrap();
    ear.unlisten(&odd).unwrap();
    notify(&odd, "lost");
    notify(&other, "two");
    assert_eq!(ear.payload(), "two");
    assert!(ear.is_silent());
    for name in [String::new(), "a\0".into(), "x".repeat(64)] {
        assert!(ear.listen(&name).unwrap_err().is_usage());
    }
}

fn a_connection_that_was_lost_is_made_again_with_a_gap(open: Open) {
    let (config, name) = named(&dsn());
    let ear = open(&quick(), &config).unwrap();
    let channels = [unique("a"), unique("b")];
    for channel in &channels {
        ear.listen(channel).unwrap();
    }
    for round in ["one", "two"] {
        notify(&channels[0], round);
        // What was sent before an answer is taken in with it.
        ear.listen(&unique("c")).unwrap();
        terminate(pid_of(&name));
        assert_eq!(ear.payload(), round);
        let gap = ear.gap();
        assert!(gap.reconnected && gap.dropped == 0);
        // LISTEN is in force by now.
        for channel in &channels {
            notify(channel, "after");
            assert_eq!(ear.payload(), "after");
        }
        assert!(ear.is_silent());
    }
}

fn a_full_buffer_drops_the_oldest_and_says_so(open: Open) {
    let (config, _) = named(&dsn());
    let ear = open(&ListenerOptions::new().capacity(3), &config).unwrap();
    let (channel, last) = (unique("c"), unique("last"));
    ear.listen(&channel).unwrap();
    let sql = "SELECT pg_notify($1, n::text) FROM generate_series(1, 10) n";
    connect().execute(sql, (&channel,)).unwrap();
    // What was sent before an answer is taken in with it.
    ear.listen(&last).unwrap();
    let gap = ear.gap();
    assert_eq!((gap.dropped, gap.reconnected), (7, false));
    for payload in ["8", "9", "10"] {
        assert_eq!(ear.payload(), payload);
    }
    notify(&channel, "11");
    assert_eq!(ear.payload(), "11");
}

/// A server's door that can be shut: passes bytes on to the real one.
struct Gate {
    port: u16,
    shut: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    /// The next LISTEN is not passed on.
    deaf: Arc<AtomicBool>,
    attempts: Arc<AtomicUsize>,
    passing: Arc<Mutex<HashMap<usize, TcpStream>>>,
}

impl Gate {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Self {
            port: listener.local_addr().unwrap().port(),
            shut: Arc::default(),
            silent: Arc::default(),
            deaf: Arc::default(),
            attempts: Arc::default(),
            passing: Arc::default(),
        };
        let (shut, silent) = (Arc::clone(&gate.shut), Arc::clone(&gate.silent));
        let deaf = Arc::clone(&gate.deaf);
        let (attempts, passing) = (Arc::clone(&gate.attempts), Arc::clone(&gate.passing));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = attempts.fetch_add(1, Ordering::SeqCst);
                if shut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = upstream();
                // Before anything passes: what passes can be ended.
                let known = client.try_clone().unwrap();
                passing.lock().unwrap().insert(number, known);
                pass(&server, &client, &silent, &deaf);
                pass(&client, &server, &silent, &deaf);
            }
        });
        gate
    }

    fn config(&self) -> Config {
        let words = tcp_dsn();
        let rest = words.split(' ').filter(|word| !word.starts_with("port="));
        let mut config = rest
            .collect::<Vec<_>>()
            .join(" ")
            .parse::<Config>()
            .unwrap();
        config.set("host", "127.0.0.1").unwrap();
        config.set("port", &self.port.to_string()).unwrap();
        config
    }

    /// Ends what passes; and all that comes, if `shut`.
    fn end(&self, shut: bool) {
        self.shut.store(shut, Ordering::SeqCst);
        for (_, client) in self.passing.lock().unwrap().drain() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}

fn pass(from: &TcpStream, to: &TcpStream, silent: &Arc<AtomicBool>, deaf: &Arc<AtomicBool>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let (silent, deaf) = (Arc::clone(silent), Arc::clone(deaf));
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let is_listen = buffer[..count].windows(6).any(|part| part == b"LISTEN");
            if is_listen && deaf.swap(false, Ordering::SeqCst) {
                continue;
            }
            if !silent.load(Ordering::SeqCst) && to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn attempts_that_fail_are_reported_and_repeated(open: Open) {
    let gate = Gate::new();
    let errors = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&errors);
    let options = quick().on_error(move |error| {
        assert!(error.is_closed());
        count.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    });
    let ear = open(&options, &gate.config()).unwrap();
    let channel = unique("c");
    ear.listen(&channel).unwrap();
    gate.end(true);
    eventually(|| errors.load(Ordering::SeqCst) > 3);
    assert!(gate.attempts() > 3 && ear.is_silent());
    gate.end(false);
    assert!(ear.gap().reconnected);
    notify(&channel, "again");
    assert_eq!(ear.payload(), "again");
    assert!(ear.is_silent());
}

fn attempts_can_have_an_end(open: Open) {
    let gate = Gate::new();
    let ear = open(&quick().max_attempts(Some(2)), &gate.config()).unwrap();
    let channel = unique("c");
    ear.listen(&channel).unwrap();
    gate.end(true);
    let error = ear.event().unwrap().unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    assert_eq!(gate.attempts(), 3);
    assert!(ear.event().is_none());
    assert_eq!(
        ear.listen(&channel).unwrap_err().to_string(),
        error.to_string()
    );
}

fn who_is_refused_gives_up(open: Open) {
    let (mut config, name) = named(&dsn());
    let database = unique("gone");
    let create = format!("CREATE DATABASE {database} TEMPLATE template0");
    connect().execute(&create, ()).unwrap();
    config.set("dbname", &database).unwrap();
    let ear = open(&quick(), &config).unwrap();
    assert!(pid_of(&name) > 0);
    let drop = format!("DROP DATABASE {database} WITH (FORCE)");
    connect().execute(&drop, ()).unwrap();
    let error = ear.event().unwrap().unwrap_err();
    assert_eq!(error.sqlstate(), Some("3D000"));
    assert!(ear.event().is_none());
}

fn a_server_that_is_silent_is_found_by_the_heartbeat(open: Open) {
    let gate = Gate::new();
    let options = quick().heartbeat(Duration::from_secs(2));
    let ear = open(&options, &gate.config()).unwrap();
    let channel = unique("c");
    ear.listen(&channel).unwrap();
    gate.silent.store(true, Ordering::SeqCst);
    let attempts = gate.attempts();
    gate.shut.store(true, Ordering::SeqCst);
    eventually(|| gate.attempts() > attempts);
    gate.silent.store(false, Ordering::SeqCst);
    gate.shut.store(false, Ordering::SeqCst);
    assert!(ear.gap().reconnected);
    notify(&channel, "again");
    assert_eq!(ear.payload(), "again");
}

/// The answer to one statement.
fn done(script: Script, sql: &str, tag: &str) -> Script {
    let tag = tag.as_bytes();
    let script = script.expect_query(sql);
    script
        .send(&[BackendMessage::CommandComplete { tag }])
        .send_ready()
}

fn a_channel_that_is_refused_leaves_the_others(open: Open) {
    let refuse = |script: Script, sql: &str| {
        let script = script.expect_query(sql);
        script.send_error("25006", "not here").send_ready()
    };
    let start = || Script::new().accept_startup();
    let first = refuse(start(), "LISTEN \"bad\"");
    // A server that has become a standby is one that is not there: it is tried again.
    let server = MockServer::tcp([
        done(first, "LISTEN \"good\"", "LISTEN").close(),
        refuse(start(), "LISTEN \"good\"").expect_eof(),
        done(start(), "LISTEN \"good\"", "LISTEN").expect_eof(),
    ])
    .unwrap();
    let codes = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&codes);
    let options = quick().on_error(move |error| {
        let code = error.sqlstate().unwrap_or_default();
        log.lock().unwrap().push(code.to_owned());
    });
    let ear = open(&options, &server.conninfo().parse().unwrap()).unwrap();
    let error = ear.listen("bad").unwrap_err();
    assert!(error.sqlstate() == Some("25006") && !error.is_closed());
    ear.listen("good").unwrap();
    assert!(ear.gap().reconnected);
    assert_eq!(*codes.lock().unwrap(), ["", "25006"]);
    ear.close();
    server.join().unwrap();
}

fn what_it_runs_is_bounded_without_a_heartbeat(open: Open) {
    let gate = Gate::new();
    let mut config = gate.config();
    config.connect_timeout(Duration::from_secs(2));
    let ear = open(&quick(), &config).unwrap();
    let channel = unique("c");
    ear.listen(&channel).unwrap();
    gate.deaf.store(true, Ordering::SeqCst);
    gate.end(false);
    // The LISTEN of the first attempt got no answer.
    assert!(ear.gap().reconnected && !gate.deaf.load(Ordering::SeqCst));
    assert!(gate.attempts() > 2);
    notify(&channel, "again");
    assert_eq!(ear.payload(), "again");
}

fn a_real_server_that_is_restarted(open: Open) {
    let Some(mut server) = OwnServer::start() else {
        eprintln!("nothing is tested: HOWDAH_TEST_PYTHON is not set");
        return;
    };
    let errors = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&errors);
    let options = quick().on_error(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let ear = open(&options, &server.conninfo.parse().unwrap()).unwrap();
    ear.listen("c").unwrap();
    for mode in ["fast", "immediate"] {
        let before = errors.load(Ordering::SeqCst);
        server.command(&format!("stop {mode}"));
        // Its end, and an attempt that nobody answers.
        eventually(|| errors.load(Ordering::SeqCst) > before + 1);
        server.command("start");
        assert!(ear.gap().reconnected);
        let mut other = howdah::Connection::connect(&server.conninfo).unwrap();
        other.execute("SELECT pg_notify('c', $1)", (mode,)).unwrap();
        assert_eq!(ear.payload(), mode);
    }
}

fn listen_waits_for_the_connection(open: Open) {
    let gate = Gate::new();
    let errors = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&errors);
    let options = quick().on_error(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let ear = Arc::new(open(&options, &gate.config()).unwrap());
    gate.end(true);
    eventually(|| errors.load(Ordering::SeqCst) > 1);
    let channel = unique("c");
    let other = (Arc::clone(&ear), channel.clone());
    let thread = std::thread::spawn(move || other.0.listen(&other.1));
    ear.unlisten("nothing").unwrap();
    let before = errors.load(Ordering::SeqCst);
    eventually(|| errors.load(Ordering::SeqCst) > before + 2);
    assert!(!thread.is_finished());
    gate.end(false);
    thread.join().unwrap().unwrap();
    notify(&channel, "one");
    assert!(ear.gap().reconnected);
    assert_eq!(ear.payload(), "one");
}

fn closing_wakes_who_waits(open: Open) {
    let (config, _) = named(&dsn());
    let ear = Arc::new(open(&ListenerOptions::new(), &config).unwrap());
    let channel = unique("c");
    ear.listen(&channel).unwrap();
    let waiting = Arc::clone(&ear);
    let thread = std::thread::spawn(move || waiting.event().is_none());
    std::thread::sleep(Duration::from_millis(20));
    ear.close();
    ear.close();
    assert!(thread.join().unwrap());
    assert!(ear.event().is_none());
    assert!(ear.listen(&channel).unwrap_err().is_closed());
}

fn closing_ends_the_session(open: Open) {
    let (config, name) = named(&dsn());
    let ear = open(&ListenerOptions::new(), &config).unwrap();
    assert!(pid_of(&name) > 0);
    let sql = "SELECT FROM pg_stat_activity WHERE application_name = $1";
    let mut conn = connect();
    drop(ear);
    eventually(|| conn.execute(sql, (&name,)).unwrap() == 0);
    // Also while it tries to connect: then nothing holds its function any more.
    let gate = Gate::new();
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let ear = open(
        &quick().on_error(move |_| drop(Arc::clone(&held))),
        &gate.config(),
    )
    .unwrap();
    gate.end(true);
    eventually(|| gate.attempts() > 3);
    assert!(Arc::strong_count(&alive) > 1);
    drop(ear);
    eventually(|| Arc::strong_count(&alive) == 1);
}

fn the_first_connection_is_not_tried_again(open: Open) {
    let gate = Gate::new();
    gate.end(true);
    let Err(error) = open(&quick(), &gate.config()) else {
        panic!("it connected");
    };
    assert!(error.is_closed());
    assert_eq!(gate.attempts(), 1);
}

fn each_attempt_asks_for_the_password(open: Open) {
    let (mut config, name) = named(&dsn());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    config.password_with(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok("secret".into())
    });
    let ear = open(&quick(), &config).unwrap();
    terminate(pid_of(&name));
    assert!(ear.gap().reconnected);
    assert!(asked.load(Ordering::SeqCst) >= 2);
}

#[tokio::test]
async fn a_future_that_is_dropped_has_taken_no_event() {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    let listener = AsyncListener::connect(&dsn()).await.unwrap();
    let channel = unique("c");
    listener.listen(&channel).await.unwrap();
    for payload in ["one", "two"] {
        let mut next = Box::pin(listener.next());
        let polled = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending())).await;
        assert!(polled);
        notify(&channel, payload);
        // The event is there, and wakes the future, which is not polled any more.
        listener.listen(&unique("sync")).await.unwrap();
        drop(next);
        let event = listener.next().await.unwrap().unwrap();
        assert_eq!(event.notification().unwrap().payload, payload);
    }
    notify(&channel, "streamed");
    let mut listener = pin!(listener);
    let event = poll_fn(|cx| futures_core::Stream::poll_next(listener.as_mut(), cx)).await;
    assert_eq!(
        event.unwrap().unwrap().notification().unwrap().payload,
        "streamed"
    );
}

//! Cancel requests, against servers that do what they should and servers that do not.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use howdah_net::cancel::{CancelRequest, CancelTarget, Progress, deadline_after};
use howdah_net::{ConnectError, Peer};
use howdah_protocol::wire::FrontendMessage;
use howdah_testkit::{MockServer, Script};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// CancelRequest for process 77.
const REQUEST: [u8; 16] = [
    0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 77, 0xde, 0xad, 0xbe, 0xef,
];
const BOUND: Duration = Duration::from_secs(20);

fn request_script() -> Script {
    Script::new().expect_startup("CancelRequest", |message| {
        matches!(
            message,
            FrontendMessage::CancelRequest { process_id: 77, .. }
        )
    })
}

fn target(peer: Peer) -> CancelTarget {
    CancelTarget {
        peer,
        request: REQUEST.to_vec(),
        route: None,
    }
}

fn tcp(server: &MockServer) -> CancelTarget {
    let address = format!("{}:{}", server.host(), server.port());
    target(Peer::Tcp(address.parse().unwrap()))
}

fn unix(server: &MockServer) -> CancelTarget {
    let path = format!("{}/.s.PGSQL.{}", server.host(), server.port());
    target(Peer::Unix(path.into()))
}

/// Runs a request as an event loop would: all waiting is done out here.
fn run(request: &mut CancelRequest) -> Result<Vec<Progress>, ConnectError> {
    let mut path = Vec::new();
    let begun = Instant::now();
    loop {
        let called = Instant::now();
        let progress = request.advance(called)?;
        assert!(called.elapsed() < Duration::from_secs(2), "it has waited");
        assert!(begun.elapsed() < BOUND, "it does not end: {path:?}");
        path.push(progress);
        let flags = match progress {
            Progress::Done => return Ok(path),
            Progress::NeedReadable => PollFlags::IN,
            Progress::NeedWritable => PollFlags::OUT,
        };
        let left = request.poll_timeout().saturating_duration_since(called);
        let left = Timespec::try_from(left).unwrap();
        poll(&mut [PollFd::new(&*request, flags)], Some(&left)).unwrap();
    }
}

#[test]
fn it_is_over_when_the_server_has_closed_the_socket() {
    let pause = Duration::from_millis(200);
    let script = || request_script().sleep(pause).close();
    let servers = [
        (MockServer::tcp([script()]).unwrap(), tcp as fn(&_) -> _),
        (MockServer::unix([script()]).unwrap(), unix),
    ];
    for (server, target) in servers {
        let begun = Instant::now();
        let mut request = target(&server).begin(deadline_after(BOUND)).unwrap();
        let path = run(&mut request).unwrap();
        assert!(begun.elapsed() >= pause);
        assert!(path.ends_with(&[Progress::NeedReadable, Progress::Done]));
        // It stays so.
        assert_eq!(request.advance(Instant::now()).unwrap(), Progress::Done);
        server.join().unwrap();
    }
}

#[test]
fn sending_it_waits_for_the_same() {
    let pause = Duration::from_millis(200);
    let server = MockServer::tcp([request_script().sleep(pause).close()]).unwrap();
    let begun = Instant::now();
    tcp(&server)
        .send(deadline_after(BOUND), &mut || true)
        .unwrap();
    assert!(begun.elapsed() >= pause);
    server.join().unwrap();
}

#[test]
fn a_server_that_does_nothing_is_given_up_at_the_deadline() {
    let server = MockServer::tcp([request_script().hang(), request_script().hang()]).unwrap();
    let deadline = deadline_after(BOUND);
    let mut request = tcp(&server).begin(deadline).unwrap();
    while request.advance(Instant::now()).unwrap() != Progress::NeedReadable {
        std::thread::yield_now();
    }
    // The clock is the caller's.
    let late = request.advance(deadline).unwrap_err();
    assert!(matches!(late, ConnectError::TimedOut), "{late:?}");
    let time = deadline_after(Duration::from_millis(50));
    let late = tcp(&server).send(time, &mut || true).unwrap_err();
    assert!(matches!(late, ConnectError::TimedOut), "{late:?}");
}

#[test]
fn what_the_server_has_done_by_the_deadline_counts() {
    let server = MockServer::tcp([request_script().close()]).unwrap();
    let deadline = deadline_after(BOUND);
    let mut request = tcp(&server).begin(deadline).unwrap();
    while request.advance(Instant::now()).unwrap() != Progress::NeedReadable {
        std::thread::yield_now();
    }
    poll(&mut [PollFd::new(&request, PollFlags::IN)], None).unwrap();
    assert_eq!(request.advance(deadline).unwrap(), Progress::Done);
    server.join().unwrap();
}

#[test]
fn nothing_is_sent_after_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = target(Peer::Tcp(listener.local_addr().unwrap()));
    let mut request = target.begin(Instant::now()).unwrap();
    let late = request.advance(Instant::now()).unwrap_err();
    assert!(matches!(late, ConnectError::TimedOut), "{late:?}");
    drop(request);
    let (mut accepted, _) = listener.accept().unwrap();
    let mut sent = Vec::new();
    std::io::Read::read_to_end(&mut accepted, &mut sent).unwrap();
    assert_eq!(sent, b"");
}

#[test]
fn the_caller_can_give_up() {
    let server = MockServer::tcp([request_script().hang()]).unwrap();
    let mut asked = 0;
    let mut go_on = || {
        asked += 1;
        asked < 2
    };
    let error = tcp(&server)
        .send(deadline_after(BOUND), &mut go_on)
        .unwrap_err();
    assert!(matches!(error, ConnectError::Interrupted), "{error:?}");
    assert_eq!(asked, 2);
}

#[test]
fn a_server_that_does_not_answer_the_connection_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // No more than one connection in the queue: the kernel leaves the others without an answer.
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let _queued = std::net::TcpStream::connect(address).unwrap();
    let deadline = deadline_after(BOUND);
    let mut request = target(Peer::Tcp(address)).begin(deadline).unwrap();
    for _ in 0..3 {
        let progress = request.advance(Instant::now()).unwrap();
        assert_eq!(progress, Progress::NeedWritable);
    }
    let late = request.advance(deadline).unwrap_err();
    assert!(matches!(late, ConnectError::TimedOut), "{late:?}");
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = target(Peer::Tcp(address))
        .begin(deadline_after(BOUND))
        .and_then(|mut request| run(&mut request));
    assert!(matches!(refused, Err(ConnectError::Io(_))), "{refused:?}");
    let missing = target(Peer::Unix("/nonexistent/.s.PGSQL.1".into()));
    let error = missing
        .send(deadline_after(BOUND), &mut || true)
        .unwrap_err();
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
}

#[test]
fn a_server_that_talks_is_read_only_so_far() {
    let little = request_script().send_raw(vec![b'x'; 5000]).close();
    let server = MockServer::tcp([little]).unwrap();
    tcp(&server)
        .send(deadline_after(BOUND), &mut || true)
        .unwrap();
    server.join().unwrap();
    let much = request_script().send_raw(vec![b'x'; 1 << 20]).hang();
    let server = MockServer::tcp([much]).unwrap();
    let error = tcp(&server)
        .send(deadline_after(BOUND), &mut || true)
        .unwrap_err();
    assert!(error.to_string().contains("only has to close"), "{error}");
}

#[test]
fn a_server_that_resets_the_connection_has_acted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = target(Peer::Tcp(listener.local_addr().unwrap()));
    let mut request = target.begin(deadline_after(BOUND)).unwrap();
    while request.advance(Instant::now()).unwrap() != Progress::NeedReadable {
        std::thread::yield_now();
    }
    // Closed with something unread, which the kernel answers by a reset.
    let (accepted, _) = listener.accept().unwrap();
    poll(&mut [PollFd::new(&accepted, PollFlags::IN)], None).unwrap();
    drop(accepted);
    assert_eq!(run(&mut request).unwrap().last(), Some(&Progress::Done));
}

#[test]
fn the_key_is_not_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = target(Peer::Tcp(listener.local_addr().unwrap()));
    let request = target.begin(deadline_after(BOUND)).unwrap();
    let shown = format!("{target:?} {request:?}");
    // The key's bytes as a list, as a string and as a number.
    for key in ["222, 173", "\\xde\\xad", "deadbeef", "3735928559"] {
        assert!(!shown.to_lowercase().contains(key), "{shown}");
    }
}

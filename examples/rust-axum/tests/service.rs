//! The service against a real server, whose connection string is in `HOWDAH_TEST_DSN`: `make test-axum` starts one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use howdah::{AsyncConnection, Config};
use howdah_example_axum::{Account, NewAccount, Service, Transfer, router, serve};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

/// A service with a schema of its own.
struct Shop {
    config: Config,
    service: Service,
    name: String,
}

impl Shop {
    async fn open(connections: usize) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("axum_{}_{number}", std::process::id());
        let dsn = std::env::var("HOWDAH_TEST_DSN").expect("run the tests by `make test-axum`");
        let mut config: Config = dsn.parse().unwrap();
        let mut conn = config.connect_async().await.unwrap();
        let sql = format!("CREATE SCHEMA {name}");
        conn.execute(sql.as_str(), ()).await.unwrap();
        config.setting("search_path", &name).application_name(&name);
        let service = Service::connect(&config, connections).await.unwrap();
        service.create_tables().await.unwrap();
        Self {
            config,
            service,
            name,
        }
    }

    async fn conn(&self) -> AsyncConnection {
        self.config.connect_async().await.unwrap()
    }

    fn router(&self) -> Router {
        router(self.service.clone())
    }

    async fn ask(&self, request: Request<Body>) -> Response {
        self.router().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        body(self.ask(request).await).await
    }

    async fn post(&self, path: &str, json: impl Serialize) -> (StatusCode, Vec<u8>) {
        body(self.ask(post(path, json)).await).await
    }

    async fn transfer(&self, from: i64, to: i64, amount: u32) -> (StatusCode, Vec<u8>) {
        self.post("/transfers", Transfer { from, to, amount }).await
    }

    async fn account(&self, owner: &str, balance: i64) -> Account {
        let owner = owner.to_owned();
        let (status, body) = self.post("/accounts", NewAccount { owner, balance }).await;
        assert_eq!(status, StatusCode::CREATED);
        read(&body)
    }

    async fn balance(&self, account: &Account) -> i64 {
        let (status, body) = self.get(&format!("/accounts/{}", account.id)).await;
        assert_eq!(status, StatusCode::OK);
        read::<Account>(&body).balance
    }
}

fn post(path: &str, json: impl Serialize) -> Request<Body> {
    let body = Body::from(serde_json::to_vec(&json).unwrap());
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    request.body(body).unwrap()
}

async fn body(response: Response) -> (StatusCode, Vec<u8>) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, bytes.to_vec())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(body)))
}

#[tokio::test]
async fn accounts_are_opened_and_read() {
    let shop = Shop::open(2).await;
    let request = post("/accounts", json!({ "owner": "ann", "balance": 10 }));
    let response = shop.ask(request).await;
    let place = response.headers()[header::LOCATION].to_str().unwrap();
    let place = place.to_owned();
    let (status, made) = body(response).await;
    let made: Account = read(&made);
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!((made.owner.as_str(), made.balance), ("ann", 10));
    let (status, found) = shop.get(&place).await;
    assert_eq!((status, read::<Account>(&found)), (StatusCode::OK, made));
}

#[tokio::test]
async fn errors_have_the_status_of_what_went_wrong() {
    let shop = Shop::open(2).await;
    let ann = shop.account("ann", 10).await;
    let refused = [
        (
            json!({ "owner": "ann", "balance": 0 }),
            409,
            "it is there already",
        ),
        (
            json!({ "owner": "", "balance": 0 }),
            422,
            "a value is not allowed",
        ),
        (
            json!({ "owner": "bob", "balance": -1 }),
            422,
            "the balance is too low",
        ),
    ];
    let check = |(status, body): (StatusCode, Vec<u8>), expected: u16, text: &str| {
        let body: Value = read(&body);
        assert_eq!(
            (status.as_u16(), body["error"].as_str()),
            (expected, Some(text))
        );
    };
    for (account, status, text) in refused {
        check(shop.post("/accounts", account).await, status, text);
    }
    check(
        shop.transfer(ann.id, ann.id, 11).await,
        422,
        "the balance is too low",
    );
    check(
        shop.transfer(ann.id, 1_000_000, 5).await,
        404,
        "there is no such thing",
    );
    check(
        shop.get("/accounts/1000000").await,
        404,
        "there is no such thing",
    );
    let rich = shop.account("bob", i64::MAX).await;
    check(
        shop.transfer(ann.id, rich.id, 1).await,
        422,
        "a value is not allowed",
    );
    assert_eq!(shop.balance(&ann).await, 10);

    let mut conn = shop.conn().await;
    conn.execute("DROP TABLE accounts", ()).await.unwrap();
    // What the server says of the schema is not for clients.
    check(shop.get("/accounts").await, 500, "it is our fault");
}

#[tokio::test]
async fn the_list_is_a_stream_and_whoever_goes_away_frees_the_connection() {
    let shop = Shop::open(1).await;
    let sql = "INSERT INTO accounts (owner, balance)
               SELECT 'owner ' || i, i FROM generate_series(1, 100000) i";
    shop.conn().await.execute(sql, ()).await.unwrap();
    let request = Request::get("/accounts").body(Body::empty()).unwrap();
    let mut pieces = shop.ask(request).await.into_body().into_data_stream();
    let piece = pieces.next().await.unwrap().unwrap();
    assert!(piece.starts_with(b"{\"id\":1,\"owner\":\"owner 1\"") && piece.len() < 64 * 1024);
    drop(pieces);
    // The pool has one connection.
    let (status, all) = shop.get("/accounts").await;
    assert_eq!(status, StatusCode::OK);
    let lines = all.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    let sum: i64 = lines.map(|line| read::<Account>(line).balance).sum();
    assert_eq!(sum, 100_000 * 100_001 / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfers_at_once_lose_nothing() {
    let shop = Arc::new(Shop::open(4).await);
    let ann = shop.account("ann", 100).await;
    let bob = shop.account("bob", 100).await;
    let transfers = (0..40).map(|number| {
        let ways = [(ann.id, bob.id), (bob.id, ann.id)];
        let (shop, (from, to)) = (Arc::clone(&shop), ways[number % 2]);
        tokio::spawn(async move { shop.transfer(from, to, 2).await.0 })
    });
    for transfer in transfers.collect::<Vec<_>>() {
        assert_eq!(transfer.await.unwrap(), StatusCode::NO_CONTENT);
    }
    assert_eq!(shop.balance(&ann).await, 100);
    assert_eq!(shop.balance(&bob).await, 100);
}

#[tokio::test]
async fn health_is_that_of_the_pool() {
    let shop = Shop::open(1).await;
    assert_eq!(
        shop.get("/health").await,
        (StatusCode::OK, b"ok\n".to_vec())
    );
    let taken = shop.service.connection().await.unwrap();
    assert_eq!(shop.get("/health").await.0, StatusCode::SERVICE_UNAVAILABLE);
    drop(taken);
    assert_eq!(shop.get("/health").await.0, StatusCode::OK);
}

/// Reads a response until this is in it.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn events_come_with_gaps_told_until_the_service_ends() {
    let shop = Shop::open(2).await;
    let ann = shop.account("ann", 5000).await;
    let bob = shop.account("bob", 0).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async move {
        let _ = ended.await;
    };
    let server = tokio::spawn(serve(shop.service.clone(), listener, shutdown));

    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("text/event-stream"), "{head}");

    let (status, _) = shop.transfer(ann.id, bob.id, 4321).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let event = read_until(&mut stream, "\"amount\":4321").await;
    assert!(
        event.contains("event: transfer\ndata: {\"from\":"),
        "{event}"
    );

    // The connection that listens is the one whose last statement was a LISTEN.
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE application_name = $1 AND query LIKE 'LISTEN%'";
    let mut conn = shop.conn().await;
    let terminated: i64 = conn.query_scalar(sql, (&shop.name,)).await.unwrap();
    assert_eq!(terminated, 1);
    read_until(&mut stream, "event: gap").await;

    // Without the end of the streams it would go on for as long as it is allowed to.
    end.send(()).unwrap();
    let served = tokio::time::timeout(Duration::from_secs(15), server).await;
    served.unwrap().unwrap().unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(
        rest.ends_with(b"0\r\n\r\n"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
    assert!(TcpStream::connect(address).await.is_err());
    let (status, _) = shop.get("/health").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

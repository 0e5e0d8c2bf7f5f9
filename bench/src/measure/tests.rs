//! The driver against a server of a few lines that counts what it is asked for.

use std::collections::BTreeMap;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

type Counts = Rc<RefCell<BTreeMap<String, u32>>>;

/// Answers like a shop of two products; every tenth order is not settled at once.
fn answer(request: &str, counts: &Counts) -> (u16, String) {
    let route = request.split(['?', '\r']).next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
    let seen = {
        let mut counts = counts.borrow_mut();
        let seen = counts.entry(route.to_owned()).or_default();
        *seen += 1;
        *seen
    };
    match route {
        "GET /api/v1/products" if request.contains("cursor=abc") => (200, r#"{"items":[{"id":"prd_2"}],"next":null}"#.into()),
        "GET /api/v1/products" => (200, r#"{"items":[{"id":"prd_1"}],"next":"abc"}"#.into()),
        "GET /api/v1/products/prd_1" => (200, r#"{"id":"prd_1","variants":[{"id":"var_1"},{"id":"var_2"}]}"#.into()),
        "GET /api/v1/products/prd_2" => (200, r#"{"id":"prd_2","variants":[{"id":"var_3"}]}"#.into()),
        "POST /api/v1/carts" => (201, r#"{"id":"crt_1","lines":[]}"#.into()),
        "POST /api/v1/carts/crt_1/lines" => (200, r#"{"id":"crt_1"}"#.into()),
        "POST /api/v1/orders" if seen % 10 == 0 => (202, r#"{"id":"ord_1","guest_token":"t","status":"pending"}"#.into()),
        "POST /api/v1/orders" => (201, r#"{"id":"ord_1","guest_token":"t","status":"confirmed"}"#.into()),
        "GET /api/v1/orders/ord_1" => (200, r#"{"id":"ord_1","status":"confirmed"}"#.into()),
        _ => (404, r#"{"code":"not_found"}"#.into()),
    }
}

async fn serve(stream: TcpStream, counts: Counts) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let (status, text) = answer(&head, &counts);
        let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        stream.get_mut().write_all(reply.as_bytes()).await.unwrap();
    }
}

/// Measures one cell against the small server; `connections` of them, for a fifth of a second.
fn run(flow: Flow, connections: u16, pace: Pace, forget: bool) -> (Cell, BTreeMap<String, u32>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let counts = Counts::default();
    let local = LocalSet::new();
    let cell = local.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = counts.clone();
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::task::spawn_local(serve(stream, shared.clone()));
            }
        });
        let mut shop = Shop::explore(&mut Connection::open(address).await.unwrap(), 10).await.unwrap();
        assert_eq!((shop.products.len(), shop.cursors.len(), shop.variants.len()), (2, 1, 3));
        if forget {
            shop.products = vec!["prd_gone".to_owned()];
        }
        let load = Load { address, flow, connections, warm_up: Duration::from_millis(50), window: Duration::from_millis(200), pace };
        measure(&load, &Rc::new(shop)).await.unwrap()
    });
    let counts = counts.borrow().clone();
    (cell, counts)
}

#[test]
fn every_flow_runs_without_errors() {
    for flow in Flow::ALL {
        let (cell, counts) = run(flow, 3, Pace::Closed, false);
        assert_eq!((cell.errors, cell.first_errors.as_slice()), (0, [].as_slice()), "{}", flow.name());
        assert!(cell.operations > 20, "{} did {} operations", flow.name(), cell.operations);
        assert!(cell.p50_us > 0 && cell.p50_us <= cell.p99_us && cell.p99_us <= cell.max_us.max(cell.p99_us));
        if flow == Flow::Checkout {
            let count = |route: &str| counts.get(route).copied().unwrap_or_default();
            assert_eq!(count("POST /api/v1/carts"), count("POST /api/v1/orders"));
            assert_eq!(count("POST /api/v1/carts/crt_1/lines"), count("POST /api/v1/orders"));
            assert_eq!(count("GET /api/v1/orders/ord_1"), count("POST /api/v1/orders") / 10);
        }
        if flow == Flow::Add {
            let (carts, lines) = (counts["POST /api/v1/carts"], counts["POST /api/v1/carts/crt_1/lines"]);
            assert!(carts.abs_diff(lines.div_ceil(20)) <= 3, "{carts} carts for {lines} lines");
        }
    }
}

#[test]
fn a_paced_run_keeps_its_rate() {
    let (cell, _) = run(Flow::List, 4, Pace::Open(200.0), false);
    assert_eq!(cell.errors, 0);
    assert!((30..=50).contains(&cell.operations), "{} operations in a fifth of a second at 200/s", cell.operations);
}

#[test]
fn an_unexpected_answer_is_an_error_that_shows_its_body() {
    let (cell, _) = run(Flow::Detail, 2, Pace::Closed, true);
    assert_eq!(cell.operations, 0);
    assert_eq!(cell.errors, u64::from(2 * ERRORS_PER_CONNECTION_MAX));
    let expected = r#"GET /api/v1/products/prd_gone HTTP/1.1 answered 404: {"code":"not_found"}"#;
    assert_eq!(cell.first_errors, [expected, expected, expected]);
}

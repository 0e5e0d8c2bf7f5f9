use super::*;
use crate::cost::measured::Store;

/// Every price is 1 dollar for one, and every tenth of the unit is free, so that a cost says the quantity.
fn prices() -> Prices {
    let mut prices = Prices::load(None).unwrap();
    for line in &mut prices.lines {
        line.per = 1.0;
        line.free = 10.0;
        line.price = BTreeMap::from([("here".to_owned(), 1.0)]);
    }
    prices.assumptions = Assumptions {
        memory_mb: 512.0,
        store_call_ms: 100.0,
        invocation_ms: 1000.0,
        relay_ms: 2000.0,
        batch: 1.0,
        queue_requests: 3.0,
        idle_polls_per_queue: 0.0,
        ticks_per_month: 100.0,
        mails_per_order: 3.0,
        stored_bytes_per_order: 1e9,
        event_bytes: 1e8,
        log_bytes_per_invocation: 1e9,
        web_requests_per_request: 0.5,
        web_bytes_per_request: 1e9,
        files_gb: 1.0,
        alarms: 4.0,
        metrics: 5.0,
        dashboards: 0.0,
        secrets: 1.0,
    };
    prices
}

const ROUTE: &str = "POST /api/v1/orders";

/// One order: a request that writes 8 units and reads 2, an event of it, its delivery, two ticks.
fn measured() -> Measured {
    let key = |service: &str, operation: &str| (service.to_owned(), operation.to_owned());
    let store = |read_units, reads, write_units, commits| Store { read_units, reads, write_units, commits, conflicts: 0.0 };
    Measured {
        store: BTreeMap::from([
            (key("orders", ROUTE), store(2.0, 2.0, 8.0, 1.0)),
            (key("catalog", ROUTE), store(0.5, 1.0, 0.0, 0.0)),
            (key("inventory", "event > inventory"), store(1.0, 1.0, 6.0, 1.0)),
            (key("inventory", "tick expire"), store(3.0, 4.0, 0.0, 0.0)),
            (key("identity", "other"), store(50.0, 50.0, 50.0, 50.0)),
        ]),
        routes: BTreeMap::from([(ROUTE.to_owned(), Runs { count: 1.0, seconds: 0.6 })]),
        consumers: BTreeMap::from([("inventory".to_owned(), Runs { count: 1.0, seconds: 0.3 })]),
        schedules: BTreeMap::from([("expire".to_owned(), Runs { count: 2.0, seconds: 0.2 })]),
        events: BTreeMap::from([(key("orders", "order.confirmed"), 1.0)]),
    }
}

fn owners() -> Owners {
    let one = |name: &str, service: &str| BTreeMap::from([(name.to_owned(), service.to_owned())]);
    Owners { routes: one(ROUTE, "orders"), consumers: one("inventory", "inventory"), schedules: one("expire", "inventory") }
}

fn made(prices: &Prices, measured: &Measured, traffic: &Traffic) -> Result<Bill, String> {
    made_by(Delivery::Queues, prices, measured, traffic)
}

fn made_by(delivery: Delivery, prices: &Prices, measured: &Measured, traffic: &Traffic) -> Result<Bill, String> {
    let owners = owners();
    let request = Request { prices, region: "here", processor: Processor::Arm64, delivery, measured, owners: &owners, traffic, users: 7.0 };
    bill(&request)
}

fn quantity(bill: &Bill, service: &str, unit: &str) -> f64 {
    bill.lines.iter().find(|line| line.service == service && line.unit.contains(unit)).map_or(0.0, |line| line.quantity)
}

fn assert_near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found} instead of {expected}");
}

#[test]
fn every_line_of_ten_orders() {
    let bill = made(&prices(), &measured(), &Traffic::Orders(10.0)).unwrap();
    // A tick reads 1.5 units and makes 2 calls; there are 100 of them, whatever the number of orders.
    let cases = [
        ("DynamoDB", "write request", 10.0 * (8.0 + 6.0)),
        ("DynamoDB", "read request", 10.0 * (2.0 + 0.5 + 1.0) + 100.0 * 1.5),
        ("DynamoDB", "GB-months stored", 10.0),
        ("DynamoDB", "recovery", 10.0),
        ("EventBridge", "custom events", 10.0),
        ("EventBridge", "archived", 1.0),
        ("SQS", "requests", 30.0),
        // Requests, deliveries, relays, ticks.
        ("Lambda", "requests", 10.0 + 10.0 + 10.0 + 100.0),
        // At half a gigabyte: 0.6 s, four calls and one more second; 0.3 s, two calls and one; two; 0.1 s, two calls and one.
        ("Lambda", "arm64", 0.5 * (10.0 * (0.6 + 0.4 + 1.0) + 10.0 * (0.3 + 0.2 + 1.0) + 10.0 * 2.0 + 100.0 * (0.1 + 0.2 + 1.0))),
        ("API Gateway", "requests", 10.0),
        ("SES", "mails", 30.0),
        ("Cognito", "users", 7.0),
        ("S3", "stored", 1.0),
        ("CloudFront", "GB", 10.0),
        ("CloudFront", "requests", 5.0),
        ("CloudWatch", "logs", 130.0),
        ("CloudWatch", "metrics", 5.0),
        ("CloudWatch", "alarms", 4.0),
        ("Secrets Manager", "secrets", 1.0),
    ];
    for (service, unit, expected) in cases {
        assert_near(quantity(&bill, service, unit), expected, &format!("{service}, {unit}"));
    }
    assert_eq!(bill.lines.len(), cases.len(), "{:?}", bill.lines);
    for line in &bill.lines {
        assert_near(line.cost, line.quantity, &line.unit);
        assert_near(line.cost_with_free, (line.quantity - 10.0).max(0.0), &line.unit);
    }
    assert_near(bill.total(|line| line.cost), bill.lines.iter().map(|line| line.quantity).sum(), "the sum");
    assert_near(
        [Group::State, Group::Events, Group::Compute, Group::Rest].map(|group| bill.group(group, |line| line.cost)).iter().sum(),
        bill.total(|line| line.cost),
        "groups",
    );
}

#[test]
fn shares_of_services() {
    let bill = made(&prices(), &measured(), &Traffic::Orders(10.0)).unwrap();
    let share = |name: &str| bill.services[name];
    assert_near(share("orders").writes, 80.0, "writes");
    assert_near(share("inventory").reads, 10.0 + 150.0, "reads of events and ticks");
    assert_near(share("catalog").reads, 5.0, "what others read is the owner's");
    assert_near(share("orders").events, 10.0, "told");
    assert_near(share("inventory").events, 30.0, "queued");
    assert!(!bill.services.contains_key("identity") || share("identity").writes == 0.0, "a start is not repeated");
}

#[test]
fn traffic_in_other_words() {
    let orders = made(&prices(), &measured(), &Traffic::Orders(10.0)).unwrap();
    assert_eq!(made(&prices(), &measured(), &Traffic::Requests(10.0)).unwrap(), orders, "a request for each order");
    let plan =
        |orders: f64, requests: f64| Traffic::Plan(Plan { orders, delivery: None, routes: BTreeMap::from([(ROUTE.to_owned(), requests)]) });
    assert_eq!(made(&prices(), &measured(), &plan(10.0, 10.0)).unwrap(), orders);
    let looks = made(&prices(), &measured(), &plan(0.0, 20.0)).unwrap();
    assert_near(quantity(&looks, "DynamoDB", "write request"), 160.0, "the requests' writes");
    assert_near(quantity(&looks, "SQS", "requests"), 0.0, "nothing follows");
    assert_near(looks.requests, 20.0, "requests");
}

#[test]
fn conflicts_batches_and_idle_queues() {
    let mut busy = measured();
    busy.store.get_mut(&("orders".to_owned(), ROUTE.to_owned())).unwrap().conflicts = 0.5;
    let mut prices = prices();
    prices.assumptions.batch = 10.0;
    prices.assumptions.idle_polls_per_queue = 50.0;
    let bill = made(&prices, &busy, &Traffic::Orders(10.0)).unwrap();
    assert_near(quantity(&bill, "DynamoDB", "write request"), 10.0 * (8.0 + 4.0 + 6.0), "a conflict costs like a commit");
    assert_near(quantity(&bill, "SQS", "requests"), 10.0 * 1.2 + 49.0, "polls that bring something are counted once");
    assert_near(quantity(&bill, "Lambda", "requests"), 10.0 + 1.0 + 1.0 + 100.0, "ten messages at once");
}

#[test]
fn direct_calls_have_no_queues_and_no_batches() {
    let mut prices = prices();
    prices.assumptions.batch = 10.0;
    prices.assumptions.idle_polls_per_queue = 50.0;
    let direct = made_by(Delivery::Direct, &prices, &measured(), &Traffic::Orders(10.0)).unwrap();
    let queued = made(&prices, &measured(), &Traffic::Orders(10.0)).unwrap();
    assert!(direct.lines.iter().all(|line| line.service != "SQS"), "{:?}", direct.lines);
    assert_near(quantity(&direct, "Lambda", "requests"), 10.0 + 10.0 + 1.0 + 100.0, "one for each delivery; a stream has batches");
    assert_near(quantity(&queued, "Lambda", "requests"), 10.0 + 1.0 + 1.0 + 100.0, "ten deliveries at once");
    for (service, unit) in [("DynamoDB", "write request"), ("EventBridge", "custom events"), ("CloudWatch", "alarms")] {
        assert_near(quantity(&direct, service, unit), quantity(&queued, service, unit), unit);
    }
}

#[test]
fn what_cannot_be_scaled_is_refused() {
    let nothing = Measured::default();
    assert!(made(&prices(), &nothing, &Traffic::Orders(1.0)).unwrap_err().contains("no confirmed order"));
    assert!(made(&prices(), &nothing, &Traffic::Requests(1.0)).unwrap_err().contains("no request"));
    let plan = Plan { orders: 0.0, delivery: None, routes: BTreeMap::from([("GET /api/v1/nothing".to_owned(), 1.0)]) };
    assert!(made(&prices(), &measured(), &Traffic::Plan(plan)).unwrap_err().contains("GET /api/v1/nothing"));
    let mut short = prices();
    short.lines.retain(|line| line.key != "ses.mails");
    assert!(made(&short, &measured(), &Traffic::Orders(1.0)).unwrap_err().contains("ses.mails"));
}

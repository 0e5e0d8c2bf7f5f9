//! The real binary, started as users start it, and a customer's way through it.

// Each test target uses its own part of this.
#![allow(dead_code)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before a test gives up on it. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A data directory and the shop that runs on it, or does not at the moment.
pub struct Shop {
    pub folder: TempDir,
    environment: Vec<(String, String)>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    url: String,
}

/// An answer: its status, its JSON (null for none) and its text.
#[derive(Debug, Clone)]
pub struct Got {
    pub status: u16,
    pub json: Value,
    pub text: String,
}

impl Got {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

pub fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_souk"))
}

impl Shop {
    /// A fresh data directory, without rate limits: one client plays many.
    pub fn new(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let unlimited = [
            ("SOUK_LIMITS__RATE_LIMIT", "false"),
            ("SOUK_ORDERS__UNPAID_PER_CLIENT", "0"),
            ("SOUK_ORDERS__UNPAID_PER_PERSON", "0"),
            ("SOUK_LOG", "warn"),
        ];
        let mut all = unlimited.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        all.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self { folder, environment: all, running: None }
    }

    /// A data directory with the demo, which is loaded once and then copied.
    #[track_caller]
    pub fn with_demo(environment: &[(&str, &str)]) -> Self {
        // Nothing drops what is static, so it has one place, where the next run clears it away.
        static LOADED: LazyLock<PathBuf> = LazyLock::new(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!(env!("CARGO_CRATE_NAME"), "-demo"));
            if folder.exists() {
                std::fs::remove_dir_all(&folder).expect("the last run's demo can be removed");
            }
            std::fs::create_dir_all(&folder).expect("a folder");
            let loaded = binary().arg("demo").arg("--data").arg(folder.join("data")).stdout(Stdio::null()).status();
            assert!(loaded.expect("the binary starts").success(), "the demo is loaded");
            folder.join("data")
        });
        let shop = Self::new(environment);
        let copied = Command::new("cp").arg("-a").args([&*LOADED, &shop.data()]).status().expect("cp runs");
        assert!(copied.success(), "the demo is copied");
        shop
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A command of the binary on this data directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        command.args(arguments).arg("--data").arg(self.data()).current_dir(self.folder.path()).envs(self.environment.iter().cloned());
        command
    }

    /// Runs a command to its end and returns what it printed.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).stdin(Stdio::null()).output().expect("the binary starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Starts the shop and waits for its address.
    #[track_caller]
    pub fn start(&mut self) {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(self.log_file()).expect("the log can be written"))
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("its output can be read");
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("the first line was {line:?}")).to_owned();
        self.running = Some(Running { child, url });
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log.jsonl")
    }

    /// What the shop has logged since it was first started.
    pub fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log_file()).expect("the log");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of the log is JSON")).collect()
    }

    pub fn url(&self) -> String {
        self.running.as_ref().expect("the shop runs").url.clone()
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url())
    }

    /// SIGKILL: nothing is finished, nothing is said.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().expect("the process can be killed");
            running.child.wait().expect("the process ends");
        }
    }

    /// SIGTERM, and the exit code that follows.
    pub fn stop(&mut self) -> Option<i32> {
        let mut running = self.running.take().expect("the shop runs");
        let pid = running.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        running.child.wait().expect("the process ends").code()
    }

    /// The test gateway's book, which it keeps in a file of its own: `payments` with their state, and
    /// the `operations` that took effect.
    pub fn gateway_book(&self) -> rusqlite::Connection {
        let book = rusqlite::Connection::open(self.data().join("gateway.db")).expect("the gateway's book");
        book.execute_batch(
            "CREATE TEMP VIEW payments AS SELECT body ->> 'id' AS payment_id, body ->> 'state' AS state FROM \"test-gateway\" WHERE sk = 'payment';
             CREATE TEMP VIEW operations AS SELECT body ->> 'payment_id' AS payment_id, body ->> 'kind' AS kind FROM \"test-gateway\"
             WHERE sk LIKE 'operation#%';",
        )
        .expect("the book's tables");
        book
    }

    /// Creates an admin and signs in.
    #[track_caller]
    pub fn admin(&self) -> Client {
        let printed = self.run(&["admin", "create", "--email", "boss@souk.example"]);
        let password = printed.lines().find_map(|line| line.strip_prefix("password: ")).expect("a password").to_owned();
        self.client().sign_in("boss@souk.example", &password)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(self.log_file()).unwrap_or_default());
        }
        self.kill();
    }
}

/// Somebody who talks to the shop.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_idle_connections_per_host(4)
            .build();
        Self { agent: agent.into(), url: url.to_owned(), token: None }
    }

    /// Sends a request; an error is one of the connection.
    pub fn try_send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Result<Got, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let mut response = self.agent.run(request.body(text)?)?;
        // Pictures are no texts.
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Got { status: response.status().as_u16(), json: serde_json::from_str(&text).unwrap_or(Value::Null), text })
    }

    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Got {
        self.try_send(method, path, body, headers).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Got {
        self.send("GET", path, None, &[])
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Got {
        self.send("POST", path, Some(body), &[])
    }

    #[track_caller]
    pub fn sign_in(mut self, email: &str, password: &str) -> Self {
        let got = self.post("/api/v1/auth/sign-in", &json!({ "email": email, "password": password })).expect(200);
        self.token = Some(got.json["access_token"].as_str().expect("a token").to_owned());
        self
    }

    /// All items of a paged list.
    #[track_caller]
    pub fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                None => self.get(&format!("{path}{mark}limit=100")),
                Some(cursor) => self.get(&format!("{path}{mark}limit=100&cursor={cursor}")),
            };
            let page = page.expect(200);
            items.extend(page.json["items"].as_array().expect("items").iter().cloned());
            match page.json["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
    }
}

/// Something that can be bought.
#[derive(Debug, Clone)]
pub struct Goods {
    pub product: String,
    pub variant: String,
}

/// The first variant of the product with this handle.
#[track_caller]
pub fn goods(client: &Client, handle: &str) -> Goods {
    let product = client.get(&format!("/api/v1/products/{handle}")).expect(200).json;
    Goods {
        product: product["id"].as_str().expect("an id").into(),
        variant: product["variants"][0]["id"].as_str().expect("a variant").into(),
    }
}

pub fn address() -> Value {
    json!({ "name": "Ann Lee", "street_address": "Marienplatz 8", "postal_code": "80331", "address_locality": "München", "address_country": "DE" })
}

/// The body of an order.
pub fn order_of(cart: &str, email: &str, card: &str) -> Value {
    json!({ "cart_id": cart, "email": email, "shipping_address": address(), "payment_method": card })
}

/// A guest's cart with these goods.
pub fn fill_cart(client: &Client, lines: &[(&Goods, u32)]) -> Result<Got, ureq::Error> {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(goods, quantity)| json!({ "product_id": goods.product, "variant_id": goods.variant, "quantity": quantity }))
        .collect();
    client.try_send("POST", "/api/v1/carts", Some(&json!({ "lines": lines })), &[])
}

/// Places an order and waits for it to settle.
pub fn place(client: &Client, cart: &str, email: &str, card: &str, wait_secs: u32) -> Result<Got, ureq::Error> {
    client.try_send(
        "POST",
        "/api/v1/orders",
        Some(&order_of(cart, email, card)),
        &[("Prefer", &format!("wait={wait_secs}")), ("Idempotency-Key", cart)],
    )
}

/// Asks until the answer is there.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not happen within {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until every consumer has handled everything. Returns the queues.
#[track_caller]
pub fn settled(admin: &Client) -> Vec<Value> {
    eventually("the end of all deliveries", || {
        let queues = admin.get("/api/v1/admin/queues").expect(200).json;
        let queues = queues.as_array().expect("queues").clone();
        queues.iter().all(|queue| queue["backlog"] == 0 && queue["waiting"] == 0).then_some(queues)
    })
}

/// The captured mails to an address: template and subject.
#[track_caller]
pub fn mails_to(client: &Client, address: &str) -> Vec<Value> {
    client.all(&format!("/mailbox/messages?to={}", address.replace('+', "%2B").replace('@', "%40")))
}

/// A product file with so many products of one variant each.
pub fn write_products(path: &Path, products: &[(&str, &str, i64)]) {
    let mut csv = String::from("Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty,Published\n");
    for (handle, price, quantity) in products {
        csv.push_str(&format!("{handle},{handle},{handle},{price},{quantity},true\n"));
    }
    std::fs::write(path, csv).expect("the file is written");
}

/// Small reproducible numbers; the seed is printed by who needs it.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % bound
    }
}

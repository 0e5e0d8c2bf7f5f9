//! Our stacks, deployed by `cdk deploy` for all tests of this program, with the real bootstrap: once for each way
//! of delivery. All functions reach DynamoDB through a proxy that can be told to let calls fail.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Once};

use serde_json::{Value, json};

use crate::cloud::{ACCOUNT, Cloud, REGION};
use crate::people::Client;

/// So many of the calls to DynamoDB fail while they may.
const FAULT_RATE: f64 = 0.05;
const SEED: u64 = 20_260_101;

pub struct Deployed {
    pub cloud: Cloud,
    pub prefix: &'static str,
    delivery: &'static str,
    pool_id: String,
    api_host: String,
    consumers: Vec<String>,
    proxy: String,
    faults: Arc<AtomicBool>,
}

static BY_QUEUES: LazyLock<Deployed> = LazyLock::new(|| Deployed::deploy("souk-", "queues"));
static DIRECT: LazyLock<Deployed> = LazyLock::new(|| Deployed::deploy("direct-", "direct"));
/// The bootstrap as it is deployed.
static CODE: LazyLock<PathBuf> = LazyLock::new(code);
static PREPARED: Once = Once::new();

/// The shop whose consumers have queues; the first who asks has to wait.
pub fn deployed() -> &'static Deployed {
    &BY_QUEUES
}

/// The shop whose consumers are called by the bus.
pub fn deployed_direct() -> &'static Deployed {
    &DIRECT
}

impl Deployed {
    fn deploy(prefix: &'static str, delivery: &'static str) -> Self {
        let endpoint = std::env::var("TEST_MINISTACK_ENDPOINT").expect("TEST_MINISTACK_ENDPOINT: run `cargo xtask test --only deploy`");
        let cloud = Cloud::new(&endpoint);
        let faults = Arc::new(AtomicBool::new(false));
        let proxy = start_proxy(&endpoint, faults.clone());
        PREPARED.call_once(|| cloud.prepare_for_cdk());
        let outputs = cdk_deploy(&cloud, &proxy, prefix, delivery);

        let output = |stack: &str, name: &str| {
            outputs[format!("{prefix}{stack}")][name].as_str().unwrap_or_else(|| panic!("{stack}.{name}: {outputs}")).to_owned()
        };
        // The emulator generates another kind of secret than it is asked for.
        let key = json!({ "SecretId": output("state", "SigningKeySecret"), "SecretString": "5a".repeat(32) });
        cloud.call("secretsmanager", "secretsmanager.PutSecretValue", &key);
        let url = output("front", "ApiUrl");
        Self {
            prefix,
            delivery,
            pool_id: output("state", "UserPoolId"),
            api_host: url.strip_prefix("http://").or(url.strip_prefix("https://")).expect("a URL").to_owned(),
            consumers: consumers(),
            cloud,
            proxy,
            faults,
        }
    }

    /// A guest at the deployed API.
    pub fn client(&self) -> Client {
        Client::new(&format!("http://127.0.0.1:{}", self.cloud.port()), &self.api_host)
    }

    pub fn table(&self, service: &str) -> String {
        format!("{}{service}", self.prefix)
    }

    pub fn queue(&self, consumer: &str) -> String {
        format!("{}{}", self.prefix, consumer.replace('.', "-"))
    }

    pub fn dead_queue(&self, consumer: &str) -> String {
        format!("{}-dead", self.queue(consumer))
    }

    /// Lets calls to DynamoDB fail, or no more.
    pub fn let_calls_fail(&self, fail: bool) {
        self.faults.store(fail, Ordering::SeqCst);
    }

    /// How many faults of which kind the proxy has made.
    pub fn faults(&self) -> Value {
        let mut answer = ureq::get(format!("{}/faults", self.proxy)).call().expect("the proxy answers");
        serde_json::from_str(&answer.body_mut().read_to_string().expect("a text")).expect("JSON")
    }

    /// Puts a user into a group of the pool, as an operator does with the AWS CLI.
    pub fn add_to_group(&self, email: &str, group: &str) {
        let call = json!({ "UserPoolId": self.pool_id, "Username": email, "GroupName": group });
        self.cloud.call("cognito-idp", "AWSCognitoIdentityProviderService.AdminAddUserToGroup", &call);
    }

    /// The groups that the pool has a user in.
    pub fn groups_of(&self, email: &str) -> Vec<String> {
        let call = json!({ "UserPoolId": self.pool_id, "Username": email });
        let answer = self.cloud.call("cognito-idp", "AWSCognitoIdentityProviderService.AdminListGroupsForUser", &call);
        let groups = answer["Groups"].as_array().expect("groups").iter();
        let mut names: Vec<_> = groups.map(|group| group["GroupName"].as_str().expect("a name").to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// Whether no queue of a consumer holds anything to do. Where there are none, nothing can be seen.
    pub fn at_rest(&self) -> bool {
        self.delivery == "direct" || self.consumers.iter().all(|consumer| self.cloud.depth(&self.queue(consumer)) == (0, 0))
    }

    /// How many dead letters each consumer has that has some, and those who failed before the queues.
    pub fn dead(&self) -> Vec<(String, u64)> {
        let queues = self.consumers.iter().map(|consumer| self.dead_queue(consumer));
        let others = ["relay-dead", "tick-dead"].map(|name| format!("{}{name}", self.prefix));
        let count = |queue: String| {
            let (ready, hidden) = self.cloud.depth(&queue);
            (queue, ready + hidden)
        };
        queues.chain(others).map(count).filter(|(_, count)| *count > 0).collect()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Runs beside the tests for as long as they do.
fn start_proxy(upstream: &str, on: Arc<AtomicBool>) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    let upstream = upstream.to_owned();
    std::thread::spawn(move || {
        runtime().block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sender.send(listener.local_addr().expect("its address")).expect("somebody waits for it");
            let chance = fault_proxy::by_chance(SEED, FAULT_RATE);
            let plan = move |operation: &str| if on.load(Ordering::SeqCst) { chance(operation) } else { None };
            let ended = fault_proxy::serve(listener, &upstream, Box::new(plan)).await;
            panic!("the proxy ended: {ended:?}");
        });
    });
    format!("http://{}", receiver.recv().expect("the proxy starts"))
}

fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("deployed")
}

/// What `cargo xtask lambda` makes, but of the bootstrap of these tests.
fn code() -> PathBuf {
    let code = scratch().join("code");
    std::fs::create_dir_all(&code).expect("a folder");
    let stripped = Command::new("strip").arg("-o").arg(code.join("bootstrap")).arg(env!("CARGO_BIN_EXE_bootstrap")).status();
    assert!(stripped.expect("strip runs").success());
    std::fs::write(code.join("time-zones.tzb"), tzf_dist::load_lite_tzb()).expect("room for the time_zones of time zones");
    code
}

fn cdk_deploy(cloud: &Cloud, proxy: &str, prefix: &str, delivery: &str) -> Value {
    let infra = infra();
    let scratch = scratch().join(delivery);
    std::fs::create_dir_all(&scratch).expect("a folder");
    let outputs = scratch.join("outputs.json");
    let run = |command: &mut Command| {
        let output = command.current_dir(&infra).env("AWS_ENDPOINT_URL", &cloud.endpoint).env("AWS_ACCESS_KEY_ID", "test");
        let output = output.env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION);
        let output = output.env("CDK_DEFAULT_ACCOUNT", ACCOUNT).env("CDK_DEFAULT_REGION", REGION).output().expect("it starts");
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command:?}\n{said}\n{complained}");
    };
    let mut deploy = Command::new("npx");
    deploy.args(["--no-install", "cdk", "deploy", "--all", "--require-approval", "never", "--progress", "events", "--outputs-file"]);
    deploy.arg(&outputs).arg("--output").arg(scratch.join("cdk.out"));
    let shop = json!({
        "SOUK_LIMITS__RATE_LIMIT": "false",
        "SOUK_ORDERS__UNPAID_PER_CLIENT": "0",
        "SOUK_ORDERS__UNPAID_PER_PERSON": "0",
    });
    for (key, value) in [
        ("emulator", "true"),
        ("testGateway", "true"),
        ("arch", "x86_64"),
        ("lambda", &CODE.display().to_string()),
        ("prefix", prefix),
        ("delivery", delivery),
        ("mailFrom", &format!("Souk <shop@{}.example>", prefix.trim_end_matches('-'))),
        ("publicUrl", "https://souk.example"),
        ("dynamodbEndpoint", proxy),
        ("shop", &shop.to_string()),
    ] {
        deploy.args(["-c", &format!("{key}={value}")]);
    }
    run(&mut deploy);
    serde_json::from_str(&std::fs::read_to_string(&outputs).expect("the outputs")).expect("JSON")
}

fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}

fn consumers() -> Vec<String> {
    let text = std::fs::read_to_string(infra().join("manifest.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let services = manifest["services"].as_array().expect("services").iter();
    let consumers = services.flat_map(|service| service["consumers"].as_array().expect("consumers").iter());
    consumers.map(|consumer| consumer["name"].as_str().expect("a name").to_owned()).collect()
}

//! The emulated cloud's own APIs, spoken to as an operator's tools do. The emulator checks no signature,
//! but finds service and region in it.

use std::time::Duration;

use serde_json::{Value, json};

pub const REGION: &str = "eu-central-1";
pub const ACCOUNT: &str = "000000000000";
/// How long anything may take before a test gives up on it. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(180);

#[derive(Clone)]
pub struct Cloud {
    agent: ureq::Agent,
    /// `http://localhost:<port>`.
    pub endpoint: String,
}

impl Cloud {
    pub fn new(endpoint: &str) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        Self { agent: agent.into(), endpoint: endpoint.to_owned() }
    }

    pub fn port(&self) -> &str {
        self.endpoint.rsplit(':').next().expect("the endpoint has a port")
    }

    /// A call of one of the JSON protocols; `target` is `DynamoDB_20120810.GetItem` and the like.
    #[track_caller]
    pub fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let (status, text) = self.try_call(service, target, body);
        assert_eq!(status, 200, "{target}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub fn try_call(&self, service: &str, target: &str, body: &Value) -> (u16, String) {
        let request = ureq::http::Request::post(format!("{}/", self.endpoint))
            .header("authorization", signature(service))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .body(body.to_string())
            .expect("a request");
        let mut answer = self.agent.run(request).unwrap_or_else(|error| panic!("{target}: {error}"));
        let text = answer.body_mut().read_to_string().expect("a text");
        (answer.status().as_u16(), text)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let request = ureq::http::Request::get(format!("{}{path}", self.endpoint)).body(()).expect("a request");
        let mut answer = self.agent.run(request).unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = answer.body_mut().read_to_string().expect("a text");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// What `cdk bootstrap` leaves in an account, as far as a deployment looks for it.
    pub fn prepare_for_cdk(&self) {
        let bucket = format!("{}/cdk-hnb659fds-assets-{ACCOUNT}-{REGION}", self.endpoint);
        let place = format!("<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>");
        let request = ureq::http::Request::put(bucket).header("authorization", signature("s3")).body(place).expect("a request");
        let made = self.agent.run(request).expect("a bucket for assets");
        assert_eq!(made.status().as_u16(), 200, "the bucket for assets");
        let version = json!({ "Name": "/cdk-bootstrap/hnb659fds/version", "Value": "30", "Type": "String", "Overwrite": true });
        self.call("ssm", "AmazonSSM.PutParameter", &version);
    }

    /// The mails to an address: subject and text.
    pub fn mails_to(&self, address: &str) -> Vec<(String, String)> {
        let answer = self.get(&format!("/_ministack/ses/messages?account={ACCOUNT}"));
        let all = answer["messages"][ACCOUNT].as_array().cloned().unwrap_or_default();
        let to =
            |mail: &Value| mail["To"].as_array().is_some_and(|to| to.iter().any(|to| to.as_str().is_some_and(|to| to.contains(address))));
        let text = |mail: &Value, name: &str| mail[name].as_str().unwrap_or_default().to_owned();
        all.iter().filter(|mail| to(mail)).map(|mail| (text(mail, "Subject"), text(mail, "BodyText"))).collect()
    }

    /// Messages in a queue: to be received now, and hidden.
    pub fn depth(&self, queue: &str) -> (u64, u64) {
        let url = format!("{}/{ACCOUNT}/{queue}", self.endpoint);
        let wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let answer = self.call("sqs", "AmazonSQS.GetQueueAttributes", &json!({ "QueueUrl": url, "AttributeNames": wanted }));
        let count = |name: &str| answer["Attributes"][name].as_str().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
        (count(wanted[0]), count(wanted[1]))
    }

    /// Takes a message out of a queue, once there is one: its body.
    #[track_caller]
    pub fn take(&self, queue: &str) -> String {
        let url = format!("{}/{ACCOUNT}/{queue}", self.endpoint);
        let message = eventually("a message", || {
            let ask = json!({ "QueueUrl": url, "MaxNumberOfMessages": 1, "WaitTimeSeconds": 1 });
            self.call("sqs", "AmazonSQS.ReceiveMessage", &ask)["Messages"].as_array()?.first().cloned()
        });
        self.call("sqs", "AmazonSQS.DeleteMessage", &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }));
        message["Body"].as_str().expect("a body").to_owned()
    }

    /// Puts a message with one attribute into a queue.
    #[track_caller]
    pub fn put(&self, queue: &str, body: &str, (name, value): (&str, &str)) {
        let url = format!("{}/{ACCOUNT}/{queue}", self.endpoint);
        let attributes = json!({ name: { "DataType": "String", "StringValue": value } });
        self.call("sqs", "AmazonSQS.SendMessage", &json!({ "QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes }));
    }

    /// Names the queue of a function's dead letters.
    #[track_caller]
    pub fn set_dead_letters(&self, function: &str, queue: &str) {
        let target = json!({ "DeadLetterConfig": { "TargetArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}") } });
        self.ask_lambda("PUT", &format!("{function}/configuration"), &target, 200);
    }

    /// Has a function called as events call it: Lambda takes the event and tries by itself.
    #[track_caller]
    pub fn call_later(&self, function: &str, event: &Value) {
        self.ask_lambda("POST", &format!("{function}/invocations"), event, 202);
    }

    #[track_caller]
    fn ask_lambda(&self, method: &str, path: &str, body: &Value, status: u16) {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}/2015-03-31/functions/{path}", self.endpoint));
        let request = request.header("authorization", signature("lambda")).header("x-amz-invocation-type", "Event");
        let answer = self.agent.run(request.body(body.to_string()).expect("a request"));
        let mut answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = answer.body_mut().read_to_string().expect("a text");
        assert_eq!(answer.status().as_u16(), status, "{path}: {text}");
    }

    /// All items of a table, as DynamoDB writes them.
    pub fn scan(&self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut start: Option<Value> = None;
        loop {
            let mut scan = json!({ "TableName": table, "ConsistentRead": true });
            if let Some(start) = &start {
                scan["ExclusiveStartKey"] = start.clone();
            }
            let page = self.call("dynamodb", "DynamoDB_20120810.Scan", &scan);
            items.extend(page["Items"].as_array().expect("items").iter().cloned());
            match page.get("LastEvaluatedKey").filter(|key| !key.is_null()) {
                Some(key) => start = Some(key.clone()),
                None => return items,
            }
        }
    }

    /// Puts another value in the place of a top-level one of an item's body; returns the one before.
    pub fn replace(&self, table: &str, (pk, sk): (&str, &str), name: &str, value: &Value) -> Value {
        let update = json!({
            "TableName": table,
            "Key": { "pk": { "S": pk }, "sk": { "S": sk } },
            "ConditionExpression": "attribute_exists(pk)",
            "UpdateExpression": "SET #data.#name = :value",
            "ExpressionAttributeNames": { "#data": "data", "#name": name },
            "ExpressionAttributeValues": { ":value": value },
            "ReturnValues": "ALL_OLD",
        });
        let before = self.call("dynamodb", "DynamoDB_20120810.UpdateItem", &update);
        before["Attributes"]["data"]["M"][name].clone()
    }
}

/// What a client's signature looks like, as far as the emulator reads it.
fn signature(service: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=none")
}

/// Asks until the answer is there.
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not happen within {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(200));
    }
}

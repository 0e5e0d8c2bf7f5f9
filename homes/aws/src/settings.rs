//! What a function is told by its environment. The stack in `infra/` sets it.

use std::path::PathBuf;

use wiring::ConfigError;

/// What a function does for its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers requests of API Gateway or a load balancer.
    Api,
    /// Hands events from the consumers' queues to the consumers.
    Events,
    /// Brings events from the table's stream to the bus.
    Relay,
    /// Runs schedules.
    Tick,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Api, Self::Events, Self::Relay, Self::Tick];

    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Events => "events",
            Self::Relay => "relay",
            Self::Tick => "tick",
        }
    }
}

/// How events come to the consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The bus calls the function of each consumer.
    Direct,
    /// Each consumer has a queue.
    Queues,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPool {
    pub id: String,
    pub client_id: String,
}

/// Read once, at the start. What a function does not need may be absent; it is missed when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub service: String,
    pub role: Role,
    /// The table of a service is this and its name.
    pub table_prefix: Option<String>,
    /// Where DynamoDB is, if it is not where the others are.
    pub dynamodb_endpoint: Option<String>,
    pub event_bus: Option<String>,
    pub files_bucket: Option<String>,
    /// Without one, the shop signs its tokens itself.
    pub user_pool: Option<UserPool>,
    /// The secret that holds the signing key.
    pub signing_key: Option<String>,
    pub queue_prefix: Option<String>,
    /// The one whose events the bus brings, where it calls this function itself.
    pub consumer: Option<String>,
    /// For the function that looks after the queues.
    pub delivery: Option<Delivery>,
    /// Whether CloudWatch is to make metrics of what is measured, each of which costs.
    pub metrics: bool,
    /// All consumers of the shop, for the function that looks after their queues.
    pub consumers: Vec<String>,
    /// The borders of time zones, if they are not beside the program.
    pub borders_file: Option<PathBuf>,
}

impl Settings {
    /// `variable` reads the environment; an empty text counts as absent.
    pub fn load(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let role = set("ROLE").ok_or_else(|| missing("ROLE"))?;
        let known = Role::ALL.into_iter().find(|known| known.name() == role);
        let delivery = match set("DELIVERY").as_deref() {
            None => None,
            Some("direct") => Some(Delivery::Direct),
            Some("queues") => Some(Delivery::Queues),
            Some(other) => return Err(ConfigError(format!("DELIVERY is {other}; it must be direct or queues"))),
        };
        let metrics = match set("METRICS").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(ConfigError(format!("METRICS is {other}; it must be true or false"))),
        };
        let user_pool = match (set("USER_POOL_ID"), set("USER_POOL_CLIENT_ID")) {
            (Some(id), Some(client_id)) => Some(UserPool { id, client_id }),
            (None, None) => None,
            (Some(_), None) => return Err(missing("USER_POOL_CLIENT_ID")),
            (None, Some(_)) => return Err(missing("USER_POOL_ID")),
        };
        Ok(Self {
            service: set("SERVICE").ok_or_else(|| missing("SERVICE"))?,
            role: known.ok_or_else(|| ConfigError(format!("ROLE is {role}; it must be api, events, relay or tick")))?,
            table_prefix: set("TABLE_PREFIX"),
            dynamodb_endpoint: set("AWS_ENDPOINT_URL_DYNAMODB"),
            event_bus: set("EVENT_BUS"),
            files_bucket: set("FILES_BUCKET"),
            user_pool,
            signing_key: set("SIGNING_KEY_PARAMETER"),
            queue_prefix: set("QUEUE_PREFIX"),
            consumer: set("CONSUMER"),
            delivery,
            metrics,
            consumers: set("CONSUMERS").map(|names| names.split(',').map(str::to_owned).collect()).unwrap_or_default(),
            borders_file: set("BORDERS_FILE").map(PathBuf::from),
        })
    }
}

/// The sentence for a variable that is not there.
pub(crate) fn missing(name: &str) -> ConfigError {
    ConfigError(format!("{name} is not set"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let all: HashMap<_, _> = pairs.iter().copied().collect();
        Settings::load(|name| all.get(name).map(|value| (*value).to_owned())).map_err(|error| error.0)
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let good = [("SERVICE", "cart"), ("ROLE", "events"), ("TABLE_PREFIX", "souk-"), ("EVENT_BUS", "")];
        let settings = load(&good).unwrap();
        assert_eq!((settings.role, settings.table_prefix.as_deref(), settings.event_bus), (Role::Events, Some("souk-"), None));
        let all = load(&[("SERVICE", "operations"), ("ROLE", "api"), ("CONSUMERS", "cart,orders.follow")]).unwrap();
        assert_eq!((settings.consumers, all.consumers), (vec![], vec!["cart".to_owned(), "orders.follow".to_owned()]));
        let called = load(&[("SERVICE", "cart"), ("ROLE", "events"), ("CONSUMER", "cart"), ("DELIVERY", "direct"), ("METRICS", "true")]);
        let called = called.unwrap();
        assert_eq!((called.consumer.as_deref(), called.delivery, called.metrics), (Some("cart"), Some(Delivery::Direct), true));
        for (pairs, sentence) in [
            (&[("SERVICE", "cart")][..], "ROLE is not set"),
            (&[("ROLE", "api")], "SERVICE is not set"),
            (&[("SERVICE", "cart"), ("ROLE", "worker")], "ROLE is worker; it must be api, events, relay or tick"),
            (&[("SERVICE", "cart"), ("ROLE", "api"), ("USER_POOL_ID", "eu_1")], "USER_POOL_CLIENT_ID is not set"),
            (&[("SERVICE", "cart"), ("ROLE", "api"), ("DELIVERY", "pigeon")], "DELIVERY is pigeon; it must be direct or queues"),
            (&[("SERVICE", "cart"), ("ROLE", "api"), ("METRICS", "1")], "METRICS is 1; it must be true or false"),
        ] {
            assert_eq!(load(pairs).unwrap_err(), sentence);
        }
    }
}

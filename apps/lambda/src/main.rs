//! The bootstrap of all functions: SERVICE and ROLE in the environment say which one this is.

use std::process::ExitCode;
use std::sync::Arc;

use home_aws::{ApiFunction, Home, RelayFunction, Role, Settings, StreamEvent, Tick, TickFunction};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use wiring::{Config, ConfigError, Flags};

/// A function has one request at a time: more threads would cost memory and gain nothing.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let home = match open().await {
        Ok(home) => home,
        Err(error) => return refuse(&error),
    };
    match serve(home).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&*error),
    }
}

/// One line that says what is wrong: the start of the function has failed, and the log is all there is.
fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("bootstrap: {error}");
    ExitCode::from(2)
}

async fn open() -> Result<Home, ConfigError> {
    let settings = Settings::load(|name| std::env::var(name).ok())?;
    let config = Config::load(&Flags::default())?;
    let filter: Targets = config.log.parse().map_err(|error| ConfigError(format!("log: {error}")))?;
    // Lambda adds the request id as a span around each invocation; events carry the trace themselves.
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry().with(filter).with(lines).init();
    Home::open(config, settings).await
}

async fn serve(home: Home) -> Result<(), Error> {
    let invocations = home.invocations();
    match home.settings().role {
        Role::Api => {
            let function = Arc::new(ApiFunction::new(home.api()?.router(), invocations));
            let answer = move |request| {
                let function = function.clone();
                async move { Ok::<_, Error>(function.answer(request).await) }
            };
            lambda_http::run(service_fn(answer)).await
        }
        Role::Events => {
            let function = Arc::new(home.events()?);
            let deliver = move |call: LambdaEvent<Value>| {
                let function = function.clone();
                async move { function.answer(call.payload).await.map_err(Error::from) }
            };
            lambda_runtime::run(service_fn(deliver)).await
        }
        Role::Relay => {
            let function = Arc::new(RelayFunction::new(home.bus()?, invocations));
            let publish = move |batch: LambdaEvent<StreamEvent>| {
                let function = function.clone();
                async move { Ok::<_, Error>(function.publish_all(&batch.payload).await) }
            };
            lambda_runtime::run(service_fn(publish)).await
        }
        Role::Tick => {
            let function = Arc::new(TickFunction::new(home.runtime(), home.service()?, invocations));
            let tick = move |due: LambdaEvent<Tick>| {
                let function = function.clone();
                async move { function.run(&due.payload).await.map_err(Error::from) }
            };
            lambda_runtime::run(service_fn(tick)).await
        }
    }
}

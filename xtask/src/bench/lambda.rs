//! `bench lambda`: how large the bootstrap is, how long it takes from its start to its first call for
//! work, and what memory it has, against a Runtime API and a cloud that answer at once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fakes::{Cloud, RuntimeApi};
use crate::process::Kept;
use crate::{Outcome, lambda, table};

/// What every function is told by its environment, and for each an event as AWS hands it over.
const GIVEN: &str = include_str!("lambda.json");
const STARTS: usize = 50;
const INVOCATIONS: u32 = 100;
const PATIENCE: Duration = Duration::from_secs(30);

struct Function {
    process: Kept,
    runtime: RuntimeApi,
    /// From exec to the first call for work.
    started_in: Duration,
}

pub fn run(root: &Path) -> Outcome {
    let bootstrap = lambda::build_here(root)?;
    let size = lambda::size_mib(&bootstrap)?;
    let time_zones = lambda::size_mib(&lambda::time_zones(root)?)?;
    println!("bootstrap: {size:.1} MiB stripped; aim: at most {:.0} MiB", lambda::SIZE_AIM_MIB);
    println!("with the borders of time zones beside it: {:.1} MiB", size + time_zones);
    let cloud = Cloud::start();
    let given: Value = serde_json::from_str(GIVEN).map_err(|error| format!("the events of the benchmark: {error}"))?;
    let mut rows = Vec::new();
    for (name, event) in given["events"].as_object().into_iter().flatten() {
        let mut starts =
            (0..STARTS).map(|_| Ok(start(&bootstrap, name, &given["environment"], &cloud)?.started_in)).collect::<Outcome<Vec<_>>>()?;
        starts.sort();
        let function = start(&bootstrap, name, &given["environment"], &cloud)?;
        let idle = resident_mib(&function.process)?;
        let begun = Instant::now();
        for _ in 0..INVOCATIONS {
            let answered = function.runtime.invoke(event.clone(), PATIENCE).ok_or("an invocation got no answer")?;
            answered.map_err(|error| format!("{name} failed: {error}"))?;
        }
        let each = begun.elapsed() / INVOCATIONS;
        let after = resident_mib(&function.process)?;
        let millis = |span: Duration| format!("{:.1}", span.as_secs_f64() * 1000.0);
        rows.push(vec![
            name.clone(),
            millis(starts[STARTS / 2]),
            millis(starts[STARTS - 1]),
            format!("{idle:.1}"),
            format!("{after:.1}"),
            millis(each),
        ]);
    }
    let head = ["function", "to first call, ms", "longest, ms", "memory, MiB", "after 100, MiB", "invocation, ms"];
    print!("{}", table::render(&head, &rows));
    println!("aims: 15 ms to the first call (median of {STARTS}), 20 MiB");
    Ok(())
}

/// By its name: service and role.
fn start(bootstrap: &Path, name: &str, environment: &Value, cloud: &Cloud) -> Outcome<Function> {
    let (service, role) = name.split_once(' ').unwrap_or((name, ""));
    let runtime = RuntimeApi::start();
    let mut command = Command::new(bootstrap);
    let variables = environment.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
    command.env_clear().envs(variables).env("SERVICE", service).env("ROLE", role);
    command.env("AWS_LAMBDA_RUNTIME_API", runtime.address.to_string()).env("AWS_ENDPOINT_URL", format!("http://{}", cloud.address));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let process = Kept::start(&mut command)?;
    let asked = runtime.first_asked(PATIENCE).ok_or_else(|| format!("{name} never asked for work"))?;
    Ok(Function { process, runtime, started_in: asked - begun })
}

fn resident_mib(process: &Kept) -> Outcome<f64> {
    let kib = super::memory_kib(process.pid(), "VmRSS")?;
    Ok(f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0)
}

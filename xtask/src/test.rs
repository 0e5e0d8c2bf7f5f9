//! `test`: all checks as stages. Each is timed; one that fails does not hide what the others find. Those that mostly
//! wait for other programs run beside the others, each as a process of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::process::{self, Background, cargo};
use crate::suites::{self, Suite};
use crate::{Outcome, api, clients, emulators, infra, table, tidy, tools};

#[derive(Args)]
pub struct Options {
    /// Run only this stage; may be given more than once.
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(STAGES.iter().map(|stage| stage.name)))]
    only: Vec<String>,
    /// End the run at the first stage that fails.
    #[arg(long)]
    fail_fast: bool,
    /// Say what the stages are.
    #[arg(long)]
    list: bool,
}

struct Stage {
    name: &'static str,
    about: &'static str,
    /// Whether it leaves a processor to the others.
    beside: bool,
    /// Earlier stages without which it cannot begin.
    after: &'static [&'static str],
    run: fn(&Workspace) -> Outcome,
}

/// A stage that wants the machine for itself.
const fn stage(name: &'static str, about: &'static str, run: fn(&Workspace) -> Outcome) -> Stage {
    Stage { name, about, beside: false, after: &[], run }
}

/// Cheap and telling stages first.
const STAGES: &[Stage] = &[
    Stage { beside: true, ..stage("tools", "Python tools at fixed versions, in .tools", |on| tools::install(&on.root)) },
    stage("fmt", "the code is formatted", |on| on.cargo(&["fmt", "--all", "--check"])),
    stage("tidy", "directions, pure nouns, sizes, documents", |on| tidy::run(&on.root)),
    Stage {
        beside: true,
        after: &["tools"],
        ..stage("infra", "the stacks for AWS: types, rights, findings, templates", |on| infra::run(&on.root))
    },
    stage("clippy", "no lint speaks up", |on| on.cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    stage("build", "all tests and programs build", |on| on.suites().map(|_| ())),
    Stage {
        beside: true,
        after: &["build", "infra"],
        ..stage("deploy", "our stacks in an emulated AWS, sold from through the deployed API", deploy)
    },
    Stage { beside: true, after: &["build", "tools"], ..stage("api", "every operation against its own description", api) },
    Stage {
        beside: true,
        after: &["build", "tools"],
        ..stage("clients", "clients are generated from the API document, compiled, and sell something", clients)
    },
    stage("unit", "rules, scenarios, the suite of the stores, documentation examples", unit),
    stage("first-sale", "from an empty folder to a delivered order", |on| whole(on, "first_sale")),
    stage("crash", "killed at any moment, nothing is lost", |on| whole(on, "crash")),
    stage("search", "a change is found, and still is after a kill", |on| whole(on, "search")),
    stage("flash-sale", "more buyers than goods, nothing is oversold", |on| whole(on, "flash_sale")),
    stage("faults", "the outside fails and the shop recovers", |on| whole(on, "faults")),
    stage("cost", "the bill of a metered run", |on| whole(on, "cost")),
    Stage { after: &["tools"], ..stage("smtp", "mails arrive at a mail server of another make", |on| whole(on, "smtp")) },
    Stage { after: &["tools"], ..stage("aws", "the AWS adapters against emulators of two makes", aws) },
    // Last, so that the stages beside need not wait for Cargo meanwhile.
    stage("binary", "the programs compile as they are shipped, without what tests add", |on| {
        on.cargo(&["check", "--package", "souk"]).and(on.cargo(&["check", "--package", "lambda"]))
    }),
];
/// The crate whose tests drive the binary; a stage has one of them each, and `unit` those without a stage.
const BINARY: &str = "apps/souk";
const WHOLE: [&str; 7] = ["first_sale", "crash", "search", "flash_sale", "faults", "cost", "smtp"];
/// The crates that only the AWS home needs.
const AWS: [&str; 5] = ["adapters/aws", "adapters/dynamodb", "adapters/fault-proxy", "homes/aws", "apps/lambda"];

/// What the stages work on.
struct Workspace {
    root: PathBuf,
    suites: OnceLock<Outcome<Vec<Suite>>>,
}

impl Workspace {
    fn cargo(&self, arguments: &[&str]) -> Outcome {
        process::run(cargo(&self.root).args(arguments))
    }

    /// The tests, built when they are first asked for.
    fn suites(&self) -> Outcome<&[Suite]> {
        self.suites.get_or_init(|| suites::build(&self.root)).as_deref().map_err(Clone::clone)
    }
}

pub fn run(root: &Path, options: &Options) -> Outcome {
    if options.list {
        STAGES.iter().for_each(|stage| println!("{:<11} {}", stage.name, stage.about));
        return Ok(());
    }
    let chosen = choose(&options.only);
    let emulated = chosen.iter().any(|stage| stage.name == "aws");
    // Kept until the end, so that an early end of this run does not leave it behind.
    let _build = if emulated { tools::begin_dynoxide(root)? } else { None };
    let on = Workspace { root: root.to_path_buf(), suites: OnceLock::new() };
    let board = Board::new(options.fail_fast);
    if let [stage] = chosen[..] {
        board.perform(stage, || (stage.run)(&on));
    } else {
        let (beside, here): (Vec<_>, Vec<_>) = chosen.iter().copied().partition(|stage| stage.beside);
        std::thread::scope(|scope| {
            scope
                .spawn(|| beside.iter().take_while(|stage| board.wait(stage, &chosen)).for_each(|stage| board.perform_beside(stage, root)));
            here.iter().take_while(|stage| board.wait(stage, &chosen)).for_each(|stage| board.perform(stage, || (stage.run)(&on)));
        });
    }
    board.report(&chosen)
}

/// What has become of the stages so far. The lanes look at it to know whether they may go on.
struct Board {
    begin: Instant,
    /// This program's own path, asked for before a build could replace the file.
    program: std::io::Result<PathBuf>,
    fail_fast: bool,
    results: Mutex<BTreeMap<&'static str, StageResult>>,
    changed: Condvar,
}

struct StageResult {
    passed: bool,
    from: Duration,
    took: Duration,
}

impl Board {
    fn new(fail_fast: bool) -> Self {
        Self { begin: Instant::now(), program: std::env::current_exe(), fail_fast, results: Mutex::default(), changed: Condvar::new() }
    }

    fn results(&self) -> MutexGuard<'_, BTreeMap<&'static str, StageResult>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what the stage needs; false if the run is to end before it.
    fn wait(&self, stage: &Stage, chosen: &[&Stage]) -> bool {
        let lacks = |results: &BTreeMap<_, _>, name| stage.after.contains(&name) && !results.contains_key(name);
        let waits = |results: &mut BTreeMap<_, _>| !self.is_over(results) && chosen.iter().any(|stage| lacks(results, stage.name));
        let results = self.changed.wait_while(self.results(), waits).unwrap_or_else(PoisonError::into_inner);
        !self.is_over(&results)
    }

    fn is_over(&self, results: &BTreeMap<&str, StageResult>) -> bool {
        self.fail_fast && results.values().any(|result| !result.passed)
    }

    fn perform(&self, stage: &Stage, run: impl FnOnce() -> Outcome) {
        println!("=== {}: {}", stage.name, stage.about);
        self.note(stage, run);
    }

    /// Runs a stage as a process of its own, and prints at its end what it printed.
    fn perform_beside(&self, stage: &Stage, root: &Path) {
        println!("=== {} has begun beside the others", stage.name);
        self.note(stage, || {
            let log = process::folder(&root.join("target/test"))?.join(format!("{}.log", stage.name));
            let program = self.program.as_ref().map_err(|error| format!("cannot tell where this program is: {error}"))?;
            let mut background = Background::start(Command::new(program).args(["test", "--only", stage.name]), &log)?;
            let passed = loop {
                if let Some(status) = background.process.wait(Duration::from_millis(50))? {
                    break status.success();
                }
                if self.is_over(&self.results()) {
                    return Err("stopped, because another stage failed".to_owned());
                }
            };
            print!("{}", process::read(&log)?);
            if passed { Ok(()) } else { Err("see above".to_owned()) }
        });
    }

    fn note(&self, stage: &Stage, run: impl FnOnce() -> Outcome) {
        let from = self.begin.elapsed();
        let outcome = run();
        if let Err(message) = &outcome {
            println!("=== stage `{0}` failed: {message}\nrun it alone with: cargo xtask test --only {0}", stage.name);
        }
        self.results().insert(stage.name, StageResult { passed: outcome.is_ok(), from, took: self.begin.elapsed() - from });
        self.changed.notify_all();
    }

    fn report(&self, chosen: &[&Stage]) -> Outcome {
        let results = self.results();
        let row = |stage: &&Stage| {
            let result = results.get(stage.name);
            let outcome = result.map_or("not run", |result| if result.passed { "passed" } else { "FAILED" });
            let [from, took] = result.map_or_else(Default::default, |result| [result.from, result.took].map(seconds));
            let beside = if stage.beside && result.is_some() { "beside the others" } else { "" };
            vec![stage.name.to_owned(), outcome.to_owned(), from, took, beside.to_owned()]
        };
        if chosen.len() > 1 {
            let rows: Vec<_> = chosen.iter().map(row).collect();
            println!("\n{}", table::render(&["stage", "outcome", "from", "seconds", ""], &rows));
            println!("{} s in all", seconds(self.begin.elapsed()));
        }
        let failed: Vec<_> = results.iter().filter(|(_, result)| !result.passed).map(|(name, _)| *name).collect();
        if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
    }
}

/// A test of the whole system.
fn whole(on: &Workspace, name: &str) -> Outcome {
    let python = tools::bin(&on.root).join("python");
    let suites = on.suites()?.iter().filter(|suite| suite.folder == BINARY && suite.name == name);
    suites::run(&on.root, suites, |command| command.env("TEST_PYTHON", &python))
}

fn unit(on: &Workspace) -> Outcome {
    let elsewhere = |suite: &&Suite| AWS.contains(&suite.folder.as_str()) || suite.folder == BINARY && WHOLE.contains(&suite.name.as_str());
    let all = on.suites()?;
    let tested = suites::run(&on.root, all.iter().filter(|suite| !elsewhere(suite)), |command| command);
    tested.and(suites::run_examples(&on.root))
}

fn aws(on: &Workspace) -> Outcome {
    let (dynoxide, ministack) = (emulators::dynoxide(&on.root)?, emulators::ministack(&on.root, "aws")?);
    let suites = on.suites()?.iter().filter(|suite| AWS.contains(&suite.folder.as_str()));
    suites::run(&on.root, suites, |command| {
        command.env("TEST_DYNOXIDE_ENDPOINT", dynoxide.endpoint()).env("TEST_MINISTACK_ENDPOINT", ministack.endpoint())
    })
}

/// One after the other: they share a deployment, and the machine.
fn deploy(on: &Workspace) -> Outcome {
    infra::install(&on.root)?;
    let suites = on.suites()?.iter().filter(|suite| suite.folder == "apps/lambda" && suite.name == "deployed");
    let ministack = emulators::ministack(&on.root, "deploy")?;
    suites::run(&on.root, suites, |command| {
        command.args(["--ignored", "--test-threads", "1"]).env("TEST_MINISTACK_ENDPOINT", ministack.endpoint())
    })
}

fn api(on: &Workspace) -> Outcome {
    // With the tests, Cargo builds the binary that they drive.
    on.suites()?;
    api::run(&on.root)
}

fn clients(on: &Workspace) -> Outcome {
    // With the tests, Cargo builds the binary that the client buys from.
    on.suites()?;
    clients::run(&on.root)
}

fn choose(only: &[String]) -> Vec<&'static Stage> {
    STAGES.iter().filter(|stage| only.is_empty() || only.iter().any(|name| name == stage.name)).collect()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn chooses_stages() {
        let names = |line: &str| {
            let line = Line::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
            Ok::<Vec<_>, String>(choose(&line.options.only).iter().map(|stage| stage.name).collect())
        };
        assert_eq!(names("test").unwrap().len(), STAGES.len());
        assert_eq!(names("test --only tidy --only fmt").unwrap(), ["fmt", "tidy"]);
        let refusal = names("test --only nothing").unwrap_err();
        assert!(refusal.contains("invalid value 'nothing'") && refusal.contains("first-sale"), "{refusal}");
    }

    #[test]
    fn stages_wait_only_for_earlier_ones() {
        for (index, stage) in STAGES.iter().enumerate() {
            assert!(stage.after.iter().all(|name| STAGES[..index].iter().any(|earlier| earlier.name == *name)), "{}", stage.name);
        }
    }

    #[test]
    fn the_board_holds_back_and_ends() {
        let (first, second) = (stage("first", "", |_| Ok(())), Stage { after: &["first"], ..stage("second", "", |_| Ok(())) });
        let chosen = [&first, &second];
        let board = Board::new(true);
        assert!(board.wait(&first, &chosen));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| board.wait(&second, &chosen));
            board.perform(&first, || Ok(()));
            assert!(waiting.join().unwrap());
        });
        board.perform(&second, || Err("no".to_owned()));
        assert!(!board.wait(&first, &chosen));
        assert_eq!(board.report(&chosen), Err("failed: second".to_owned()));
        assert!(Board::new(true).wait(&second, &[&second]), "what is not chosen is not waited for");
    }
}

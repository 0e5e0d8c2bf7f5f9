//! Other programs: run one to its end, or keep a server for as long as it is needed. A server is stopped
//! by its process id alone, and never outlives this program.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const BACKGROUND_STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is asked whether something has happened. `bench` measures starts of a few milliseconds with it.
const POLL_INTERVAL: Duration = Duration::from_millis(1);
/// What holds nothing of ours: made by tools, or another's code.
const SKIPPED: [&str; 8] = [".git", ".tools", "target", "data", "node_modules", "dist", "generated", "cdk.out"];

/// Cargo, in the repository's folder.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Runs a program with this terminal as its own; anything but success is an error.
pub fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("cannot run `{}`: {error}", line(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed: {status}", line(command))) }
}

/// Runs a program and hands back what it printed.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| format!("cannot run `{}`: {error}", line(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("`{}` failed: {}\n{text}{}", line(command), output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Runs a program that prints JSON and nothing else.
pub fn json(command: &mut Command) -> Outcome<Value> {
    serde_json::from_str(&output(command)?).map_err(|error| format!("`{}` printed no JSON: {error}", line(command)))
}

/// Whether a program is there and succeeds.
pub fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs a program for at most this long; anything but success is an error.
pub fn run_within(command: &mut Command, limit: Duration) -> Outcome {
    match Kept::start(command)?.wait(limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("`{}` failed: {status}", line(command))),
        None => Err(format!("`{}` took longer than {} s and was stopped", line(command), limit.as_secs())),
    }
}

/// Asks every so often until there is an answer.
pub fn wait_for<T>(limit: Duration, interval: Duration, mut ask: impl FnMut() -> Outcome<Option<T>>) -> Outcome<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            return Err(format!("it is not ready after {} s", limit.as_secs()));
        }
        std::thread::sleep(interval);
    }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A child that is killed when it is dropped.
pub struct Kept(Child);

impl Kept {
    pub fn start(command: &mut Command) -> Outcome<Self> {
        command.spawn().map(Self).map_err(|error| format!("cannot run `{}`: {error}", line(command)))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How the child has ended, if it does so in time.
    pub fn wait(&mut self, limit: Duration) -> Outcome<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            let ended = self.0.try_wait().map_err(|error| format!("cannot wait for a child: {error}"))?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // It may have ended by itself meanwhile, which is what is wanted; its id is then left alone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program beside this one, in a process group of its own. It ends when this is dropped, and so does
/// whatever it has started.
pub struct Background {
    /// First, so that it is gone before the group's id can belong to somebody else.
    guard: Option<Kept>,
    pub process: Kept,
    log: PathBuf,
}

impl Background {
    /// Everything it prints goes into the log file.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        Self::start_with_input(command.stdin(Stdio::null()), log)
    }

    /// With the input that the command says.
    pub fn start_with_input(command: &mut Command, log: &Path) -> Outcome<Self> {
        let failed = |error: std::io::Error| format!("cannot write {}: {error}", log.display());
        let file = File::create(log).map_err(failed)?;
        let errors = file.try_clone().map_err(failed)?;
        let process = Kept::start(command.stdout(file).stderr(errors).process_group(0))?;
        let guard = guard(process.pid())?;
        Ok(Self { guard: Some(guard), process, log: log.to_path_buf() })
    }

    /// Asks until there is an answer; an error if the program ends or takes too long.
    pub fn wait_for<T>(&mut self, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Outcome<T> {
        let Self { process, log, .. } = self;
        let answer = wait_for(limit, POLL_INTERVAL, || match (ask(), process.wait(Duration::ZERO)?) {
            (None, Some(status)) => Err(format!("it ended with {status}")),
            (answer, _) => Ok(answer),
        });
        answer.map_err(|error| format!("{error}\n{}", tail(log)))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.guard.take();
        // What it started may still be there when it has ended itself; an empty group is an error to ignore.
        let _ = signal(&format!("-{}", self.process.pid()), "TERM");
        let _ = self.process.wait(BACKGROUND_STOP_TIMEOUT);
        let _ = signal(&format!("-{}", self.process.pid()), "KILL");
    }
}

/// A running `souk serve`.
pub struct Server {
    background: Background,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the command, whose output must have a line with `listening on http://ADDRESS`. Everything
    /// it prints goes into the log file.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let mut background = Background::start(command, log)?;
        let listening = || address_in(&std::fs::read_to_string(log).ok()?);
        let address = background.wait_for(START_TIMEOUT, listening);
        let address = address.map_err(|error| format!("the server did not say where it listens: {error}"))?;
        Ok(Self { background, address })
    }

    pub fn pid(&self) -> u32 {
        self.background.process.pid()
    }

    /// Asks the server to end, as an operating system does, and demands that it ends well.
    pub fn stop(mut self) -> Outcome {
        let Background { process, log, .. } = &mut self.background;
        if process.wait(Duration::ZERO)?.is_none() {
            signal(&process.pid().to_string(), "TERM")?;
        }
        match process.wait(STOP_TIMEOUT)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the server ended with {status}\n{}", tail(log))),
            None => Err(format!("the server did not end within {} s of SIGTERM\n{}", STOP_TIMEOUT.as_secs(), tail(log))),
        }
    }
}

/// A shell that waits for this program's end, however it comes about, and then kills the group.
fn guard(group: u32) -> Outcome<Kept> {
    let script = format!("trap '' INT TERM; read _; kill -s KILL -- -{group}");
    Kept::start(Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// `whom`: a process id, or a dash and the id of a group.
fn signal(whom: &str, name: &str) -> Outcome {
    // The shell's own kill, because the program of that name is not installed everywhere.
    run(Command::new("sh").args(["-c", &format!("kill -s {name} -- {whom} 2>/dev/null")]))
}

/// A folder that is there when this returns.
pub fn folder(path: &Path) -> Outcome<&Path> {
    std::fs::create_dir_all(path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
    Ok(path)
}

/// A folder that is there, with nothing in it.
pub fn empty_folder(path: PathBuf) -> Outcome<PathBuf> {
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(|error| format!("cannot empty {}: {error}", path.display()))?;
    }
    folder(&path)?;
    Ok(path)
}

/// The files in a folder and below that may be ours, sorted. Links are not followed.
pub fn files_below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if SKIPPED.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

pub fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

pub fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// The address in the lines of a log that are complete.
fn address_in(log: &str) -> Option<SocketAddr> {
    let (lines, _) = log.rsplit_once('\n')?;
    let (_, rest) = lines.split_once("listening on http://")?;
    let end = rest.find(|character: char| !(character.is_ascii_digit() || ".:[]".contains(character))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The last lines of a log, for a message.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(30);
    format!("--- the end of {}:\n{}", log.display(), lines[from..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    fn alive(pid: u32) -> bool {
        script(&format!("kill -0 {pid} 2>/dev/null")).status().is_ok_and(|status| status.success())
    }

    #[test]
    fn reads_the_address() {
        let at = |line| address_in(line).map(|address| address.to_string());
        assert_eq!(at("starting\nlistening on http://127.0.0.1:8080\n").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(at("{\"message\":\"listening on http://[::1]:80\"}\n{").as_deref(), Some("[::1]:80"));
        assert_eq!(at("listening on 127.0.0.1:8080\n"), None);
        assert_eq!(at("listening on http://127.0.0.1:80"), None, "the line may go on");
    }

    #[test]
    fn a_server_is_stopped_and_its_exit_code_counts() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let start = |text: &str| Server::start(&mut script(text), &log);
        let serve = |code: u8| format!("trap 'exit {code}' TERM; echo listening on http://127.0.0.1:9; while :; do sleep 0.05; done");

        let server = start(&serve(0)).unwrap();
        let pid = server.pid();
        assert_eq!(server.address.to_string(), "127.0.0.1:9");
        assert!(alive(pid));
        assert_eq!(server.stop(), Ok(()));
        assert!(!alive(pid));

        assert!(start(&serve(3)).unwrap().stop().unwrap_err().contains("exit status: 3"));
        assert!(start("echo cannot bind >&2; exit 1").err().unwrap().contains("cannot bind"));
    }

    #[test]
    fn a_dropped_server_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = script("echo listening on http://127.0.0.1:9; while :; do sleep 0.05; done");
        let server = Server::start(&mut command, &folder.path().join("log")).unwrap();
        let (pid, guard) = (server.pid(), server.background.guard.as_ref().unwrap().pid());
        drop(server);
        assert!(!alive(pid) && !alive(guard));
    }

    #[test]
    fn a_dropped_background_is_gone_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let (log, child) = (folder.path().join("log"), folder.path().join("child"));
        let mut command = script(&format!("sleep 60 & echo $! > {}; wait", child.display()));
        let mut background = Background::start(&mut command, &log).unwrap();
        let pid = || std::fs::read_to_string(&child).ok().and_then(|text| text.trim().parse::<u32>().ok());
        let pid = background.wait_for(Duration::from_secs(5), pid).unwrap();
        assert!(alive(pid));
        drop(background);
        // An orphan is cleared away by somebody else, in its own time.
        assert!((0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            !alive(pid)
        }));

        let mut ended = Background::start(&mut script("echo cannot bind; exit 3"), &log).unwrap();
        let message = ended.wait_for(Duration::from_secs(5), || None::<()>).unwrap_err();
        assert!(message.contains("exit status: 3") && message.contains("cannot bind"), "{message}");
    }

    #[test]
    fn a_slow_program_is_cut_short() {
        let message = run_within(&mut script("exec sleep 5"), Duration::from_millis(50)).unwrap_err();
        assert!(message.contains("longer than"), "{message}");
        assert_eq!(run_within(&mut script("exit 0"), Duration::from_secs(5)), Ok(()));
        assert!(run_within(&mut script("exit 2"), Duration::from_secs(5)).unwrap_err().contains("exit status: 2"));
    }

    #[test]
    fn what_a_program_says_comes_back() {
        assert_eq!(output(&mut script("echo it")).as_deref(), Ok("it\n"));
        assert!(output(&mut script("echo no >&2; exit 1")).unwrap_err().contains("no"));
    }
}

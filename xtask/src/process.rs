//! Other programs: run one to its end, or keep a server for as long as it is needed. A server is stopped
//! by its process id alone, and never outlives this program.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Outcome;

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const BACKGROUND_STOP_TIMEOUT: Duration = Duration::from_secs(5);

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
    let output = command.output();
    printed(command, output)
}

/// Runs a program with this text as its input and hands back what it printed.
pub fn output_of_input(command: &mut Command, input: &str) -> Outcome<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    });
    printed(command, output)
}

fn printed(command: &Command, output: std::io::Result<Output>) -> Outcome<String> {
    let output = output.map_err(|error| format!("cannot run `{}`: {error}", line(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("`{}` failed: {}\n{text}{}", line(command), output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Runs a program for at most this long; anything but success is an error.
pub fn run_within(command: &mut Command, limit: Duration) -> Outcome {
    let child = command.spawn().map_err(|error| format!("cannot run `{}`: {error}", line(command)))?;
    let mut kept = Kept { child, ended: None };
    match kept.wait(limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("`{}` failed: {status}", line(command))),
        None => Err(format!("`{}` took longer than {} s and was stopped", line(command), limit.as_secs())),
    }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A child that is killed when it is dropped.
struct Kept {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Kept {
    fn wait(&mut self, limit: Duration) -> Outcome<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        while self.ended.is_none() {
            self.ended = self.child.try_wait().map_err(|error| format!("cannot wait for a child: {error}"))?;
            if self.ended.is_none() {
                if Instant::now() >= deadline {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(self.ended)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended by itself meanwhile, which is what is wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A running `souk serve`.
pub struct Server {
    /// First, so that it is gone before the server's process id can belong to somebody else.
    guard: Option<Kept>,
    process: Kept,
    pub address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts the command, whose output must have a line with `listening on http://ADDRESS`. Everything
    /// it prints goes into the log file.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let file = File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let child = command.spawn().map_err(|error| format!("cannot start `{}`: {error}", line(command)))?;
        let mut process = Kept { child, ended: None };
        let guard = guard(&process.child.id().to_string())?;
        let output = process.child.stdout.take().ok_or("the server has no output")?;
        let address = match listening(output, file).recv_timeout(START_TIMEOUT) {
            Ok(address) => address,
            Err(_) => return Err(format!("the server did not say where it listens\n{}", tail(log))),
        };
        Ok(Self { guard: Some(guard), process, address, log: log.to_path_buf() })
    }

    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks the server to end, as an operating system does, and demands that it ends well.
    pub fn stop(mut self) -> Outcome {
        if self.process.wait(Duration::ZERO)?.is_none() {
            signal(&self.pid().to_string(), "TERM")?;
        }
        match self.process.wait(STOP_TIMEOUT)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the server ended with {status}\n{}", tail(&self.log))),
            None => Err(format!("the server did not end within {} s of SIGTERM\n{}", STOP_TIMEOUT.as_secs(), tail(&self.log))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.guard.take();
    }
}

/// A program beside this one, in a process group of its own. It ends when this is dropped, and so does
/// whatever it has started.
pub struct Background {
    /// First, for the reason that `Server` has.
    guard: Option<Kept>,
    process: Kept,
    log: PathBuf,
}

impl Background {
    /// Everything it prints goes into the log file.
    pub fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let file = File::create(log).map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0);
        let child = command.spawn().map_err(|error| format!("cannot start `{}`: {error}", line(command)))?;
        let process = Kept { child, ended: None };
        let guard = guard(&format!("-{}", process.child.id()))?;
        Ok(Self { guard: Some(guard), process, log: log.to_path_buf() })
    }

    /// Looks for a moment whether the program has ended, and says whether it succeeded.
    pub fn ended(&mut self) -> Outcome<Option<bool>> {
        Ok(self.process.wait(Duration::from_millis(50))?.map(|status| status.success()))
    }

    /// Asks until the program is ready; an error if it ends or takes too long.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Outcome {
        let deadline = Instant::now() + limit;
        while !ready() {
            if let Some(status) = self.process.wait(Duration::from_millis(50))? {
                return Err(format!("it ended with {status}\n{}", tail(&self.log)));
            }
            if Instant::now() >= deadline {
                return Err(format!("it is not ready after {} s\n{}", limit.as_secs(), tail(&self.log)));
            }
        }
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.guard.take();
        // What it started may still be there when it has ended itself; an empty group is an error to ignore.
        let _ = signal(&format!("-{}", self.process.child.id()), "TERM");
        let _ = self.process.wait(BACKGROUND_STOP_TIMEOUT);
        let _ = signal(&format!("-{}", self.process.child.id()), "KILL");
    }
}

/// A shell that waits for this program's end, however it comes about, and then kills the server.
fn guard(whom: &str) -> Outcome<Kept> {
    let script = format!("trap '' INT TERM; read _; kill -s KILL -- {whom}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|error| format!("cannot run sh: {error}"))?;
    Ok(Kept { child, ended: None })
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

/// The files in a folder and below whose names end so, sorted.
pub fn files_below(folder: &Path, ending: &str) -> Outcome<Vec<PathBuf>> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            files.extend(files_below(&path, ending)?);
        } else if path.to_string_lossy().ends_with(ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

pub fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Copies the server's output to the log for as long as it lasts and sends the address when it comes by.
fn listening(output: impl Read + Send + 'static, mut log: File) -> mpsc::Receiver<SocketAddr> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A full disk must not stop the server; whoever reads the log will see that it ends early.
            let _ = log.write_all(format!("{line}\n").as_bytes());
            if let Some(address) = address_in(&line) {
                // Nobody waits any more if the address comes a second time.
                let _ = sender.send(address);
            }
        }
    });
    receiver
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on http://")?;
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
        assert_eq!(at("listening on http://127.0.0.1:8080").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(at(r#"{"message":"listening on http://[::1]:80"}"#).as_deref(), Some("[::1]:80"));
        assert_eq!(at("listening on 127.0.0.1:8080"), None);
    }

    #[test]
    fn a_server_is_stopped_and_its_exit_code_counts() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let start = |text: &str| Server::start(&mut script(text), &log);
        let serve = |code: u8| format!("trap 'exit {code}' TERM; echo listening on http://127.0.0.1:9; while :; do sleep 0.05; done");

        let server = start(&serve(0)).unwrap();
        let pid = server.pid();
        assert_eq!(server.url(), "http://127.0.0.1:9");
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
        let (pid, guard) = (server.pid(), server.guard.as_ref().unwrap().child.id());
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
        background.wait_until(Duration::from_secs(5), || pid().is_some()).unwrap();
        let pid = pid().unwrap();
        assert!(alive(pid));
        drop(background);
        // An orphan is cleared away by somebody else, in its own time.
        assert!((0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            !alive(pid)
        }));

        let mut ended = Background::start(&mut script("echo cannot bind; exit 3"), &log).unwrap();
        let message = ended.wait_until(Duration::from_secs(5), || false).unwrap_err();
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
    fn input_reaches_the_program() {
        assert_eq!(output_of_input(&mut script("read word; echo got $word"), "it\n").as_deref(), Ok("got it\n"));
        assert!(output(&mut script("echo no >&2; exit 1")).unwrap_err().contains("no"));
    }
}

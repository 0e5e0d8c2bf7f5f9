//! The emulators that stand in for AWS, on free ports of this machine alone. They end when they are dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::{self, Background};
use crate::{Outcome, client, tools};

/// Generous: the machine may be busy.
const READY_WITHIN: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_millis(500);

pub struct Emulator {
    address: SocketAddr,
    _process: Background,
}

impl Emulator {
    /// The name and not the address: signed addresses of MiniStack hold it, and clients build host names from it.
    pub fn endpoint(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }
}

/// DynamoDB alone, in memory.
pub fn dynoxide(root: &Path) -> Outcome<Emulator> {
    tools::finish_dynoxide(root)?;
    let address = free_address()?;
    let mut command = Command::new(tools::dynoxide(root));
    command.args(["serve", "--host", "127.0.0.1", "--log", "quiet", "--port"]).arg(address.port().to_string());
    start(root, "dynoxide", command, address, || TcpStream::connect_timeout(&address, CONNECT_WITHIN).is_ok())
}

/// Everything else, and the functions as processes of their own; with a folder for each stage that has one.
pub fn ministack(root: &Path, stage: &str) -> Outcome<Emulator> {
    let address = free_address()?;
    let name = format!("ministack-{stage}");
    let scratch = process::empty_folder(root.join("target/emulators").join(&name))?;
    let mut command = Command::new(tools::ministack(root));
    // Without these it listens on every interface. The functions are told where it is by its own variable.
    command.env("BIND_HOST", "127.0.0.1").env("MINISTACK_HOST", "localhost").env("IOT_MTLS_ENABLED", "0").env("SFTP_ENABLED", "0");
    command.env("GATEWAY_PORT", address.port().to_string()).env("AWS_ENDPOINT_URL", format!("http://localhost:{}", address.port()));
    command.env("TMPDIR", &scratch).env("S3_DATA_DIR", scratch.join("s3")).current_dir(&scratch);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO")) {
        command.env_remove(name);
    }
    start(root, &name, command, address, || client::get(address, "/_ministack/ready", None).is_ok_and(|answer| answer.status == 200))
}

fn start(root: &Path, name: &str, mut command: Command, address: SocketAddr, ready: impl Fn() -> bool) -> Outcome<Emulator> {
    let log = process::folder(&root.join("target/emulators"))?.join(format!("{name}.log"));
    let mut process = Background::start(&mut command, &log)?;
    process.wait_for(READY_WITHIN, || ready().then_some(())).map_err(|error| format!("{name}: {error}"))?;
    println!("{name} listens on {address}; its log: {}", log.display());
    Ok(Emulator { address, _process: process })
}

/// A port that was free a moment ago. Neither emulator says which port it took when it is told to choose.
fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map_err(|error| format!("no free port: {error}"))
}

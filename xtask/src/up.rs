//! `up`: from a clone to a shop with something in it, on this machine only.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::{Outcome, process};

#[derive(Args)]
pub struct Options {
    /// Port to listen on, on 127.0.0.1.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Folder of the shop's data; made if absent.
    #[arg(long, default_value = "data")]
    data: PathBuf,
}

pub fn run(root: &Path, options: &Options) -> Outcome {
    let address = format!("127.0.0.1:{}", options.port);
    // Found out before the build rather than after it. The server takes the port itself.
    TcpListener::bind(&address).map_err(|error| format!("cannot listen on {address}: {error}; choose another with --port"))?;

    println!("Building the shop; the first time takes some minutes on two cores.");
    process::run(process::cargo(root).args(["build", "--profile", "local", "--package", "souk"]))?;
    let souk = root.join("target/local/souk");
    process::folder(&options.data)?;
    process::run(Command::new(&souk).arg("demo").arg("--data").arg(&options.data))?;

    println!();
    for (what, path) in [
        ("shop API", "/api/v1/products"),
        ("API docs", "/api/docs"),
        ("mailbox", "/mailbox"),
        ("health", "/health/ready"),
        ("metrics", "/metrics"),
    ] {
        println!("  {what:<9} http://{address}{path}");
    }
    println!("  data      {}", options.data.display());
    println!("The demo accounts and their passwords are printed above. Ctrl-C stops the shop.\n");
    // The server takes this program's place, so that Ctrl-C and its exit code are its own.
    let mut serve = Command::new(&souk);
    serve.args(["serve", "--listen", &address, "--data"]).arg(&options.data);
    // Links in mails lead back to this port.
    serve.env("SOUK_SHOP__PUBLIC_URL", format!("http://{address}"));
    let error = serve.exec();
    Err(format!("cannot start {}: {error}", souk.display()))
}

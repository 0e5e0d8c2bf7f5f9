//! A shop in a folder of its own, to be measured or tried.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::client::get;
use crate::process::{self, Server, cargo};
use crate::products::shopify_csv;

const READY_TIMEOUT: Duration = Duration::from_secs(60);

pub struct Shop {
    pub souk: PathBuf,
    pub folder: PathBuf,
}

impl Shop {
    /// Of a release, in a folder that is empty at first.
    pub fn build(root: &Path, folder: &str) -> Outcome<Self> {
        process::run(cargo(root).args(["build", "--release", "--package", "souk", "--package", "bench"]))?;
        Self::new(root.join("target/release/souk"), root.join(folder))
    }

    /// Of a program that has been built.
    pub fn new(souk: PathBuf, folder: PathBuf) -> Outcome<Self> {
        let folder = process::empty_folder(folder)?;
        process::folder(&folder.join("data"))?;
        Ok(Self { souk, folder })
    }

    /// Its program, on its data.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.souk);
        command.args(words).arg("--data").arg(self.folder.join("data"));
        command
    }

    /// Returns how long it took.
    pub fn import(&self, products: u32) -> Outcome<Duration> {
        let catalog = self.folder.join("products.csv");
        process::write(&catalog, &shopify_csv(products))?;
        let begin = Instant::now();
        process::output(self.command(&["import", "products"]).arg(&catalog))?;
        Ok(begin.elapsed())
    }

    /// Returns as soon as the server says that it is ready.
    pub fn serve(&self, settings: &[(&str, &str)]) -> Outcome<Server> {
        let mut serve = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        // Thousands of requests a minute from one address are the point here.
        serve.env("SOUK_LIMITS__RATE_LIMIT", "false");
        serve.env("SOUK_ORDERS__UNPAID_PER_CLIENT", "0").env("SOUK_ORDERS__UNPAID_PER_PERSON", "0").envs(settings.iter().copied());
        let server = Server::start(&mut serve, &self.folder.join("server.log"))?;
        let mut last = String::new();
        let ready = process::wait_for(READY_TIMEOUT, Duration::from_millis(1), || {
            last = match get(server.address, "/health/ready", None) {
                Ok(answer) if answer.status == 200 => return Ok(Some(())),
                Ok(answer) => format!("it answers {}: {}", answer.status, answer.body),
                Err(error) => error,
            };
            Ok(None)
        });
        ready.map_err(|error| format!("the server: {error}: {last}"))?;
        Ok(server)
    }
}

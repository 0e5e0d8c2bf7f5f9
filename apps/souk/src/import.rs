//! `souk import`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use catalog::{Imported, ImportedProduct, Outcome, RowError};
use futures::StreamExt as _;
use home_embedded::Home;
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Problem;
use wiring::{Config, Operator};

use crate::output::{CliError, say};

/// Products written side by side: they share the store's group commits.
const AT_ONCE: usize = 64;

/// What an import has come to.
#[derive(Debug, Default)]
pub struct Report {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub variants: usize,
    pub refused: Vec<RowError>,
}

impl Report {
    fn count(&mut self, imported: &Imported) {
        self.variants += imported.variants.len();
        match imported.outcome {
            Outcome::Created => self.created += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Unchanged => self.unchanged += 1,
        }
    }

    fn say(&self, dry_run: bool) -> Result<(), CliError> {
        for row in &self.refused {
            say(&format!("line {}: {} {}", row.line, if row.handle.is_empty() { "" } else { &row.handle }, row.reason))?;
        }
        if dry_run {
            let read = self.created + self.updated + self.unchanged;
            return say(&format!(
                "dry run, nothing changed: {read} products with {} variants can be imported, {} refused",
                self.variants,
                self.refused.len()
            ));
        }
        let Self { created, updated, unchanged, variants, refused } = self;
        say(&format!(
            "{created} products created, {updated} updated, {unchanged} unchanged, {} refused ({variants} variants)",
            refused.len()
        ))
    }
}

/// Imports a file. Exit code 1 if a product was refused; the others are imported all the same.
pub async fn products(config: &Config, file: &Path, dry_run: bool) -> Result<ExitCode, CliError> {
    let input = |error: std::io::Error| CliError::Input(format!("{}: {error}", file.display()));
    let source = File::open(file).map_err(input)?;
    let bar = progress(source.metadata().map_err(input)?.len());
    let reader = bar.wrap_read(BufReader::new(source));
    let report = if dry_run {
        dry(config, reader)
    } else {
        let home = Home::open(config)?;
        let report = write(&home.operator(), reader).await;
        home.close().await?;
        report?
    };
    bar.finish_and_clear();
    report.say(dry_run)?;
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn progress(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(bytes).with_style(style)
}

fn dry(config: &Config, reader: impl std::io::Read) -> Report {
    let mut report = Report::default();
    for product in catalog::parse(reader, config.shop.currency) {
        match product {
            Ok(product) => {
                report.created += 1;
                report.variants += product.stock.len();
            }
            Err(row) => report.refused.push(row),
        }
    }
    report
}

/// Writes every product of a file into the catalog and its stock into the inventory.
pub async fn write(operator: &Operator<'_>, reader: impl std::io::Read) -> Result<Report, Problem> {
    let mut report = Report::default();
    let writes = futures::stream::iter(catalog::parse(reader, operator.config().shop.currency)).map(|product| async {
        let product = match product {
            Ok(product) => product,
            Err(row) => return Err(Ok(row)),
        };
        match operator.import_product(&product).await {
            Ok(imported) => Ok(imported),
            // A product that the catalog refuses is the file's fault; a store that fails is not.
            Err(problem) if problem.code.status() < 500 => Err(Ok(refused(&product, &problem))),
            Err(problem) => Err(Err(problem)),
        }
    });
    let mut writes = std::pin::pin!(writes.buffered(AT_ONCE));
    while let Some(written) = writes.next().await {
        match written {
            Ok(imported) => report.count(&imported),
            Err(Ok(row)) => report.refused.push(row),
            Err(Err(problem)) => return Err(problem),
        }
    }
    Ok(report)
}

fn refused(product: &ImportedProduct, problem: &Problem) -> RowError {
    RowError { line: product.line, handle: product.handle.clone(), reason: problem.detail.clone() }
}

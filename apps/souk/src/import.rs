//! `souk import products`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use catalog::{Imported, ImportedProduct, Outcome, Products, RowError};
use clap::Args;
use futures::StreamExt as _;
use home_embedded::{Home, PictureFetcher, Reach};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Problem;
use wiring::{Config, Operator};

use crate::output::{CliError, REFUSED, note, say, shown};

/// Products written side by side: they share the store's group commits.
const AT_ONCE: usize = 64;

#[derive(Args)]
pub struct Options {
    file: PathBuf,
    /// Read and check everything, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Import nothing if anything in the file is refused
    #[arg(long)]
    all_or_nothing: bool,
    /// Keep copies of the pictures here, so that they stay when the site that they are on is gone
    #[arg(long)]
    fetch_images: bool,
    /// Fetch pictures from this machine and its networks, too
    #[arg(long, requires = "fetch_images")]
    private_addresses: bool,
}

/// What an import has come to.
#[derive(Debug, Default)]
pub struct Report {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub variants: usize,
    pub refused: Vec<RowError>,
    /// What was taken and may not be meant.
    pub warnings: Vec<RowError>,
    pub columns_not_taken: Vec<String>,
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

    fn say_rows(&self) -> Result<(), CliError> {
        for warning in &self.warnings {
            note(&format!("warning: {}", shown(&warning.to_string())));
        }
        if !self.columns_not_taken.is_empty() {
            note(&format!("not taken from the file: {}", shown(&self.columns_not_taken.join(", "))));
        }
        self.refused.iter().try_for_each(|row| say(&shown(&row.to_string())))
    }
}

/// Imports a file. Products that are refused keep no others out, unless the options say so.
pub async fn products(config: &Config, options: &Options) -> Result<ExitCode, CliError> {
    if options.dry_run || options.all_or_nothing {
        let Opened { products, bar } = open(config, &options.file)?;
        let report = dry(products);
        bar.finish_and_clear();
        if options.dry_run || !report.refused.is_empty() {
            report.say_rows()?;
            let Report { created, variants, refused, .. } = &report;
            let why = if options.dry_run { "dry run, nothing changed" } else { "nothing was imported" };
            say(&format!("{why}: {created} products with {variants} variants can be imported, {} refused", refused.len()))?;
            return Ok(exit_code(&report));
        }
    }
    let Opened { products, bar } = open(config, &options.file)?;
    let home = Home::open(config)?;
    let report = import(&home.operator(), products, options).await;
    home.close().await?;
    bar.finish_and_clear();
    let report = report?;
    report.say_rows()?;
    let Report { created, updated, unchanged, variants, refused, .. } = &report;
    say(&format!("{created} products created, {updated} updated, {unchanged} unchanged, {} refused ({variants} variants)", refused.len()))?;
    Ok(exit_code(&report))
}

fn exit_code(report: &Report) -> ExitCode {
    if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) }
}

struct Opened<R> {
    products: Products<R>,
    bar: ProgressBar,
}

/// Nothing is made in the data directory for a file that cannot be read.
fn open(config: &Config, file: &Path) -> Result<Opened<impl Read>, CliError> {
    let input = |error: &dyn std::fmt::Display| CliError::Input(format!("{}: {error}", file.display()));
    let source = File::open(file).map_err(|error| input(&error))?;
    let metadata = source.metadata().map_err(|error| input(&error))?;
    if metadata.is_dir() {
        return Err(input(&"is a directory"));
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(metadata.len()).with_style(style);
    let products = catalog::parse(bar.wrap_read(BufReader::new(source)), config.shop.currency).map_err(|error| input(&error))?;
    Ok(Opened { products, bar })
}

fn dry(mut products: Products<impl Read>) -> Report {
    let mut report = Report::default();
    for product in products.by_ref() {
        match product {
            Ok(product) => {
                report.created += 1;
                report.variants += product.stock.len();
                report.warnings.extend(warnings_of(&product));
            }
            Err(row) => report.refused.push(row),
        }
    }
    report.columns_not_taken = products.columns_not_taken().map(str::to_owned).collect();
    report
}

async fn import(operator: &Operator<'_>, mut products: Products<impl Read>, options: &Options) -> Result<Report, Problem> {
    let reach = if options.private_addresses { Reach::Private } else { Reach::Public };
    let fetcher = if options.fetch_images { Some(PictureFetcher::new(operator.pictures()?, reach)) } else { None };
    let report = write(operator, products.by_ref(), fetcher.as_ref()).await?;
    Ok(Report { columns_not_taken: products.columns_not_taken().map(str::to_owned).collect(), ..report })
}

/// Writes products into the catalog and their stock into the inventory.
pub async fn write(
    operator: &Operator<'_>,
    products: impl Iterator<Item = Result<ImportedProduct, RowError>>,
    fetcher: Option<&PictureFetcher>,
) -> Result<Report, Problem> {
    let mut report = Report::default();
    let writes = futures::stream::iter(products).map(|product| write_one(operator, product, fetcher));
    let mut writes = std::pin::pin!(writes.buffered(AT_ONCE));
    while let Some(written) = writes.next().await {
        match written? {
            Ok((imported, warnings)) => {
                report.count(&imported);
                report.warnings.extend(warnings);
            }
            Err(row) => report.refused.push(row),
        }
    }
    Ok(report)
}

type Written = Result<(Imported, Vec<RowError>), RowError>;

async fn write_one(
    operator: &Operator<'_>,
    product: Result<ImportedProduct, RowError>,
    fetcher: Option<&PictureFetcher>,
) -> Result<Written, Problem> {
    let product = match product {
        Ok(product) => product,
        Err(row) => return Ok(Err(row)),
    };
    let mut warnings = warnings_of(&product);
    let (line, handle) = (product.line, product.handle.clone());
    let about = |reason: String| RowError { line, handle: handle.clone(), reason };
    let product = match fetcher {
        None => product,
        Some(fetcher) => {
            let (product, failed) = fetcher.fetch(product).await?;
            warnings.extend(failed.into_iter().map(about));
            product
        }
    };
    match operator.import_product(&product).await {
        Ok(imported) => Ok(Ok((imported, warnings))),
        // A product that the catalog refuses is the file's fault; a store that fails is not.
        Err(problem) if problem.code.status() < 500 => Ok(Err(about(problem.detail))),
        Err(problem) => Err(problem),
    }
}

fn warnings_of(product: &ImportedProduct) -> Vec<RowError> {
    let one = |(line, reason): &(u64, String)| RowError { line: *line, handle: product.handle.clone(), reason: reason.clone() };
    product.warnings.iter().map(one).collect()
}

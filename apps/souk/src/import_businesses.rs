//! `souk import businesses`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use directory::{DEFAULT_MAPPING, FileKind, Mapping, Place, RefusedRow, Report};
use home_embedded::Home;
use indicatif::{ProgressBar, ProgressStyle};
use wiring::{Config, Operator};

use crate::output::{CliError, REFUSED, say, shown};

#[derive(Args)]
pub struct Options {
    #[arg(required_unless_present = "print_mapping")]
    file: Option<PathBuf>,
    /// Read and check everything, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Import nothing if anything in the file is refused
    #[arg(long)]
    all_or_nothing: bool,
    /// A TOML file that says which tags lead to which category
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Print the mapping in force, to be edited
    #[arg(long)]
    print_mapping: bool,
    /// List everything that could not be taken as it is
    #[arg(long)]
    warnings: bool,
}

/// Places that were read, those that were refused, and what could not be taken as it is.
struct Read {
    places: Vec<Place>,
    refused: Vec<RefusedRow>,
    /// All of them, and those about opening hours.
    warnings: usize,
    hours_not_understood: usize,
}

/// Imports a file. Places that are refused keep no others out, unless the options say so.
pub async fn run(config: &Config, options: &Options) -> Result<ExitCode, CliError> {
    let mapping = match &options.mapping {
        Some(file) => std::fs::read_to_string(file).map_err(|error| CliError::Input(format!("{}: {error}", file.display())))?,
        None => DEFAULT_MAPPING.to_owned(),
    };
    if options.print_mapping {
        say(mapping.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = options.file.as_ref().ok_or_else(|| CliError::Input("say which file to import".into()))?;
    let input = |reason: String| CliError::Input(format!("{}: {reason}", file.display()));
    let begun = Instant::now();
    let bytes = std::fs::read(file).map_err(|error| input(error.to_string()))?;
    let text = directory::text_of(bytes).map_err(input)?;
    let mapping = Mapping::parse(&mapping).map_err(|error| CliError::Input(error.to_string()))?;
    let read = read(&text, FileKind::of(file, &text), &mapping, options).map_err(input)?;
    let count = read.places.len();
    let nothing = options.dry_run || (options.all_or_nothing && !read.refused.is_empty());
    let report = if nothing { Report::default() } else { write(config, read.places).await? };
    let refused: Vec<&RefusedRow> = read.refused.iter().chain(&report.refused).collect();
    for row in &refused {
        say(&about(row.row, &row.name, &row.reason))?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    if nothing {
        let why = if options.dry_run { "dry run, nothing changed" } else { "nothing was imported" };
        say(&format!("{why}: {count} businesses can be imported, {} refused", refused.len()))?;
    } else {
        let Report { created, updated, unchanged, .. } = report;
        say(&format!(
            "{created} businesses created, {updated} updated, {unchanged} unchanged, {} refused ({seconds:.2} s)",
            refused.len()
        ))?;
    }
    if read.warnings > 0 {
        let hint = if options.warnings { "" } else { "; --warnings lists them" };
        say(&format!("{} warnings, {} of them about opening hours that are kept as text{hint}", read.warnings, read.hours_not_understood))?;
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
}

fn about(row: usize, name: &str, reason: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
    shown(&format!("row {row}{name}: {reason}"))
}

/// Writes a CSV file that belongs to the program: a place that is refused is a mistake in it.
pub async fn write_text(operator: &Operator<'_>, csv: &str) -> Result<Report, CliError> {
    let mapping = Mapping::parse(DEFAULT_MAPPING).map_err(CliError::failed)?;
    let places = directory::parse(csv, FileKind::Csv, &mapping).map_err(CliError::failed)?;
    let places: Result<Vec<Place>, RefusedRow> = places.into_iter().collect();
    let places = places.map_err(|row| CliError::Failed(format!("row {} of the demo businesses: {}", row.row, row.reason)))?;
    Ok(operator.import_businesses(places, |_| ()).await?)
}

fn read(text: &str, kind: FileKind, mapping: &Mapping, options: &Options) -> Result<Read, String> {
    let mut read = Read { places: Vec::new(), refused: Vec::new(), warnings: 0, hours_not_understood: 0 };
    for place in directory::parse(text, kind, mapping)? {
        match place {
            Err(row) => read.refused.push(row),
            Ok(place) => {
                read.warnings += place.warnings.len();
                read.hours_not_understood += place.warnings.iter().filter(|warning| warning.starts_with("opening_hours")).count();
                for warning in place.warnings.iter().filter(|_| options.warnings) {
                    say(&about(place.row, &place.profile.name, warning)).map_err(|error| error.to_string())?;
                }
                read.places.push(place);
            }
        }
    }
    Ok(read)
}

async fn write(config: &Config, places: Vec<Place>) -> Result<Report, CliError> {
    let style =
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {pos}/{len}  {eta}").unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(places.len() as u64).with_style(style);
    let home = Home::open(config)?;
    let report = home.operator().import_businesses(places, |done| bar.inc(done as u64)).await;
    home.close().await?;
    bar.finish_and_clear();
    Ok(report?)
}

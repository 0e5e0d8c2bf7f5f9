//! `lambda`: the bootstrap of the functions as `infra/` takes it, a folder and a zip per processor.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, process, table};

/// What a processor is called by AWS, by Rust, and by the machine that is it.
struct Target {
    name: &'static str,
    triple: &'static str,
    /// For the last compilation, which links everything.
    flags: &'static [&'static str],
}

impl Target {
    fn is_foreign(&self) -> bool {
        !self.triple.starts_with(std::env::consts::ARCH)
    }

    fn linker(&self) -> String {
        format!("{}-gcc", self.triple.replace("-unknown", ""))
    }
}

const TARGETS: [Target; 2] = [
    Target {
        name: "x86_64",
        triple: "x86_64-unknown-linux-gnu",
        // Functions that are the same become one; Rust promises nothing of their addresses.
        flags: &["-Clink-arg=-Wl,--icf=all"],
    },
    // Its linker is the system's, which does not know how.
    Target { name: "arm64", triple: "aarch64-unknown-linux-gnu", flags: &[] },
];
/// Says what to leave out.
const LINKER_SCRIPT: &str = "apps/lambda/bootstrap.ld";
/// Amazon Linux 2023, on which `provided.al2023` runs, has this one.
const GLIBC_MAX: (u32, u32) = (2, 34);
/// The name that `homes/aws/src/home.rs` looks for.
const BORDERS_FILE: &str = "time-zones.tzb";
/// Of the program, unzipped; a larger one starts slower.
pub const SIZE_AIM_MIB: f64 = 15.0;

pub fn run(root: &Path) -> Outcome {
    let time_zones = time_zones(root)?;
    let mut rows = Vec::new();
    for target in &TARGETS {
        rows.push(match buildable(target) {
            Err(why) => vec![target.name.to_owned(), "not built".to_owned(), String::new(), String::new(), why],
            Ok(()) => package(root, target, &time_zones)?,
        });
    }
    print!("{}", table::render(&["processor", "bootstrap", "unzipped", "zip", "note"], &rows));
    let built = rows.iter().any(|row| row[1] != "not built");
    if built { Ok(()) } else { Err("no bootstrap could be built here".into()) }
}

/// Builds the bootstrap for the machine at hand. Returns where it lies.
pub fn build_here(root: &Path) -> Outcome<PathBuf> {
    let here = TARGETS.iter().find(|target| !target.is_foreign());
    let here = here.ok_or_else(|| format!("Lambda has no processors of the kind {}", std::env::consts::ARCH))?;
    buildable(here)?;
    build(root, here)
}

/// Whether this machine's toolchain can build for a processor; why not, if it cannot.
fn buildable(target: &Target) -> Outcome {
    let library = process::output(Command::new("rustc").args(["--print", "target-libdir", "--target", target.triple]));
    if !library.is_ok_and(|folder| Path::new(folder.trim()).is_dir()) {
        return Err(format!("Rust's standard library for {} is missing: rustup target add {0}", target.triple));
    }
    let linker = target.linker();
    if target.is_foreign() && !process::works(Command::new(&linker).arg("--version")) {
        return Err(format!("{linker} is missing: it links, and compiles the parts in C"));
    }
    Ok(())
}

fn build(root: &Path, target: &Target) -> Outcome<PathBuf> {
    let mut command = process::cargo(root);
    command.args(["rustc", "--profile", "lambda", "--package", "lambda", "--bin", "bootstrap"]);
    let mut folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    if target.is_foreign() {
        folder.push(target.triple);
        command.args(["--target", target.triple]);
        command.env(format!("CARGO_TARGET_{}_LINKER", target.triple.to_uppercase().replace('-', "_")), target.linker());
    }
    command.arg("--").arg(format!("-Clink-arg={}", root.join(LINKER_SCRIPT).display())).args(target.flags);
    process::run(&mut command)?;
    Ok(folder.join("lambda/bootstrap"))
}

/// Where cargo keeps the borders of time zones, the file that a function reads beside its program.
pub fn time_zones(root: &Path) -> Outcome<PathBuf> {
    let told = process::json(process::cargo(root).args(["metadata", "--format-version", "1"]))?;
    let packages = told["packages"].as_array().into_iter().flatten();
    let manifest = packages.filter(|package| package["name"] == "tzf-dist").find_map(|package| package["manifest_path"].as_str());
    Ok(Path::new(manifest.ok_or("cargo knows no package tzf-dist")?).with_file_name("lite.tzb"))
}

fn package(root: &Path, target: &Target, time_zones: &Path) -> Outcome<Vec<String>> {
    let built = build(root, target)?;
    let newest = newest_glibc(&process::output(Command::new("objdump").arg("-T").arg(&built))?);
    if let Some((major, minor)) = newest.filter(|version| *version > GLIBC_MAX) {
        let (most_major, most_minor) = GLIBC_MAX;
        return Err(format!(
            "the bootstrap needs GLIBC_{major}.{minor}; Lambda has {most_major}.{most_minor}: build on Debian 12 or older"
        ));
    }
    let folder = root.join("target/lambda").join(target.name);
    process::folder(&folder)?;
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    let files = [folder.join("bootstrap"), folder.join(BORDERS_FILE)];
    std::fs::copy(&built, &files[0]).map_err(fail)?;
    std::fs::copy(time_zones, &files[1]).map_err(fail)?;
    let zip = root.join("target/lambda").join(format!("{}.zip", target.name));
    if zip.exists() {
        std::fs::remove_file(&zip).map_err(fail)?;
    }
    process::run(Command::new("zip").args(["--quiet", "--junk-paths", "-9"]).arg(&zip).args(&files))?;
    let glibc = newest.map_or("needs no glibc".to_owned(), |(major, minor)| format!("needs GLIBC_{major}.{minor}"));
    let mib = |size: f64| format!("{size:.1} MiB");
    let (program, data) = (size_mib(&built)?, size_mib(time_zones)?);
    Ok(vec![target.name.to_owned(), mib(program), mib(program + data), mib(size_mib(&zip)?), glibc])
}

#[allow(clippy::cast_precision_loss)]
pub fn size_mib(file: &Path) -> Outcome<f64> {
    let bytes = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?.len();
    Ok(bytes as f64 / (1024.0 * 1024.0))
}

/// The newest version among the symbols that `objdump -T` lists.
fn newest_glibc(symbols: &str) -> Option<(u32, u32)> {
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let mut parts = rest.split(|one: char| !one.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_the_newest_symbol() {
        let symbols = "0000000000000000      DF *UND*\t0000000000000000 (GLIBC_2.2.5) free\n\
            0000000000000000      DF *UND*\t0000000000000000 (GLIBC_2.34) pthread_create\n\
            0000000000000000  w   DF *UND*\t0000000000000000 (GLIBC_2.9)  pipe2\n";
        assert_eq!(super::newest_glibc(symbols), Some((2, 34)));
        assert_eq!(super::newest_glibc("no symbols"), None);
    }
}

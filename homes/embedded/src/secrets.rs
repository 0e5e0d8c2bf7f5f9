//! The signing key: given by configuration, or made on first start and kept in the data directory.

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use ports::Entropy;
use shell::SigningKey;
use wiring::{Config, ConfigError};

/// The key in force. A key file that others may read is refused.
pub fn signing_key(config: &Config, entropy: &dyn Entropy) -> Result<SigningKey, ConfigError> {
    if let Some(text) = &config.secrets.signing_key {
        return SigningKey::from_hex(text).ok_or_else(|| ConfigError("secrets.signing_key must be 64 hexadecimal digits".into()));
    }
    let folder = config.data.join("secrets");
    private_directory(&folder)?;
    let path = folder.join("signing.key");
    let failed = |error: std::io::Error| ConfigError(format!("{}: {error}", path.display()));
    let seed: [u8; 32] = entropy.bytes();
    let text: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            Ok(SigningKey(seed))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read(&path).map_err(failed)?.ok_or_else(|| ConfigError(format!("{} holds no signing key", path.display())))
        }
        Err(error) => Err(failed(error)),
    }
}

fn read(path: &Path) -> std::io::Result<Option<SigningKey>> {
    let mut file = OpenOptions::new().read(true).open(path)?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(std::io::Error::other("others may read the key: set its mode to 0600"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(SigningKey::from_hex(text.trim()))
}

/// Creates a directory that only its owner can enter.
pub(crate) fn private_directory(path: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| ConfigError(format!("{} cannot be created: {error}", path.display())))
}

/// Creates a file, or takes one that is there from others, whoever may enter its directory. SQLite gives the files that
/// it keeps beside a database the same mode.
pub(crate) fn private_file(path: &Path) -> Result<(), ConfigError> {
    let failed = |error: std::io::Error| ConfigError(format!("{}: {error}", path.display()));
    // One that exists is not opened: to close it would end the locks that this process may hold on it.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        other => return other.map(|_| ()).map_err(failed),
    }
    keep_from_others(path).map_err(failed)
}

/// Takes the rights of others away, if they have any and if there is such a file.
pub(crate) fn keep_from_others(path: &Path) -> std::io::Result<()> {
    let mode = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & 0o077 == 0 { Ok(()) } else { std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ports::FixedEntropy;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().join("data"), ..Config::default() };
        let first = signing_key(&config, &FixedEntropy::new(1)).unwrap();
        assert_eq!(signing_key(&config, &FixedEntropy::new(2)).unwrap().0, first.0);
        let path = config.data.join("secrets/signing.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(signing_key(&config, &FixedEntropy::new(2)).err().unwrap().0.contains("0600"));
    }
}

//! What a home does with its data directory.

#![allow(clippy::unwrap_used)]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use home_embedded::Home;
use wiring::Config;

fn config(data: &Path) -> Config {
    Config { data: data.to_owned(), ..Config::default() }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_mistyped_directory_is_no_empty_shop() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder.path().join("data"));
    let error = Home::open_existing(&config).err().unwrap().0;
    assert!(error.contains("there is no shop in"), "{error}");
    assert!(!config.data.exists(), "and none was made");
    Home::open(&config).unwrap().close().await.unwrap();
    Home::open_existing(&config).unwrap().close().await.unwrap();
}

#[tokio::test]
async fn what_is_kept_is_kept_from_others() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let config = config(folder.path());
    for _ in 0..2 {
        let home = Home::open(&config).unwrap();
        home.host().unwrap();
        for name in ["souk.db", "souk.db-wal", "gateway.db"] {
            assert_eq!(mode(&folder.path().join(name)), 0o600, "{name}");
        }
        for name in ["files", "search", "secrets"] {
            assert_eq!(mode(&folder.path().join(name)), 0o700, "{name}");
        }
        home.close().await.unwrap();
        // As an earlier version left them.
        std::fs::set_permissions(folder.path().join("souk.db"), Permissions::from_mode(0o644)).unwrap();
        std::fs::set_permissions(folder.path().join("files"), Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let home = Home::open(&config).unwrap();
    home.check_database().await.unwrap();
    home.close().await.unwrap();
    let path = config.database();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 8192;
    bytes[last..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let home = Home::open(&config).unwrap();
    let error = home.check_database().await.unwrap_err().0;
    assert!(error.contains("souk.db is damaged"), "{error}");
    home.close().await.unwrap();
}

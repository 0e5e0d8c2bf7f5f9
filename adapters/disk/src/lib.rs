//! Files in a folder of this machine. A file holds the content type in its first line and the bytes
//! after it: one file, so that one rename replaces both and no crash leaves the one without the other.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use ports::{Blob, BlobError, Blobs};

/// What one file may hold.
pub const BLOB_BYTES_MAX: usize = 64 * 1024 * 1024;
const NAME_BYTES_MAX: usize = 200;
const CONTENT_TYPE_BYTES_MAX: usize = 200;
/// Names have no leading dot, so a file on its way in is never taken for one that has arrived.
const INCOMING: &str = ".incoming-";
/// Leftovers of a crash are removed after this; younger ones may be another process's.
const INCOMING_AGE_MAX: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone)]
pub struct DiskBlobs {
    folder: PathBuf,
}

impl DiskBlobs {
    /// Makes the folder if there is none.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let folder = folder.into();
        std::fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
        remove_leftovers(&folder).map_err(|error| failed(&folder, &error))?;
        Ok(Self { folder })
    }

    async fn blocking<T, F>(&self, work: F) -> Result<T, BlobError>
    where
        T: Send + 'static,
        F: FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
    {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || work(&folder).map_err(|error| failed(&folder, &error)))
            .await
            .map_err(|error| BlobError::Failed(error.to_string()))?
    }
}

#[async_trait]
impl Blobs for DiskBlobs {
    async fn put(&self, name: &str, blob: Blob) -> Result<(), BlobError> {
        let name = checked(name)?;
        let kind = &blob.content_type;
        if blob.bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::Failed(format!("{} bytes are more than {BLOB_BYTES_MAX}", blob.bytes.len())));
        }
        if kind.is_empty() || kind.len() > CONTENT_TYPE_BYTES_MAX || !kind.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(BlobError::Failed("not a content type".into()));
        }
        self.blocking(move |folder| write(folder, &name, &blob)).await
    }

    async fn get(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        let name = checked(name)?;
        self.blocking(move |folder| read(&folder.join(name))).await
    }
}

/// The bytes are on the disk before the name shows them, and the name before we say so.
fn write(folder: &Path, name: &str, blob: &Blob) -> std::io::Result<()> {
    let mut incoming = tempfile::Builder::new().prefix(INCOMING).tempfile_in(folder)?;
    incoming.write_all(blob.content_type.as_bytes())?;
    incoming.write_all(b"\n")?;
    incoming.write_all(&blob.bytes)?;
    incoming.as_file().sync_all()?;
    incoming.persist(folder.join(name)).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn read(path: &Path) -> std::io::Result<Option<Blob>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let broken = || std::io::Error::new(ErrorKind::InvalidData, "the first line is no content type");
    let end = bytes.iter().take(CONTENT_TYPE_BYTES_MAX + 1).position(|byte| *byte == b'\n').ok_or_else(broken)?;
    let content_type = String::from_utf8(bytes[..end].to_vec()).map_err(|_| broken())?;
    Ok(Some(Blob { bytes: bytes.slice(end + 1..), content_type }))
}

fn checked(name: &str) -> Result<String, BlobError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.starts_with('.') || !name.bytes().all(allowed) {
        return Err(BlobError::Name(name.chars().take(NAME_BYTES_MAX).collect()));
    }
    Ok(name.to_owned())
}

fn remove_leftovers(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(INCOMING) {
            continue;
        }
        let age = SystemTime::now().duration_since(entry.metadata()?.modified()?).unwrap_or_default();
        if age > INCOMING_AGE_MAX {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn failed(folder: &Path, error: &std::io::Error) -> BlobError {
    BlobError::Failed(format!("{}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(bytes: &'static [u8]) -> Blob {
        Blob { bytes: Bytes::from_static(bytes), content_type: "image/png".into() }
    }

    #[tokio::test]
    async fn what_was_put_is_got_also_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = DiskBlobs::open(folder.path().join("a/b")).unwrap();
        assert_eq!(blobs.get("pot.png").await.unwrap(), None);
        for blob in [png(b""), png(b"one\ntwo\n\xff\0"), Blob { content_type: "text/plain; charset=utf-8".into(), ..png(b"3") }] {
            blobs.put("pot.png", blob.clone()).await.unwrap();
            let again = DiskBlobs::open(folder.path().join("a/b")).unwrap();
            assert_eq!(again.get("pot.png").await.unwrap(), Some(blob));
        }
        assert_eq!(std::fs::read_dir(folder.path().join("a/b")).unwrap().count(), 1, "no temporary file stays");
    }

    #[tokio::test]
    async fn names_do_not_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = DiskBlobs::open(folder.path().join("files")).unwrap();
        std::fs::write(folder.path().join("secret"), "text/plain\nsecret").unwrap();
        let long = "a".repeat(201);
        for name in ["", ".", "..", "../secret", "/etc/passwd", ".hidden", "a/b", "a\\b", "a\0b", "a b", "é", "%2e%2e", &long] {
            assert!(matches!(blobs.get(name).await, Err(BlobError::Name(_))), "{name}");
            assert!(matches!(blobs.put(name, png(b"x")).await, Err(BlobError::Name(_))), "{name}");
        }
        assert_eq!(std::fs::read(folder.path().join("secret")).unwrap(), b"text/plain\nsecret");
        let longest = "a".repeat(200);
        blobs.put(&longest, png(b"x")).await.unwrap();
        assert_eq!(blobs.get(&longest).await.unwrap(), Some(png(b"x")));
    }

    #[tokio::test]
    async fn content_types_and_sizes_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = DiskBlobs::open(folder.path()).unwrap();
        for content_type in [String::new(), "image/png\nX: y".into(), "a".repeat(201)] {
            assert!(matches!(blobs.put("a", Blob { content_type, ..png(b"x") }).await, Err(BlobError::Failed(_))));
        }
        let large = Blob { bytes: Bytes::from(vec![0; BLOB_BYTES_MAX + 1]), ..png(b"") };
        assert!(matches!(blobs.put("a", large).await, Err(BlobError::Failed(_))));
        assert_eq!(blobs.get("a").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_failing_disk_is_told_and_old_leftovers_go() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("files");
        let blobs = DiskBlobs::open(&place).unwrap();
        let (old, young) = (place.join(".incoming-old"), place.join(".incoming-young"));
        for path in [&old, &young] {
            std::fs::write(path, "").unwrap();
        }
        File::options().write(true).open(&old).unwrap().set_modified(SystemTime::now() - INCOMING_AGE_MAX * 2).unwrap();
        DiskBlobs::open(&place).unwrap();
        assert!(!old.exists() && young.exists());
        std::fs::remove_dir_all(&place).unwrap();
        assert!(matches!(blobs.put("a", png(b"x")).await, Err(BlobError::Failed(_))));
        std::fs::write(&place, "a file in its place").unwrap();
        assert!(matches!(DiskBlobs::open(&place), Err(BlobError::Failed(_))));
    }
}

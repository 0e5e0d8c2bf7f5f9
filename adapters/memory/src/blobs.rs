//! Files in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ports::{Blob, BlobError, Blobs, check_blob_name};

#[derive(Debug, Default)]
pub struct MemoryBlobs {
    blobs: Mutex<BTreeMap<String, Blob>>,
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, name: &str, blob: Blob) -> Result<(), BlobError> {
        check_blob_name(name)?;
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), blob);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        check_blob_name(name)?;
        Ok(self.blobs.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_comes_back_and_is_replaced() {
        let blobs = MemoryBlobs::default();
        let blob = |text: &'static str| Blob { bytes: text.into(), content_type: "text/plain".into() };
        assert_eq!(blobs.get("a.txt").await.unwrap(), None);
        for text in ["one", "two"] {
            blobs.put("a.txt", blob(text)).await.unwrap();
            assert_eq!(blobs.get("a.txt").await.unwrap(), Some(blob(text)));
        }
        for name in ["", ".hidden", "../a", "a/b", "ä", &"x".repeat(201)] {
            assert!(matches!(blobs.put(name, blob("one")).await, Err(BlobError::Name(_))), "{name}");
            assert!(matches!(blobs.get(name).await, Err(BlobError::Name(_))), "{name}");
        }
    }
}

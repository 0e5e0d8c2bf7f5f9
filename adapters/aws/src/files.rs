//! Files in a bucket.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use kernel::Duration;
use ports::{Blob, BlobError, Blobs, DirectUpload, check_blob_name};

use crate::clients::Clients;
use crate::error::describe;

/// Of files that were put without one.
const UNKNOWN_TYPE: &str = "application/octet-stream";

pub struct S3Blobs {
    clients: Arc<Clients>,
    bucket: String,
}

impl S3Blobs {
    pub fn new(clients: Arc<Clients>, bucket: impl Into<String>) -> Self {
        Self { clients, bucket: bucket.into() }
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put(&self, name: &str, blob: Blob) -> Result<(), BlobError> {
        check_blob_name(name)?;
        let put = self.clients.files().put_object().bucket(&self.bucket).key(name).content_type(blob.content_type);
        let body = ByteStream::from(blob.bytes);
        put.body(body).send().await.map(|_| ()).map_err(|error| BlobError::Failed(describe(&error)))
    }

    /// S3 tells that a file is missing only to those who may list the bucket.
    async fn get(&self, name: &str) -> Result<Option<Blob>, BlobError> {
        check_blob_name(name)?;
        let found = match self.clients.files().get_object().bucket(&self.bucket).key(name).send().await {
            Ok(found) => found,
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => return Ok(None),
            Err(error) => return Err(BlobError::Failed(describe(&error))),
        };
        let content_type = found.content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
        let bytes = found.body.collect().await.map_err(|error| BlobError::Failed(error.to_string()))?.into_bytes();
        Ok(Some(Blob { bytes, content_type }))
    }

    /// Type and length are signed: S3 refuses an upload with others.
    async fn direct_upload(
        &self,
        name: &str,
        content_type: &str,
        size_bytes: u64,
        valid: Duration,
    ) -> Result<Option<DirectUpload>, BlobError> {
        check_blob_name(name)?;
        let failed = |error: &dyn std::fmt::Display| BlobError::Failed(error.to_string());
        let length = i64::try_from(size_bytes).map_err(|error| failed(&error))?;
        let presigning = PresigningConfig::expires_in(valid).map_err(|error| failed(&error))?;
        let put = self.clients.files().put_object().bucket(&self.bucket).key(name).content_type(content_type).content_length(length);
        let signed = put.presigned(presigning).await.map_err(|error| BlobError::Failed(describe(&error)))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Some(DirectUpload { url: signed.uri().to_owned(), headers }))
    }
}

//! Files in a bucket.

use aws::{Clients, S3Blobs};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use bytes::Bytes;
use kernel::Duration;
use ports::{Blob, BlobError, Blobs};

use crate::{clients, unique};

async fn bucket(clients: &Clients) -> String {
    let name = unique("files");
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuCentral1).build();
    clients.files().create_bucket().bucket(&name).create_bucket_configuration(place).send().await.unwrap();
    name
}

fn png(bytes: &'static [u8]) -> Blob {
    Blob { bytes: Bytes::from_static(bytes), content_type: "image/png".into() }
}

#[tokio::test]
async fn what_was_put_is_got() {
    let clients = clients();
    let blobs = S3Blobs::new(clients.clone(), bucket(&clients).await);
    assert_eq!(blobs.get("pot.png").await.unwrap(), None);
    for blob in [png(b""), png(b"one\ntwo\n\xff\0"), Blob { content_type: "text/plain; charset=utf-8".into(), ..png(b"3") }] {
        blobs.put("pot.png", blob.clone()).await.unwrap();
        assert_eq!(blobs.get("pot.png").await.unwrap(), Some(blob));
    }
    for name in ["", "..", "../secret", ".hidden", "a/b", "a b", "é"] {
        assert!(matches!(blobs.get(name).await, Err(BlobError::Name(_))), "{name}");
        assert!(matches!(blobs.put(name, png(b"x")).await, Err(BlobError::Name(_))), "{name}");
        assert!(matches!(blobs.direct_upload(name, "image/png", 1, Duration::from_secs(60)).await, Err(BlobError::Name(_))), "{name}");
    }
    let nowhere = S3Blobs::new(clients, unique("nowhere"));
    assert!(matches!(nowhere.put("a", png(b"x")).await, Err(BlobError::Failed(_))));
}

#[tokio::test]
async fn a_client_brings_a_file_itself() {
    let clients = clients();
    let blobs = S3Blobs::new(clients.clone(), bucket(&clients).await);
    let upload = blobs.direct_upload("pot.png", "image/png", 3, Duration::from_secs(60)).await.unwrap().unwrap();
    for part in ["X-Amz-Signature=", "X-Amz-Expires=60", "content-length", "content-type"] {
        assert!(upload.url.contains(part), "{part} in {}", upload.url);
    }
    let status = tokio::task::spawn_blocking(move || {
        let mut put = ureq::put(&upload.url);
        for (name, value) in upload.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")) {
            put = put.header(name, value);
        }
        put.send(b"pot").unwrap().status().as_u16()
    });
    assert_eq!(status.await.unwrap(), 200);
    assert_eq!(blobs.get("pot.png").await.unwrap(), Some(png(b"pot")));
    assert!(blobs.direct_upload("pot.png", "image/png", 3, Duration::from_secs(8 * 24 * 3600)).await.is_err(), "more than a week");
}

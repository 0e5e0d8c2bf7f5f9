//! Pictures: taken in from sellers, given out to everyone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kernel::{Actor, BusinessId, Code, Duration, Problem};
use ports::store::Stored;
use ports::{Blob, BlobError, Blobs};
use serde::Deserialize;
use shell::http::{Json, LargeBody, OpenApiRouter, Path, SignedIn, Unrecorded};
use shell::{Changes, DecisionContext, Failure, HandlerResult, Reply, RootRoutes};
use utoipa::ToSchema;

use crate::App;
use crate::seller::EarlyPictures;
use crate::standing::{any_sells, pictures_key};
use crate::views::{DirectUploadView, PreparedUploadView, UploadView};

pub const UPLOAD_BYTES_MAX: usize = 5 * 1024 * 1024;
/// How long a client has to bring a picture itself.
const DIRECT_VALID: Duration = Duration::from_secs(15 * 60);

pub fn routes(app: App) -> OpenApiRouter {
    shell::routes!(
        prepare_upload: [Conflict, Forbidden],
        upload: [Conflict, Forbidden, UnsupportedMediaType],
    )
    .with_state(app)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "content_type": "image/png", "size_bytes": 20480 }))]
struct PrepareUpload {
    /// `image/png`, `image/jpeg`, `image/webp` or `image/gif`.
    #[schema(max_length = 100)]
    content_type: String,
    #[schema(minimum = 1, maximum = 5242880)]
    size_bytes: u64,
}

pub fn files(app: App) -> RootRoutes {
    RootRoutes::new().get("/files/{name}", file).with_state(app)
}

/// Upload a picture of at most 5 MiB: PNG, JPEG, WebP or GIF, as the raw body. The same picture gets the same address. For the
/// people of a published business and for admins; those of a business that is not published upload at most 20.
#[utoipa::path(post, path = "/uploads", tag = "catalog", operation_id = "uploadFile", extensions(("x-body-bytes-max" = json!(UPLOAD_BYTES_MAX))),
    request_body(content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"), (Vec<u8> = "image/gif"))),
    responses((status = 201, body = UploadView)))]
async fn upload(request: SignedIn, State(app): State<App>, headers: HeaderMap, body: LargeBody) -> HandlerResult {
    let unpublished = check_seller(&app, &request).await?;
    let bytes = body.read().await?;
    let picture = picture_of(&bytes, headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()))?;
    let name = name_for(&bytes, picture);
    let size_bytes = bytes.len();
    if let Some(business) = unpublished {
        count(&app, business).await?;
    }
    app.deps.blobs.put(&name, Blob { bytes, content_type: picture.content_type.into() }).await.map_err(blob_problem)?;
    tracing::info!(user = %request.user_id, name, size_bytes, "a picture was uploaded");
    let url = format!("/files/{name}");
    Ok(Reply::created(url.clone(), &UploadView { url: &url, content_type: picture.content_type, size_bytes }))
}

/// Prepare the upload of a picture straight to where files are kept, past the API, which takes smaller bodies on some
/// hosts. Where there is no such way, the answer has no `direct`: send the picture to `/uploads`.
#[utoipa::path(post, path = "/uploads/direct", tag = "catalog", operation_id = "prepareUpload", request_body = PrepareUpload, responses((status = 200, body = PreparedUploadView)))]
async fn prepare_upload(request: Unrecorded<SignedIn>, State(app): State<App>, Json(body): Json<PrepareUpload>) -> HandlerResult {
    let unpublished = check_seller(&app, &request).await?;
    let picture = PICTURES.into_iter().find(|picture| picture.content_type == body.content_type);
    let picture = picture.ok_or_else(|| Problem::field("content_type", "is none of image/png, image/jpeg, image/webp, image/gif"))?;
    if !(1..=UPLOAD_BYTES_MAX as u64).contains(&body.size_bytes) {
        return Err(Problem::field("size_bytes", format!("must be 1 to {UPLOAD_BYTES_MAX}")).into());
    }
    let name = format!("{:032x}.{}", u128::from_le_bytes(app.work.runtime().entropy.bytes()), picture.extension);
    let upload = app.deps.blobs.direct_upload(&name, picture.content_type, body.size_bytes, DIRECT_VALID).await.map_err(blob_problem)?;
    if upload.is_some() {
        if let Some(business) = unpublished {
            count(&app, business).await?;
        }
        tracing::info!(user = %request.user_id, name, body.size_bytes, "an upload was prepared");
    }
    let direct = upload.map(|upload| DirectUploadView {
        url: format!("/files/{name}"),
        upload_url: upload.url,
        headers: upload.headers.into_iter().collect(),
        valid_secs: DIRECT_VALID.as_secs(),
    });
    Ok(Reply::ok(&PreparedUploadView { direct }).no_store())
}

/// Pictures of other sites, kept here under a name that follows from their address: what is here is not fetched again, and
/// stays when the other site is gone.
#[derive(Clone)]
pub struct Pictures(Files);

impl Pictures {
    pub fn new(files: Files) -> Self {
        Self(files)
    }

    /// Where the picture of this address is, if it is here.
    pub async fn find(&self, address: &str) -> Result<Option<String>, Problem> {
        for picture in PICTURES {
            let name = name_for(address.as_bytes(), picture);
            if self.0.get(&name).await.map_err(blob_problem)?.is_some() {
                return Ok(Some(format!("/files/{name}")));
            }
        }
        Ok(None)
    }

    /// Keeps what was found at the address, if an upload of it would be taken. Returns where it is from now on.
    pub async fn keep(&self, address: &str, declared: Option<&str>, bytes: Vec<u8>) -> Result<String, Problem> {
        if bytes.len() > UPLOAD_BYTES_MAX {
            return Err(too_large());
        }
        let picture = picture_of(&bytes, declared)?;
        let name = name_for(address.as_bytes(), picture);
        self.0.put(&name, Blob { bytes: bytes.into(), content_type: picture.content_type.into() }).await.map_err(blob_problem)?;
        Ok(format!("/files/{name}"))
    }
}

fn name_for(bytes: &[u8], picture: Picture) -> String {
    format!("{}.{}", &blake3::hash(bytes).to_hex()[..32], picture.extension)
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("a picture may have {UPLOAD_BYTES_MAX} bytes"))
}

/// For whom the picture is counted: for a business of theirs, while none of them is published.
async fn check_seller(app: &App, request: &SignedIn) -> Result<Option<BusinessId>, Problem> {
    match &request.actor {
        actor if actor.is_admin() => Ok(None),
        Actor::User { businesses, .. } if !businesses.is_empty() => {
            let businesses: Vec<_> = businesses.iter().map(|membership| membership.business_id).collect();
            let sells = any_sells(app.work.table(), &businesses).await?;
            Ok(businesses.first().copied().filter(|_| !sells))
        }
        Actor::User { .. } | Actor::Guest | Actor::System => Err(Problem::forbidden("uploads are for sellers")),
    }
}

/// Before the picture is kept: otherwise many requests at once would pass the limit.
async fn count(app: &App, business: BusinessId) -> Result<(), Problem> {
    let count = |before: Option<Stored<EarlyPictures>>, _: &DecisionContext| {
        let version = before.as_ref().map(|before| before.version);
        Changes::put(version, EarlyPictures::another(before.map(|before| before.value), business)?)
    };
    let key = pictures_key(business);
    app.work.run_job("catalog.count_picture", |_| app.work.table().get(&key), count).await?;
    Ok(())
}

/// A name stands for its content, so caches may keep it for good.
async fn file(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Failure> {
    let etag = format!("\"{name}\"");
    let missing = || Problem::new(Code::NotFound, "there is no such file");
    let cached = [(header::CACHE_CONTROL, "public, max-age=31536000, immutable"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    let blob = match app.deps.blobs.get(&name).await {
        Ok(blob) => blob.ok_or_else(missing)?,
        Err(BlobError::Name(_)) => return Err(missing().into()),
        Err(error @ BlobError::Failed(_)) => return Err(blob_problem(error).into()),
    };
    let own = [
        (header::ETAG, etag),
        (header::CONTENT_TYPE, blob.content_type),
        // Whatever a browser makes of the file, it runs nothing.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".into()),
    ];
    Ok((cached, own, blob.bytes).into_response())
}

pub type Files = Arc<dyn Blobs>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Picture {
    content_type: &'static str,
    extension: &'static str,
}

const PNG: Picture = Picture { content_type: "image/png", extension: "png" };
const JPEG: Picture = Picture { content_type: "image/jpeg", extension: "jpg" };
const WEBP: Picture = Picture { content_type: "image/webp", extension: "webp" };
const GIF: Picture = Picture { content_type: "image/gif", extension: "gif" };
const PICTURES: [Picture; 4] = [PNG, JPEG, WEBP, GIF];

/// What the bytes are, by how they begin; a media type that says otherwise is refused.
fn picture_of(bytes: &[u8], declared: Option<&str>) -> Result<Picture, Problem> {
    let picture = match bytes {
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => PNG,
        [0xFF, 0xD8, 0xFF, ..] => JPEG,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => WEBP,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => GIF,
        _ => return Err(Problem::new(Code::UnsupportedMediaType, "send a PNG, JPEG, WebP or GIF as the body")),
    };
    let declared = declared.map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    match declared.as_deref() {
        None | Some("application/octet-stream") => {}
        Some(declared) if declared == picture.content_type => {}
        Some(_) => {
            let message = format!("the body is {}, which Content-Type denies", picture.content_type);
            return Err(Problem::new(Code::UnsupportedMediaType, message));
        }
    }
    Ok(picture)
}

fn blob_problem(error: BlobError) -> Problem {
    match error {
        BlobError::Name(_) => Problem::internal(error),
        BlobError::Failed(_) => Problem::unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_how_they_begin() {
        let png = b"\x89PNG\r\n\x1a\nrest".as_slice();
        for (bytes, declared, expect) in [
            (png, Some("image/png"), Some("png")),
            (png, Some("IMAGE/PNG; charset=binary"), Some("png")),
            (png, None, Some("png")),
            (png, Some("application/octet-stream"), Some("png")),
            (png, Some("image/jpeg"), None),
            (b"\xFF\xD8\xFF\xE0", Some("image/jpeg"), Some("jpg")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp"), Some("webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", Some("image/webp"), None),
            (b"GIF89a..", Some("image/gif"), Some("gif")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'>", Some("image/svg+xml"), None),
            (b"<script>", Some("image/png"), None),
            (b"", None, None),
        ] {
            assert_eq!(picture_of(bytes, declared).ok().map(|picture| picture.extension), expect, "{declared:?}");
        }
    }
}

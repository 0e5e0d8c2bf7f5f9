//! Opening hours over HTTP, before they are saved.

use axum::extract::State;
use shell::http::{Json, OpenApiRouter, SignedIn, Unrecorded};
use shell::{HandlerResult, Reply};

use crate::App;
use crate::business::BusinessError;
use crate::business::hours::{HoursInput, HoursView};

pub fn routes() -> OpenApiRouter<App> {
    shell::routes!(preview)
}

/// Try opening hours: what a text or a week means for the place, now and in the coming week, or where it is not understood. Saves nothing.
///
/// The text of the answer is what the profile takes as `opening_hours`: as it was sent, or made from the week. A text that is
/// not understood is answered with 200, `understood: false` and the problem, so that an editor can ask while its user types.
#[utoipa::path(post, path = "/opening-hours/preview", tag = "directory", operation_id = "previewOpeningHours", request_body = HoursInput, responses((status = 200, body = HoursView)))]
async fn preview(_: Unrecorded<SignedIn>, State(app): State<App>, Json(input): Json<HoursInput>) -> HandlerResult {
    let (text, profile) = input.into_parts()?;
    let profile = app.deps.time_zones.completed(profile)?;
    let place =
        app.settings.place_of(&profile).ok_or_else(|| BusinessError::Field { field: "time_zone", reason: "is not known".into() })?;
    Ok(Reply::ok(&HoursView::of(&text, &place, app.work.now())))
}

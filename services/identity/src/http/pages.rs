//! The pages behind the links of mails. Opening one changes nothing, because mail scanners follow
//! links as well; a button does.

use axum::extract::State;
use axum::response::Response;
use kernel::{Code, Problem};
use ports::reads::LinkPurpose;
use serde::Deserialize;
use shell::http::{Form, PageAnswer, PageFailure, Query, escape, page};
use shell::{RequestContext, RootRoutes};

use super::auth;
use crate::App;
use crate::password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};

pub(super) fn routes(app: &App) -> RootRoutes {
    RootRoutes::new()
        .get("/verify-email", ask_to_verify)
        .post("/verify-email", verify)
        .get("/reset-password", ask_for_password)
        .post("/reset-password", reset)
        .with_state(app.clone())
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize)]
struct NewPassword {
    token: String,
    new_password: String,
    repeated: String,
}

async fn ask_to_verify(State(app): State<App>, Query(query): Query<Token>) -> PageAnswer {
    if let Err(problem) = auth::link(&app, LinkPurpose::VerifyEmail, &query.token) {
        return not_done(problem.into(), "from your profile");
    }
    Ok(verify_form(200, &query.token, None))
}

async fn verify(State(app): State<App>, request: RequestContext, Form(form): Form<Token>) -> PageAnswer {
    // Without the password anybody's button would do, also for an account that a stranger has made with the address.
    match auth::verify(&app, &request, &form.token, Some(&form.password)).await {
        Ok(_) => {
            Ok(page(200, "Your e-mail address is confirmed", "<p>Thank you. You can sign in with it from now on, and close this page.</p>"))
        }
        Err(failure) if failure.problem().code == Code::Invalid => Ok(verify_form(422, &form.token, Some("is wrong"))),
        Err(failure) => not_done(failure.into(), "from your profile"),
    }
}

fn verify_form(status: u16, token: &str, wrong: Option<&str>) -> Response {
    let (alert, marks) = alert(wrong);
    let token = escape(token);
    let body = format!(
        "<p>Enter the password of your account, and we know that this e-mail address is yours.</p>\n\
         {alert}<form method=\"post\" action=\"/verify-email\">\n<input type=\"hidden\" name=\"token\" value=\"{token}\">\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required {marks}>\n\
         <p class=\"quiet\" id=\"rules\">The one that you chose when you registered. If you did not register, close this page.</p>\n\
         <button type=\"submit\">Confirm my address</button>\n</form>"
    );
    page(status, "Confirm your e-mail address", &body)
}

/// What is wrong with a password, and how its field refers to that.
fn alert(wrong: Option<&str>) -> (String, &'static str) {
    match wrong {
        Some(message) => (
            format!("<p class=\"wrong\" id=\"wrong\" role=\"alert\">The password {}.</p>\n", escape(message)),
            "aria-invalid=\"true\" aria-describedby=\"wrong rules\"",
        ),
        None => (String::new(), "aria-describedby=\"rules\""),
    }
}

async fn ask_for_password(State(app): State<App>, Query(query): Query<Token>) -> PageAnswer {
    match auth::reset_link(&app, &query.token).await {
        Ok((_, user)) => Ok(password_form(200, user.email.as_str(), &query.token, None)),
        Err(problem) => not_done(problem.into(), "where you sign in"),
    }
}

async fn reset(State(app): State<App>, request: RequestContext, Form(form): Form<NewPassword>) -> PageAnswer {
    let done = if form.new_password == form.repeated {
        auth::reset(&app, &request, &form.token, &form.new_password).await
    } else {
        Err(Problem::field("repeated", "is not the same in both fields").into())
    };
    match done {
        Ok(_) => Ok(page(
            200,
            "Your password is changed",
            "<p>Sign in with the new one from now on. Whoever was signed in to your account no longer is.</p>",
        )),
        Err(failure) if failure.problem().code == Code::Invalid => {
            let message = failure.problem().fields.first().map(|field| field.message.clone()).unwrap_or_default();
            match auth::reset_link(&app, &form.token).await {
                Ok((_, user)) => Ok(password_form(422, user.email.as_str(), &form.token, Some(&message))),
                Err(problem) => not_done(problem.into(), "where you sign in"),
            }
        }
        Err(failure) => not_done(failure.into(), "where you sign in"),
    }
}

/// The address is there for password managers, which otherwise would not know whose password it is.
fn password_form(status: u16, email: &str, token: &str, wrong: Option<&str>) -> Response {
    let (alert, marks) = alert(wrong);
    let (email, token) = (escape(email), escape(token));
    let body = format!(
        "{alert}<form method=\"post\" action=\"/reset-password\">\n<input type=\"hidden\" name=\"token\" value=\"{token}\">\n\
         <label for=\"email\">Account</label>\n<input id=\"email\" type=\"email\" value=\"{email}\" autocomplete=\"username\" readonly>\n\
         <label for=\"new_password\">New password</label>\n\
         <input id=\"new_password\" name=\"new_password\" type=\"password\" autocomplete=\"new-password\" required {marks}>\n\
         <p class=\"quiet\" id=\"rules\">{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters of any kind. Not one that everyone tries first, \
         and not your e-mail address. A few words in a row are easy to remember and hard to guess.</p>\n\
         <label for=\"repeated\">The same once more</label>\n\
         <input id=\"repeated\" name=\"repeated\" type=\"password\" autocomplete=\"new-password\" required>\n\
         <button type=\"submit\">Change the password</button>\n</form>"
    );
    page(status, "Choose a new password", &body)
}

/// A link that does not work gets a page that says how to get another; anything else is a failure.
fn not_done(failure: PageFailure, where_to_ask: &str) -> PageAnswer {
    if failure.code() != Code::InvalidToken {
        return Err(failure);
    }
    let body = format!(
        "<p>It is incomplete, too old, or has been used, or a newer mail has replaced it. Only the link of the latest mail works, \
         and only for a while.</p>\n<p>You can ask for a new mail {where_to_ask}.</p>"
    );
    Ok(page(410, "This link is no longer valid", &body))
}

//! Pages for people: one look, no scripts, nothing loaded from elsewhere.

use axum::extract::{FromRequest, Request};
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode, header};
use kernel::{Code, Problem, Timestamp};
use serde::de::DeserializeOwned;

use super::Failure;

/// The look of all pages; the mailbox of development puts it into its own templates.
pub const PAGE_STYLE: &str = include_str!("page.css");

/// Inline styles, the icon, forms to ourselves, and nothing else.
pub const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What a handler of a page returns.
pub type PageAnswer = Result<Response, PageFailure>;

/// A page of a title, which is escaped, and a body, whose texts the caller has escaped.
pub fn page(status: u16, title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{PAGE_STYLE}</style>\n</head>\n<body>\n<main class=\"card\">\n<h1>{title}</h1>\n{body}\n</main>\n\
         <footer><a href=\"/\">Start page</a></footer>\n</body>\n</html>\n"
    );
    // Addresses of pages carry tokens: other sites are not told them, and no cache keeps what they open.
    let headers =
        [(header::CONTENT_SECURITY_POLICY, PAGE_POLICY), (header::REFERRER_POLICY, "same-origin"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), headers, Html(html)).into_response()
}

/// Makes a text safe between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// `<time>` with the instant as people write it: `21 November 2026, 04:50 UTC`.
pub fn time(at: Timestamp) -> String {
    let shown = jiff::Timestamp::from_millisecond(at.as_millis()).map(|instant| instant.strftime("%-d %B %Y, %H:%M UTC").to_string());
    format!("<time datetime=\"{at}\">{}</time>", shown.unwrap_or_else(|_| at.to_string()))
}

/// A link to somewhere else, or just its text where the address is not one of the web.
pub fn link(address: &str, text: &str) -> String {
    let web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    let text = escape(text);
    if web { format!("<a href=\"{}\" rel=\"noopener noreferrer\">{text}</a>", escape(address)) } else { text }
}

/// A form that one of our own pages posted. Forms of other sites are refused.
#[derive(Debug, Clone)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = PageFailure;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageFailure> {
        if !is_same_origin(request.headers()) {
            return Err(Problem::forbidden("this form belongs to another site").into());
        }
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(value)) => Ok(Self(value)),
            Err(rejection) => {
                let code = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
                    _ => Code::MalformedRequest,
                };
                Err(Problem::new(code, rejection.body_text()).into())
            }
        }
    }
}

/// Whether one of our own pages asks, or no browser at all. What the browser says counts, if it says anything:
/// Sec-Fetch-Site, or else the host of Origin.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_, host)| text(header::HOST) == Some(host)),
        (None, None) => true,
    }
}

/// A problem on its way out, as a page.
#[derive(Debug)]
pub struct PageFailure(Failure);

impl<E: Into<Problem>> From<E> for PageFailure {
    fn from(error: E) -> Self {
        Self(error.into().into())
    }
}

impl From<Failure> for PageFailure {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl PageFailure {
    pub fn code(&self) -> Code {
        self.0.problem().code
    }
}

impl IntoResponse for PageFailure {
    fn into_response(self) -> Response {
        let code = self.0.problem().code;
        let detail = self.0.detail();
        let mut characters = detail.chars();
        let sentence: String = characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect();
        let body = if sentence.is_empty() { String::new() } else { format!("<p>{}.</p>", escape(sentence.trim_end_matches('.'))) };
        page(code.status(), code.title(), &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_markup() {
        for (text, expect) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onfocus='x' a=\"", "&quot; onfocus=&#39;x&#39; a=&quot;"),
            ("Tom & Co ü", "Tom &amp; Co ü"),
        ] {
            assert_eq!(escape(text), expect);
        }
        assert_eq!(link("javascript:alert(1)", "a<b"), "a&lt;b");
        assert_eq!(
            link("https://x.example/?a=1&b=\"", "x"),
            "<a href=\"https://x.example/?a=1&amp;b=&quot;\" rel=\"noopener noreferrer\">x</a>"
        );
    }

    #[test]
    fn instants_as_people_write_them() {
        let at: Timestamp = "2026-11-01T04:50:12.345Z".parse().unwrap();
        assert_eq!(time(at), "<time datetime=\"2026-11-01T04:50:12.345Z\">1 November 2026, 04:50 UTC</time>");
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        for (given, expect) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://shop.example"), ("host", "shop.example")], false),
            (&[("origin", "https://shop.example"), ("host", "shop.example")], true),
            (&[("origin", "https://evil.example"), ("host", "shop.example")], false),
            (&[("origin", "null"), ("host", "shop.example")], false),
        ] {
            let headers = given.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            assert_eq!(is_same_origin(&HeaderMap::from_iter(headers)), expect, "{given:?}");
        }
    }
}

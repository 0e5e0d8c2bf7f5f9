//! What somebody sees who opens the shop in a browser.

use shell::RootRoutes;
use shell::http::{escape, page};

use crate::config::{Config, Environment, Gateway, Transport};

pub(crate) fn routes(config: &Config) -> RootRoutes {
    let (name, body) = (config.shop.name.clone(), body(config));
    RootRoutes::new().get("/", move || async move { page(200, &name, &body) })
}

fn body(config: &Config) -> String {
    let mut links = vec![
        ("/api/docs", "The API", "every operation, with a form to try it"),
        ("/api/openapi.json", "OpenAPI document", "the same for programs"),
    ];
    if config.mail.transport == Transport::Capture {
        links.push(("/mailbox", "Mailbox", "the mails that this shop has written; none of them is sent"));
    }
    match config.payments.gateway {
        Gateway::Test => links.push(("/test-gateway/cards", "Test cards", "numbers to pay with; no real money moves")),
    }
    links.push(("/health/ready", "Health", "whether everything that is needed works"));
    let rows: String = links.iter().map(|(path, name, what)| format!("<dt><a href=\"{path}\">{name}</a></dt><dd>{what}</dd>\n")).collect();
    let imprint = match config.shop.imprint.as_str() {
        "" => String::new(),
        imprint => format!("<p class=\"quiet\">{}</p>\n", escape(imprint)),
    };
    let environment = match config.environment {
        Environment::Development => "<p class=\"quiet\">This is a shop for development.</p>\n",
        Environment::Production => "",
    };
    let support = escape(config.shop.support_email.as_str());
    format!(
        "<p>This shop runs on Souk, a platform for local commerce: a directory of businesses with reviews and search, and a shop with stock, carts, orders, payments and mails, behind one API. \
         It has no storefront of its own yet.</p>\n<dl class=\"links\">\n{rows}</dl>\n\
         <p>Questions about an order? Write to <a href=\"mailto:{support}\">{support}</a>.</p>\n{environment}{imprint}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_links_what_is_there() {
        let mut config = Config::default();
        config.shop.imprint = "Tom & <Co>".into();
        let captured = body(&config);
        assert!(captured.contains("href=\"/mailbox\"") && captured.contains("Tom &amp; &lt;Co&gt;"), "{captured}");
        config.mail.transport = Transport::Smtp;
        assert!(!body(&config).contains("/mailbox"));
    }
}

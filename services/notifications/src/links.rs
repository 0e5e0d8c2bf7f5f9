//! Where the buttons of mails lead. People's pages live at the root, `/api` is for programs:
//!
//! | path | who owns it |
//! |---|---|
//! | `/`, `/orders/{id}`, `/verify-email`, `/reset-password` | a service renders it today; the web app takes it over |
//! | `/businesses/{slug}`, `/account/…`, `/portal/…`, `/admin/…` | the web app: customers, businesses and the house |
//!
//! A mail whose page nobody serves yet is sent without a button. Once the web app stands, `WEB_APP_STANDS` becomes true.

use kernel::{BusinessId, LeadId, OrderId, ReviewId, UserId, VariantId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::reads::LinkPurpose;

const WEB_APP_STANDS: bool = false;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    Home,
    /// With a token that only the newest mail has.
    Account {
        user_id: UserId,
        purpose: LinkPurpose,
        serial: u32,
    },
    /// The order that the mail is about, with a token where a guest ordered.
    Order,
    Business {
        slug: String,
    },
    OwnReviews,
    PortalProfile(BusinessId),
    PortalLead(BusinessId, LeadId),
    PortalReview(BusinessId, ReviewId),
    PortalStock(BusinessId, VariantId),
    /// The part of the business in the order that the mail is about.
    PortalOrder(BusinessId),
    /// The order that the mail is about.
    AdminOrder,
    AdminStock(VariantId),
    AdminBusiness(BusinessId),
    AdminClaims,
    AdminLead(LeadId),
    AdminReviews,
}

impl Link {
    /// The path of the page without a token, in a mail about `order`; none while nobody serves it.
    pub fn path(&self, order: Option<OrderId>) -> Option<String> {
        let (path, is_served) = match self {
            Self::Home => ("/".to_owned(), true),
            Self::Account { purpose: LinkPurpose::VerifyEmail, .. } => ("/verify-email".to_owned(), true),
            Self::Account { purpose: LinkPurpose::ResetPassword, .. } => ("/reset-password".to_owned(), true),
            Self::Order => (format!("/orders/{}", order?), true),
            Self::Business { slug } => (format!("/businesses/{}", encode(slug)), WEB_APP_STANDS),
            Self::OwnReviews => ("/account/reviews".to_owned(), WEB_APP_STANDS),
            Self::PortalProfile(business) => (format!("/portal/{business}/profile"), WEB_APP_STANDS),
            Self::PortalLead(business, lead) => (format!("/portal/{business}/leads/{lead}"), WEB_APP_STANDS),
            Self::PortalReview(business, review) => (format!("/portal/{business}/reviews/{review}"), WEB_APP_STANDS),
            Self::PortalStock(business, variant) => (format!("/portal/{business}/stock/{variant}"), WEB_APP_STANDS),
            Self::PortalOrder(business) => (format!("/portal/{business}/orders/{}", order?), WEB_APP_STANDS),
            Self::AdminOrder => (format!("/admin/orders/{}", order?), WEB_APP_STANDS),
            Self::AdminStock(variant) => (format!("/admin/stock/{variant}"), WEB_APP_STANDS),
            Self::AdminBusiness(id) => (format!("/admin/businesses/{id}"), WEB_APP_STANDS),
            Self::AdminClaims => ("/admin/claims".to_owned(), WEB_APP_STANDS),
            Self::AdminLead(id) => (format!("/admin/leads/{id}"), WEB_APP_STANDS),
            Self::AdminReviews => ("/admin/reviews".to_owned(), WEB_APP_STANDS),
        };
        is_served.then_some(path)
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn encode(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding() {
        assert_eq!(encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(encode("a b&c=é\"/"), "a%20b%26c%3D%C3%A9%22%2F");
    }

    #[test]
    fn what_comes_from_outside_stays_in_its_place() {
        for hostile in ["../admin", "a?b#c", "//evil.example"] {
            let path = Link::Business { slug: hostile.into() }.path(None);
            assert!(path.is_none_or(|path| path.matches('/').count() == 2 && !path.contains(['?', '#'])), "{hostile}");
        }
    }
}

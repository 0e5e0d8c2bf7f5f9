//! For every operation a request that succeeds for those whom it is meant for.

use serde_json::{Value, json};

use super::shop::{Body, PASSWORD, Role};
use super::things::{CARD, Things, enquiry, order_of, postal_address, product, profile};

/// One line of the table.
pub struct Sample {
    /// `GET /api/v1/carts/{cart_id}`.
    pub operation: &'static str,
    /// What it is asked about, where the operation has several lines.
    pub case: &'static str,
    values: Vec<String>,
    query: String,
    pub body: Body,
    pub if_match: Option<String>,
    /// Why nobody can be let in here.
    pub nobody: Option<&'static str>,
    /// Why success leaves the stores as they were.
    pub no_write: Option<&'static str>,
}

fn ask<const N: usize>(operation: &'static str, values: [&str; N]) -> Sample {
    let values = values.map(str::to_owned).to_vec();
    Sample { operation, case: "", values, query: String::new(), body: Body::Empty, if_match: None, nobody: None, no_write: None }
}

impl Sample {
    fn case(self, case: &'static str) -> Self {
        Self { case, ..self }
    }

    fn query(self, query: String) -> Self {
        Self { query: format!("?{query}"), ..self }
    }

    fn json(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    fn form(self, fields: String) -> Self {
        Self { body: Body::Form(fields), ..self }
    }

    fn if_match(self, etag: &str) -> Self {
        Self { if_match: Some(etag.to_owned()), ..self }
    }

    fn nobody(self, because: &'static str) -> Self {
        Self { nobody: Some(because), ..self }
    }

    fn no_write(self, because: &'static str) -> Self {
        Self { no_write: Some(because), ..self }
    }

    pub fn method(&self) -> &'static str {
        self.operation.split(' ').next().unwrap_or_default()
    }

    /// The path with the values in the places of its parameters.
    pub fn path(&self) -> String {
        let mut values = self.values.iter();
        let template = self.operation.split(' ').nth(1).unwrap_or_default();
        let parts = template.split('/').map(|part| if part.starts_with('{') { values.next().map_or(part, String::as_str) } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        assert!(!path.contains('{') && values.next().is_none(), "{} has other parameters than its sample", self.operation);
        path + &self.query
    }
}

pub fn samples(things: &Things) -> Vec<Sample> {
    let all = [
        identity(things),
        directory(things),
        moderation(things),
        catalog(things),
        inventory(things),
        cart(things),
        orders(things),
        payments(things),
        reviews(things),
        others(things),
    ];
    all.into_iter().flatten().collect()
}

fn identity(t: &Things) -> Vec<Sample> {
    let (email, password) = (Role::Customer.email(), PASSWORD);
    let new_password = "another long and quiet river";
    let token = format!("token={}", t.reset_token);
    vec![
        ask("GET /.well-known/jwks.json", []),
        ask("GET /.well-known/openid-configuration", []),
        ask("GET /api/v1/admin/users", []),
        ask("GET /api/v1/admin/users/{user_id}", [&t.customer]),
        ask("POST /api/v1/admin/users/{user_id}/disable", [&t.bystander]).json(json!({ "reason": "complaints" })),
        ask("POST /api/v1/admin/users/{user_id}/enable", [&t.disabled]),
        ask("PUT /api/v1/admin/users/{user_id}/roles", [&t.bystander]).json(json!({ "roles": ["support"] })),
        ask("POST /api/v1/auth/register", []).json(json!({ "email": "new@people.example", "name": "New", "password": password })),
        ask("POST /api/v1/auth/sign-in", []).json(json!({ "email": email, "password": password })),
        ask("POST /api/v1/auth/refresh", []).json(json!({ "refresh_token": t.refresh_token })),
        ask("POST /api/v1/auth/sign-out", []).json(json!({ "refresh_token": t.refresh_token })),
        ask("POST /api/v1/auth/sign-out-everywhere", []),
        ask("POST /api/v1/auth/verify-email", []).json(json!({ "token": t.verification_token })),
        ask("POST /api/v1/auth/verify-email/resend", []).json(json!({ "email": email })),
        ask("POST /api/v1/auth/forgot-password", []).json(json!({ "email": email })),
        ask("POST /api/v1/auth/reset-password", []).json(json!({ "token": t.reset_token, "new_password": new_password })),
        ask("POST /api/v1/auth/change-password", []).json(json!({ "current_password": password, "new_password": new_password })),
        ask("GET /api/v1/me", []),
        ask("PATCH /api/v1/me", []).json(json!({ "name": "Ann Lee" })),
        ask("DELETE /api/v1/me", []).json(json!({ "password": password })),
        ask("GET /api/v1/me/export", []),
        ask("GET /api/v1/admin/users/{user_id}/sessions", [&t.customer]),
        ask("DELETE /api/v1/admin/users/{user_id}/sessions/{session_id}", [&t.customer, &t.session]),
        ask("GET /api/v1/me/sessions", []),
        ask("DELETE /api/v1/me/sessions/{session_id}", [&t.session]),
        ask("GET /api/v1/me/addresses", []),
        ask("POST /api/v1/me/addresses", []).json(json!({ "address": postal_address("Lee Ann") })),
        ask("PUT /api/v1/me/addresses/{address_id}", [&t.address]).json(json!({ "address": postal_address("Lee Ann") })),
        ask("DELETE /api/v1/me/addresses/{address_id}", [&t.address]),
        ask("GET /verify-email", []).query(format!("token={}", t.verification_token)),
        ask("POST /verify-email", []).form(format!("token={}&password={}", t.verification_token, password.replace(' ', "+"))),
        ask("GET /reset-password", []).query(token.clone()),
        ask("POST /reset-password", []).form(format!("{token}&new_password={0}&repeated={0}", new_password.replace(' ', "+"))),
    ]
}

fn directory(t: &Things) -> Vec<Sample> {
    let (business, category) = (t.business.as_str(), t.business_category.as_str());
    let draft = t.draft_business.as_str();
    vec![
        ask("GET /api/v1/business-categories", []),
        ask("POST /api/v1/business-categories", []).json(json!({ "name": "Opticians" })),
        ask("GET /api/v1/business-categories/{category_id}", [&t.business_category]),
        ask("PUT /api/v1/business-categories/{category_id}", [&t.empty_business_category])
            .json(json!({ "name": "Dressmakers" }))
            .if_match(&t.business_categories_etag),
        ask("DELETE /api/v1/business-categories/{category_id}", [&t.empty_business_category]),
        ask("GET /api/v1/businesses", []),
        ask("POST /api/v1/businesses", []).json(profile("Butcher", category)),
        ask("GET /api/v1/businesses/{business_id}", [business]),
        ask("GET /api/v1/businesses/{business_id}", [draft]).case("a draft").nobody("a draft has no public page"),
        ask("POST /api/v1/businesses/{business_id}/claims", [&t.unclaimed_business]).json(json!({ "proof": "It is mine." })),
        ask("GET /api/v1/businesses/{business_id}/profile", [business]),
        ask("GET /api/v1/businesses/{business_id}/profile", [draft]).case("a draft"),
        ask("PUT /api/v1/businesses/{business_id}/profile", [business])
            .json(profile("Bakery Lee", category))
            .if_match(&t.business_profile_etag),
        ask("PATCH /api/v1/businesses/{business_id}/profile", [business])
            .json(json!({ "phone": "+49 89 123456" }))
            .if_match(&t.business_profile_etag),
        ask("DELETE /api/v1/businesses/{business_id}/profile", [business]),
        ask("POST /api/v1/businesses/{business_id}/submit", [draft]),
        ask("POST /api/v1/businesses/{business_id}/withdraw", [&t.pending_business]),
        ask("PUT /api/v1/businesses/{business_id}/staff/{user_id}", [business, &t.other_customer]).json(json!({ "role": "manager" })),
        ask("DELETE /api/v1/businesses/{business_id}/staff/{user_id}", [business, &t.staff]),
        ask("POST /api/v1/businesses/{business_id}/leads", [business]).json(enquiry(9)),
        ask("GET /api/v1/businesses/{business_id}/leads", [business]),
        ask("GET /api/v1/businesses/{business_id}/leads/{lead_id}", [business, &t.lead]),
        ask("POST /api/v1/businesses/{business_id}/leads/{lead_id}/return", [business, &t.lead]).json(json!({ "reason": "spam" })),
        ask("POST /api/v1/businesses/{business_id}/leads/{lead_id}/replies", [business, &t.released_lead])
            .json(json!({ "text": "Gladly, on Friday." })),
        ask("GET /api/v1/me/enquiries", []),
        ask("POST /api/v1/opening-hours/preview", [])
            .json(json!({ "opening_hours": "Mo-Fr 09:00-18:00" }))
            .no_write("a preview saves nothing"),
        ask("GET /api/v1/me/businesses", []),
        ask("GET /robots.txt", []),
        ask("GET /sitemap.xml", []),
        ask("GET /sitemaps/businesses/{file}", ["first.xml"]),
    ]
}

fn moderation(t: &Things) -> Vec<Sample> {
    let reason = || json!({ "reason": "complaints" });
    vec![
        ask("GET /api/v1/admin/businesses", []),
        ask("GET /api/v1/admin/businesses/counts", []),
        ask("POST /api/v1/admin/businesses/{business_id}/approve", [&t.pending_business]),
        ask("POST /api/v1/admin/businesses/{business_id}/reject", [&t.pending_business]).json(reason()),
        ask("POST /api/v1/admin/businesses/{business_id}/suspend", [&t.business]).json(reason()),
        ask("POST /api/v1/admin/businesses/{business_id}/restore", [&t.suspended_business]),
        ask("POST /api/v1/admin/businesses/{business_id}/pending/approve", [&t.renamed_business]),
        ask("POST /api/v1/admin/businesses/{business_id}/pending/reject", [&t.renamed_business]).json(reason()),
        ask("PUT /api/v1/admin/businesses/{business_id}/lead-terms", [&t.business]).json(json!({ "price": 900 })),
        ask("GET /api/v1/admin/claims", []),
        ask("POST /api/v1/admin/claims/{claim_id}/approve", [&t.claim]),
        ask("POST /api/v1/admin/claims/{claim_id}/refuse", [&t.claim]).json(reason()),
        ask("GET /api/v1/admin/leads", []),
        ask("POST /api/v1/admin/leads/{lead_id}/deliver", [&t.suspicious_lead]),
        ask("POST /api/v1/admin/leads/{lead_id}/bill", [&t.lead]),
        ask("POST /api/v1/admin/leads/{lead_id}/spam", [&t.suspicious_lead]),
        ask("POST /api/v1/admin/leads/{lead_id}/credit", [&t.returned_lead]),
        ask("POST /api/v1/admin/leads/{lead_id}/refuse-return", [&t.returned_lead]),
    ]
}

fn catalog(t: &Things) -> Vec<Sample> {
    let of_business = || format!("seller_id={}", t.business);
    let bread = |title, status| product(title, &t.business, &t.category, status, 1900);
    vec![
        ask("GET /api/v1/categories", []),
        ask("POST /api/v1/categories", []).json(json!({ "name": "Rolls" })),
        ask("GET /api/v1/categories/{category_id}", [&t.empty_category]),
        ask("PUT /api/v1/categories/{category_id}", [&t.empty_category]).json(json!({ "name": "Pies" })).if_match(&t.empty_category_etag),
        ask("DELETE /api/v1/categories/{category_id}", [&t.empty_category]),
        ask("GET /api/v1/products", []),
        ask("POST /api/v1/products", []).json(bread("Black bread", "published")),
        ask("GET /api/v1/products/{product_id}", [&t.product]),
        ask("GET /api/v1/products/{product_id}", [&t.draft_product]).case("a draft"),
        ask("PUT /api/v1/products/{product_id}", [&t.product]).json(bread("Rye bread, sliced", "published")).if_match(&t.product_etag),
        ask("PATCH /api/v1/products/{product_id}", [&t.product]).json(json!({ "vendor": "Old mill" })).if_match(&t.product_etag),
        ask("PATCH /api/v1/products/{product_id}/variants/{variant_id}", [&t.product, &t.variant])
            .json(json!({ "grams": 750 }))
            .if_match(&t.product_etag),
        ask("DELETE /api/v1/products/{product_id}", [&t.product]),
        ask("POST /api/v1/products/{product_id}/status", [&t.draft_product]).json(json!({ "status": "published" })),
        ask("GET /api/v1/admin/products", []).query(of_business()),
        ask("GET /api/v1/admin/products/counts", []).query(of_business()),
        ask("POST /api/v1/admin/products/bulk", []).json(json!({ "items": [{ "product_id": t.product, "status": "draft" }] })),
        ask("GET /api/v1/admin/products.csv", []).query(of_business()),
        Sample { body: Body::Csv("Handle,Title,Variant Price\nroll,Roll,0.90\n"), ..ask("POST /api/v1/admin/products.csv", []) }
            .query(of_business()),
        Sample { body: Body::Gif, ..ask("POST /api/v1/uploads", []) }.no_write("files are no items"),
        ask("POST /api/v1/uploads/direct", [])
            .json(json!({ "content_type": "image/png", "size_bytes": 1000 }))
            .no_write("files are no items"),
        ask("GET /files/{name}", [&t.file]),
        ask("GET /sitemap-products.xml", []),
        ask("GET /sitemaps/products/{file}", ["first.xml"]),
    ]
}

fn inventory(t: &Things) -> Vec<Sample> {
    let variant = t.variant.as_str();
    vec![
        ask("GET /api/v1/availability", []).query(format!("variants={variant}")),
        ask("GET /api/v1/admin/stock", []).query(format!("seller_id={}", t.business)),
        ask("GET /api/v1/admin/stock/{variant_id}", [variant]),
        ask("PATCH /api/v1/admin/stock/{variant_id}", [variant]).json(json!({ "threshold": 5 })).if_match(&t.stock_etag),
        ask("POST /api/v1/admin/stock/{variant_id}/adjustments", [variant]).json(json!({ "delta": -1, "reason": "broken" })),
        ask("POST /api/v1/admin/stock/bulk", []).json(json!({ "items": [{ "variant_id": variant, "delta": -1, "reason": "broken" }] })),
        ask("GET /api/v1/admin/stock/{variant_id}/movements", [variant]),
    ]
}

fn cart(t: &Things) -> Vec<Sample> {
    let line = || json!({ "product_id": t.product, "variant_id": t.variant, "quantity": 2 });
    let of_cart = |cart: &str, stale: &str, case| {
        let one = [
            ask("GET /api/v1/carts/{cart_id}", [cart]),
            ask("POST /api/v1/carts/{cart_id}/lines", [cart]).json(line()),
            ask("PUT /api/v1/carts/{cart_id}/lines/{variant_id}", [cart, &t.variant]).json(json!({ "quantity": 3 })),
            ask("DELETE /api/v1/carts/{cart_id}/lines/{variant_id}", [cart, &t.variant]),
            ask("POST /api/v1/carts/{cart_id}/accept-prices", [stale]),
            ask("POST /api/v1/carts/{cart_id}/quote", [cart]).json(json!({})).no_write("a quote is not kept"),
        ];
        one.map(|sample| sample.case(case))
    };
    let others = [
        ask("POST /api/v1/carts", []).json(json!({ "lines": [line()] })),
        ask("GET /api/v1/me/cart", []),
        ask("POST /api/v1/me/cart/merge", []).json(json!({ "cart_id": t.guest_cart })).case("a guest's cart"),
        ask("POST /api/v1/me/cart/merge", [])
            .json(json!({ "cart_id": t.cart }))
            .case("the customer's cart")
            .no_write("it is there already"),
    ];
    let own = of_cart(&t.cart, &t.stale_cart, "the customer's");
    let guests = of_cart(&t.guest_cart, &t.stale_guest_cart, "a guest's");
    own.into_iter().chain(guests).chain(others).collect()
}

fn orders(t: &Things) -> Vec<Sample> {
    let token = || format!("token={}", t.guest_token);
    let with_token = |sample: Sample| sample.query(token()).case("a guest's, with its token");
    let card = || json!({ "payment_method": CARD });
    vec![
        ask("GET /api/v1/shop", []),
        ask("POST /api/v1/orders", []).json(order_of(&t.cart)).case("of the customer's cart"),
        ask("POST /api/v1/orders", []).json(order_of(&t.guest_cart)).case("of a guest's cart"),
        ask("GET /api/v1/orders", []),
        ask("GET /api/v1/orders/{order_id}", [&t.paid_order]),
        ask("GET /api/v1/orders/{order_id}", [&t.guest_order]).case("a guest's, without its token"),
        with_token(ask("GET /api/v1/orders/{order_id}", [&t.guest_order])),
        ask("POST /api/v1/orders/{order_id}/pay", [&t.unpaid_order]).json(card()),
        with_token(ask("POST /api/v1/orders/{order_id}/pay", [&t.guest_order]).json(card())),
        ask("POST /api/v1/orders/{order_id}/cancel", [&t.paid_order]).json(json!({})),
        with_token(ask("POST /api/v1/orders/{order_id}/cancel", [&t.guest_order]).json(json!({}))),
        ask("GET /api/v1/orders/{order_id}/timeline", [&t.paid_order]),
        with_token(ask("GET /api/v1/orders/{order_id}/timeline", [&t.guest_order])),
        ask("GET /api/v1/admin/orders", []),
        ask("GET /api/v1/admin/orders/counts", []),
        ask("POST /api/v1/admin/orders/{order_id}/status", [&t.paid_order]).json(json!({ "status": "processing" })),
        ask("GET /api/v1/businesses/{business_id}/orders", [&t.business]),
        ask("GET /api/v1/businesses/{business_id}/orders/{order_id}", [&t.business, &t.paid_order]),
        ask("POST /api/v1/businesses/{business_id}/orders/{order_id}/status", [&t.business, &t.paid_order])
            .json(json!({ "status": "processing" })),
        ask("POST /api/v1/businesses/{business_id}/orders/{order_id}/cancel", [&t.business, &t.paid_order]).json(json!({})),
        ask("POST /api/v1/orders/lookup", [])
            .json(json!({ "number": "S-0000-0000", "email": "ann@example.com" }))
            .no_write("there is no such order"),
        ask("GET /orders/{order_id}", [&t.paid_order]),
        with_token(ask("GET /orders/{order_id}", [&t.guest_order])),
    ]
}

fn payments(t: &Things) -> Vec<Sample> {
    vec![
        ask("GET /api/v1/orders/{order_id}/payments", [&t.paid_order]),
        ask("GET /api/v1/payments/{payment_id}", [&t.payment]),
        ask("POST /api/v1/payments/{payment_id}/refresh", [&t.open_payment]).no_write("the bank has no news"),
        ask("GET /api/v1/admin/payments", []),
        ask("GET /api/v1/admin/payments/breaker", []),
        ask("POST /api/v1/admin/payments/{payment_id}/refunds", [&t.payment]).json(json!({ "reason": "It arrived broken." })),
        ask("POST /api/v1/admin/payments/{payment_id}/refunds/{refund_id}/retry", [&t.unrefunded_payment, &t.refused_refund]),
        ask("GET /test-gateway/cards", []),
        ask("GET /test-gateway/actions/{payment_id}", [&t.open_payment]),
        ask("POST /test-gateway/actions/{payment_id}", [&t.open_payment]).form("approve=true".into()),
        ask("POST /test-gateway/outage", []).query("seconds=0".into()).no_write("an outage is no item"),
    ]
}

fn reviews(t: &Things) -> Vec<Sample> {
    let review = t.review.as_str();
    vec![
        ask("GET /api/v1/reviews", []).query(format!("target={}", t.product)),
        ask("GET /api/v1/reviews/summary", []).query(format!("target={}", t.product)),
        ask("POST /api/v1/reviews", []).json(json!({ "target": t.unreviewed_product, "rating": 5, "text": "Very good." })),
        ask("GET /api/v1/reviews/{review_id}", [review]),
        ask("GET /api/v1/reviews/{review_id}", [&t.waiting_review]).case("not published yet"),
        ask("PUT /api/v1/reviews/{review_id}", [review]).json(json!({ "rating": 3, "text": "Not bad." })),
        ask("DELETE /api/v1/reviews/{review_id}", [review]),
        ask("PUT /api/v1/reviews/{review_id}/reply", [review]).json(json!({ "text": "Thank you." })),
        ask("DELETE /api/v1/reviews/{review_id}/reply", [&t.answered_review]),
        ask("GET /api/v1/businesses/{business_id}/reviews", [&t.business]),
        ask("PUT /api/v1/reviews/{review_id}/helpful", [review]),
        ask("DELETE /api/v1/reviews/{review_id}/helpful", [review]),
        ask("POST /api/v1/reviews/{review_id}/reports", [review]).json(json!({ "reason": "spam" })),
        ask("GET /api/v1/me/reviews", []),
        ask("GET /api/v1/me/reviews/eligible", []),
        ask("GET /api/v1/admin/reviews", []),
        ask("GET /api/v1/admin/reviews/{review_id}/reports", [review]),
        ask("POST /api/v1/admin/reviews/{review_id}/publish", [&t.waiting_review]),
        ask("POST /api/v1/admin/reviews/{review_id}/reject", [review]).json(json!({ "reason": "It is about somebody else." })),
        ask("POST /api/v1/admin/reviews/{review_id}/dismiss-reports", [review]),
        ask("DELETE /api/v1/admin/reviews/{review_id}/reply", [&t.answered_review]),
    ]
}

/// Mails, search and the queues.
fn others(t: &Things) -> Vec<Sample> {
    vec![
        ask("GET /", []),
        ask("GET /api/v1/admin/mails", []),
        ask("GET /api/v1/admin/mails/{mail_id}", [&t.mail]),
        ask("POST /api/v1/admin/mails/{mail_id}/resend", [&t.mail]),
        ask("GET /api/v1/admin/mail-templates", []),
        ask("GET /api/v1/admin/mail-templates/{name}/preview", [&t.mail_template]),
        ask("GET /api/v1/search", []).query("q=bread".into()),
        ask("GET /api/v1/suggest", []).query("q=bre".into()),
        ask("GET /api/v1/admin/search", []),
        ask("POST /api/v1/admin/search/rebuild", []),
        ask("GET /api/v1/admin/queues", []),
        ask("GET /api/v1/admin/queues/{consumer}/dead-letters", [t.consumer]),
        ask("POST /api/v1/admin/queues/{consumer}/dead-letters/redrive", [t.consumer]),
        ask("POST /api/v1/admin/queues/{consumer}/dead-letters/{letter_id}/redrive", [t.consumer, &t.dead_letter]),
        ask("DELETE /api/v1/admin/queues/{consumer}/dead-letters/{letter_id}", [t.consumer, &t.dead_letter]),
    ]
}

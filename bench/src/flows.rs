//! The four things that are measured, each as one operation on one connection.

use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use crate::chance::Chance;
use crate::client::{Answer, Connection, Failure, excerpt, write_get, write_post};
use crate::shop::{Shop, Variant};

const LINES_PER_CART_MAX: u32 = 20;
const POLLS_MAX: u32 = 100;
const POLL_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Flow {
    /// A page of 20 products.
    List,
    /// One product with its variants.
    Detail,
    /// One more line in a guest's cart.
    Add,
    /// A cart of two lines, an order, paid and confirmed.
    Checkout,
}

impl Flow {
    pub const ALL: [Self; 4] = [Self::List, Self::Detail, Self::Add, Self::Checkout];

    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Detail => "detail",
            Self::Add => "add",
            Self::Checkout => "checkout",
        }
    }
}

struct Cart {
    id: String,
    lines: u32,
}

/// One visitor: a connection and what it has in its hands.
pub struct Visitor {
    connection: Connection,
    shop: Rc<Shop>,
    chance: Chance,
    request: Vec<u8>,
    cart: Option<Cart>,
}

impl Visitor {
    pub fn new(connection: Connection, shop: Rc<Shop>, seed: u64) -> Self {
        Self { connection, shop, chance: Chance::new(seed), request: Vec::with_capacity(1024), cart: None }
    }

    /// Goes on with another connection after a failure, and forgets the cart of the old one.
    pub fn reconnect(&mut self, connection: Connection) {
        self.connection = connection;
        self.cart = None;
    }

    /// What an operation needs and is not itself measured: an open cart to add to.
    pub async fn prepare(&mut self, flow: Flow) -> Result<(), Failure> {
        let full = self.cart.as_ref().is_none_or(|cart| cart.lines >= LINES_PER_CART_MAX);
        if flow == Flow::Add && full {
            let id = self.open_cart("{}").await?;
            self.cart = Some(Cart { id, lines: 0 });
        }
        Ok(())
    }

    pub async fn operate(&mut self, flow: Flow) -> Result<(), Failure> {
        match flow {
            Flow::List => self.list().await,
            Flow::Detail => self.detail().await,
            Flow::Add => self.add().await,
            Flow::Checkout => self.checkout().await,
        }
    }

    async fn list(&mut self) -> Result<(), Failure> {
        // Every cursor is as likely as the first page.
        let pages = self.shop.cursors.len() as u64 + 1;
        let cursor = usize::try_from(self.chance.draw() % pages).ok().and_then(|index| self.shop.cursors.get(index));
        let path = match cursor {
            Some(cursor) => format!("/api/v1/products?limit=20&cursor={cursor}"),
            None => "/api/v1/products?limit=20".to_owned(),
        };
        write_get(&mut self.request, &path);
        let answer = self.connection.exchange(&self.request).await?;
        answer.expect(&self.request, &[200])
    }

    async fn detail(&mut self) -> Result<(), Failure> {
        let product = self.chance.pick(&self.shop.products).map_or("", String::as_str);
        write_get(&mut self.request, &format!("/api/v1/products/{product}"));
        let answer = self.connection.exchange(&self.request).await?;
        answer.expect(&self.request, &[200])
    }

    async fn add(&mut self) -> Result<(), Failure> {
        let Some(cart) = self.cart.as_mut() else { return Err(Failure::Malformed("no open cart to add to")) };
        cart.lines += 1;
        let path = format!("/api/v1/carts/{}/lines", cart.id);
        let body = line(self.chance.pick(&self.shop.variants));
        write_post(&mut self.request, &path, "", &body);
        let answer = self.connection.exchange(&self.request).await?;
        answer.expect(&self.request, &[200, 201])
    }

    async fn checkout(&mut self) -> Result<(), Failure> {
        let first = line(self.chance.pick(&self.shop.variants));
        let second = line(self.chance.pick(&self.shop.variants));
        let cart = self.open_cart(&format!("{{\"lines\":[{first}]}}")).await?;
        write_post(&mut self.request, &format!("/api/v1/carts/{cart}/lines"), "", &second);
        self.connection.exchange(&self.request).await?.expect(&self.request, &[200, 201])?;

        let key = format!("Idempotency-Key: {:016x}-{cart}\r\nPrefer: wait=10\r\n", self.chance.draw());
        write_post(&mut self.request, "/api/v1/orders", &key, &order(&cart));
        let answer = self.connection.exchange(&self.request).await?;
        answer.expect(&self.request, &[200, 201, 202])?;
        if is_confirmed(&answer)? {
            return Ok(());
        }
        let path = format!("/api/v1/orders/{}?token={}", answer.require("id")?, answer.require("guest_token")?);
        self.follow(&path).await
    }

    async fn open_cart(&mut self, body: &str) -> Result<String, Failure> {
        write_post(&mut self.request, "/api/v1/carts", "", body);
        let answer = self.connection.exchange(&self.request).await?;
        answer.expect(&self.request, &[201])?;
        Ok(answer.require("id")?.to_owned())
    }

    /// Asks for an order that was not settled within the wait until it is confirmed.
    async fn follow(&mut self, path: &str) -> Result<(), Failure> {
        write_get(&mut self.request, path);
        for _ in 0..POLLS_MAX {
            let answer = self.connection.exchange(&self.request).await?;
            answer.expect(&self.request, &[200])?;
            if is_confirmed(&answer)? {
                return Ok(());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        Err(Failure::Timeout)
    }
}

/// Whether an order is paid; an error if it never will be.
fn is_confirmed(order: &Answer<'_>) -> Result<bool, Failure> {
    match order.require("status")? {
        "confirmed" => Ok(true),
        "pending" | "awaiting_payment" => Ok(false),
        _ => Err(Failure::Missing { what: "confirmed status", body: excerpt(order.body) }),
    }
}

fn line(variant: Option<&Variant>) -> String {
    let mut text = String::with_capacity(128);
    if let Some(Variant { product, id }) = variant {
        // Writing to a text cannot fail.
        let _ = write!(text, r#"{{"product_id":"{product}","variant_id":"{id}","quantity":1}}"#);
    }
    text
}

fn order(cart: &str) -> String {
    format!(
        concat!(
            r#"{{"cart_id":"{}","email":"guest@souk.example","shipping_address":{{"name":"Ann Lee","#,
            r#""street_address":"Marienplatz 8","postal_code":"80331","address_locality":"Munich","address_country":"DE"}},"#,
            r#""payment_method":"4242424242424242"}}"#
        ),
        cart
    )
}

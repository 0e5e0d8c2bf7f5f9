//! What the people of the demo have done before somebody looks at it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, items, text};
use super::{ADMIN, Account, BEN, CLARA, CUSTOMER, OWNER, STAFF};
use crate::output::CliError;

/// Tea, spices and the like, below what holds them together.
const CATEGORIES: [(&str, &[&str]); 3] = [
    ("Food & drink", &["Tea", "Spices", "Delicatessen", "Bread"]),
    ("Home", &["Ceramics", "Textiles", "Lamps", "Kitchen"]),
    ("Care", &["Soap"]),
];

/// Olga's business, by its slug.
const BAKERY: &str = "bakery-mill-lane";

/// What the bakery sells in the market.
pub struct Goods {
    title: &'static str,
    description: &'static str,
    /// Minor units.
    price: i64,
    stock: u32,
    pub picture: &'static str,
}

pub const GOODS: [Goods; 3] = [
    Goods {
        title: "Sourdough Loaf",
        description: "<p>Rye and wheat, three days of rest, a dark crust. Keeps for a week.</p>",
        price: 620,
        stock: 24,
        picture: "bread/sourdough-loaf.png",
    },
    Goods {
        title: "Spelt Rolls, Six",
        description: "<p>Crisp outside, soft inside, with a few sunflower seeds.</p>",
        price: 480,
        stock: 40,
        picture: "bread/spelt-rolls.png",
    },
    Goods {
        title: "Box of Christmas Biscuits",
        description: "<p>Vanilla crescents, cinnamon stars and gingerbread from one family's book of recipes.</p>",
        price: 1290,
        stock: 2,
        picture: "box/christmas-biscuits.png",
    },
];

const APPROVED: &str = "4242424242424242";
/// Waits until the customer confirms at the bank.
const AT_THE_BANK: &str = "4000002760003184";

/// What, how it is paid, and how far the order has come since.
const ORDERS: [(&str, &str, &[&str]); 6] = [
    ("moroccan-mint-tea", APPROVED, &["processing", "shipped", "delivered"]),
    ("stoneware-mug", APPROVED, &["processing", "shipped"]),
    ("aleppo-soap", APPROVED, &["processing"]),
    ("saffron-threads", APPROVED, &[]),
    ("brass-tea-pot", APPROVED, &["cancelled"]),
    ("hammam-towel", AT_THE_BANK, &[]),
];

/// Of the house and of the bakery, and how far the bakery has come with its part. The house's waits.
const SHARED_ORDERS: [(&[&str], &[&str]); 2] = [
    (&["stoneware-mug", "sourdough-loaf", "spelt-rolls-six"], &["processing", "shipped"]),
    // To be packed.
    (&["spelt-rolls-six"], &[]),
];

const BUSINESS_REVIEWS: [(&str, &Account, u8, &str, &str); 6] = [
    (BAKERY, &CUSTOMER, 5, "Worth getting up for", "The rye is the best in town, and at half past six it is still warm."),
    (BAKERY, &BEN, 4, "Good, and soon sold out", "After eleven there is little left on Saturdays. What is left is very good."),
    ("osteria-ponte", &CLARA, 5, "Like in Bologna", "Eight tables, one cook, no hurry. Ask for what is not on the card."),
    ("osteria-ponte", &CUSTOMER, 4, "A fine evening", "Lovely pasta, slow service, and a view over the river that makes up for it."),
    ("pedal-chain", &BEN, 5, "Repaired while I waited", "A new chain in twenty minutes, and an honest word about my brakes."),
    ("zum-lindenwirt", &CLARA, 3, "Nice garden", "The lime trees are beautiful. The dumplings were better last year."),
];

const PRODUCT_REVIEWS: [(&str, &Account, u8, &str, &str); 5] = [
    (
        "moroccan-mint-tea",
        &CUSTOMER,
        5,
        "Smells of mint, not of perfume",
        "Two spoons for a pot, a little sugar, and the afternoon is saved.",
    ),
    ("moroccan-mint-tea", &CLARA, 4, "Very fresh", "Strong and green. The bag could be easier to close."),
    ("stoneware-mug", &BEN, 5, "My new favourite", "Heavy, warm in the hand, and it survived the dishwasher."),
    ("aleppo-soap", &CLARA, 5, "One bar for everything", "Hair, hands, face. It smells like a clean house."),
    ("brass-lantern", &BEN, 4, "Stars on the walls", "Beautiful in the evening. It needs a longer chain."),
];

/// To the bakery: name and message. Their addresses follow from the names.
const ENQUIRIES: [(&str, &str); 4] = [
    ("Mara Vogel", "Could you bake forty rolls for a christening on the second Sunday of next month?"),
    ("Jonas Roth", "Do you have bread without wheat, and do I have to order it the day before?"),
    ("Ida Sommer", "Do you bring rolls to an office in Bridge Street in the morning, and from how many on?"),
    ("Lea Brandt", "We are a party of twelve in May. Could we have breakfast in your garden?"),
];

/// How long the last deliveries may take.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A shop with its tree of categories, for the goods that come now.
pub struct Shop {
    guest: Client,
    admin: Client,
    bread: String,
}

pub fn open(url: &str) -> Result<Shop, CliError> {
    let guest = Client::guest(url);
    let admin = guest.sign_in(&ADMIN)?;
    let tree = guest.get("/categories")?;
    let id_of = |name: &str| items(&tree).iter().find(|category| category["name"] == name).map(|category| text(&category["id"]));
    let mut bread = String::new();
    for (place, (name, below)) in CATEGORIES.iter().enumerate() {
        let parent = match id_of(name) {
            Some(id) => id?,
            None => text(&admin.post("/categories", &json!({ "name": name, "position": place }))?["id"])?,
        };
        for (place, name) in below.iter().enumerate() {
            let id = match id_of(name) {
                Some(id) => id?,
                None => text(&admin.post("/categories", &json!({ "name": name, "parent_id": parent, "position": place }))?["id"])?,
            };
            if *name == "Bread" {
                bread = id;
            }
        }
    }
    Ok(Shop { guest, admin, bread })
}

impl Shop {
    /// Lets everything happen; `false` if it has happened before. The reviews are its end.
    pub fn tell(&self, pictures: &HashMap<String, String>) -> Result<bool, CliError> {
        let bakery = self.business(BAKERY)?;
        let reviewed = self.guest.get(&format!("/reviews/summary?target={bakery}"))?["count"].as_u64().unwrap_or(0);
        if reviewed > 0 {
            return Ok(false);
        }
        self.settle()?;
        let owner = self.hand_over(&bakery)?;
        self.offer(&owner, &bakery, pictures)?;
        let customer = self.guest.sign_in(&CUSTOMER)?;
        if items(&customer.get("/orders")?).is_empty() {
            ORDERS.iter().try_for_each(|(slug, card, steps)| self.order(&customer, slug, card, steps))?;
            SHARED_ORDERS.iter().try_for_each(|(slugs, steps)| self.shared_order(&customer, slugs, &owner, &bakery, steps))?;
        }
        if items(&owner.get(&format!("/businesses/{bakery}/leads"))?).is_empty() {
            ENQUIRIES.iter().try_for_each(|(name, message)| self.ask(&bakery, name, message))?;
        }
        self.settle()?;
        for (slug, author, stars, title, words) in PRODUCT_REVIEWS {
            self.review(&text(&self.guest.get(&format!("/products/{slug}"))?["id"])?, author, stars, title, words)?;
        }
        for (slug, author, stars, title, words) in BUSINESS_REVIEWS.iter().rev() {
            let review = self.review(&self.business(slug)?, author, *stars, title, words)?;
            if *slug == BAKERY {
                let thanks = json!({ "text": "Thank you! We keep a loaf for you if you call before nine." });
                owner.put(&format!("/reviews/{review}/reply"), &thanks)?;
            }
        }
        self.settle()?;
        Ok(true)
    }

    fn business(&self, slug: &str) -> Result<String, CliError> {
        text(&self.guest.get(&format!("/businesses/{slug}"))?["id"])
    }

    /// Olga claims the bakery, and Timo works there.
    fn hand_over(&self, bakery: &str) -> Result<Client, CliError> {
        let owner = self.guest.sign_in(&OWNER)?;
        if items(&owner.get("/me/businesses")?).is_empty() {
            let proof = json!({ "proof": "My name is on the door; the town's register has it, too." });
            let claim = text(&owner.post(&format!("/businesses/{bakery}/claims"), &proof)?["id"])?;
            self.admin.post(&format!("/admin/claims/{claim}/approve"), &json!({}))?;
            self.settle()?;
        }
        // The roles that she has now are in a new token.
        let owner = self.guest.sign_in(&OWNER)?;
        let staff = text(&self.guest.sign_in(&STAFF)?.get("/me")?["id"])?;
        owner.put(&format!("/businesses/{bakery}/staff/{staff}"), &json!({ "role": "staff" }))?;
        self.settle()?;
        Ok(owner)
    }

    fn offer(&self, owner: &Client, bakery: &str, pictures: &HashMap<String, String>) -> Result<(), CliError> {
        let there = self.guest.get(&format!("/products?seller_id={bakery}"))?;
        let currency = items(&self.guest.get("/products?limit=1")?).first().map(|card| card["price_from"]["currency"].clone());
        for goods in GOODS.iter().filter(|goods| items(&there).iter().all(|card| card["title"] != goods.title)) {
            let picture = pictures.get(goods.picture);
            let product = json!({
                "title": goods.title, "description": goods.description, "vendor": "Bakery Mill Lane", "seller_id": bakery,
                "category_id": self.bread, "status": "published", "tags": ["Bakery", "Fresh"],
                "images": [{ "url": picture, "alt": goods.title }],
                "variants": [{ "price": { "amount": goods.price, "currency": currency }, "options": [], "grams": 800 }],
            });
            let made = owner.post("/products", &product)?;
            self.settle()?;
            let stock = format!("/admin/stock/{}/adjustments", text(&made["variants"][0]["id"])?);
            owner.post(&stock, &json!({ "set_on_hand": goods.stock, "reason": "counted" }))?;
        }
        Ok(())
    }

    fn order(&self, customer: &Client, slug: &str, card: &str, steps: &[&str]) -> Result<(), CliError> {
        let order = self.place(customer, &[slug], card)?;
        for step in steps {
            match *step {
                "cancelled" => customer.post(&format!("/orders/{order}/cancel"), &json!({}))?,
                status => self.admin.post(&format!("/admin/orders/{order}/status"), &next(&order, status))?,
            };
        }
        Ok(())
    }

    /// An order with a part of the bakery, which Olga sees to.
    fn shared_order(&self, customer: &Client, slugs: &[&str], owner: &Client, bakery: &str, steps: &[&str]) -> Result<(), CliError> {
        let order = self.place(customer, slugs, APPROVED)?;
        for status in steps {
            owner.post(&format!("/businesses/{bakery}/orders/{order}/status"), &next(&order, status))?;
        }
        Ok(())
    }

    /// Its id.
    fn place(&self, customer: &Client, slugs: &[&str], card: &str) -> Result<String, CliError> {
        let line = |slug: &&str| {
            let product = self.guest.get(&format!("/products/{slug}"))?;
            Ok(json!({ "product_id": product["id"], "variant_id": product["variants"][0]["id"], "quantity": 1 }))
        };
        let lines = slugs.iter().map(line).collect::<Result<Vec<_>, CliError>>()?;
        let cart = text(&customer.post("/carts", &json!({ "lines": lines }))?["id"])?;
        let address = json!({
            "name": CUSTOMER.name, "street_address": "Bridge Street 4", "postal_code": "90001", "address_locality": "Lindenbrück",
            "address_country": "DE"
        });
        let body = json!({ "cart_id": cart, "shipping_address": address, "payment_method": card });
        let headers = [("Idempotency-Key", cart.as_str()), ("Prefer", "wait=20")];
        text(&customer.send("POST", "/orders", Some(&body), &headers)?["id"])
    }

    fn ask(&self, business: &str, name: &str, message: &str) -> Result<(), CliError> {
        let email = format!("{}@people.souk.example", name.to_lowercase().replace(' ', "."));
        let enquiry = json!({ "name": name, "email": email, "message": message });
        self.guest.post(&format!("/businesses/{business}/leads"), &enquiry).map(|_| ())
    }

    /// Its id. A moderator has let it pass.
    fn review(&self, target: &str, author: &Account, stars: u8, title: &str, words: &str) -> Result<String, CliError> {
        let author = self.guest.sign_in(author)?;
        let before = author.get("/me/reviews?limit=100")?;
        if let Some(review) = items(&before).iter().find(|review| review["target"] == target) {
            return text(&review["id"]);
        }
        let made = author.post("/reviews", &json!({ "target": target, "rating": stars, "title": title, "text": words }))?;
        let id = text(&made["id"])?;
        if made["status"] == "pending" {
            self.admin.post(&format!("/admin/reviews/{id}/publish"), &json!({}))?;
        }
        Ok(id)
    }

    /// Waits until every consumer has handled what has happened.
    fn settle(&self) -> Result<(), CliError> {
        let begun = Instant::now();
        let waits = |queue: &Value| queue["backlog"] != 0 || queue["waiting"] != 0;
        while self.admin.get("/admin/queues")?.as_array().is_none_or(|queues| queues.iter().any(waits)) {
            if begun.elapsed() > SETTLED_WITHIN {
                return Err(CliError::Failed("the events of the demo were not delivered in time".into()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

/// The next status of a part, with its parcel.
fn next(order: &str, status: &str) -> Value {
    let number = format!("00340434{}", &order[order.len().saturating_sub(6)..]);
    match status {
        "shipped" => json!({ "status": status, "parcels": [{ "carrier": "DHL", "number": number }] }),
        _ => json!({ "status": status }),
    }
}

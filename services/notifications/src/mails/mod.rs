//! What is mailed: `message.rs` has what the mails say, and there is one file for each service that says which mails follow
//! from its events. What a mail reads like is in `templates/mails/<template>.<language>.j2`.

mod directory;
mod draft;
mod identity;
mod inventory;
mod message;
mod orders;
mod payments;
mod reviews;
mod subscription;

pub use draft::{Draft, OrderName};
pub use message::{Message, Reader, Template, sample_sale};
#[cfg(test)]
pub use message::{MoneyBack, ParcelName, sample};
pub use subscription::Mails;

/// Which mails follow from which events.
pub fn subscribe(mails: Mails) -> Mails {
    let services =
        [directory::subscribe, identity::subscribe, inventory::subscribe, orders::subscribe, payments::subscribe, reviews::subscribe];
    services.into_iter().fold(mails, |mails, subscribe| subscribe(mails))
}

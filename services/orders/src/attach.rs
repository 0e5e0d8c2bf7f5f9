//! A person proved that an address is theirs: what it ordered as a guest moves into their account.

use contracts::UserVerified;
use kernel::{Code, Problem};
use shell::Changes;

use crate::{App, storage};

const PAGE: usize = 50;
/// What is left is found by the next try of the delivery, since what was attached leaves the list.
const PAGES_MAX: usize = 10;

pub async fn guest_orders(app: &App, verified: &UserVerified) -> Result<(), Problem> {
    let table = app.work.table();
    let cause = format!("user.verified:{}", verified.user_id);
    let mut cursor = None;
    for _ in 0..PAGES_MAX {
        let page = storage::of_guest(table, &verified.email, PAGE, cursor).await?;
        for listed in &page.items {
            let id = listed.value.id;
            let attached = app.work.run_job(
                &cause,
                |_| storage::order(table, id),
                |order, context| Changes::update(order.version, order.value.attach(verified.user_id, &verified.email, context.now)?),
            );
            attached.await?;
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
    Err(Problem::new(Code::Overloaded, "more guest orders wait to be attached"))
}

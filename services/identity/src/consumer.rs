//! What events mean for accounts: who acts for a business, as the directory says, and that an account was erased.

use contracts::{BusinessRemoved, BusinessStaffChanged, UserErased};
use kernel::{BusinessId, Problem, StaffRole, UserId};
use ports::store::Stored;
use shell::{Changes, Consumer, UnitOfWork};

use crate::user::User;
use crate::{personal_data, storage};

pub fn consumer(work: UnitOfWork) -> Consumer<UnitOfWork> {
    Consumer::new("identity", work)
        .on::<BusinessStaffChanged>(|work, delivery, event| {
            Box::pin(async { follow(work, delivery, event.business_id, &[event.user_id], event.role).await })
        })
        .on::<BusinessRemoved>(|work, delivery, event| Box::pin(follow(work, delivery, event.business_id, &event.members, None)))
        .on::<UserErased>(|work, _, event| Box::pin(personal_data::forget(work, event.user_id)))
}

/// All users of an event in one commit. A user who is not there has nothing to follow.
async fn follow(
    work: &UnitOfWork,
    delivery: &shell::Delivery,
    business: BusinessId,
    users: &[UserId],
    role: Option<StaffRole>,
) -> Result<(), Problem> {
    if users.is_empty() {
        return Ok(());
    }
    let keys: Vec<_> = users.iter().copied().map(storage::user_key).collect();
    let load = |_| work.table().get_many::<User>(&keys);
    work.handle_event(delivery, load, |found: Vec<Option<Stored<User>>>, context| {
        found.iter().flatten().try_fold(Changes::none(), |changes, before| {
            let decision = before.value.clone().follow_business(business, role, delivery.envelope.sequence, context.now);
            Ok(changes.and(storage::update_user(before, decision)?))
        })
    })
    .await
}

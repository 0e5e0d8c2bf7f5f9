//! Asking a customer for a review some days after the goods have arrived: once per order, and not if
//! the customer has reviewed all of it by then.

use contracts::ReviewReminderDue;
use kernel::{Problem, ReviewTarget};
use ports::store::Stored;
use shell::Changes;

use crate::App;
use crate::review::{Review, Status};
use crate::storage::{self, Reminder};

/// Emits an event for every reminder whose time has come, and deletes it.
pub(crate) async fn remind(app: &App) -> Result<(), Problem> {
    let mut failure = None;
    for reminder in storage::reminders_due(app.work.table(), app.work.now()).await? {
        // One order's failure does not keep the others waiting.
        failure = failure.or(remind_of(app, reminder.value).await.err());
    }
    failure.map_or(Ok(()), Err)
}

async fn remind_of(app: &App, seen: Reminder) -> Result<(), Problem> {
    let table = app.work.table();
    let load = |_| async {
        let reminder = table.get::<Reminder>(&storage::reminder_key(seen.customer_id, seen.order_id)).await?;
        let keys: Vec<_> = seen.targets.iter().map(|target| storage::review_key(Review::id_of(*target, seen.customer_id))).collect();
        Ok((reminder, table.get_many::<Review>(&keys).await?))
    };
    app.work
        .run_job("reviews.remind", load, |(reminder, reviews): (Option<Stored<Reminder>>, Vec<Option<Stored<Review>>>), _| {
            let Some(reminder) = reminder else { return Ok(Changes::none()) };
            let open = |review: &Option<Stored<Review>>| review.as_ref().is_none_or(|review| review.status == Status::Removed);
            let targets: Vec<ReviewTarget> =
                reminder.targets.iter().zip(&reviews).filter(|(_, review)| open(review)).map(|(target, _)| *target).collect();
            let done = Changes::none().delete(storage::reminder_key(reminder.customer_id, reminder.order_id), reminder.version);
            if targets.is_empty() {
                return Ok(done);
            }
            Ok(done.emit(ReviewReminderDue { order_id: reminder.order_id, customer_id: reminder.customer_id, targets }))
        })
        .await?;
    Ok(())
}

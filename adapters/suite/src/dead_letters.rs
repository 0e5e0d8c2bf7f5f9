//! What an operator sees of dead letters and does with them, wherever they are kept.

use std::collections::BTreeSet;
use std::future::Future;

use kernel::{Code, Cursor, EventId};
use ports::{Content, DeadLetter, DeadLetterId, Queues};

/// Queues with one consumer that fails until it is told otherwise.
pub trait QueueHome: Send + Sync {
    fn queues(&self) -> &dyn Queues;

    fn consumer(&self) -> &str;

    /// Makes so many events that the consumer gives up; returns them once all are dead letters.
    fn give_up(&self, count: usize) -> impl Future<Output = BTreeSet<EventId>> + Send;

    /// The next so many events that come to the consumer again, which takes them now.
    fn come_again(&self, count: usize) -> impl Future<Output = BTreeSet<EventId>> + Send;
}

fn event_of(dead_letter: &DeadLetter) -> EventId {
    match &dead_letter.content {
        Content::Event(envelope) => envelope.id,
        Content::Unreadable(text) => panic!("an event was to be read: {text}"),
    }
}

async fn all(home: &impl QueueHome, limit: usize) -> Vec<DeadLetter> {
    let (mut dead_letters, mut cursor) = (Vec::new(), None);
    for _ in 0..100 {
        let page = home.queues().dead_letters(home.consumer(), limit, cursor).await.expect("the dead letters are listed");
        assert!(page.items.len() <= limit, "a page keeps to its limit");
        dead_letters.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return dead_letters;
        }
    }
    panic!("a listing without an end")
}

async fn dead(home: &impl QueueHome) -> u64 {
    home.queues().status(home.consumer()).await.expect("a status").dead
}

pub async fn dead_letters_are_listed_in_pages(home: &impl QueueHome) {
    assert_eq!(all(home, 5).await, []);
    let events = home.give_up(12).await;
    for limit in [1, 5, 12, 100] {
        let dead_letters = all(home, limit).await;
        assert_eq!(dead_letters.len(), 12, "pages of {limit}");
        assert_eq!(dead_letters.iter().map(event_of).collect::<BTreeSet<_>>(), events, "pages of {limit}");
        assert!(dead_letters.is_sorted_by_key(|one| one.since), "oldest first, in pages of {limit}");
    }
    let status = home.queues().status(home.consumer()).await.unwrap();
    assert_eq!(
        (status.consumer.as_str(), status.backlog, status.waiting, status.dead),
        (home.consumer(), 0, 0, 12),
        "looking takes nothing away"
    );
    let forged = home.queues().dead_letters(home.consumer(), 5, Some(Cursor("forged".into()))).await;
    assert_eq!(forged.unwrap_err().code, Code::InvalidCursor);
}

pub async fn a_redriven_dead_letter_comes_again(home: &impl QueueHome) {
    home.give_up(3).await;
    let dead_letters = all(home, 10).await;
    let (queues, consumer) = (home.queues(), home.consumer());
    queues.redrive(consumer, &dead_letters[1].id).await.unwrap();
    assert_eq!(home.come_again(1).await, BTreeSet::from([event_of(&dead_letters[1])]));
    assert_eq!(queues.redrive(consumer, &dead_letters[1].id).await.unwrap_err().code, Code::NotFound, "it is no dead letter any more");
    assert_eq!(queues.redrive(consumer, &DeadLetterId("nonsense".into())).await.unwrap_err().code, Code::NotFound);
    let left: Vec<_> = all(home, 10).await.into_iter().map(|one| one.id).collect();
    assert_eq!(left, [dead_letters[0].id.clone(), dead_letters[2].id.clone()], "names stay");
}

pub async fn a_dropped_dead_letter_is_gone(home: &impl QueueHome) {
    home.give_up(2).await;
    let dead_letters = all(home, 10).await;
    let (queues, consumer) = (home.queues(), home.consumer());
    queues.drop_dead_letter(consumer, &dead_letters[0].id).await.unwrap();
    for problem in [queues.drop_dead_letter(consumer, &dead_letters[0].id).await, queues.redrive(consumer, &dead_letters[0].id).await] {
        assert_eq!(problem.unwrap_err().code, Code::NotFound);
    }
    assert_eq!(queues.redrive_some(consumer, 10).await, Ok(1));
    assert_eq!(home.come_again(1).await, BTreeSet::from([event_of(&dead_letters[1])]), "the other one alone");
    assert_eq!(dead(home).await, 0);
}

pub async fn some_are_redriven_at_once(home: &impl QueueHome) {
    let events = home.give_up(14).await;
    let (queues, consumer) = (home.queues(), home.consumer());
    assert_eq!(queues.redrive_some(consumer, 11).await, Ok(11));
    assert_eq!(dead(home).await, 3);
    assert_eq!(queues.redrive_some(consumer, 11).await, Ok(3));
    assert_eq!(queues.redrive_some(consumer, 11).await, Ok(0));
    assert_eq!(home.come_again(14).await, events);
}

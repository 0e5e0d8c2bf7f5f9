use proptest::prelude::*;

use super::*;
use crate::user::tests::{ann, at, reason};

const LIFETIMES: Lifetimes = Lifetimes { idle: Duration::from_secs(1000), most: Duration::from_secs(2500) };

fn session(user: &User) -> Session {
    Session::start(1.into(), user, Origin::default(), LIFETIMES, at(10)).into_state()
}

fn presented(generation: u32, retry: &str) -> Presented {
    Presented { generation, retry: (!retry.is_empty()).then(|| retry.to_owned()) }
}

/// Presents tokens one after another, so many seconds apart; checks the generation that each one got.
fn check(apart: i64, tokens: &[(u32, &str)], expect: &[Result<u32, SessionError>]) {
    let user = ann();
    let mut session = session(&user);
    let mut seen = Vec::new();
    for ((generation, retry), turn) in tokens.iter().zip(1..) {
        match session.clone().refresh(&user, presented(*generation, retry), LIFETIMES, at(10 + turn * apart)) {
            Ok(decision) => {
                session = decision.into_state();
                seen.push(Ok(session.generation));
            }
            Err(error) => {
                if error == SessionError::Reused {
                    session = session.revoke().into_state();
                }
                seen.push(Err(error));
            }
        }
    }
    assert_eq!(seen, expect, "{tokens:?}");
}

#[test]
fn tokens_rotate_and_a_reused_one_ends_the_session() {
    use SessionError::{Ended, Reused};
    check(10, &[(1, ""), (2, ""), (3, "")], &[Ok(2), Ok(3), Ok(4)]);
    check(10, &[(1, ""), (1, ""), (2, "")], &[Ok(2), Err(Reused), Err(Ended)]);
    check(10, &[(1, "a"), (1, "a"), (2, "b")], &[Ok(2), Ok(2), Ok(3)]);
    check(10, &[(1, "a"), (1, "b"), (1, "a")], &[Ok(2), Err(Reused), Err(Ended)]);
    check(10, &[(1, "a"), (1, "")], &[Ok(2), Err(Reused)]);
    check(10, &[(1, "a"), (2, "a"), (1, "a")], &[Ok(2), Ok(3), Err(Reused)]);
    check(10, &[(2, ""), (1, "")], &[Err(Ended), Ok(2)]);
}

#[test]
fn a_token_sent_twice_within_seconds_gets_the_same_successor() {
    use SessionError::{Ended, Reused};
    check(9, &[(1, ""), (1, ""), (2, "")], &[Ok(2), Ok(2), Ok(3)]);
    check(4, &[(1, "a"), (1, "b"), (1, ""), (2, "")], &[Ok(2), Ok(2), Ok(2), Ok(3)]);
    check(4, &[(1, ""), (1, ""), (1, ""), (1, ""), (2, "")], &[Ok(2), Ok(2), Ok(2), Err(Reused), Err(Ended)]);
    check(4, &[(1, ""), (2, ""), (1, "")], &[Ok(2), Ok(3), Err(Reused)]);
}

#[test]
fn sessions_end_with_time_and_with_their_user() {
    let user = ann();
    let refresh = |session: Session, user: &User, secs| {
        session.refresh(user, presented(1, ""), LIFETIMES, at(secs)).map(|decision| decision.into_state())
    };
    assert!(refresh(session(&user), &user, 1009).is_ok());
    assert_eq!(refresh(session(&user), &user, 1010), Err(SessionError::Ended));
    for (name, changed) in [
        ("signed out everywhere", user.clone().sign_out_everywhere(at(20)).into_state()),
        ("new password", user.clone().change_password("new".into(), at(20)).unwrap().into_state()),
        ("disabled", user.clone().disable(reason("spam"), at(20)).unwrap().into_state()),
        ("enabled again", user.clone().disable(reason("spam"), at(20)).unwrap().into_state().enable().unwrap().into_state()),
        ("erased", user.clone().erase("usr_1@erased.invalid".parse().unwrap(), at(20)).into_state()),
    ] {
        assert_eq!(refresh(session(&user), &changed, 30), Err(SessionError::Ended), "{name}");
    }
    let again = session(&user).refresh(&user, presented(1, ""), LIFETIMES, at(1000)).unwrap().into_state();
    assert_eq!(again.expires_at, at(2000));
    let last = again.refresh(&user, presented(2, ""), LIFETIMES, at(1990)).unwrap().into_state();
    assert_eq!(last.expires_at, at(2510), "however often it is refreshed");
}

#[test]
fn a_retry_changes_nothing() {
    let user = ann();
    let once = session(&user).refresh(&user, presented(1, "a"), LIFETIMES, at(11)).unwrap();
    let twice = once.state().clone().refresh(&user, presented(1, "a"), LIFETIMES, at(12)).unwrap();
    assert!(once.is_changed() && !twice.is_changed());
    assert_eq!(once.state(), twice.state());
}

proptest! {
    /// Somebody copies a token at some moment. Owner and thief then refresh in any order, each with
    /// the newest token they got. As soon as both have used what they had, the session is over for both.
    #[test]
    fn a_stolen_token_ends_the_session(before in 0_u32..5, turns in prop::collection::vec(any::<bool>(), 2..20), keys in any::<bool>()) {
        let user = ann();
        let mut session = session(&user);
        for generation in 1..=before {
            session = session.refresh(&user, presented(generation, ""), LIFETIMES, at(11)).unwrap().into_state();
        }
        let mut secs = 11;
        let mut held = [session.generation; 2];
        let mut used = [false; 2];
        for (turn, thief) in turns.into_iter().enumerate() {
            let who = usize::from(thief);
            let retry = if keys { format!("{who}-{turn}") } else { String::new() };
            used[who] = true;
            secs += 10;
            match session.clone().refresh(&user, presented(held[who], &retry), LIFETIMES, at(secs)) {
                Ok(decision) => {
                    prop_assert!(!(used[0] && used[1]), "served although both had used the token");
                    session = decision.into_state();
                    held[who] = session.generation;
                }
                Err(SessionError::Reused) => session = session.revoke().into_state(),
                Err(SessionError::Ended) => prop_assert!(session.revoked),
            }
            if used[0] && used[1] {
                prop_assert!(session.revoked);
            }
        }
    }
}

//! Rotation of refresh tokens (decision 0003): each use gives a successor; a token that was left behind and comes back
//! ends its session, unless its answer was probably lost on the way.
//!
//! Tokens of a session have generations 1, 2, 3 … The session knows the newest that was given out, its *head*.
//!
//! ```text
//! presented                                                      outcome
//! generation = head, session and token valid                     head + 1 is given out
//! generation = head - 1, rotated ≤ 60 s ago, itself the one used another token of generation head is given out
//! anything older, or its twin was used                           reused: the session is revoked
//! ```

use sync_core::ids::{AccountId, DeviceId};
use sync_core::time::Ms;
use uuid::Uuid;

use crate::db::sessions::{RefreshToken, RevokedWhy, Session};
use crate::db::{DbError, Transaction};
use crate::limits::{REFRESH_TOKEN_MS, ROTATION_GRACE_MS};

/// What became of a refresh token that was presented. All but `Rotated` give nothing out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The successor is kept and may be given out.
    Rotated {
        /// Whose session it is.
        account: AccountId,
        /// The device it is bound to.
        device: DeviceId,
        /// The session.
        session: Uuid,
        /// Until when the successor can be used.
        expires_at_ms: Ms,
    },
    /// Nobody gave out such a token.
    Unknown,
    /// The token has expired.
    Expired,
    /// The session had ended before.
    Ended(RevokedWhy),
    /// The token was used before: its session is revoked now.
    Reused,
}

/// Rotates a token: `presented` and `successor` are hashes.
///
/// # Errors
/// The database failed.
pub fn rotate(tx: &mut dyn Transaction, presented: &[u8], successor: &[u8], now_ms: Ms) -> Result<Rotation, DbError> {
    let Some((token, rotated_at_ms)) = tx.refresh_token(presented)? else { return Ok(Rotation::Unknown) };
    let Some(session) = tx.session(token.session)? else { return Ok(Rotation::Unknown) };
    if let Some((_, why)) = session.revoked {
        return Ok(Rotation::Ended(why));
    }
    if token.expires_at_ms <= now_ms {
        return Ok(Rotation::Expired);
    }
    let is_head = token.generation == session.generation;
    if is_head {
        tx.rotate_refresh_token(presented, now_ms)?;
        tx.set_generation(session.id, session.generation.saturating_add(1))?;
    } else if !answer_was_probably_lost(&token, rotated_at_ms, &session, now_ms) {
        tx.revoke_session(session.id, now_ms, RevokedWhy::Reused)?;
        return Ok(Rotation::Reused);
    }
    let expires_at_ms = give_out(tx, session.id, token.generation.saturating_add(1), successor, now_ms)?;
    tx.forget_expired_tokens(session.account, now_ms)?;
    tx.device_seen(session.device, now_ms)?;
    Ok(Rotation::Rotated { account: session.account, device: session.device, session: session.id, expires_at_ms })
}

/// Whether this token is the one whose successor has not been used, and its rotation is fresh.
fn answer_was_probably_lost(token: &RefreshToken, rotated_at_ms: Option<Ms>, session: &Session, now_ms: Ms) -> bool {
    token.generation.checked_add(1) == Some(session.generation)
        && rotated_at_ms.is_some_and(|at| now_ms.saturating_sub(at) <= ROTATION_GRACE_MS)
}

/// Keeps a token that is about to be given out; gives the time at which it expires.
///
/// # Errors
/// The database failed.
pub fn give_out(
    tx: &mut dyn Transaction,
    session: Uuid,
    generation: u64,
    hash: &[u8],
    now_ms: Ms,
) -> Result<Ms, DbError> {
    let expires_at_ms = now_ms.saturating_add(REFRESH_TOKEN_MS);
    tx.insert_refresh_token(RefreshToken {
        hash: hash.to_vec(),
        session,
        generation,
        issued_at_ms: now_ms,
        expires_at_ms,
    })?;
    Ok(expires_at_ms)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use sync_core::ids::TownshipId;
    use sync_core::people::Role;

    use super::*;
    use crate::db::accounts::Account;
    use crate::db::devices::Device;
    use crate::db::scratch::Home;
    use crate::db::townships::TownshipRow;
    use crate::db::{Database, Scope};

    const T: Ms = 1_700_000_000_000;
    const SESSION: Uuid = Uuid::from_u128(4);

    /// A database with one session whose first token has the hash of 1.
    struct Story {
        _home: Home,
        database: Database,
    }

    fn hash(number: u8) -> Vec<u8> {
        vec![number; 32]
    }

    impl Story {
        async fn begin() -> Self {
            let home = Home::new().unwrap();
            let database = home.open().unwrap();
            database.write(Scope::Whole, begin_session).await.unwrap();
            Self { _home: home, database }
        }

        async fn present(&self, presented: u8, successor: u8, now_ms: Ms) -> Rotation {
            self.database
                .write(Scope::Whole, move |tx| rotate(tx, &hash(presented), &hash(successor), now_ms))
                .await
                .unwrap()
        }

        async fn rotates(&self, presented: u8, successor: u8, now_ms: Ms) {
            let outcome = self.present(presented, successor, now_ms).await;
            assert!(matches!(outcome, Rotation::Rotated { session: SESSION, .. }), "{outcome:?}");
        }
    }

    fn begin_session(tx: &mut dyn Transaction) -> Result<(), DbError> {
        let (township, account) = (TownshipId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let device = DeviceId(Uuid::from_u128(3));
        tx.insert_township(TownshipRow { id: township, name: "青山镇".to_owned(), created_at_ms: T })?;
        tx.insert_account(&Account {
            id: account,
            township,
            username: "wang".to_owned(),
            display_name: "王".to_owned(),
            role: Role::Leader,
            villages: std::collections::BTreeSet::new(),
            password_hash: None,
            disabled_at_ms: None,
            created_at_ms: T,
            updated_at_ms: T,
        })?;
        tx.insert_device(Device {
            id: device,
            township,
            account,
            name: "phone".to_owned(),
            created_at_ms: T,
            seen_at_ms: T,
            revoked_at_ms: None,
            unsent: None,
        })?;
        let session =
            Session { id: SESSION, township, account, device, generation: 1, created_at_ms: T, revoked: None };
        tx.insert_session(&session)?;
        give_out(tx, SESSION, 1, &hash(1), T).map(drop)
    }

    #[tokio::test]
    async fn each_token_gives_the_next() {
        let story = Story::begin().await;
        story.rotates(1, 2, T).await;
        story.rotates(2, 3, T + 1).await;
        story.rotates(3, 4, T + 1_000_000).await;
        assert_eq!(story.present(9, 10, T).await, Rotation::Unknown);
    }

    #[tokio::test]
    async fn a_lost_answer_is_answered_again_within_a_minute() {
        let story = Story::begin().await;
        story.rotates(1, 2, T).await;
        story.rotates(1, 3, T + ROTATION_GRACE_MS).await;
        story.rotates(3, 4, T + 2 * ROTATION_GRACE_MS).await;
    }

    #[tokio::test]
    async fn after_a_minute_the_previous_token_ends_the_session() {
        let story = Story::begin().await;
        story.rotates(1, 2, T).await;
        assert_eq!(story.present(1, 3, T + ROTATION_GRACE_MS + 1).await, Rotation::Reused);
        assert_eq!(story.present(2, 4, T + ROTATION_GRACE_MS + 1).await, Rotation::Ended(RevokedWhy::Reused));
    }

    #[tokio::test]
    async fn once_the_successor_was_used_the_previous_token_ends_the_session() {
        let story = Story::begin().await;
        story.rotates(1, 2, T).await;
        story.rotates(2, 3, T + 1).await;
        assert_eq!(story.present(1, 4, T + 2).await, Rotation::Reused);
        assert_eq!(story.present(3, 5, T + 3).await, Rotation::Ended(RevokedWhy::Reused));
    }

    #[tokio::test]
    async fn of_two_successors_only_the_first_used_lives_on() {
        let story = Story::begin().await;
        story.rotates(1, 2, T).await;
        story.rotates(1, 3, T + 1).await;
        story.rotates(3, 4, T + 2).await;
        assert_eq!(story.present(2, 5, T + 3).await, Rotation::Reused);
        assert_eq!(story.present(4, 6, T + 4).await, Rotation::Ended(RevokedWhy::Reused));
    }

    #[tokio::test]
    async fn expired_tokens_of_a_session_that_has_ended_go_with_the_next_rotation_of_its_account() {
        let story = Story::begin().await;
        let (ended, late_ms) = (Uuid::from_u128(5), T + REFRESH_TOKEN_MS - 1);
        let beginning = story.database.write(Scope::Whole, move |tx| {
            let session = tx.session(SESSION)?.ok_or_else(|| DbError::Internal("no session".to_owned()))?;
            tx.insert_session(&Session { id: ended, ..session })?;
            give_out(tx, ended, 1, &hash(7), T - 2)?;
            give_out(tx, ended, 2, &hash(8), T)?;
            tx.revoke_session(ended, T, RevokedWhy::Logout)
        });
        beginning.await.unwrap();
        story.rotates(1, 2, late_ms).await;
        let left =
            story.database.read(|tx| Ok::<_, DbError>([tx.refresh_token(&hash(7))?, tx.refresh_token(&hash(8))?]));
        let [expired, fresh] = left.await.unwrap();
        assert!(expired.is_none() && fresh.is_some());
    }

    #[tokio::test]
    async fn a_token_ends_after_ninety_days_without_ending_the_session() {
        let story = Story::begin().await;
        assert_eq!(story.present(1, 2, T + REFRESH_TOKEN_MS).await, Rotation::Expired);
        story.rotates(1, 2, T + REFRESH_TOKEN_MS - 1).await;
    }
}

//! Throttling of guesses: token buckets by account at an address, and by address, in bounded memory. The time is given.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use sync_core::time::Ms;

use crate::error::{Code, Problem};
use crate::limits::{ADDRESS_FAILURES_MAX, ADDRESS_REFILL_S, LOGIN_FAILURES_MAX, LOGIN_REFILL_S, THROTTLE_ENTRIES_MAX};

/// How many attempts a bucket holds, and how fast it fills up again.
#[derive(Clone, Copy, Debug)]
struct Rule {
    burst: u32,
    refill_ms: Ms,
}

const ACCOUNT: Rule = Rule { burst: LOGIN_FAILURES_MAX, refill_ms: LOGIN_REFILL_S * 1000 };
const ADDRESS: Rule = Rule { burst: ADDRESS_FAILURES_MAX, refill_ms: ADDRESS_REFILL_S * 1000 };

/// Whose guesses are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Account([u8; 16]),
    Address(IpAddr),
}

/// A bucket as a point in time (GCRA): it is full when `empty_until_ms` is not in the future.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    filled_at_ms: Ms,
}

/// Remembers failed attempts. A server that starts anew forgets them, which gives a guesser one more burst.
#[derive(Debug, Default)]
pub struct Throttle {
    buckets: Mutex<HashMap<Who, Bucket>>,
}

impl Throttle {
    /// Takes one attempt to sign in as `username` (if one is named) from an address. Give it back by
    /// [`Throttle::succeeded`].
    ///
    /// # Errors
    /// `too_many_attempts`, with the seconds to wait.
    pub fn attempt(&self, username: Option<&str>, address: IpAddr, now_ms: Ms) -> Result<(), Problem> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let asked =
            [Some((Who::Address(network(address)), ADDRESS)), username.map(|name| (account(name, address), ACCOUNT))];
        let asked: Vec<(Who, Rule)> = asked.into_iter().flatten().collect();
        let wait_ms = asked.iter().map(|(who, rule)| wait_ms(buckets.get(who), *rule, now_ms)).max().unwrap_or(0);
        if wait_ms > 0 {
            let wait_s = u32::try_from(wait_ms.div_ceil(1000)).unwrap_or(u32::MAX);
            return Err(Problem::new(Code::TooManyAttempts, "Wait before the next attempt").retry_after(wait_s));
        }
        make_room(&mut buckets, now_ms);
        for (who, rule) in asked {
            let filled_at_ms = buckets.get(&who).map_or(now_ms, |bucket| bucket.filled_at_ms.max(now_ms));
            buckets.insert(who, Bucket { filled_at_ms: filled_at_ms.saturating_add(rule.refill_ms) });
        }
        Ok(())
    }

    /// Gives an attempt back of which nothing was verified: the server was busy, or failed. Earlier failures stay.
    pub fn given_up(&self, username: Option<&str>, address: IpAddr) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let taken =
            [Some((Who::Address(network(address)), ADDRESS)), username.map(|name| (account(name, address), ACCOUNT))];
        for (who, rule) in taken.into_iter().flatten() {
            if let Some(bucket) = buckets.get_mut(&who) {
                bucket.filled_at_ms = bucket.filled_at_ms.saturating_sub(rule.refill_ms);
            }
        }
    }

    /// Gives an attempt back that was none: the password was right. The account's failures are forgotten.
    pub fn succeeded(&self, username: Option<&str>, address: IpAddr) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(username) = username {
            buckets.remove(&account(username, address));
        }
        if let Some(bucket) = buckets.get_mut(&Who::Address(network(address))) {
            bucket.filled_at_ms = bucket.filled_at_ms.saturating_sub(ADDRESS.refill_ms);
        }
    }
}

/// How long until a bucket holds an attempt again.
fn wait_ms(bucket: Option<&Bucket>, rule: Rule, now_ms: Ms) -> Ms {
    let missing_ms = bucket.map_or(0, |bucket| bucket.filled_at_ms.saturating_sub(now_ms));
    let room_ms = Ms::from(rule.burst.saturating_sub(1)).saturating_mul(rule.refill_ms);
    missing_ms.saturating_sub(room_ms)
}

/// Forgets full buckets when there are too many, and if that is not enough the ones that are nearest to full.
fn make_room(buckets: &mut HashMap<Who, Bucket>, now_ms: Ms) {
    if buckets.len() < THROTTLE_ENTRIES_MAX {
        return;
    }
    buckets.retain(|_, bucket| bucket.filled_at_ms > now_ms);
    if buckets.len() >= THROTTLE_ENTRIES_MAX {
        let mut times: Vec<Ms> = buckets.values().map(|bucket| bucket.filled_at_ms).collect();
        let middle = times.len() / 2;
        let (_, median_ms, _) = times.select_nth_unstable(middle);
        let median_ms = *median_ms;
        buckets.retain(|_, bucket| bucket.filled_at_ms > median_ms);
    }
}

/// An account at an address, as a digest: a guesser's long usernames cost no memory.
fn account(username: &str, address: IpAddr) -> Who {
    let mut hash = Sha256::new();
    hash.update(network(address).to_string().as_bytes());
    hash.update([0]);
    hash.update(username.as_bytes());
    let mut head = [0_u8; 16];
    for (to, from) in head.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    Who::Account(head)
}

/// The address that is counted: for IPv6 the /64, since one customer has all of it.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6((u128::from(six) & !u128::from(u64::MAX)).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use super::*;

    const HERE: &str = "198.51.100.7";
    const T: Ms = 1_700_000_000_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_finds_the_server_busy_is_not_locked_out_and_a_guesser_gains_nothing_by_it() {
        let throttle = Throttle::default();
        for _ in 0..200 {
            throttle.attempt(Some("wang"), ip(HERE), T).unwrap();
            throttle.given_up(Some("wang"), ip(HERE));
        }
        for _ in 0..LOGIN_FAILURES_MAX {
            throttle.attempt(Some("wang"), ip(HERE), T).unwrap();
        }
        assert!(throttle.attempt(Some("wang"), ip(HERE), T).is_err());
        throttle.given_up(Some("wang"), ip(HERE));
        throttle.attempt(Some("wang"), ip(HERE), T).unwrap();
        assert!(throttle.attempt(Some("wang"), ip(HERE), T).is_err(), "one was given back, and no more");
    }

    #[test]
    fn after_five_failures_one_attempt_each_half_minute_is_allowed() {
        let throttle = Throttle::default();
        for _ in 0..LOGIN_FAILURES_MAX {
            throttle.attempt(Some("wang"), ip(HERE), T).unwrap();
        }
        let problem = throttle.attempt(Some("wang"), ip(HERE), T).unwrap_err();
        assert_eq!(problem.to_json()["retry_after_s"], 30);
        assert!(throttle.attempt(Some("wang"), ip(HERE), T + 29_999).is_err());
        throttle.attempt(Some("wang"), ip(HERE), T + 30_000).unwrap();
        assert!(throttle.attempt(Some("wang"), ip(HERE), T + 30_000).is_err());
    }

    #[test]
    fn others_and_other_places_do_not_wait_for_one_guesser() {
        let throttle = Throttle::default();
        for _ in 0..LOGIN_FAILURES_MAX {
            throttle.attempt(Some("wang"), ip(HERE), T).unwrap();
        }
        assert!(throttle.attempt(Some("wang"), ip(HERE), T).is_err());
        throttle.attempt(Some("li"), ip(HERE), T).unwrap();
        throttle.attempt(Some("wang"), ip("198.51.100.8"), T).unwrap();
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let throttle = Throttle::default();
        for _ in 0..10 * ADDRESS_FAILURES_MAX {
            throttle.attempt(Some("wang"), ip(HERE), T).unwrap();
            throttle.succeeded(Some("wang"), ip(HERE));
        }
    }

    #[test]
    fn one_address_cannot_try_a_password_on_every_account() {
        let throttle = Throttle::default();
        let allowed =
            (0..1000).filter(|n| throttle.attempt(Some(&format!("user{n}")), ip("2001:db8::1"), T).is_ok()).count();
        assert_eq!(allowed, usize::try_from(ADDRESS_FAILURES_MAX).unwrap());
        assert!(throttle.attempt(None, ip("2001:db8::ffff"), T).is_err(), "the same /64");
        assert!(throttle.attempt(None, ip("2001:db8:1::1"), T).is_ok());
    }

    #[test]
    fn memory_stays_bounded_under_a_flood() {
        let throttle = Throttle::default();
        for n in 0..3 * u32::try_from(THROTTLE_ENTRIES_MAX).unwrap() {
            drop(throttle.attempt(Some("wang"), IpAddr::V4(n.into()), T + Ms::from(n)));
        }
        assert!(throttle.buckets.lock().unwrap().len() <= THROTTLE_ENTRIES_MAX + 2);
    }
}

//! How much one account and one address may ask for: rates by class of address (GCRA, the crate `governor`) and requests
//! under way, in bounded memory. Guesses of passwords are counted in `auth/throttle`, and queues bound themselves.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sync_core::ids::AccountId;

use crate::app::App;
use crate::auth::throttle::network;
use crate::clock::Clock;
use crate::error::{Code, Problem};
use crate::extract::{claims, client_address};
use crate::limits::{
    MAP_RATE, PHOTO_RATE, RATE_KEYS_MAX, READING_RATE, Rate, SIGN_IN_RATE, SYNC_RATE, UNDER_WAY_MAX,
    UNDER_WAY_PER_ACCOUNT_MAX,
};
use crate::photos::tus;

/// Addresses that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Beginning and renewing sessions.
    SignIn,
    /// Push, pull, batches that are carried by hand.
    Sync,
    /// Photos and their uploads.
    Photos,
    /// The map: tiles that are fetched in the background never take the share of a photo.
    Map,
    /// The ledger, accounts, review, event streams.
    Reading,
}

impl Class {
    fn of(pattern: &str) -> Self {
        let rest = pattern.strip_prefix("/api/v1/").unwrap_or(pattern);
        match rest.split('/').next().unwrap_or(rest) {
            "auth" => Self::SignIn,
            "sync" | "push" | "pull" | "batches" => Self::Sync,
            "uploads" | "photos" => Self::Photos,
            "map" => Self::Map,
            _ => Self::Reading,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Sync => "sync",
            Self::Photos => "photos",
            Self::Map => "map",
            Self::Reading => "reading",
        }
    }
}

/// The server's clock as the crate reads it: time that only goes forward.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.ticks_ms())
    }
}

type Buckets<K> = RateLimiter<K, HashMapStateStore<K>, Ticks, NoOpMiddleware<Duration>>;

/// The buckets of one class, by key.
struct Keyed<K: Hash + Eq + Clone> {
    quota: Quota,
    ticks: Ticks,
    buckets: RwLock<Buckets<K>>,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    fn new(rate: Rate, times: u32, clock: &Arc<dyn Clock>) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number.saturating_mul(times)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(rate.per_minute)).allow_burst(at_least_one(rate.burst));
        let ticks = Ticks(Arc::clone(clock));
        let buckets = RwLock::new(Buckets::new(quota, HashMapStateStore::default(), ticks.clone()));
        Self { quota, ticks, buckets }
    }

    /// Takes one request of a key, or says how long it must wait.
    fn take(&self, key: &K) -> Result<(), Duration> {
        self.make_room();
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.check_key(key).map_err(|not_until| not_until.wait_time_from(governor::clock::Clock::now(&self.ticks)))
    }

    /// Forgets full buckets when there are too many keys, and all when that is not enough: a flood from everywhere gives
    /// everybody one more burst, and never more memory.
    fn make_room(&self) {
        if self.buckets.read().unwrap_or_else(PoisonError::into_inner).len() < RATE_KEYS_MAX {
            return;
        }
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.retain_recent();
        if buckets.len() > RATE_KEYS_MAX / 2 {
            *buckets = Buckets::new(self.quota, HashMapStateStore::default(), self.ticks.clone());
        }
    }
}

/// The buckets of every class.
struct Classes<K: Hash + Eq + Clone> {
    sign_in: Keyed<K>,
    sync: Keyed<K>,
    photos: Keyed<K>,
    map: Keyed<K>,
    reading: Keyed<K>,
}

impl<K: Hash + Eq + Clone> Classes<K> {
    fn new(times: u32, clock: &Arc<dyn Clock>) -> Self {
        Self {
            sign_in: Keyed::new(SIGN_IN_RATE, times, clock),
            sync: Keyed::new(SYNC_RATE, times, clock),
            photos: Keyed::new(PHOTO_RATE, times, clock),
            map: Keyed::new(MAP_RATE, times, clock),
            reading: Keyed::new(READING_RATE, times, clock),
        }
    }

    fn of(&self, class: Class) -> &Keyed<K> {
        match class {
            Class::SignIn => &self.sign_in,
            Class::Sync => &self.sync,
            Class::Photos => &self.photos,
            Class::Map => &self.map,
            Class::Reading => &self.reading,
        }
    }
}

/// What is counted of everybody.
pub struct Rates {
    accounts: Classes<AccountId>,
    addresses: Classes<IpAddr>,
    is_on: bool,
    under_way: Mutex<UnderWay>,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").field("is_on", &self.is_on).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct UnderWay {
    all: usize,
    by_account: HashMap<AccountId, usize>,
}

/// A request that is under way, until it is dropped.
#[derive(Debug)]
struct Turn {
    rates: Arc<Rates>,
    account: Option<AccountId>,
}

impl Rates {
    /// Rates by a clock; an address has those of so many accounts together, and 0 switches all of them off.
    #[must_use]
    pub fn new(accounts_per_address: u32, clock: &Arc<dyn Clock>) -> Self {
        Self {
            accounts: Classes::new(1, clock),
            addresses: Classes::new(accounts_per_address, clock),
            is_on: accounts_per_address > 0,
            under_way: Mutex::default(),
        }
    }

    /// Takes one request into account.
    ///
    /// # Errors
    /// `too_many_requests`, saying whose and when to ask again.
    pub fn take(&self, class: Class, address: IpAddr, account: Option<AccountId>) -> Result<(), Problem> {
        if !self.is_on {
            return Ok(());
        }
        if let Some(account) = account {
            self.accounts.of(class).take(&account).map_err(|wait| too_many(class, "account", wait))?;
        }
        self.addresses.of(class).take(&network(address)).map_err(|wait| too_many(class, "address", wait))
    }

    fn begin(self: &Arc<Self>, class: Class, account: Option<AccountId>) -> Result<Turn, Problem> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.all >= UNDER_WAY_MAX {
            return Err(Problem::new(Code::Busy, "As many requests are under way as are carried at once"));
        }
        if let Some(account) = account {
            let own = under_way.by_account.entry(account).or_default();
            if *own >= UNDER_WAY_PER_ACCOUNT_MAX {
                return Err(too_many(class, "account", Duration::ZERO));
            }
            *own = own.saturating_add(1);
        }
        under_way.all = under_way.all.saturating_add(1);
        Ok(Turn { rates: Arc::clone(self), account })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.rates.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.all = under_way.all.saturating_sub(1);
        let Some(account) = self.account else { return };
        let left = under_way.by_account.get(&account).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            under_way.by_account.remove(&account);
        } else {
            under_way.by_account.insert(account, left);
        }
    }
}

fn too_many(class: Class, of: &'static str, wait: Duration) -> Problem {
    metrics::counter!("hazard_requests_limited_total", "class" => class.name(), "of" => of).increment(1);
    let wait_s = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1);
    Problem::new(Code::TooManyRequests, "Nothing was done; send the request again after the wait")
        .with("class", class.name())
        .with("of", of)
        .retry_after(wait_s)
}

/// The middleware around every address of the API: refuses before anything of a request is read.
///
/// # Errors
/// Those of the inner services, unchanged; a refusal is an answer.
pub async fn limit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match admit(&request) {
        Ok(_turn) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => {
            let mut answer = HttpResponse::from_error(problem);
            if request.path().starts_with("/api/v1/uploads") {
                tus::mark(&mut answer);
            }
            Ok(request.into_response(answer).map_into_right_body())
        }
    }
}

/// Counts a request. Only a token that this server signed names an account: nobody spends another's share.
fn admit(request: &ServiceRequest) -> Result<Turn, Problem> {
    let app =
        request.app_data::<web::Data<App>>().ok_or_else(|| Problem::internal("the application's state is missing"))?;
    let class = Class::of(&request.match_pattern().unwrap_or_default());
    let account = claims(request.request()).ok().map(|claims| claims.sub);
    app.rates.take(class, client_address(request.request())?, account)?;
    app.rates.begin(class, account)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
    use uuid::Uuid;

    use super::*;
    use crate::clock::ManualClock;

    fn rates(accounts_per_address: u32) -> (Arc<ManualClock>, Arc<Rates>) {
        let clock = Arc::new(ManualClock::at(0));
        let shared: Arc<dyn Clock> = clock.clone();
        (clock, Arc::new(Rates::new(accounts_per_address, &shared)))
    }

    fn account(number: u128) -> AccountId {
        AccountId(Uuid::from_u128(number))
    }

    const OFFICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    #[test]
    fn a_flood_of_one_account_is_told_when_to_come_again_and_holds_up_nobody_else() {
        let (clock, rates) = rates(64);
        let push = |number| rates.take(Class::Sync, OFFICE, Some(account(number)));
        let taken = (0..10_000).filter(|_| push(1).is_ok()).count();
        assert_eq!(taken, usize::try_from(SYNC_RATE.burst).unwrap());
        let problem = push(1).unwrap_err().to_json();
        assert_eq!(
            (&problem["code"], &problem["of"], &problem["retry_after_s"]),
            (&"too_many_requests".into(), &"account".into(), &1.into())
        );
        push(2).unwrap();
        rates.take(Class::Photos, OFFICE, Some(account(1))).unwrap();
        clock.advance(60_000);
        let again = (0..10_000).filter(|_| push(1).is_ok()).count();
        assert_eq!(again, usize::try_from(SYNC_RATE.per_minute).unwrap());
    }

    #[test]
    fn eighteen_villages_behind_one_address_sync_a_week_of_work_unhindered() {
        let (_, rates) = rates(64);
        for phone in 0..18 {
            rates.take(Class::SignIn, OFFICE, None).unwrap();
            for _ in 0..100 {
                rates.take(Class::Sync, OFFICE, Some(account(phone))).unwrap();
            }
            for _ in 0..600 {
                rates.take(Class::Photos, OFFICE, Some(account(phone))).unwrap();
            }
        }
    }

    #[test]
    fn an_address_without_accounts_is_limited_and_0_switches_rates_off() {
        let (_, limited) = rates(1);
        let taken = (0..10_000).filter(|_| limited.take(Class::Reading, OFFICE, None).is_ok()).count();
        assert_eq!(taken, usize::try_from(READING_RATE.burst).unwrap());
        let (_, off) = rates(0);
        assert!((0..10_000).all(|_| off.take(Class::Reading, OFFICE, Some(account(1))).is_ok()));
    }

    #[test]
    fn memory_stays_bounded_under_a_flood_from_everywhere() {
        let (_, rates) = rates(64);
        for number in 0..u32::try_from(RATE_KEYS_MAX * 2).unwrap() {
            rates.take(Class::Sync, IpAddr::V4(number.into()), None).unwrap();
        }
        assert!(rates.addresses.sync.buckets.read().unwrap().len() <= RATE_KEYS_MAX);
    }

    #[test]
    fn so_many_requests_of_an_account_are_under_way_and_a_finished_one_makes_room() {
        let (_, rates) = rates(0);
        let begin = |number| rates.begin(Class::Sync, Some(account(number)));
        let mut turns: Vec<Turn> = (0..UNDER_WAY_PER_ACCOUNT_MAX).map(|_| begin(1).unwrap()).collect();
        assert_eq!(begin(1).unwrap_err().code(), Code::TooManyRequests);
        turns.push(begin(2).unwrap());
        turns.remove(0);
        turns.push(begin(1).unwrap());
        while let Ok(turn) = rates.begin(Class::Reading, None) {
            turns.push(turn);
        }
        assert_eq!(turns.len(), UNDER_WAY_MAX);
        assert_eq!(begin(3).unwrap_err().code(), Code::Busy);
        drop(turns);
        assert!(rates.under_way.lock().unwrap().by_account.is_empty());
    }
}

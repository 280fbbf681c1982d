//! A member of the fleet: a phone, its way to the server, and the battery that may die under it at any await.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use sync_core::client::{Effect, Failure};
use sync_core::time::Ms;

use super::crash::until_it_dies;
use super::journal::Journal;
use super::measures::Measures;
use super::pace::Pace;
use super::phone::{Owner, Phone};
use super::script::Step;
use super::trouble::Trouble;
use super::tus::Uploader;
use super::wire::Wire;

/// After so many failures in a row an ordinary sync is left for another day.
const PATIENCE: u32 = 4;
/// A round trip that must succeed is tried for so long.
const STUCK_AFTER: Duration = Duration::from_secs(90);
/// A battery that dies does so within so many awaits of a stage, often early.
const POLLS_MAX_LOG2: f64 = 9.0;

/// A phone with what surrounds it.
#[derive(Debug)]
pub struct Member {
    owner: Arc<Owner>,
    phone: Option<Phone>,
    network: Network,
    battery: Option<Battery>,
}

/// How likely a battery dies.
#[derive(Debug)]
pub struct Battery {
    /// Where its chance comes from.
    pub chance: StdRng,
    /// Of 100 stages so many are interrupted.
    pub dies_percent: u32,
}

#[derive(Debug)]
struct Network {
    wire: Wire,
    uploader: Uploader,
    measures: Arc<Measures>,
    pace: Arc<Pace>,
}

impl Member {
    /// A phone that was never switched on.
    #[must_use]
    pub fn new(
        owner: Owner,
        wire: Wire,
        uploader: Uploader,
        (measures, pace): (Arc<Measures>, Arc<Pace>),
        battery: Option<Battery>,
    ) -> Self {
        let network = Network { wire, uploader, measures, pace };
        Self { owner: Arc::new(owner), phone: None, network, battery }
    }

    /// Does some steps; `first` is the place of the first among all steps of this phone. When the battery dies, the phone
    /// is switched on again and goes on with what its journal says.
    ///
    /// # Errors
    /// What no fault of the link or the battery explains.
    pub async fn work(&mut self, steps: &[Step], first: usize) -> Result<(), Trouble> {
        loop {
            let mut phone = match self.phone.take() {
                Some(phone) => phone,
                None => Phone::open(self.owner.clone())?,
            };
            let work = self.network.work(&mut phone, steps, first);
            let outcome = match self.battery.as_mut().and_then(Battery::dies_after) {
                None => Some(work.await),
                Some(polls) => until_it_dies(work, polls).await,
            };
            if let Some(result) = outcome {
                result.map_err(|trouble| self.of_this_phone(trouble))?;
                self.phone = Some(phone);
                return Ok(());
            }
            drop(phone);
            self.network.measures.crashes.one();
            if self.battery.as_mut().is_some_and(|battery| battery.chance.random_bool(0.5)) {
                Journal::tear(&self.owner.journal())?;
            }
        }
    }

    fn of_this_phone(&self, trouble: Trouble) -> Trouble {
        match trouble {
            Trouble::Stuck(what) => Trouble::Stuck(format!("{}: {what}", self.owner.name)),
            other => other,
        }
    }

    /// Waits until no request that the phone gave up is still on its way.
    pub async fn quiet(&mut self) {
        self.network.wire.quiet().await;
    }

    /// The phone as it comes up from its journal, without anything that its memory might hold beside it.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn reopened(&mut self) -> Result<Phone, Trouble> {
        self.phone = None;
        Phone::open(self.owner.clone())
    }
}

impl Battery {
    /// The await at which it dies in this stage, if it does.
    fn dies_after(&mut self) -> Option<usize> {
        let dies = self.chance.random_range(0..100) < self.dies_percent;
        let polls = self.chance.random_range(0.0..POLLS_MAX_LOG2).exp2().to_string();
        let polls = polls.split('.').next().and_then(|whole| whole.parse().ok());
        polls.filter(|_| dies)
    }
}

impl Network {
    async fn work(&mut self, phone: &mut Phone, steps: &[Step], first: usize) -> Result<(), Trouble> {
        for (step, place) in steps.iter().zip(first..) {
            match step {
                Step::Sync { at_ms } => self.sync(phone, *at_ms, Some(PATIENCE)).await?,
                Step::Meet { at_ms } => self.sync(phone, *at_ms, None).await?,
                Step::Visit { .. } | Step::Edit { .. } => {
                    if place < phone.next_step() {
                        continue;
                    }
                    self.pace.turn().await;
                    phone.write(step, place.saturating_add(1))?;
                    self.pace.done();
                }
            }
        }
        Ok(())
    }

    /// Round trips until nothing waits in either direction, or patience is at its end.
    async fn sync(&mut self, phone: &mut Phone, at_ms: Ms, patience: Option<u32>) -> Result<(), Trouble> {
        let now_ms = phone.owner().clock_ms(at_ms);
        let started = Instant::now();
        let mut failures = 0_u32;
        phone.client().want_pull();
        phone.client().retry_now();
        while let Some(request) = phone.client().poll(now_ms) {
            if started.elapsed() > STUCK_AFTER {
                let photos = phone.client().photos_unsent();
                let state = format!("{failures} failures in a row, {photos} photos without a receipt");
                return Err(Trouble::Stuck(format!("a sync does not end after {STUCK_AFTER:?}: {state}")));
            }
            match self.wire.sync(&request).await {
                Ok(answer) => {
                    failures = 0;
                    let effects = phone.client().handle_answer(answer);
                    self.count(&effects);
                    phone.store(effects)?;
                    self.send_photos(phone).await?;
                }
                Err(failure) => {
                    failures = failures.saturating_add(1);
                    phone.client().handle_failure(failure, now_ms);
                    if patience.is_some_and(|patience| failures >= patience) {
                        return Ok(());
                    }
                    self.recover(failure, failures).await?;
                    phone.client().retry_now();
                }
            }
        }
        if phone.client().is_idle() {
            Ok(())
        } else {
            Err(Trouble::Stuck("the client stopped with work left".to_owned()))
        }
    }

    async fn recover(&self, failure: Failure, failures: u32) -> Result<(), Trouble> {
        self.measures.retries.one();
        if failure == Failure::SignedOut {
            if let Err(Some(refusal)) = self.wire.session.sign_in().await {
                return Err(Trouble::Server(refusal));
            }
            return Ok(());
        }
        let wait_ms = 5_u64.saturating_mul(1_u64 << failures.min(6));
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        Ok(())
    }

    async fn send_photos(&mut self, phone: &mut Phone) -> Result<(), Trouble> {
        let wanted: Vec<String> = phone.client().photos_to_send().map(str::to_owned).collect();
        for hash in wanted {
            self.uploader.upload(&phone.photo_path(&hash), &hash).await?;
            phone.client().photo_sent(&hash);
        }
        Ok(())
    }

    fn count(&self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Settle { .. } => self.measures.versions.one(),
                Effect::PhotoReceived(_) => self.measures.photos.one(),
                _ => {}
            }
        }
    }
}

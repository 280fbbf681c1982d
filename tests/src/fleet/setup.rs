//! What a run consists of before anybody does anything: links, accounts, phones.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::try_join_all;
use sync_core::ids::VillageId;
use sync_core::people::{Caller, Role};
use sync_core::time::Ms;
use tokio::sync::Semaphore;

use super::link::{Cargo, Link, Weather};
use super::measures::Measures;
use super::member::{Battery, Member};
use super::office;
use super::options::Options;
use super::pace::Pace;
use super::phone::Owner;
use super::script::{PhoneScript, Step, VillageScript};
use super::seeds::Seed;
use super::session::{Credentials, Session};
use super::trouble::Trouble;
use super::tus::Uploader;
use super::wire::Wire;

/// Of 100 connections so many are cut sooner or later.
const CUT_PERCENT: u32 = 95;
/// Of 100 connections so many are slow.
const SLOW_PERCENT: u32 = 25;

/// What all phones share.
#[derive(Debug)]
pub struct Fleet {
    /// The seed of the run.
    pub seed: Seed,
    /// What is counted.
    pub measures: Arc<Measures>,
    /// How far the villages have come.
    pub pace: Arc<Pace>,
    /// Whether anything goes wrong on purpose.
    pub faults: bool,
    folder: PathBuf,
    servers: Vec<SocketAddr>,
    gate: Arc<Semaphore>,
    records: Link,
    photos: Link,
    dies_percent: u32,
}

/// Who somebody is, and how their phone's clock goes.
#[derive(Clone, Debug)]
pub struct Person {
    /// The username.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The villages of an inspector.
    pub villages: BTreeSet<VillageId>,
    /// By how much the phone's clock is wrong, ms.
    pub clock_off_ms: i64,
}

impl Fleet {
    /// Puts the links before the servers.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn new(
        options: &Options,
        seed: Seed,
        servers: Vec<SocketAddr>,
        folder: PathBuf,
    ) -> Result<Self, Trouble> {
        let measures = Arc::new(Measures::default());
        let faults = !options.no_faults;
        // A slice moves little: its cuts must come early to come at all.
        let [records_cut, photos_cut] = if options.slice { [40_000, 250_000] } else { [200_000, 800_000] };
        let weather = |cut_after_bytes_max| {
            faults.then_some(Weather { cut_percent: CUT_PERCENT, cut_after_bytes_max, slow_percent: SLOW_PERCENT })
        };
        let records =
            Link::start(servers.clone(), Cargo::Records, weather(records_cut), seed, measures.clone()).await?;
        let photos = Link::start(servers.clone(), Cargo::Photos, weather(photos_cut), seed, measures.clone()).await?;
        let gate = Arc::new(Semaphore::new(options.concurrency.max(1)));
        let dies_percent = if options.slice { 12 } else { 6 };
        Ok(Self { seed, measures, pace: Arc::default(), faults, folder, servers, gate, records, photos, dies_percent })
    }

    /// A session without the bad link.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn direct(&self, username: &str) -> Result<Arc<Session>, Trouble> {
        let first = self.servers.first().copied().ok_or_else(|| Trouble::Server("there is none".to_owned()))?;
        self.session(first, username)
    }

    /// A session through the bad link.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn linked(&self, username: &str) -> Result<Arc<Session>, Trouble> {
        self.session(self.records.addr, username)
    }

    fn session(&self, addr: SocketAddr, username: &str) -> Result<Arc<Session>, Trouble> {
        let credentials = Credentials { username: username.to_owned(), password: self.seed.secret(username) };
        Session::new(format!("http://{addr}"), credentials).map(Arc::new)
    }

    /// Makes the account of a person, and their phone.
    ///
    /// # Errors
    /// The server refuses the account.
    pub async fn member(&self, admin: &Session, person: Person) -> Result<Member, Trouble> {
        let Person { name, role, villages, clock_off_ms } = person;
        let account = office::make_account(admin, &name, &self.seed.secret(&name), role, &villages).await?;
        let session = self.linked(&name)?;
        let measures = self.measures.clone();
        let chance = self.faults.then(|| self.seed.rng("wire", &name));
        let wire = Wire::new(session.clone(), measures.clone(), self.gate.clone(), chance);
        let uploader = Uploader::new(session, format!("http://{}", self.photos.addr), measures.clone());
        let counts = (measures, self.pace.clone());
        let battery = Battery { chance: self.seed.rng("battery", &name), dies_percent: self.dies_percent };
        let folder = self.folder.join("phones").join(&name);
        let caller = Caller { account, role, villages };
        let owner = Owner { name, caller, folder, clock_off_ms, seed: self.seed };
        Ok(Member::new(owner, wire, uploader, counts, self.faults.then_some(battery)))
    }
}

/// A village's phones with what each does.
#[derive(Debug)]
pub struct Crew {
    members: Vec<(Member, PhoneScript)>,
}

impl Crew {
    /// Makes the accounts and phones of a village.
    ///
    /// # Errors
    /// The server refuses an account.
    pub async fn new(fleet: &Fleet, admin: &Session, script: VillageScript) -> Result<Self, Trouble> {
        let mut members = Vec::new();
        for phone in script.phones {
            let person = Person {
                name: phone.username.clone(),
                role: Role::Inspector,
                villages: BTreeSet::from([script.village]),
                clock_off_ms: phone.clock_off_ms,
            };
            members.push((fleet.member(admin, person).await?, phone));
        }
        Ok(Self { members })
    }

    /// Its phones.
    pub fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut().map(|(member, _)| member)
    }

    /// Works through some stages. At the end of each, everybody sends and then everybody receives.
    ///
    /// # Errors
    /// What no fault of the link or a battery explains.
    pub async fn work(&mut self, stages: std::ops::Range<usize>, stage_ends_ms: &[Ms]) -> Result<(), Trouble> {
        for stage in stages {
            let at_ms = stage_ends_ms.get(stage).copied().unwrap_or(0);
            let meet = [Step::Meet { at_ms }];
            try_join_all(self.members.iter_mut().map(async |(member, script)| {
                let first = script.stages.iter().take(stage).map(Vec::len).sum();
                member.work(script.stages.get(stage).map_or(&[], Vec::as_slice), first).await?;
                member.work(&meet, 0).await
            }))
            .await?;
            try_join_all(self.members().map(async |member| member.work(&meet, 0).await)).await?;
        }
        Ok(())
    }
}

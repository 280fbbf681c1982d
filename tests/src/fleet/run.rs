//! One run from its beginning to its report: sets everything up, lets the villages work, kills the server in between,
//! and has the outcome verified.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use rand::RngExt;
use sync_core::ids::VillageId;
use sync_core::people::{Caller, Role};
use tokio::sync::{Semaphore, watch};

use super::csv::{Inspections, Selection};
use super::findings::{Findings, Sort};
use super::link::{Cargo, Link, Weather};
use super::mapping::Mapping;
use super::measures::Measures;
use super::member::{Battery, Member};
use super::options::Options;
use super::oracle::Oracle;
use super::phone::Owner;
use super::photos::Album;
use super::report::{Facts, Report, progress};
use super::script::{self, Making, OFFICE, PhoneScript, Script, Step, VillageScript};
use super::seeds::Seed;
use super::server_process::ServerProcess;
use super::session::{Credentials, Session};
use super::trouble::Trouble;
use super::tus::Uploader;
use super::wire::Wire;
use super::{csv, office, verify, verify_rows};

const ADMIN: &str = "admin";
/// How much of the script is done when the server is killed.
const KILLED_AT_PERCENT: [u64; 3] = [18, 47, 76];

/// Runs a replay and verifies it.
///
/// # Errors
/// What stopped it; what it found wrong is in the findings.
pub async fn run(options: &Options, quiet: bool) -> Result<(Report, Findings), Trouble> {
    let seed = Seed(options.seed);
    let selection = Selection { rows_max: options.rows_max(), wards_max: options.wards_max() };
    let inspections = csv::read(&options.csv(), selection)?;
    let album = Album::read(&options.photos_dir(), options.photos(), seed)?;
    let making = Making { seed, visit_stages: options.stages(), album: &album };
    let script = script::make(&inspections.rows, &making);

    let temporary = tempfile::tempdir().map_err(Trouble::io("making a temporary folder"))?;
    let folder = options.keep_in.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).map_err(Trouble::io("making the folder of the run"))?;
    let program = options.server_bin.clone().map_or_else(server_beside_this_program, Ok)?;
    let admin = Credentials { username: ADMIN.to_owned(), password: seed.secret(ADMIN) };
    let server = ServerProcess::start(&program, &folder, &admin.username, &admin.password).await?;
    let fleet = Fleet::new(options, seed, server, folder).await?;
    fleet.replay(script, &inspections, quiet, admin).await
}

fn server_beside_this_program() -> Result<PathBuf, Trouble> {
    let own = std::env::current_exe().map_err(Trouble::io("looking for this program"))?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("hazard-ledger")).find(|path| path.is_file());
    beside.ok_or_else(|| {
        Trouble::Server(format!("no hazard-ledger beside {}: build it, or name it by --server-bin", own.display()))
    })
}

/// What all phones share.
struct Fleet {
    seed: Seed,
    folder: PathBuf,
    server: ServerProcess,
    measures: Arc<Measures>,
    gate: Arc<Semaphore>,
    records: Link,
    photos: Link,
    faults: bool,
    dies_percent: u32,
}

/// A village's phones with what each does.
struct Crew {
    members: Vec<(Member, PhoneScript)>,
}

impl Fleet {
    async fn new(options: &Options, seed: Seed, server: ServerProcess, folder: PathBuf) -> Result<Self, Trouble> {
        let measures = Arc::new(Measures::default());
        let faults = !options.no_faults;
        // A slice moves little: its cuts must come early to come at all.
        let [records_cut, photos_cut] = if options.slice { [40_000, 250_000] } else { [200_000, 800_000] };
        let weather = |cut_after_bytes_max| Weather { cut_percent: 95, cut_after_bytes_max, slow_percent: 25 };
        let (to, counted) = (server.addr, measures.clone());
        let records = faults.then(|| weather(records_cut));
        let records = Link::start(to, Cargo::Records, records, seed, counted.clone()).await?;
        let photos = Link::start(to, Cargo::Photos, faults.then(|| weather(photos_cut)), seed, counted).await?;
        Ok(Self {
            seed,
            folder,
            server,
            measures,
            gate: Arc::new(Semaphore::new(options.concurrency.max(1))),
            records,
            photos,
            faults,
            dies_percent: if options.slice { 12 } else { 6 },
        })
    }

    async fn replay(
        mut self,
        script: Script,
        inspections: &Inspections,
        quiet: bool,
        admin: Credentials,
    ) -> Result<(Report, Findings), Trouble> {
        let Script { directory, villages, closing, end_ms, stage_ends_ms, closing_stage, oracle, steps } = script;
        let mapping = Mapping(self.seed);
        let oracle = Arc::new(oracle);
        let admin = self.direct(admin)?;
        admin.sign_in().await.map_err(|refusal| Trouble::Server(refusal.unwrap_or_default()))?;
        let mut supervisor = self.member(&admin, OFFICE, Role::Supervisor, BTreeSet::new(), 0).await?;
        let mut crews = Vec::new();
        for village in villages {
            crews.push(self.crew(&admin, village).await?);
        }
        let phones = crews.iter().map(|crew| crew.members.len()).sum::<usize>().saturating_add(1);
        let direct = self.direct(self.credentials(OFFICE))?;
        let mut findings = Findings::default();

        let started = Instant::now();
        let bar = progress(steps, quiet);
        bar.set_message("directory");
        let first_ms = directory.first().map_or(0, |draft| draft.at_ms);
        let written = directory.len();
        supervisor.work(&visits(directory), 0).await?;
        supervisor.work(&[Step::Meet { at_ms: first_ms }], written).await?;

        bar.set_message("villages");
        let (villages_done, done) = watch::channel(false);
        let (session, decided_oracle) = (self.session(self.records.addr, self.credentials(OFFICE))?, oracle.clone());
        let deciding = tokio::spawn(office::decide(session, decided_oracle, done));
        let work = async {
            for stages in [0..closing_stage, closing_stage..stage_ends_ms.len()] {
                let is_first = stages.start == 0;
                try_join_all(crews.iter_mut().map(|crew| crew.work(stages.clone(), &stage_ends_ms))).await?;
                if is_first {
                    let lines = verify::lines(&direct, &mut findings).await?;
                    let ends = stage_ends_ms.get(closing_stage.saturating_sub(1)).copied().unwrap_or(0);
                    let closed = |row: &csv::Row, id| {
                        let was_closed = mapping.closed_ms(row).is_some_and(|at_ms| at_ms < ends);
                        // Its level may be decided later than this moment.
                        let is_known = !was_closed || !oracle.has_disputed_level(id);
                        is_known.then_some(was_closed)
                    };
                    verify_rows::standing(&inspections.rows, mapping, closed, &lines, &mut findings);
                }
            }
            Ok::<_, Trouble>(())
        };
        let kills = self.faults.then_some(KILLED_AT_PERCENT.as_slice()).unwrap_or_default();
        let measures = self.measures.clone();
        let killing = kill_at(kills, &mut self.server, &measures, steps, &bar, self.seed);
        tokio::select! {
            worked = work => worked?,
            killed = killing => { killed?; }
        }
        bar.set_message("decisions");
        let _receiver_may_be_gone = villages_done.send(true);
        deciding.await.map_err(|error| Trouble::Stuck(format!("the office: {error}")))??;
        let lines = verify::lines(&direct, &mut findings).await?;
        let closed = |row: &csv::Row, id| Some(row.closed.is_some() && !oracle.major.contains(&id));
        verify_rows::standing(&inspections.rows, mapping, closed, &lines, &mut findings);
        supervisor.work(&visits(closing), written).await?;
        supervisor.work(&[Step::Meet { at_ms: end_ms }], 0).await?;
        let meet = [Step::Meet { at_ms: end_ms }];
        let everybody = crews.iter_mut().flat_map(|crew| crew.members.iter_mut().map(|(member, _)| member));
        let everybody: Vec<&mut Member> = everybody.chain([&mut supervisor]).collect();
        try_join_all(everybody.into_iter().map(async |member| {
            member.quiet().await;
            member.work(&meet, 0).await
        }))
        .await?;
        let took = started.elapsed();
        bar.finish_with_message("replayed; verifying");
        let server_resident_mib = self.server.resident_mib();

        let started = Instant::now();
        let members = crews.iter_mut().flat_map(|crew| crew.members.iter_mut().map(|(member, _)| member));
        let listed =
            self.verify(&direct, &oracle, inspections, members.chain([&mut supervisor]), &mut findings).await?;
        for violation in self.measures.violations() {
            findings.add(Sort::Broken, || violation);
        }
        let decided = oracle.conflicts.values().filter(|planted| planted.decision.is_some()).count();
        let facts = Facts {
            seed: self.seed.0,
            rows: [inspections.rows.len(), inspections.left_out],
            phones,
            conflicts: [oracle.conflicts.len(), decided, listed],
            server_resident_mib,
            took: [took, started.elapsed()],
        };
        Ok((Report::new(facts, &self.measures, &findings), findings))
    }

    async fn verify(
        &self,
        session: &Session,
        oracle: &Oracle,
        inspections: &Inspections,
        members: impl Iterator<Item = &mut Member>,
        findings: &mut Findings,
    ) -> Result<usize, Trouble> {
        let ledger = verify::pull_all(session).await?;
        verify::records(oracle, &ledger, findings);
        let listed = verify::conflicts(session, oracle, &ledger, findings).await?;
        verify::quarantine(session, findings).await?;
        verify::histories(session, oracle, findings).await?;
        let lines = verify::lines(session, findings).await?;
        let shown = verify_rows::Shown { mapping: Mapping(self.seed), ledger: &ledger, lines: &lines, oracle };
        shown.rows(&inspections.rows, findings);
        verify::photos(session, oracle, findings).await?;
        let states = ledger.into_iter().map(|(id, record)| {
            let state = record.to_json();
            (id, (record, state))
        });
        let states = states.collect();
        for member in members {
            verify::phone(&member.reopened()?, &states, findings);
        }
        Ok(listed)
    }

    fn credentials(&self, username: &str) -> Credentials {
        Credentials { username: username.to_owned(), password: self.seed.secret(username) }
    }

    fn session(&self, addr: std::net::SocketAddr, credentials: Credentials) -> Result<Arc<Session>, Trouble> {
        Session::new(format!("http://{addr}"), credentials).map(Arc::new)
    }

    fn direct(&self, credentials: Credentials) -> Result<Arc<Session>, Trouble> {
        self.session(self.server.addr, credentials)
    }

    async fn crew(&self, admin: &Session, village: VillageScript) -> Result<Crew, Trouble> {
        let mut members = Vec::new();
        for phone in village.phones {
            let villages = BTreeSet::from([village.village]);
            let member = self.member(admin, &phone.username, Role::Inspector, villages, phone.clock_off_ms).await?;
            members.push((member, phone));
        }
        Ok(Crew { members })
    }

    async fn member(
        &self,
        admin: &Session,
        name: &str,
        role: Role,
        villages: BTreeSet<VillageId>,
        clock_off_ms: i64,
    ) -> Result<Member, Trouble> {
        let credentials = self.credentials(name);
        let account = office::make_account(admin, name, &credentials.password, role, &villages).await?;
        let session = self.session(self.records.addr, credentials)?;
        let measures = self.measures.clone();
        let chance = self.faults.then(|| self.seed.rng("wire", name));
        let wire = Wire::new(session.clone(), measures.clone(), self.gate.clone(), chance);
        let uploader = Uploader::new(session, format!("http://{}", self.photos.addr), measures.clone());
        let battery = Battery { chance: self.seed.rng("battery", name), dies_percent: self.dies_percent };
        let caller = Caller { account, role, villages };
        let folder = self.folder.join("phones").join(name);
        let owner = Owner { name: name.to_owned(), caller, folder, clock_off_ms, seed: self.seed };
        Ok(Member::new(owner, wire, uploader, measures, self.faults.then_some(battery)))
    }
}

impl Crew {
    /// Works through some stages. At the end of each, everybody sends and then everybody receives.
    async fn work(&mut self, stages: std::ops::Range<usize>, stage_ends_ms: &[u64]) -> Result<(), Trouble> {
        for stage in stages {
            let at_ms = stage_ends_ms.get(stage).copied().unwrap_or(0);
            let meet = [Step::Meet { at_ms }];
            try_join_all(self.members.iter_mut().map(async |(member, script)| {
                let first = script.stages.iter().take(stage).map(Vec::len).sum();
                member.work(script.stages.get(stage).map_or(&[], Vec::as_slice), first).await?;
                member.work(&meet, 0).await
            }))
            .await?;
            try_join_all(self.members.iter_mut().map(async |(member, _)| member.work(&meet, 0).await)).await?;
        }
        Ok(())
    }
}

/// Each record as a step of its own.
fn visits(drafts: Vec<super::mapping::Draft>) -> Vec<Step> {
    drafts.into_iter().map(|draft| Step::Visit { drafts: vec![draft], shot: None }).collect()
}

/// Moves the bar, and kills the server when so much of the script is done; never ends by itself.
async fn kill_at(
    percents: &[u64],
    server: &mut ServerProcess,
    measures: &Measures,
    steps: u64,
    bar: &indicatif::ProgressBar,
    seed: Seed,
) -> Result<std::convert::Infallible, Trouble> {
    let mut percents = percents.iter();
    let mut next = percents.next();
    let mut rng = seed.rng("kills", "");
    loop {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let done = measures.steps.get();
        bar.set_position(done.min(steps));
        if next.is_some_and(|percent| done.saturating_mul(100) >= steps.saturating_mul(*percent)) {
            next = percents.next();
            server.kill_and_restart(Duration::from_millis(rng.random_range(50..600))).await?;
            measures.server_kills.one();
        }
    }
}

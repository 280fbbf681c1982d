//! One run from its beginning to its report: lets the office and the villages work, lets the servers suffer in between, and has
//! the outcome verified.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::try_join_all;
use indicatif::ProgressBar;
use sync_core::people::Role;
use tokio::sync::watch;

use super::csv::{Inspections, Row, Selection};
use super::findings::{Findings, Sort};
use super::mapping::{Draft, Mapping};
use super::member::Member;
use super::options::Options;
use super::oracle::Oracle;
use super::photos::Album;
use super::report::{Facts, Report, progress};
use super::script::{self, Making, OFFICE, Script, Step, VillageScript};
use super::seeds::Seed;
use super::server_process::Place;
use super::servers::Servers;
use super::session::Session;
use super::setup::{Crew, Fleet, Person};
use super::trouble::Trouble;
use super::{csv, office, verify, verify_rows};

const ADMIN: &str = "admin";

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
    let mut script = script::make(&inspections.rows, &making);
    let villages = std::mem::take(&mut script.villages);

    let temporary = tempfile::tempdir().map_err(Trouble::io("making a temporary folder"))?;
    let folder = options.keep_in.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).map_err(Trouble::io("making the folder of the run"))?;
    let program = options.server_bin.clone().map_or_else(server_beside_this_program, Ok)?;
    let place = Place { program, folder: folder.clone(), database_url: options.database_url.clone() };
    let admin = (ADMIN, seed.secret(ADMIN));
    let restart = options.restart_database.clone();
    let mut servers = Servers::start(&place, (admin.0, &admin.1), options.processes, restart).await?;
    let fleet = Fleet::new(options, seed, servers.addresses(), folder).await?;
    let mut replay = Replay::prepare(fleet, script, villages, inspections).await?;

    let bar = progress(replay.script.steps, quiet);
    let started = Instant::now();
    replay.open().await?;
    replay.work(&mut servers, &bar).await?;
    replay.close().await?;
    let replayed = started.elapsed();
    bar.finish_with_message("replayed; verifying");
    let server_resident_mib = servers.resident_mib();
    let started = Instant::now();
    let listed = replay.verify().await?;
    let facts = Facts {
        seed: seed.0,
        rows: [replay.inspections.rows.len(), replay.inspections.left_out],
        phones: replay.everybody().count(),
        conflicts: replay.oracle.planted_and_decided(listed),
        server_resident_mib,
        took: [replayed, started.elapsed()],
    };
    Ok((Report::new(facts, &replay.fleet.measures, &replay.findings), replay.findings))
}

fn server_beside_this_program() -> Result<PathBuf, Trouble> {
    let own = std::env::current_exe().map_err(Trouble::io("looking for this program"))?;
    let beside = own.ancestors().skip(1).take(2).map(|folder| folder.join("hazard-ledger")).find(|path| path.is_file());
    beside.ok_or_else(|| {
        Trouble::Server(format!("no hazard-ledger beside {}: build it, or name it by --server-bin", own.display()))
    })
}

/// Everybody who takes part, and what is known so far.
struct Replay {
    fleet: Fleet,
    script: Script,
    oracle: Arc<Oracle>,
    inspections: Inspections,
    supervisor: Member,
    crews: Vec<Crew>,
    /// The office's eyes, without the bad link.
    direct: Arc<Session>,
    findings: Findings,
}

impl Replay {
    /// Makes the accounts and phones.
    async fn prepare(
        fleet: Fleet,
        mut script: Script,
        villages: Vec<VillageScript>,
        inspections: Inspections,
    ) -> Result<Self, Trouble> {
        let admin = fleet.direct(ADMIN)?;
        let office =
            Person { name: OFFICE.to_owned(), role: Role::Supervisor, villages: BTreeSet::new(), clock_off_ms: 0 };
        let supervisor = fleet.member(&admin, office).await?;
        let mut crews = Vec::new();
        for village in villages {
            crews.push(Crew::new(&fleet, &admin, village).await?);
        }
        let oracle = Arc::new(std::mem::take(&mut script.oracle));
        let direct = fleet.direct(OFFICE)?;
        Ok(Self { fleet, script, oracle, inspections, supervisor, crews, direct, findings: Findings::default() })
    }

    fn everybody(&mut self) -> impl Iterator<Item = &mut Member> {
        self.crews.iter_mut().flat_map(Crew::members).chain([&mut self.supervisor])
    }

    /// The office writes the directory.
    async fn open(&mut self) -> Result<(), Trouble> {
        let at_ms = self.script.directory.first().map_or(0, |draft| draft.at_ms);
        self.supervisor.work(&visits(&self.script.directory), 0).await?;
        self.supervisor.work(&[Step::Meet { at_ms }], 0).await
    }

    /// The villages work and the office decides, while the server is killed now and then.
    async fn work(&mut self, servers: &mut Servers, bar: &ProgressBar) -> Result<(), Trouble> {
        let (villages_done, done) = watch::channel(false);
        let deciding = tokio::spawn(office::decide(self.fleet.linked(OFFICE)?, self.oracle.clone(), done));
        let (faults, measures, pace, seed) =
            (self.fleet.faults, self.fleet.measures.clone(), self.fleet.pace.clone(), self.fleet.seed);
        let worked = async {
            self.stages().await?;
            pace.end();
            Ok(())
        };
        // A blow that has begun is waited for: it would leave a server down for ever.
        tokio::try_join!(worked, servers.suffer(faults, &measures, &pace, bar, seed))?;
        let _receiver_may_be_gone = villages_done.send(true);
        deciding.await.map_err(|error| Trouble::Stuck(format!("the office: {error}")))?
    }

    /// The time of the visits, a look at what is still open, and the time of what is closed later.
    async fn stages(&mut self) -> Result<(), Trouble> {
        let (middle, ends_ms) = (self.script.closing_stage, self.script.stage_ends_ms.clone());
        try_join_all(self.crews.iter_mut().map(|crew| crew.work(0..middle, &ends_ms))).await?;
        let until_ms = ends_ms.get(middle.saturating_sub(1)).copied().unwrap_or(0);
        let (mapping, oracle) = (Mapping(self.fleet.seed), self.oracle.clone());
        let closed = move |row: &Row, hazard| {
            let was_closed = mapping.closed_ms(row).is_some_and(|at_ms| at_ms < until_ms);
            // Its level may be decided later than this moment.
            let is_known = !was_closed || !oracle.has_disputed_level(hazard);
            is_known.then_some(was_closed)
        };
        self.look_at_lines(closed).await?;
        try_join_all(self.crews.iter_mut().map(|crew| crew.work(middle..ends_ms.len(), &ends_ms))).await?;
        Ok(())
    }

    async fn look_at_lines(
        &mut self,
        is_closed: impl Fn(&Row, sync_core::ids::RecordId) -> Option<bool>,
    ) -> Result<(), Trouble> {
        let lines = verify::lines(&self.direct, &mut self.findings).await?;
        let mapping = Mapping(self.fleet.seed);
        verify_rows::standing(&self.inspections.rows, mapping, is_closed, &lines, &mut self.findings);
        Ok(())
    }

    /// What reads major is not closed by the villages; then the office closes it, and everybody receives the rest.
    async fn close(&mut self) -> Result<(), Trouble> {
        let oracle = self.oracle.clone();
        self.look_at_lines(move |row, hazard| Some(row.closed.is_some() && !oracle.major.contains(&hazard))).await?;
        let meet = [Step::Meet { at_ms: self.script.end_ms }];
        self.supervisor.work(&visits(&self.script.closing), self.script.directory.len()).await?;
        for member in self.everybody() {
            member.quiet().await;
        }
        self.supervisor.work(&meet, 0).await?;
        try_join_all(self.everybody().map(|member| member.work(&meet, 0))).await?;
        Ok(())
    }

    /// Holds everything against the oracle and the rows; gives the number of listed conflicts.
    async fn verify(&mut self) -> Result<usize, Trouble> {
        let (session, oracle, mut findings) =
            (self.direct.clone(), self.oracle.clone(), std::mem::take(&mut self.findings));
        let ledger = verify::pull_all(&session).await?;
        verify::records(&oracle, &ledger, &mut findings);
        let listed = verify::conflicts(&session, &oracle, &ledger, &mut findings).await?;
        verify::quarantine(&session, &mut findings).await?;
        verify::histories(&session, &oracle, &mut findings).await?;
        let lines = verify::lines(&session, &mut findings).await?;
        let mapping = Mapping(self.fleet.seed);
        let shown = verify_rows::Shown { mapping, ledger: &ledger, lines: &lines, oracle: &oracle };
        shown.rows(&self.inspections.rows, &mut findings);
        verify::photos(&session, &oracle, &mut findings).await?;
        let states = ledger.into_iter().map(|(id, record)| (id, (record.to_json(), record))).collect();
        for member in self.everybody() {
            verify::phone(&member.reopened()?, &states, &mut findings);
        }
        for violation in self.fleet.measures.violations() {
            findings.add(Sort::Broken, || violation);
        }
        self.findings = findings;
        Ok(listed)
    }
}

/// Each record as a step of its own.
fn visits(drafts: &[Draft]) -> Vec<Step> {
    drafts.iter().map(|draft| Step::Visit { drafts: vec![draft.clone()], shot: None }).collect()
}

//! What a desk asks of a ledger of a million hazards, on SQLite: first pages by filter and by search, the map, likely duplicates,
//! a campaign's coverage, the overview, and workbooks. Prints one JSON object a line. `office [--hazards 1000000]`; with
//! `--keep FOLDER` only the workbook and the table of all hazards, which stay there.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use hazard_tests::growth::Failure;
use hazard_tests::growth::phone::peak_mb;
use serde_json::{Value, json};
use server::db::hazards::{HazardFilter, HazardKey, HazardLine, HazardMark, HazardOrder};
use server::db::records::StoredRecord;
use server::db::townships::TownshipRow;
use server::db::visits::VisitRow;
use server::db::{Database, DatabaseOptions, DbError, Scope, Transaction};
use server::ledger::duplicates::likely;
use server::ledger::export::{Form, ledger_file};
use server::ledger::places::places_of;
use server::ledger::visits::coverage;
use server::limits::PLACES_MAX;
use sync_core::coverage::Visit;
use sync_core::cursor::FeedScope;
use sync_core::dots::{Dot, VersionVector};
use sync_core::ids::{AccountId, RecordId, ReplicaId, TownshipId, VillageId};
use sync_core::people::{Caller, Role};
use sync_core::record::Record;
use sync_core::time::Stamp;
use sync_core::version::Version;
use uuid::Uuid;

/// How often each question is asked.
const SAMPLES: usize = 40;
/// How long one question is asked at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of a page.
const PAGE_ROWS: usize = 100;
const LINES_PER_JOB: usize = 5_000;
/// Sites of the township, at each of which one hazard in so many was found.
const SITES: u64 = 3_000;
/// Inspections, spread over the sites and ten years.
const VISITS: u64 = 300_000;
const DAY_MS: u64 = 86_400_000;
/// 2026-11-24, the day of the questions, and its beginning in ms.
const TODAY: &str = "2026-11-24";
const TODAY_MS: u64 = 1_795_449_600_000;
const TOWNSHIP: TownshipId = TownshipId(Uuid::from_u128(1));
const CAMPAIGN: RecordId = RecordId(Uuid::from_u128(0xc0));
const SECTORS: [&str; 8] = ["fire", "gas", "fireworks", "school", "construction", "road_traffic", "water", "other"];
const STATUSES: [&str; 4] = ["closed", "closed", "ordered", "reported"];
const WORDS: [&str; 6] = ["安全出口上锁", "灭火器过期", "电线私拉乱接", "护栏缺失", "超量存放烟花爆竹", "燃气软管老化"];

#[derive(Debug, Parser)]
struct Args {
    /// Hazards in the ledger.
    #[arg(long, default_value_t = 1_000_000)]
    hazards: usize,
    /// Rows of the larger workbook.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Only write the workbook and the table of all hazards, into this folder.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// A hazard of the ledger: spread over villages, sectors and ten years, one in six overdue.
fn line(at: usize) -> HazardLine {
    let pick = |words: &[&str], step: usize| {
        words.get((at / step) % words.len()).map_or_else(String::new, ToString::to_string)
    };
    let number = u64::try_from(at).unwrap_or(0);
    let found_at_ms = TODAY_MS - number.wrapping_mul(7_919) % 3_650 * DAY_MS - number % 86_400;
    let status = pick(&STATUSES, 3);
    HazardLine {
        id: RecordId(Uuid::from_u128(0x1_0000_0000 + u128::from(number))),
        village: Some(VillageId(Uuid::from_u128(0x100 + u128::from(number % 18)))),
        site: Some(site(number % SITES)),
        sector: pick(&SECTORS, 5),
        is_major: at.is_multiple_of(40),
        is_suspended: false,
        is_escalated: false,
        is_void: at.is_multiple_of(500),
        deadline: at
            .is_multiple_of(3)
            .then(|| if at.is_multiple_of(2) { "2026-12-20" } else { "2026-10-01" }.to_owned()),
        missing: i32::try_from(number % 64).unwrap_or(0),
        found_at_ms,
        closed_at_ms: (status == "closed").then_some(found_at_ms + 20 * DAY_MS),
        description: format!("{}，第{at}处", pick(&WORDS, 7)),
        status,
    }
}

fn site(number: u64) -> RecordId {
    RecordId(Uuid::from_u128(0x10_0000 + u128::from(number)))
}

/// A record as somebody wrote it once.
fn record(id: RecordId, kind: &str, village: Option<VillageId>, changes: &Value) -> StoredRecord {
    let changes = changes.as_object().cloned().unwrap_or_default().into_iter().collect();
    let version = Version {
        record: id,
        kind: kind.to_owned(),
        village,
        dot: Dot { replica: ReplicaId(id.0), seq: 1 },
        context: VersionVector::new(),
        stamp: Stamp { ms: TODAY_MS, counter: 0 },
        author: AccountId(Uuid::from_u128(7)),
        changes,
    };
    let state = Record::delta(&version).to_json();
    let scope = village.map_or(FeedScope::Directory, FeedScope::Village);
    StoredRecord { id, kind: kind.to_owned(), village, scope, state, was: None }
}

/// The hazard of a line, found at a place of its own.
fn hazard(line: &HazardLine) -> StoredRecord {
    let spread = |step: u64| f64::from(u32::try_from(line.found_at_ms / step % 5_000).unwrap_or(0)) / 100_000.0;
    let changes = json!({
        "site": line.site, "sector": line.sector, "level": if line.is_major { "major" } else { "general" },
        "description": line.description, "place": "东侧楼梯间", "found_at": line.found_at_ms, "found_by": "村级安监员",
        "responsible": "站长", "suggested_measures": "立即清理，恢复畅通，张贴标识",
        "location": {"lat": 29.5 + spread(3), "lon": 106.5 + spread(11)},
    });
    record(line.id, "hazard", line.village, &changes)
}

/// Fills a township: hazards with their lines, sites, a campaign of this month, and what was visited.
async fn fill(database: &Database, hazards: usize) -> Result<(), Failure> {
    let row = TownshipRow { id: TOWNSHIP, name: "示范镇".to_owned(), created_at_ms: 0 };
    database.write(Scope::Whole, move |tx| tx.insert_township(row.clone())).await?;
    let mut directory: Vec<StoredRecord> = (0..SITES)
        .map(|number| {
            let village = VillageId(Uuid::from_u128(0x100 + u128::from(number % 18)));
            let sector = SECTORS.get(usize::try_from(number % 8).unwrap_or(0));
            let changes = json!({"name": format!("{number}号仓库"), "sector": sector, "status": "in_use"});
            record(site(number), "site", Some(village), &changes)
        })
        .collect();
    let days = json!({"title": "岁末检查", "starts": "2026-11-01", "ends": "2026-11-30"});
    directory.push(record(CAMPAIGN, "campaign", None, &days));
    let visits: Vec<VisitRow> = (0..VISITS).map(visit).collect();
    let write = move |tx: &mut dyn Transaction| {
        for some in visits.chunks(LINES_PER_JOB) {
            tx.put_visits(TOWNSHIP, &[], some)?;
        }
        tx.publish(TOWNSHIP, &directory, TODAY_MS)
    };
    database.write(Scope::Township(TOWNSHIP), write).await?;
    for from in (0..hazards).step_by(LINES_PER_JOB) {
        let lines: Vec<HazardLine> = (from..(from + LINES_PER_JOB).min(hazards)).map(line).collect();
        let write = move |tx: &mut dyn Transaction| {
            tx.put_hazards(TOWNSHIP, &lines)?;
            tx.publish(TOWNSHIP, &lines.iter().map(hazard).collect::<Vec<_>>(), TODAY_MS)
        };
        database.write(Scope::Township(TOWNSHIP), write).await?;
    }
    Ok(())
}

/// An inspection of a site: two sites in three are visited in a month, one visit in five for the campaign.
fn visit(number: u64) -> VisitRow {
    let at_ms = TODAY_MS - number.wrapping_mul(7_919) % 3_650 * DAY_MS;
    let campaign = number.is_multiple_of(500).then_some(CAMPAIGN);
    let at = number.wrapping_mul(31) % SITES;
    let visit = Visit { site: site(at), campaign, at_ms };
    let inspection = RecordId(Uuid::from_u128(0x9_0000_0000 + u128::from(number)));
    VisitRow { inspection, village: Some(VillageId(Uuid::from_u128(0x100 + u128::from(at % 18)))), visit }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let database = Database::open(&DatabaseOptions::at(folder.path().join("ledger.db")))?;
    let began = Instant::now();
    fill(&database, args.hazards).await?;
    say(&json!({"filled": args.hazards, "s": began.elapsed().as_secs()}))?;
    if let Some(keep) = &args.keep {
        for (form, name) in [(Form::Workbook, "ledger.xlsx"), (Form::Table, "ledger.csv")] {
            written(&database, args.hazards, args.hazards, form, Some(&keep.join(name))).await?;
        }
        return Ok(());
    }
    for (name, filter) in questions() {
        let ask = move |tx: &mut dyn Transaction| Ok(tx.hazards(TOWNSHIP, &filter, PAGE_ROWS)?.len());
        asked(&database, name, ask).await?;
    }
    asked(&database, "the map", |tx| map(tx, &HazardFilter::default())).await?;
    let overdue = HazardFilter { overdue_on: Some(TODAY.to_owned()), ..HazardFilter::default() };
    asked(&database, "the map of what is overdue", move |tx| map(tx, &overdue)).await?;
    asked(&database, "likely duplicates", |tx| Ok(likely(tx, TOWNSHIP, None)?.len())).await?;
    asked(&database, "a campaign's coverage", covered).await?;
    asked(&database, "what is overdue and falls due, by village", due).await?;
    asked(&database, "overview, 12 months", overview).await?;
    for rows in [args.rows / 10, args.rows] {
        written(&database, args.hazards, rows, Form::Workbook, None).await?;
    }
    Ok(())
}

/// Asks a question again and again; says how many rows it gave and how long that took.
async fn asked(
    database: &Database,
    name: &str,
    question: impl Fn(&mut dyn Transaction) -> Result<usize, DbError> + Clone + Send + 'static,
) -> Result<(), Failure> {
    let mut taken = Vec::with_capacity(SAMPLES);
    let mut rows = 0;
    let first = Instant::now();
    while taken.len() < SAMPLES && first.elapsed() < PATIENCE {
        let (question, began) = (question.clone(), Instant::now());
        rows = database.read(move |tx| question(tx)).await?;
        taken.push(began.elapsed());
    }
    report(name, rows, taken)
}

/// As GET /hazards/places reads it.
fn map(tx: &mut dyn Transaction, filter: &HazardFilter) -> Result<usize, DbError> {
    let lines = tx.hazards(TOWNSHIP, filter, PLACES_MAX)?;
    Ok(places_of(tx, TOWNSHIP, &lines)?.len())
}

fn covered(tx: &mut dyn Transaction) -> Result<usize, DbError> {
    let account = AccountId(Uuid::from_u128(7));
    let caller = Caller { account, role: Role::Supervisor, villages: std::collections::BTreeSet::new() };
    let targets = coverage(tx, TOWNSHIP, &caller, CAMPAIGN)?.unwrap_or_default();
    Ok(targets.iter().filter(|target| target.times > 0).count())
}

fn due(tx: &mut dyn Transaction) -> Result<usize, DbError> {
    let soon = tx.hazards_due(TOWNSHIP, None, Some(TODAY), "2026-12-31")?;
    Ok(soon.len() + tx.hazards_due(TOWNSHIP, None, None, TODAY)?.len())
}

/// Writes the newest lines to a file, and says how long it took, how large it is, and how much memory was held for it.
async fn written(
    database: &Database,
    hazards: usize,
    rows: usize,
    form: Form,
    to: Option<&Path>,
) -> Result<(), Failure> {
    let rows = rows.min(hazards);
    let days = u64::try_from(rows * 3_650 / hazards.max(1)).unwrap_or(0);
    let from_ms = TODAY_MS.saturating_sub(days * DAY_MS);
    let filter = HazardFilter { found_from_ms: Some(from_ms), with_void: true, ..HazardFilter::default() };
    // The most memory that was held is counted from here on: <https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html>.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let held_mb = peak_mb("self")?;
    let began = Instant::now();
    let scratch = std::env::temp_dir();
    let (mut file, bytes) = ledger_file(database, TOWNSHIP, filter, TODAY.to_owned(), form, scratch)
        .await
        .map_err(|problem| problem.to_string())?;
    let s = began.elapsed().as_secs_f64();
    let more_mb = peak_mb("self")? - held_mb;
    if let Some(to) = to {
        io::copy(&mut file, &mut File::create(to)?)?;
    }
    let name = if form == Form::Workbook { "workbook" } else { "table" };
    say(&json!({name: {"rows": rows, "s": s, "bytes": bytes, "held_before_mb": held_mb, "more_mb": more_mb}}))
}

fn questions() -> Vec<(&'static str, HazardFilter)> {
    let all = HazardFilter::default;
    let village = |n: u128| VillageId(Uuid::from_u128(0x100 + n));
    let text = |text: &str| Some(text.to_owned());
    let deep =
        HazardMark { key: HazardKey::Found(TODAY_MS - 3_000 * DAY_MS), id: RecordId(Uuid::max()), is_included: false };
    let due = |order| HazardFilter { due_from: text(TODAY), due_until: text("2026-12-31"), order, ..all() };
    let in_order = |order| HazardFilter { order, ..all() };
    vec![
        ("first page", all()),
        ("the oldest first", in_order(HazardOrder::OldestFirst)),
        ("what falls due first", in_order(HazardOrder::DueFirst)),
        ("deep page", HazardFilter { after: Some(deep), ..all() }),
        ("one village", HazardFilter { villages: Some(vec![village(3)]), ..all() }),
        ("three villages", HazardFilter { villages: Some(vec![village(3), village(5), village(11)]), ..all() }),
        ("one sector", HazardFilter { sectors: vec!["school".to_owned()], ..all() }),
        ("reported", HazardFilter { statuses: vec!["reported".to_owned()], ..all() }),
        ("major", HazardFilter { is_major: Some(true), ..all() }),
        ("lacks the contingency plan", HazardFilter { missing: Some(4), ..all() }),
        (
            "lacks the aim, of a status that nothing has",
            HazardFilter { missing: Some(5), statuses: vec!["rectified".to_owned()], ..all() },
        ),
        ("lacks funds, what falls due first", HazardFilter { missing: Some(2), order: HazardOrder::DueFirst, ..all() }),
        ("falls due in a span, soonest first", due(HazardOrder::DueFirst)),
        ("falls due in a span, newest first", due(HazardOrder::NewestFirst)),
        (
            "closed in a month",
            HazardFilter {
                closed_from_ms: Some(TODAY_MS - 630 * DAY_MS),
                closed_before_ms: Some(TODAY_MS - 600 * DAY_MS),
                ..all()
            },
        ),
        ("overdue", HazardFilter { overdue_on: text(TODAY), ..all() }),
        (
            "overdue, major, of one village",
            HazardFilter { overdue_on: text(TODAY), is_major: Some(true), villages: Some(vec![village(3)]), ..all() },
        ),
        (
            "of a status and sector that nothing has",
            HazardFilter { statuses: vec!["rectified".to_owned()], sectors: vec!["school".to_owned()], ..all() },
        ),
        ("a month ten years ago", HazardFilter { found_before_ms: Some(TODAY_MS - 3_600 * DAY_MS), ..all() }),
        ("search, common", HazardFilter { text: text("灭火器"), ..all() }),
        ("search, one row", HazardFilter { text: text("第777777处"), ..all() }),
        ("search, one letter", HazardFilter { text: text("拉"), ..all() }),
        ("search, two common words that never meet", HazardFilter { text: text("灭火器 护栏"), ..all() }),
        (
            "search, common, of a status that nothing has",
            HazardFilter { text: text("灭火器"), statuses: vec!["rectified".to_owned()], ..all() },
        ),
        ("search, no row", HazardFilter { text: text("没有这样的话"), ..all() }),
    ]
}

fn overview(tx: &mut dyn Transaction) -> Result<usize, DbError> {
    let all = HazardFilter::default();
    let groups = tx.hazard_groups(TOWNSHIP, &all)?.len();
    tx.hazard_groups(TOWNSHIP, &HazardFilter { overdue_on: Some(TODAY.to_owned()), ..all })?;
    for month in 0..12 {
        tx.hazard_turnover(TOWNSHIP, None, TODAY_MS - (month + 1) * 30 * DAY_MS, TODAY_MS - month * 30 * DAY_MS)?;
    }
    Ok(groups)
}

/// One line of what was measured.
fn say(figures: &serde_json::Value) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{figures}")?)
}

fn report(name: &str, rows: usize, mut taken: Vec<Duration>) -> Result<(), Failure> {
    taken.sort();
    let ms = |share: usize| {
        taken
            .get((taken.len() * share / 100).min(taken.len().saturating_sub(1)))
            .map(|time| (time.as_secs_f64() * 10_000.0).round() / 10.0)
    };
    say(&json!({"question": name, "rows": rows, "p50_ms": ms(50), "p95_ms": ms(95)}))
}

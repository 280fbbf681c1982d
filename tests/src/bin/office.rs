//! What a desk asks of a ledger of a million hazards, on SQLite: first pages by filter and by search, the overview, and the
//! workbook of a hundred thousand rows. Prints one JSON object a line. `office [--hazards 1000000]`.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Parser;
use hazard_tests::growth::Failure;
use serde_json::json;
use server::db::hazards::{HazardFilter, HazardKey, HazardLine, HazardMark, HazardOrder};

use server::db::townships::TownshipRow;
use server::db::{Database, DatabaseOptions, DbError, Scope};
use server::ledger::export::{Form, ledger_file};
use sync_core::ids::{RecordId, TownshipId, VillageId};
use uuid::Uuid;

/// How often each question is asked.
const SAMPLES: usize = 40;
/// How long one question is asked at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of a page.
const PAGE_ROWS: usize = 100;
const LINES_PER_JOB: usize = 5_000;
const DAY_MS: u64 = 86_400_000;
/// 2026-11-24, the day of the questions, and its beginning in ms.
const TODAY: &str = "2026-11-24";
const TODAY_MS: u64 = 1_795_449_600_000;
const TOWNSHIP: TownshipId = TownshipId(Uuid::from_u128(1));
const SECTORS: [&str; 8] = ["fire", "gas", "fireworks", "school", "construction", "road_traffic", "water", "other"];
const STATUSES: [&str; 4] = ["closed", "closed", "ordered", "reported"];
const WORDS: [&str; 6] = ["安全出口上锁", "灭火器过期", "电线私拉乱接", "护栏缺失", "超量存放烟花爆竹", "燃气软管老化"];

#[derive(Debug, Parser)]
struct Args {
    /// Hazards in the ledger.
    #[arg(long, default_value_t = 1_000_000)]
    hazards: usize,
    /// Rows of the workbook.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
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
        site: None,
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

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let database = Database::open(&DatabaseOptions::at(folder.path().join("ledger.db")))?;
    let row = TownshipRow { id: TOWNSHIP, name: "示范镇".to_owned(), created_at_ms: 0 };
    database.write(Scope::Whole, move |tx| tx.insert_township(row.clone())).await?;
    let began = Instant::now();
    for from in (0..args.hazards).step_by(LINES_PER_JOB) {
        let lines: Vec<HazardLine> = (from..(from + LINES_PER_JOB).min(args.hazards)).map(line).collect();
        database.write(Scope::Township(TOWNSHIP), move |tx| tx.put_hazards(TOWNSHIP, &lines)).await?;
    }
    say(&json!({"filled": args.hazards, "s": began.elapsed().as_secs()}))?;
    for (name, filter) in questions() {
        let mut taken = Vec::with_capacity(SAMPLES);
        let mut rows = 0;
        let first = Instant::now();
        while taken.len() < SAMPLES && first.elapsed() < PATIENCE {
            let (filter, began) = (filter.clone(), Instant::now());
            rows = database.read(move |tx| tx.hazards(TOWNSHIP, &filter, PAGE_ROWS)).await?.len();
            taken.push(began.elapsed());
        }
        report(name, rows, taken)?;
    }
    let mut taken = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES.min(10) {
        let began = Instant::now();
        database.read(overview).await?;
        taken.push(began.elapsed());
    }
    report("overview, 12 months", 0, taken)?;
    let oldest = line(0).found_at_ms - u64::try_from(args.rows * 3_650 / args.hazards.max(1)).unwrap_or(0) * DAY_MS;
    let filter = HazardFilter { found_from_ms: Some(oldest), ..HazardFilter::default() };
    let began = Instant::now();
    let (_, bytes) =
        ledger_file(&database, TOWNSHIP, filter, TODAY.to_owned(), Form::Workbook, folder.path().to_path_buf())
            .await
            .map_err(|problem| problem.to_string())?;
    let peak_mb = hazard_tests::growth::phone::peak_mb("self")?;
    let figures =
        json!({"rows": args.rows, "s": began.elapsed().as_secs_f64(), "bytes": bytes, "process_peak_mb": peak_mb});
    say(&json!({"workbook": figures}))?;
    Ok(())
}

fn questions() -> Vec<(&'static str, HazardFilter)> {
    let all = HazardFilter::default;
    let village = |n: u128| VillageId(Uuid::from_u128(0x100 + n));
    let text = |text: &str| Some(text.to_owned());
    let deep =
        HazardMark { key: HazardKey::Found(TODAY_MS - 3_000 * DAY_MS), id: RecordId(Uuid::max()), is_included: false };
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

fn overview(tx: &mut dyn server::db::Transaction) -> Result<(), DbError> {
    let all = HazardFilter::default();
    tx.hazard_groups(TOWNSHIP, &all)?;
    tx.hazard_groups(TOWNSHIP, &HazardFilter { overdue_on: Some(TODAY.to_owned()), ..all })?;
    for month in 0..12 {
        tx.hazard_turnover(TOWNSHIP, None, TODAY_MS - (month + 1) * 30 * DAY_MS, TODAY_MS - month * 30 * DAY_MS)?;
    }
    Ok(())
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

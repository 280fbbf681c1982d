//! A slice of the real inspections through the phone fleet, with every sort of fault. `make replay` runs them all.
#![allow(clippy::unwrap_used, reason = "stories fail loudly")]

use std::path::Path;
use std::process::Command;

use hazard_tests::fleet::options::Options;
use hazard_tests::fleet::run::run;
use server::db::scratch::{self, Cluster, Scratch};

/// Builds the server that the fleet starts: one of another day would not speak as the phones of today do.
fn build_server() {
    let own = std::env::current_exe().unwrap();
    let profile = own.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    // Of the whole workspace, as the tests were built: with fewer features it would be another server, compiled anew.
    build.args(["build", "--workspace", "--tests", "--bin", "hazard-ledger"]);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let status = build.current_dir(root).env("CARGO_TARGET_DIR", profile.parent().unwrap()).status().unwrap();
    assert!(status.success(), "the server does not build");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_of_real_inspections_survives_cuts_crashes_and_kills_with_nothing_missing_doubled_or_unlisted() {
    build_server();
    // On PostgreSQL a database of its own, without a schema: the server makes it.
    let scratch = scratch::is_postgres().then(|| Scratch::empty(&scratch::server().unwrap()).unwrap());
    let options = Options { database_url: scratch.as_ref().map(Scratch::url), ..Options::slice(2) };
    let (report, findings) = run(&options, true).await.unwrap();
    let told: Vec<_> = findings.told().collect();
    assert!(findings.is_empty(), "seed {}: {told:#?}\n{report:#?}", report.seed);
    assert_eq!((report.rows, report.photos >= 40), (600, true), "{report:#?}");
    assert!(report.cuts > 0 && report.crashes > 0 && report.repeats > 0 && report.late > 0, "{report:#?}");
    assert_eq!(report.server_kills, 3);
    assert!(report.conflicts_decided > 0 && report.conflicts_listed > 0, "{report:#?}");
    assert_eq!(report.conflicts_planted, report.conflicts_decided + report.conflicts_listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_lose_nothing_while_one_is_killed_and_the_database_restarts() {
    build_server();
    let cluster = Cluster::start().unwrap();
    let scratch = Scratch::empty(&cluster.url).unwrap();
    let options = Options {
        database_url: Some(scratch.url()),
        processes: 3,
        restart_database: Some(cluster.command("restart -m immediate >/dev/null")),
        ..Options::slice(3)
    };
    let (report, findings) = run(&options, true).await.unwrap();
    let told: Vec<_> = findings.told().collect();
    assert!(findings.is_empty(), "seed {}: {told:#?}\n{report:#?}", report.seed);
    assert_eq!((report.rows, report.server_kills, report.database_restarts, report.rolled), (600, 2, 1, 3));
    assert!(report.cuts > 0 && report.crashes > 0 && report.repeats > 0 && report.late > 0, "{report:#?}");
    assert_eq!(report.conflicts_planted, report.conflicts_decided + report.conflicts_listed);
}

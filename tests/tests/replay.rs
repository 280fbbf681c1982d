//! A slice of the real inspections through the phone fleet, with every sort of fault. `make replay` runs them all.
#![allow(clippy::unwrap_used, reason = "stories fail loudly")]

use std::path::Path;
use std::process::Command;

use hazard_tests::fleet::options::Options;
use hazard_tests::fleet::run::run;

/// Builds the server that the fleet starts: one of another day would not speak as the phones of today do.
fn build_server() {
    let own = std::env::current_exe().unwrap();
    let profile = own.ancestors().nth(2).unwrap();
    let mut build = Command::new(env!("CARGO"));
    // Of the whole workspace, as the tests were built: with fewer features it would be another server, compiled anew.
    build.args(["build", "--workspace", "--bin", "hazard-ledger"]);
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
    let (report, findings) = run(&Options::slice(2), true).await.unwrap();
    let told: Vec<_> = findings.told().collect();
    assert!(findings.is_empty(), "seed {}: {told:#?}\n{report:#?}", report.seed);
    assert_eq!((report.rows, report.photos >= 40), (600, true), "{report:#?}");
    assert!(report.cuts > 0 && report.crashes > 0 && report.repeats > 0 && report.late > 0, "{report:#?}");
    assert_eq!(report.server_kills, 3);
    assert!(report.conflicts_decided > 0 && report.conflicts_listed > 0, "{report:#?}");
    assert_eq!(report.conflicts_planted, report.conflicts_decided + report.conflicts_listed);
}

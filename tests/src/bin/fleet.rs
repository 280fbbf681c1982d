//! The program `fleet`: runs one replay, prints its report, and fails when anything is missing, doubled or unlisted.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use hazard_tests::fleet::options::Options;
use hazard_tests::fleet::run::run;

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse(), false).await {
        Ok((report, findings)) => {
            let printed = report.print(&findings).is_ok();
            if printed && findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(trouble) => {
            let _nobody_reads = writeln!(std::io::stderr(), "the replay stopped: {trouble}");
            ExitCode::from(2)
        }
    }
}

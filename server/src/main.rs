//! The program: reads its settings, starts the server, and ends it on SIGTERM or SIGINT. Everything else is the library.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use server::clock::SystemClock;
use server::config::{Cli, Command, ServeArgs, Settings};
use server::logging;
use server::refusal::Refusal;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve(args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            tracing::error!("{refusal}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: ServeArgs) -> Result<(), Refusal> {
    logging::init(args.data.log_format);
    let running = server::start(Settings::from_args(args)?, Arc::new(SystemClock)).await?;
    tracing::info!("listening on http://{}", running.addr);
    wait_for_signal().await;
    tracing::info!("ending: requests in flight are finished first");
    if let Err(error) = running.stop().await {
        tracing::error!(%error, "the server did not end cleanly");
    }
    Ok(())
}

/// Returns at the first SIGTERM or SIGINT.
async fn wait_for_signal() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::error!("signals cannot be received; the server ends");
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

//! The program: reads its settings, starts the server, and ends it on SIGTERM or SIGINT. Everything else is the library.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use mimalloc::MiMalloc;
use server::clock::{Clock, SystemClock};
use server::config::{AttachTownshipArgs, Cli, Command, CreateAccountArgs, RebuildArgs, ServeArgs, Settings};
use server::ledger::rebuild;
use server::refusal::Refusal;
use server::{App, Running, backup, county, create_account, demo, logging, open_files, transfer, verify};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Gives freed memory back to the system also where many threads freed it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let outcome = match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let outcome = runtime.block_on(carry_out(command));
            // What a start that was broken off still waits for (a lock, a slow disk) is not waited for.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Refusal::Argument(format!("no threads can be made: {error}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => {
            tracing::error!("{refusal}");
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: Command) -> Result<(), Refusal> {
    match command {
        Command::Serve(args) => serve(args).await,
        Command::CreateAccount(args) => make_account(args).await,
        Command::AttachTownship(args) => attach_township(args).await,
        Command::Rebuild(args) => rebuild_ledger(args).await,
        Command::Backup(args) => {
            logging::init(args.data.log_format);
            tell(backup::back_up(args, SystemClock.now_ms()).await)
        }
        Command::Restore(args) => {
            logging::init(args.data.log_format);
            tell(backup::restore(args).await)
        }
        Command::Export(args) => {
            logging::init(args.data.log_format);
            tell(transfer::export(args, SystemClock.now_ms()).await)
        }
        Command::Import(args) => {
            logging::init(args.data.log_format);
            tell(transfer::import(args, SystemClock.now_ms()).await)
        }
        Command::Verify(args) => {
            logging::init(args.data.log_format);
            tell(verify::run(args, |finding| say(&format!("{finding}\n"))).await)
        }
    }
}

async fn serve(args: ServeArgs) -> Result<(), Refusal> {
    logging::init(args.data.log_format);
    open_files::raise();
    let mut signals = Signals::listen()?;
    let starting = server::start(Settings::from_args(args)?, Arc::new(SystemClock));
    let mut running = tokio::select! {
        started = starting => started?,
        () = signals.told_to_end() => {
            tracing::info!("ending before the start was done");
            return Ok(());
        }
    };
    tracing::info!("listening on {}://{}", running.app.scheme(), running.addr);
    if running.app.settings.demo {
        announce_demo(&running);
    }
    tokio::select! {
        () = signals.come(running.app.clone()) => tracing::info!("ending: requests in flight are finished first"),
        () = running.failed() => tracing::error!("the server listens no more"),
    }
    running.stop().await.map_err(|error| Refusal::EndedBadly { why: error.to_string() })
}

async fn make_account(args: CreateAccountArgs) -> Result<(), Refusal> {
    logging::init(args.data.log_format);
    let (username, township) = create_account::run(args, std::io::stdin(), SystemClock.now_ms()).await?;
    say(&format!("{username} can sign in now, in {township}\n"));
    Ok(())
}

async fn attach_township(args: AttachTownshipArgs) -> Result<(), Refusal> {
    logging::init(args.data.log_format);
    let (township, county) = county::run(args).await?;
    say(&format!("{county} reads the ledger of {township} now\n"));
    Ok(())
}

async fn rebuild_ledger(args: RebuildArgs) -> Result<(), Refusal> {
    logging::init(args.data.log_format);
    let found = rebuild::run(args).await?;
    say(&format!(
        "{} records read; {} lines of the ledger, the conflicts of {} records, the visits of {} inspections and the digests of {} townships differed and were mended\n",
        found.records, found.lines_mended, found.conflicts_mended, found.visits_mended, found.digests_mended
    ));
    Ok(())
}

/// The address and the accounts of the demo, for the person at the terminal.
fn announce_demo(running: &Running) {
    let mut text = format!(
        "\n{}: {}://{}   (password of every account: {})\n\n  {:<14}{:<12}name\n",
        demo::TOWNSHIP,
        running.app.scheme(),
        running.addr,
        demo::PASSWORD,
        "username",
        "role"
    );
    for account in demo::accounts() {
        text.push_str(&format!("  {:<14}{:<12}{}\n", account.username, account.role.name(), account.display_name));
    }
    say(&text);
}

/// What a command has to say of what it did.
fn tell(outcome: Result<String, Refusal>) -> Result<(), Refusal> {
    outcome.map(|text| say(&text))
}

/// Writes to standard output; that nobody reads it is no reason to stop.
fn say(text: &str) {
    if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
        tracing::debug!(%error, "standard output is closed");
    }
}

/// What tells the server to end. Heard before anything is announced, so that a signal that comes at once is not the
/// death of the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Refusal> {
        let heard =
            |kind| signal(kind).map_err(|error| Refusal::Argument(format!("signals cannot be received: {error}")));
        Ok(Self {
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
            hangup: heard(SignalKind::hangup())?,
        })
    }

    /// Until the server is to end.
    async fn told_to_end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }

    /// Until the server is to end. SIGHUP only has it look at its certificate, beside which it can be ended.
    async fn come(mut self, app: App) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => drop(tokio::spawn(app.clone().renew_certificate())),
            }
        }
    }
}

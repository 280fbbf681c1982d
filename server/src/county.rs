//! `hazard-ledger attach-township`: puts a township under a county, on the machine itself. What the county's accounts may do is in
//! `sync_core::permissions`, and which ledgers they read in `extract`.

use crate::config::{self, AttachTownshipArgs};
use crate::data_dir;
use crate::db::townships::TownshipRow;
use crate::db::{Database, Scope, Transaction};
use crate::limits::COUNTY_TOWNSHIPS_MAX;
use crate::refusal::Refusal;

/// Puts the township under the county; gives their names. A server may be running on the same database, and the county reads
/// the township from its next request on.
///
/// # Errors
/// What is not allowed, in words; nothing is kept then.
pub async fn run(args: AttachTownshipArgs) -> Result<(String, String), Refusal> {
    data_dir::prepare(&args.data.data_dir)?;
    let database = Database::open(&config::database(&args.data)?)?;
    let (township, county) = (args.township.clone(), args.county.clone());
    database.write(Scope::Whole, move |tx| attach(tx, &township, &county)).await?;
    Ok((args.township, args.county))
}

fn attach(tx: &mut dyn Transaction, township: &str, county: &str) -> Result<(), Refusal> {
    let (below, above) = (named(tx, township)?, named(tx, county)?);
    if below.id == above.id {
        return Err(Refusal::Argument("A township is not its own county".to_owned()));
    }
    if tx.county_of(above.id)?.is_some() {
        return Err(Refusal::Argument(format!("{county} is under a county itself")));
    }
    if !tx.townships_under(below.id, 1)?.is_empty() {
        return Err(Refusal::Argument(format!("{township} is a county itself")));
    }
    // Its people would no longer be the only ones who read it.
    if tx.feed_end(above.id)? > 0 {
        return Err(Refusal::Argument(format!("{county} has records of its own: it is a township")));
    }
    let others = tx.townships_under(above.id, COUNTY_TOWNSHIPS_MAX)?;
    if u32::try_from(others.len()).is_ok_and(|count| count >= COUNTY_TOWNSHIPS_MAX) && !others.contains(&below.id) {
        return Err(Refusal::Argument(format!(
            "{county} has {COUNTY_TOWNSHIPS_MAX} townships, which is all that is read"
        )));
    }
    Ok(tx.put_under(below.id, above.id)?)
}

fn named(tx: &mut dyn Transaction, name: &str) -> Result<TownshipRow, Refusal> {
    let known = tx.townships()?;
    let names: Vec<String> = known.iter().map(|known| known.name.clone()).collect();
    let unknown = || Refusal::Argument(format!("nothing is called {name}; there are: {}", names.join(", ")));
    known.into_iter().find(|known| known.name == name).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};
    use crate::create_account;
    use crate::db::DatabaseOptions;
    use crate::db::DbError;
    use sync_core::people::Role;

    async fn command(dir: &std::path::Path, name: &str, rest: &[&str]) -> Result<(String, String), Refusal> {
        let head = ["hazard-ledger", name, "--data-dir", dir.to_str().unwrap()];
        match Cli::try_parse_from(head.iter().chain(rest)).unwrap().command {
            Command::CreateAccount(args) => {
                create_account::run(args, "correct horse".as_bytes(), 1_700_000_000_000).await
            }
            Command::AttachTownship(args) => run(args).await,
            _ => panic!("another command"),
        }
    }

    #[tokio::test]
    async fn a_county_is_made_with_its_first_account_and_townships_are_put_under_it() {
        let dir = tempfile::tempdir().unwrap();
        for (name, username) in [("青山镇", "wang"), ("绿水镇", "li")] {
            command(dir.path(), "create-account", &["--township", name, "--username", username]).await.unwrap();
        }
        command(dir.path(), "create-account", &["--county", "示范县", "--username", "zhao"]).await.unwrap();
        command(dir.path(), "create-account", &["--county", "另一县", "--username", "qian"]).await.unwrap();
        for name in ["青山镇", "绿水镇", "青山镇"] {
            command(dir.path(), "attach-township", &["--county", "示范县", "--township", name]).await.unwrap();
        }
        for (county, township, words) in [
            ("示范县", "示范县", "its own"),
            ("青山镇", "绿水镇", "under a county"),
            ("另一县", "示范县", "is a county"),
            ("示范县", "无名镇", "there are"),
        ] {
            let refused = command(dir.path(), "attach-township", &["--county", county, "--township", township]).await;
            let words_said = refused.unwrap_err().to_string();
            assert!(words_said.contains(words), "{words_said}");
        }
        let database = Database::open(&DatabaseOptions::at(dir.path().join("ledger.sqlite3"))).unwrap();
        let (account, under) = database
            .read(|tx| {
                let account = tx.account_by_username("zhao")?.ok_or_else(|| DbError::Internal("none".to_owned()))?;
                let under = tx.townships_under(account.township, 10)?;
                Ok::<_, DbError>((account, under))
            })
            .await
            .unwrap();
        assert_eq!((account.role, under.len()), (Role::County, 2));
        assert!(under.is_sorted());
    }

    #[tokio::test]
    async fn the_role_of_a_county_is_given_to_people_of_a_county_only() {
        let dir = tempfile::tempdir().unwrap();
        let args = ["--township", "青山镇", "--username", "wang", "--role", "county"];
        let refused = command(dir.path(), "create-account", &args).await.unwrap_err().to_string();
        assert!(refused.contains("--county"), "{refused}");
        let args = ["--county", "示范县", "--username", "wang", "--role", "supervisor"];
        let refused = command(dir.path(), "create-account", &args).await.unwrap_err().to_string();
        assert!(refused.contains("--county"), "{refused}");
    }
}

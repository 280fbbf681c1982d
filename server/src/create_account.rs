//! `hazard-ledger create-account`: the first administrator of a township, or any other account, made on the machine
//! itself. The password comes from standard input, so that no list of processes and no history of a shell shows it.

use std::collections::BTreeSet;
use std::io::Read;

use sync_core::ids::{AccountId, TownshipId};
use sync_core::people::Role;
use sync_core::time::Ms;

use crate::app::new_id;
use crate::auth::{account_rules, password};
use crate::config::{self, CreateAccountArgs};
use crate::data_dir;
use crate::db::accounts::Account;
use crate::db::townships::TownshipRow;
use crate::db::{Database, Scope, Transaction};
use crate::error::Problem;
use crate::limits::PASSWORD_BYTES_MAX;
use crate::refusal::Refusal;

/// Makes the account that the arguments describe; gives its username and township's name. A server may be running on
/// the same database.
///
/// # Errors
/// What is not allowed, in words; nothing is kept then.
pub async fn run(args: CreateAccountArgs, stdin: impl Read, now_ms: Ms) -> Result<(String, String), Refusal> {
    let refused = |problem: Problem| Refusal::Argument(problem.detail().to_owned());
    let role = role(&args)?;
    let username = account_rules::username(&args.username).map_err(refused)?;
    let shown = args.display_name.as_deref().unwrap_or(&username);
    let display_name = account_rules::name("display_name", shown).map_err(refused)?;
    let township = args
        .county
        .or(args.township)
        .map(|name| account_rules::name("township", &name))
        .transpose()
        .map_err(refused)?;
    let password = read_password(stdin)?;
    password::check(&password).map_err(refused)?;
    let hash = password::hash_now(&password).map_err(refused)?;
    data_dir::prepare(&args.data.data_dir)?;
    let database = Database::open(&config::database(&args.data)?)?;
    let account = Account {
        id: AccountId(new_id(now_ms)),
        township: TownshipId(new_id(now_ms)),
        username: username.clone(),
        display_name,
        role,
        villages: BTreeSet::new(),
        password_hash: Some(hash),
        disabled_at_ms: None,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    let name = database.write(Scope::Whole, move |tx| insert(tx, township.as_deref(), account.clone())).await?;
    Ok((username, name))
}

/// The role that is asked for. A county's people read, or look after its accounts.
fn role(args: &CreateAccountArgs) -> Result<Role, Refusal> {
    let refused = |words: &str| Err(Refusal::Argument(words.to_owned()));
    let usual = if args.county.is_some() { Role::County } else { Role::Admin };
    match (args.role.as_deref().map_or(Some(usual), Role::from_name), &args.county) {
        (Some(role @ (Role::County | Role::Admin)), Some(_)) => Ok(role),
        (Some(_), Some(_)) => refused("--role is county or admin where --county is named"),
        (Some(Role::County), None) => refused("Name the county with --county"),
        (Some(role), None) => Ok(role),
        (None, _) => refused("--role is inspector, supervisor, leader or admin"),
    }
}

fn insert(tx: &mut dyn Transaction, township: Option<&str>, mut account: Account) -> Result<String, Refusal> {
    let known = tx.townships()?;
    let found = match township {
        Some(name) => known.into_iter().find(|known| known.name == name),
        None if known.len() == 1 => known.into_iter().next(),
        None => return Err(Refusal::Argument("Name the township with --township".to_owned())),
    };
    let township = match (found, township) {
        (Some(found), _) => found,
        (None, name) => {
            let name = name.unwrap_or_default().to_owned();
            let new = TownshipRow { id: account.township, name, created_at_ms: account.created_at_ms };
            tx.insert_township(new.clone())?;
            new
        }
    };
    account.township = township.id;
    if !tx.insert_account(&account)? {
        return Err(Refusal::Argument("The username is taken. Choose another with --username".to_owned()));
    }
    Ok(township.name)
}

/// The first line of standard input.
fn read_password(stdin: impl Read) -> Result<String, Refusal> {
    let limit = u64::try_from(PASSWORD_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(2);
    let mut text = String::new();
    stdin
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| Refusal::Argument(format!("The password cannot be read from standard input: {error}")))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use clap::Parser;

    use super::*;
    use crate::config::{Cli, Command};
    use crate::db::DatabaseOptions;

    async fn create(dir: &std::path::Path, rest: &[&str], stdin: &str) -> Result<(String, String), Refusal> {
        let data_dir = dir.to_str().unwrap();
        let head = ["hazard-ledger", "create-account", "--data-dir", data_dir];
        let args = head.iter().chain(rest);
        let Command::CreateAccount(args) = Cli::try_parse_from(args).unwrap().command else {
            panic!("another command")
        };
        run(args, stdin.as_bytes(), 1_700_000_000_000).await
    }

    #[tokio::test]
    async fn the_first_administrator_is_made_with_the_township() {
        let dir = tempfile::tempdir().unwrap();
        let made =
            create(dir.path(), &["--township", "青山镇", "--username", "Wang"], "correct horse\n").await.unwrap();
        assert_eq!(made, ("wang".to_owned(), "青山镇".to_owned()));
        create(dir.path(), &["--username", "li", "--role", "supervisor"], "correct horse").await.unwrap();
        let database = Database::open(&DatabaseOptions::at(dir.path().join("ledger.sqlite3"))).unwrap();
        let (first, second) = database
            .read(|tx| Ok::<_, crate::db::DbError>((tx.account_by_username("wang")?, tx.account_by_username("li")?)))
            .await
            .unwrap();
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!((first.role, second.role), (Role::Admin, Role::Supervisor));
        assert_eq!(first.township, second.township);
    }

    #[tokio::test]
    async fn what_is_not_allowed_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let cases: [(&[&str], &str, &str); 5] = [
            (&["--township", "青山镇", "--username", "wang"], "", "at least 8"),
            (&["--township", "青山镇", "--username", "wang", "--role", "king"], "correct horse", "--role"),
            (&["--township", "青山镇", "--username", "a b"], "correct horse", "letters"),
            (&["--township", " ", "--username", "wang"], "correct horse", "1 to 80"),
            (&["--username", "wang"], "correct horse", "--township"),
        ];
        for (args, stdin, words) in cases {
            let refusal = create(dir.path(), args, stdin).await.unwrap_err().to_string();
            assert!(refusal.contains(words), "{refusal}");
        }
        create(dir.path(), &["--township", "青山镇", "--username", "wang"], "correct horse").await.unwrap();
        let again = create(dir.path(), &["--township", "青山镇", "--username", "WANG"], "correct horse").await;
        assert!(again.unwrap_err().to_string().contains("taken"));
    }
}

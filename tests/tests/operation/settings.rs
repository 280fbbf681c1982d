//! What the operator reads and what the program does are the same: every setting with its variable and default, every flag
//! of every command, and the unit of systemd, which speaks of both.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command, CommandFactory, Parser};
use server::config::{self, Cli, Settings};
use server::limits::OPEN_FILES_WANTED;

const OPERATING: &str = include_str!("../../../docs/operating.md");
const UNIT: &str = include_str!("../../../docs/hazard-ledger.service");

/// The flags of a command that people see.
fn flags(command: &Command) -> Vec<&Arg> {
    command.get_arguments().filter(|arg| arg.get_long().is_some() && !arg.is_hide_set()).collect()
}

fn command(name: &str) -> Command {
    Cli::command().find_subcommand(name).unwrap_or_else(|| panic!("there is no {name}")).clone()
}

/// The rows of the table that begins with a heading: their cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let start = OPERATING.find(heading).unwrap_or_else(|| panic!("{heading} is not in docs/operating.md"));
    let lines = OPERATING[start..].lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The default as the table must tell it: «off» for a switch, «–» where there is none and nothing else is said.
fn default_of(arg: &Arg) -> Option<String> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Some("off".to_owned());
    }
    let values: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

#[test]
fn the_operator_reads_every_setting_with_its_variable_and_its_default() {
    let rows = table("| flag | variable | default | what |");
    let mut told: BTreeMap<&str, &[&str]> = rows.iter().map(|row| (row[0].trim_matches('`'), row.as_slice())).collect();
    assert_eq!(told.len(), rows.len(), "no setting stands there twice");
    for arg in flags(&command("serve")) {
        let flag = format!("--{}", arg.get_long().unwrap());
        let row = told.remove(flag.as_str()).unwrap_or_else(|| panic!("{flag} is not in the table of settings"));
        let variable = arg.get_env().unwrap_or_else(|| panic!("{flag} has no variable")).to_string_lossy();
        assert_eq!(row[1], format!("`{variable}`"), "{flag}");
        if let Some(default) = default_of(arg) {
            let shown = row[2].replace('`', "");
            assert!(shown == default || shown.starts_with(&format!("{default}:")), "{flag}: {shown} for {default}");
        }
    }
    assert!(told.is_empty(), "no settings any more: {told:?}");
}

#[test]
fn the_operator_reads_every_flag_of_every_command() {
    for command in Cli::command().get_subcommands() {
        for flag in flags(command) {
            let flag = format!("--{}", flag.get_long().unwrap());
            let said = [format!("`{flag}`"), format!("`{flag} "), format!(" {flag} ")];
            assert!(said.iter().any(|said| OPERATING.contains(said)), "{}: {flag}", command.get_name());
        }
    }
    for name in ["create-account", "backup", "restore", "export", "import"] {
        let known: Vec<_> = flags(&command(name)).iter().map(|arg| format!("--{}", arg.get_long().unwrap())).collect();
        for row in table(&format!("| flag of `{name}` | default | what |")) {
            for flag in row[0].split(", ").map(|flag| flag.trim_matches('`')) {
                assert!(known.contains(&flag.to_owned()), "{name} has no {flag}");
            }
        }
    }
}

/// The values of a key of the unit, in order.
fn unit(key: &str) -> Vec<&'static str> {
    UNIT.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn the_unit_of_systemd_starts_this_program_with_settings_that_it_has() {
    let words: Vec<&str> = unit("ExecStart")[0].split(' ').collect();
    assert_eq!(words[0], "/usr/local/bin/hazard-ledger");
    let parsed = Cli::try_parse_from(&words).unwrap();
    let config::Command::Serve(args) = parsed.command else { panic!("it serves") };
    let settings = Settings::from_args(args).unwrap();
    let serve = command("serve");
    let environment: BTreeMap<&str, &str> =
        unit("Environment").iter().map(|pair| pair.split_once('=').unwrap()).collect();
    for name in environment.keys() {
        assert!(flags(&serve).iter().any(|arg| arg.get_env().is_some_and(|env| env == *name)), "{name}");
    }
    let (state, home) = (unit("StateDirectory")[0], environment["HAZARD_DATA_DIR"]);
    assert_eq!(home, format!("/var/lib/{state}"), "it may write nothing else");
    assert_eq!(unit("WorkingDirectory"), [home]);
    let patience_s: u64 = unit("TimeoutStopSec")[0].trim_end_matches('s').parse().unwrap();
    assert!(patience_s > settings.shutdown_s, "systemd must not kill what the server still finishes");
    let files: u64 = unit("LimitNOFILE")[0].parse().unwrap();
    assert!(files >= OPEN_FILES_WANTED);
    assert!(unit("ExecReload")[0].starts_with("/bin/kill -HUP "), "SIGHUP looks at the certificate");
}

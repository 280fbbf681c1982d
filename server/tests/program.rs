//! The program as an operator meets it: its exit status, its words, its signals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests may fail loudly")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hazard-ledger"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn refused(args: &[&str]) -> String {
    let Output { status, stderr, .. } = program().args(args).output().unwrap();
    assert_eq!(status.code(), Some(1), "{args:?}");
    String::from_utf8(stderr).unwrap()
}

/// The demo on a free port, and its address as it was printed.
fn demo(data_dir: &Path) -> (Child, String, String) {
    let mut child = program()
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--log-format", "json", "--data-dir"])
        .arg(data_dir)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut printed = String::new();
    while !printed.contains("inspector18") {
        printed.push_str(&lines.next().expect("the accounts are printed").unwrap());
        printed.push('\n');
    }
    let addr = printed.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    (child, addr, printed)
}

fn end(mut child: Child) -> String {
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{log}");
    log
}

#[test]
fn the_demo_says_where_it_is_and_ends_cleanly_on_sigterm() {
    let dir = tempfile::tempdir().unwrap();
    let (child, addr, printed) = demo(dir.path());
    assert!(printed.contains("示范镇") && printed.contains("demo-only-password"), "{printed}");
    let mut stream = TcpStream::connect(&addr).unwrap();
    stream.write_all(b"GET /readyz?password=secret-word HTTP/1.1\r\nhost: x\r\nauthorization: Bearer secret-word\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let log = end(child);
    let line = log.lines().find(|line| line.contains("/readyz")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["status"], 200);
    assert!(line["span"]["request_id"].is_string(), "{line}");
    assert!(!log.contains("secret-word"), "{log}");
    let (child, _, _) = demo(dir.path());
    end(child);
}

/// The program with a fresh certificate, ready; its log so far.
fn with_tls(dir: &Path) -> (Child, BufReader<std::process::ChildStderr>, PathBuf) {
    let pair = certify(dir);
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.join("data"));
    command.arg("--tls-cert").arg(&pair.0).arg("--tls-key").arg(&pair.1);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut log, "listening on https://");
    (child, log, dir.to_owned())
}

/// Writes a new certificate for localhost and its key.
fn certify(dir: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    (cert, key)
}

/// Reads the log up to a line with these words; it fails when the log ends before.
fn read_until(log: &mut impl BufRead, words: &str) -> String {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the log ends before {words:?}");
    }
    line
}

fn tell(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_hangup_shows_the_new_certificate_and_the_end_is_still_clean() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, mut log, folder) = with_tls(dir.path());
    certify(&folder);
    tell(&child, "-HUP");
    read_until(&mut log, "are shown the new TLS certificate");
    tell(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_hangup_without_a_certificate_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (child, addr, _) = demo(dir.path());
    tell(&child, "-HUP");
    let mut stream = TcpStream::connect(&addr).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    end(child);
}

#[test]
fn unsafe_starts_are_refused_in_words_that_say_how_to_mend_them() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let cases: [(&[&str], &str); 3] = [
        (&["serve", "--data-dir", data, "--listen", "0.0.0.0:0"], "--behind-proxy"),
        (&["serve", "--data-dir", data, "--listen", "0.0.0.0:0", "--behind-proxy", "--demo"], "--demo"),
        (
            &["serve", "--data-dir", data, "--listen", "0.0.0.0:0", "--database-url", "postgres://a:secret-word@b/c"],
            "--tls-cert",
        ),
    ];
    for (args, words) in cases {
        let log = refused(args);
        assert!(log.contains(words) && !log.contains("secret-word"), "{log}");
    }
    assert_eq!(std::fs::read_dir(data).unwrap().count(), 0, "nothing was made");
}

#[test]
fn an_account_is_made_from_the_shell_without_its_password_in_the_arguments() {
    let dir = tempfile::tempdir().unwrap();
    let make = |username: &str, password: &str| {
        let mut child = program()
            .stdin(Stdio::piped())
            .args(["create-account", "--township", "青山镇", "--username", username, "--data-dir"])
            .arg(dir.path())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let made = make("wang", "correct horse\n");
    assert!(made.status.success(), "{made:?}");
    assert!(String::from_utf8(made.stdout).unwrap().contains("青山镇"));
    let again = make("wang", "correct horse\n");
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("taken"));
}

#[test]
fn a_running_demo_is_backed_up_restored_and_verified_from_the_shell() {
    let home = tempfile::tempdir().unwrap();
    let place = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (data, backups, again, file) = (place("data"), place("backups"), place("again"), place("township.zip"));
    let (child, _, _) = demo(Path::new(&data));
    let said = |args: &[&str]| {
        let Output { status, stdout, stderr } = program().args(args).output().unwrap();
        assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    };
    assert!(said(&["backup", "--data-dir", &data, "--to", &backups, "--keep", "2"]).contains("114 records"));
    assert!(said(&["verify", "--data-dir", &data]).contains("all is as it must be"));
    assert!(said(&["export", "--data-dir", &data, "--township", "示范镇", "--to", &file]).contains("21 accounts"));
    end(child);
    assert!(said(&["restore", "--from", &backups, "--data-dir", &again]).contains("new epoch"));
    assert!(refused(&["restore", "--from", &backups, "--data-dir", &again]).contains("is not empty"));
    assert!(refused(&["import", "--from", &file, "--data-dir", &again]).contains("in this database already"));
    assert!(refused(&["backup", "--data-dir", &place("nowhere"), "--to", &backups]).contains("--data-dir"));
    let (child, _, _) = demo(Path::new(&again));
    end(child);
}

/// Runs the program where no file may grow beyond so many blocks of 512 bytes: writing on fails as on a disk that is full.
fn with_files_up_to(blocks: u64, args: &[&str]) -> Output {
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.env_clear().args(["-c", &limited, env!("CARGO_BIN_EXE_hazard-ledger")]).args(args);
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_backup_that_does_not_fit_leaves_the_older_ones_and_nothing_of_itself() {
    let home = tempfile::tempdir().unwrap();
    let (data, to, back) = (home.path().join("data"), home.path().join("backups"), home.path().join("back"));
    let (child, _, _) = demo(&data);
    end(child);
    let backup = ["backup", "--data-dir", data.to_str().unwrap(), "--to", to.to_str().unwrap()];
    assert!(program().args(backup).status().unwrap().success());
    let names = || {
        let entries = std::fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        entries.collect::<std::collections::BTreeSet<_>>()
    };
    let (before, mut refusals) = (names(), 0);
    // From a limit that stops the copy of the ledger at once up to one that everything fits.
    for blocks in (0..14).map(|power| 1_u64 << power) {
        let Output { status, stderr, .. } = with_files_up_to(blocks, &backup);
        if status.success() {
            continue;
        }
        let words = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{blocks}: {words}");
        assert!(words.contains("File too large") || words.contains("disk"), "{blocks}: {words}");
        refusals += 1;
        assert_eq!(names().difference(&before).filter(|name| name.contains("unfinished")).count(), 0, "{blocks}");
    }
    assert!(refusals > 3 && names().len() > before.len(), "{refusals} did not fit, and some did");
    let first = before.iter().find(|name| name.starts_with("20")).unwrap();
    let restore = ["restore", "--from", to.to_str().unwrap(), "--at", first, "--data-dir", back.to_str().unwrap()];
    assert!(program().args(restore).status().unwrap().success());
    let verify = program().args(["verify", "--data-dir", back.to_str().unwrap()]).output().unwrap();
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
}

//! Commands that are killed at any moment, as a power cut does: what they began is no data folder and no township, and the same
//! command run again does the whole.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use server::db::scratch::{self, Scratch};

use crate::moving::{export, on_folder, townships};
use crate::office::*;

/// The words of a command that this run of the tests is to carry out and nothing else, one a line.
const COMMAND: &str = "HAZARD_TEST_COMMAND";
/// Moments at which a command is killed, evenly over the time that it takes.
const MOMENTS: u32 = 24;

/// Carries out the command that another run of this program was started for, and is killed in.
#[actix_web::test]
async fn a_command_that_may_be_killed() {
    let Ok(words) = std::env::var(COMMAND) else { return };
    let words: Vec<&str> = words.lines().collect();
    println!("{}", run(Path::new(words[0]), words[1], &words[2..]).await.unwrap());
}

/// Starts a command as a process of its own: this program once more, with that test alone.
fn start(data_dir: &Path, name: &str, rest: &[&str]) -> Child {
    let words = [[data_dir.to_str().unwrap(), name].as_slice(), rest].concat().join("\n");
    Command::new(std::env::current_exe().unwrap())
        .args(["stops::a_command_that_may_be_killed", "--exact"])
        .env(COMMAND, words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs a command to its end; how long it took.
fn take(data_dir: &Path, name: &str, rest: &[&str]) -> Duration {
    let began = Instant::now();
    assert!(start(data_dir, name, rest).wait().unwrap().success(), "{name}");
    began.elapsed()
}

/// Kills a command some time after its start, unless it has ended; whether it had.
fn cut(data_dir: &Path, name: &str, rest: &[&str], after: Duration) -> bool {
    let mut child = start(data_dir, name, rest);
    std::thread::sleep(after);
    let has_ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    has_ended
}

/// Whether a folder holds a restore that was begun and has not its name yet.
fn is_begun(home: &Path) -> bool {
    names(home).iter().any(|name| name.contains("restoring"))
}

/// Kills a restore as soon as it has begun; whether that was before its end.
fn cut_at_work(target: &Path, rest: &[&str]) -> bool {
    let home = target.parent().unwrap();
    // What an earlier one has left would be taken for this one's.
    take(target, "restore", rest);
    fs::remove_dir_all(target).unwrap();
    let mut child = start(target, "restore", rest);
    while !is_begun(home) && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    !target.exists()
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[actix_web::test]
async fn a_restore_that_is_killed_leaves_no_data_folder_and_the_next_one_clears_up_after_it() {
    let (mut server, mut one, _) = busy_township().await;
    for _ in 0..20 {
        find_hazard(&server, &mut one).await;
    }
    let before = states(&server, &one.session).await;
    let (shelf, home) = (temporary(), temporary());
    back_up(&server, shelf.path()).await;
    server.stop().await;
    let rest = ["--from", shelf.path().to_str().unwrap()];
    let whole = take(&home.path().join("whole"), "restore", &rest);

    let target = home.path().join("data");
    for moment in 0..MOMENTS {
        if cut(&target, "restore", &rest, whole * moment / MOMENTS) || target.exists() {
            assert_eq!(findings(&target, &[]).await, [], "it has its name when it is whole");
            fs::remove_dir_all(&target).unwrap();
        }
    }
    while !cut_at_work(&target, &rest) {
        fs::remove_dir_all(&target).unwrap();
    }
    assert!(is_begun(home.path()));
    restore(shelf.path(), &target).await.unwrap();
    assert_eq!(names(home.path()), ["data", "whole"], "nothing of the cut ones is left");
    assert_eq!(findings(&target, &[]).await, []);
    let server = on_folder(&target).await;
    assert_eq!(states(&server, &one.session).await, before);
}

#[actix_web::test]
async fn a_restore_clears_away_only_what_nobody_is_at_work_on() {
    let (server, _, _) = township().await;
    let (shelf, home) = (temporary(), temporary());
    back_up(&server, shelf.path()).await;
    let [of_this, of_another] = [".data.restoring-0", ".other.restoring-0"].map(|name| home.path().join(name));
    for folder in [&of_this, &of_another] {
        fs::create_dir(folder).unwrap();
    }
    let at_work = fs::File::open(&of_this).unwrap();
    at_work.try_lock().unwrap();
    restore(shelf.path(), &home.path().join("data")).await.unwrap();
    assert_eq!(names(home.path()), [".data.restoring-0", ".other.restoring-0", "data"]);
    fs::remove_dir_all(home.path().join("data")).unwrap();
    drop(at_work);
    restore(shelf.path(), &home.path().join("data")).await.unwrap();
    assert_eq!(names(home.path()), [".other.restoring-0", "data"]);
}

#[actix_web::test]
async fn an_import_that_is_killed_takes_all_or_nothing_and_can_be_run_again() {
    let (mut server, mut one, office) = busy_township().await;
    for _ in 0..20 {
        find_hazard(&server, &mut one).await;
    }
    let before = states(&server, &office.session).await;
    let home = temporary();
    let file = home.path().join("township.zip");
    export(&server.data_dir(), &file, &["--with-passwords"]).await;
    server.stop().await;
    let database = Scratch::on(&scratch::server().unwrap()).unwrap();
    let rest = ["--from", file.to_str().unwrap()];
    let whole = take(&home.path().join("whole"), "import", &rest);

    let mut cuts = 0;
    for moment in 0..MOMENTS {
        let target = home.path().join(format!("data{moment}"));
        let has_ended = cut(&target, "import", &rest, whole * moment / MOMENTS);
        if !has_ended && (!target.exists() || townships(&target).await == 0) {
            cuts += 1;
            run(&target, "import", &rest).await.unwrap();
        }
        assert_eq!(findings(&target, &[]).await, [], "after {moment} of {MOMENTS}");
        fs::remove_dir_all(&target).unwrap();
    }
    assert!(cuts > 0);
    // On a database beside the program: a transaction whose writer is gone is taken back.
    let url = database.url();
    let rest = [rest.as_slice(), &["--database-url", &url]].concat();
    let target = home.path().join("data");
    cut(&target, "import", &rest, whole / 2);
    let again = run(&target, "import", &rest).await.map_err(|refusal| refusal.to_string());
    assert!(
        again.as_ref().is_err_and(|words| words.contains("in this database already")) || again.is_ok(),
        "{again:?}"
    );
    assert_eq!(findings(&target, &["--database-url", &url]).await, []);
    let server = again_on_postgres(&database, &target).await;
    let session = server.log_in("office").await;
    assert_eq!(states(&server, &session).await, before);
}

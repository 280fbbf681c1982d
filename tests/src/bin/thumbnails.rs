//! Photos reduced beside `vipsthumbnail` (Debian's libvips-tools), the same photos to the same sizes and quality: photos a
//! second and peak memory of both in one run, in turns. Prints one JSON object a line: `{name, value, unit, ratio, to}`.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
// Its allocator, which is the server's.
use hazard_tests as _;
use serde_json::json;
use server::photos::exif;
use server::photos::variants::render;

type Failure = Box<dyn Error>;

/// The JPEG quality of both.
const QUALITY: u8 = 80;

/// What is measured.
#[derive(Debug, Parser)]
struct Args {
    /// Photos, all files of a folder.
    #[arg(long)]
    photos: PathBuf,
    /// How often each photo is reduced in one run of a program.
    #[arg(long, default_value_t = 8)]
    repeats: usize,
    /// Runs of each program; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Photos at the same time; as many threads for the other program.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Only reduce the photos into this folder: how the program measures itself.
    #[arg(long)]
    into: Option<PathBuf>,
}

/// One run of a program.
#[derive(Clone, Copy, Debug)]
struct Run {
    seconds: f64,
    processor_s: f64,
    peak_mb: f64,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let mut photos: Vec<PathBuf> =
        std::fs::read_dir(&args.photos)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    photos.sort();
    if let Some(into) = &args.into {
        return reduce(&photos, args.repeats, args.jobs, into);
    }
    let dir = tempfile::tempdir()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds.max(1) {
        ours.push(run_ours(&args, dir.path())?);
        theirs.push(run_theirs(&args, &photos, dir.path())?);
    }
    compare_sizes(&photos, dir.path())?;
    let count = f64::from(u32::try_from(photos.len().saturating_mul(args.repeats))?);
    report(count, args.jobs, median(&mut ours), median(&mut theirs))
}

/// Reduces every photo so many times, several at once, and writes both sizes.
fn reduce(photos: &[PathBuf], repeats: usize, jobs: usize, into: &Path) -> Result<(), Failure> {
    let work = Mutex::new((0..repeats).flat_map(|_| photos.iter()));
    let next = || work.lock().ok().and_then(|mut left| left.next());
    std::thread::scope(|scope| {
        let done: Vec<_> = (0..jobs.max(1))
            .map(|_| {
                scope.spawn(|| {
                    while let Some(path) = next() {
                        reduce_one(path, into).map_err(|error| format!("{}: {error}", path.display()))?;
                    }
                    Ok::<_, String>(())
                })
            })
            .collect();
        done.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread ended with a panic".to_owned())?)
    })?;
    Ok(())
}

fn reduce_one(path: &Path, into: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(path)?;
    let variants = render(&bytes, exif::read_facts(&bytes).orientation, Instant::now() + Duration::from_secs(60))?;
    std::fs::write(output(path, into, 1280), variants.large)?;
    std::fs::write(output(path, into, 256), variants.small)?;
    Ok(())
}

fn output(photo: &Path, dir: &Path, size: u32) -> PathBuf {
    let name = photo.file_stem().unwrap_or_default().to_string_lossy();
    dir.join(format!("{name}_{size}.jpg"))
}

fn run_ours(args: &Args, dir: &Path) -> Result<Run, Failure> {
    let into = dir.join("ours");
    std::fs::create_dir_all(&into)?;
    let mut command = Command::new("time");
    command.args(["-f", "%e %U %S %M"]).arg(std::env::current_exe()?).arg("--photos").arg(&args.photos);
    command.args(["--repeats", &args.repeats.to_string(), "--jobs", &args.jobs.to_string()]);
    timed(command.arg("--into").arg(into))
}

/// Both sizes, one run of the program each, as it can make only one at a time; the larger peak counts.
fn run_theirs(args: &Args, photos: &[PathBuf], dir: &Path) -> Result<Run, Failure> {
    let into = dir.join("theirs");
    std::fs::create_dir_all(&into)?;
    let mut both = Run { seconds: 0.0, processor_s: 0.0, peak_mb: 0.0 };
    for size in [1280, 256] {
        let mut command = Command::new("time");
        command.env("VIPS_CONCURRENCY", args.jobs.to_string()).args(["-f", "%e %U %S %M", "vipsthumbnail", "--size"]);
        command.args([&size.to_string(), "-o"]).arg(into.join(format!("%s_{size}.jpg[Q={QUALITY},strip]")));
        command.args((0..args.repeats).flat_map(|_| photos));
        let run = timed(&mut command)?;
        both = Run {
            seconds: both.seconds + run.seconds,
            processor_s: both.processor_s + run.processor_s,
            peak_mb: both.peak_mb.max(run.peak_mb),
        };
    }
    Ok(both)
}

/// Runs a command of Debian's `time`, which prints seconds, processor seconds (two) and KB at the end.
fn timed(command: &mut Command) -> Result<Run, Failure> {
    let done = command.output().map_err(|error| format!("`time` (Debian's package of that name): {error}"))?;
    let words = String::from_utf8(done.stderr)?;
    let last: Vec<f64> =
        words.lines().last().unwrap_or_default().split(' ').filter_map(|figure| figure.parse().ok()).collect();
    match *last.as_slice() {
        [seconds, user_s, system_s, peak_kb] if done.status.success() => {
            Ok(Run { seconds, processor_s: user_s + system_s, peak_mb: peak_kb / 1024.0 })
        }
        _ => Err(format!("{command:?} failed: {words}").into()),
    }
}

/// That both made pictures of the same sizes; otherwise their times mean nothing.
fn compare_sizes(photos: &[PathBuf], dir: &Path) -> Result<(), Failure> {
    for photo in photos {
        for size in [1280, 256] {
            let ours = image::image_dimensions(output(photo, &dir.join("ours"), size))?;
            let theirs = image::image_dimensions(output(photo, &dir.join("theirs"), size))?;
            if ours.0.abs_diff(theirs.0) > 1 || ours.1.abs_diff(theirs.1) > 1 {
                return Err(format!("{}: {ours:?} here and {theirs:?} there", photo.display()).into());
            }
        }
    }
    Ok(())
}

fn median(runs: &mut [Run]) -> Run {
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    runs.get(runs.len() / 2).copied().unwrap_or(Run { seconds: f64::NAN, processor_s: f64::NAN, peak_mb: f64::NAN })
}

fn report(count: f64, jobs: usize, ours: Run, theirs: Run) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    let lines = [
        ("photos reduced to both sizes", count / ours.seconds, count / theirs.seconds, "photos/s"),
        ("photos reduced a processor second", count / ours.processor_s, count / theirs.processor_s, "photos/s"),
        ("peak memory of reducing photos", ours.peak_mb, theirs.peak_mb, "MB"),
    ];
    for (name, value, other, unit) in lines {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        writeln!(
            out,
            "{}",
            json!({"name": format!("{name}, {jobs} at a time"), "value": round(value), "unit": unit,
                "ratio": round(value / other), "to": format!("vipsthumbnail ({})", round(other))})
        )?;
    }
    Ok(())
}

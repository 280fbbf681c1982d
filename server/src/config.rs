//! The command line and the environment, made into settings that are checked before anything listens. What a setting
//! means for a part of the server is that part's business.

mod s3;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use crate::db::DatabaseOptions;
use crate::limits::{ACCOUNTS_PER_ADDRESS_DEFAULT, BODY_STALL, REQUEST_HEAD_WAIT};
use crate::proxies::{ForwardedHeader, Proxies};
use crate::refusal::Refusal;
use crate::tls::TlsFiles;

pub use s3::{S3Keys, S3Options};

/// Hazard Ledger: a township's safety inspections, recorded offline and merged here.
#[derive(Debug, Parser)]
#[command(name = "hazard-ledger", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve phones and consoles until SIGTERM or SIGINT.
    Serve(ServeArgs),
    /// Make an account (and its township); the password is read from standard input.
    CreateAccount(CreateAccountArgs),
    /// Put a township under a county, whose accounts then read its ledger; a server may be running.
    AttachTownship(AttachTownshipArgs),
    /// Derive the ledger's lines and lists anew from the records, and mend what differs.
    Rebuild(RebuildArgs),
    /// Copy the ledger, as it is at one moment, the photos and the keys into a backup folder; a server may be running.
    Backup(BackupArgs),
    /// Make a new data folder from a backup.
    Restore(RestoreArgs),
    /// Read everything, change nothing, and name what is not as it must be; a server may be running.
    Verify(VerifyArgs),
    /// Write a whole township into one file in an open format; a server may be running.
    Export(ExportArgs),
    /// Take a township from such a file into another database.
    Import(ImportArgs),
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Where the data lies.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// Folder of the database, the keys and the photos; it is made when it does not exist.
    #[arg(long, env = "HAZARD_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,

    /// The database, if not `<data-dir>/ledger.sqlite3`: a path, `sqlite://<path>` or `postgres://…`.
    #[arg(long, env = "HAZARD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// Where other programs look for a PostgreSQL database; used when it names one and --database-url is not given.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, hide = true)]
    pub fallback_url: Option<String>,

    /// Where photos lie.
    #[command(flatten)]
    pub photos: PhotosArgs,

    /// How log lines are written to standard error.
    #[arg(long, env = "HAZARD_LOG_FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
}

/// Where photos lie.
#[derive(Clone, Debug, Args)]
pub struct PhotosArgs {
    /// Where photos are kept, if not in the data folder: s3://<bucket> or s3://<bucket>/<prefix>. The keys are read from
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    #[arg(long, env = "HAZARD_PHOTOS_URL")]
    pub photos_url: Option<String>,

    /// The address of an S3-compatible store, for example https://minio.example.cn:9000. Amazon's if it is left out.
    #[arg(long, env = "HAZARD_PHOTOS_ENDPOINT")]
    pub photos_endpoint: Option<String>,

    /// The store's region.
    #[arg(long, env = "HAZARD_PHOTOS_REGION", default_value = "us-east-1")]
    pub photos_region: String,

    /// The store wants the bucket in the host's name, as Aliyun's does, and not in the path.
    #[arg(long, env = "HAZARD_PHOTOS_VIRTUAL_HOST")]
    pub photos_virtual_host: bool,

    /// Days after which a photo is removed that no record, and nothing else that phones have sent, has named; 0: never.
    #[arg(long, env = "HAZARD_PHOTOS_UNNAMED_DAYS", default_value_t = 90)]
    pub photos_unnamed_days: u32,
}

/// Settings of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataArgs,

    /// Address and port. Other addresses than loopback need TLS: see --tls-cert and --behind-proxy.
    #[arg(long, env = "HAZARD_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// File with the TLS certificate and those that signed it, PEM. With --tls-key: the server speaks https alone.
    #[arg(long, env = "HAZARD_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// File with the certificate's private key, PEM. Both files may be replaced at any time.
    #[arg(long, env = "HAZARD_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// A proxy in front ends TLS. Its word on who its clients are is taken from the networks of --trusted-proxy.
    #[arg(long, env = "HAZARD_BEHIND_PROXY")]
    pub behind_proxy: bool,

    /// Network of proxies that append the client's address to a header, for example 10.0.0.0/24; may be repeated. With
    /// --behind-proxy and without this: the loopback, if that is what is listened on; otherwise it must be given.
    #[arg(long, env = "HAZARD_TRUSTED_PROXY", value_delimiter = ',')]
    pub trusted_proxy: Vec<IpNet>,

    /// The header to which trusted proxies append. Clients may send the other, so it is not read.
    #[arg(long, env = "HAZARD_FORWARDED_HEADER", value_enum, default_value = "x-forwarded-for")]
    pub forwarded_header: ForwardedHeader,

    /// Network whose addresses may read /metrics; may be repeated. Without it this machine alone, but no proxy's clients.
    #[arg(long, env = "HAZARD_METRICS_FROM", value_delimiter = ',', default_value = "127.0.0.0/8,::1/128")]
    pub metrics_from: Vec<IpNet>,

    /// Accounts whose request rates one address has together; 0: rates are not limited.
    #[arg(long, env = "HAZARD_ACCOUNTS_PER_ADDRESS", default_value_t = ACCOUNTS_PER_ADDRESS_DEFAULT)]
    pub accounts_per_address: u32,

    /// What phones open, for example https://safety.example.cn. Enrolment links begin with it.
    #[arg(long, env = "HAZARD_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Package of map tiles (MBTiles with png, jpg or webp) that is shown under sites and hazards. Without it: a plain grid.
    #[arg(long, env = "HAZARD_MAP_FILE")]
    pub map_file: Option<PathBuf>,

    /// Whose map it is and its approval number, shown on the map. Without it: what the package says.
    #[arg(long, env = "HAZARD_MAP_ATTRIBUTION")]
    pub map_attribution: Option<String>,

    /// Set up a demo township with known passwords on the first start. Only on a loopback address.
    #[arg(long, env = "HAZARD_DEMO")]
    pub demo: bool,

    /// Give the demo township a year of inspections, hazards and orders when it is made.
    #[arg(long, env = "HAZARD_DEMO_HISTORY", requires = "demo")]
    pub demo_history: bool,

    /// Threads that serve requests; 0: one a core.
    #[arg(long, env = "HAZARD_WORKERS", default_value_t = 0)]
    pub workers: usize,

    /// Connections that read the database at the same time.
    #[arg(long, env = "HAZARD_READERS", default_value_t = 4)]
    pub readers: u32,

    /// Connections that write a PostgreSQL database at the same time, each for another township.
    #[arg(long, env = "HAZARD_WRITERS", default_value_t = 8)]
    pub writers: u32,

    /// Seconds that requests in flight are given to finish on shutdown.
    #[arg(long, env = "HAZARD_SHUTDOWN_S", default_value_t = 30)]
    pub shutdown_s: u64,
}

/// Settings of `rebuild`.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Settings of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataArgs,

    /// The backup folder: best on another disk. Each backup is a folder in it; photos are kept once for all of them.
    #[arg(long)]
    pub to: PathBuf,

    /// Keep this many of the newest backups and remove the others, with the photos that only they need.
    #[arg(long)]
    pub keep: Option<std::num::NonZeroUsize>,
}

/// Settings of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Where the data will lie: a folder that is empty or does not exist, and if --database-url names PostgreSQL an empty
    /// database.
    #[command(flatten)]
    pub data: DataArgs,

    /// The backup folder.
    #[arg(long)]
    pub from: PathBuf,

    /// Which backup: `latest`, its name, or a time (2026-11-23T20:30:00Z) at which it had begun.
    #[arg(long, default_value = "latest")]
    pub at: String,

    /// Restore also where photos of the backup are damaged or gone: without those, which phones that hold them are asked for.
    #[arg(long)]
    pub without_damaged_photos: bool,
}

/// Settings of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataArgs,

    /// Leave out the photos' bytes, which take longest on a large store.
    #[arg(long)]
    pub without_photos: bool,
}

/// Settings of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataArgs,

    /// The township's name.
    #[arg(long)]
    pub township: String,

    /// The file to write, for example qingshan.zip; it must not exist.
    #[arg(long)]
    pub to: PathBuf,

    /// Take the hashes of passwords along, so that people go on with theirs; without them they need new ones.
    #[arg(long)]
    pub with_passwords: bool,
}

/// Settings of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Where the data lies: best while no server runs on it.
    #[command(flatten)]
    pub data: DataArgs,

    /// The file that export wrote.
    #[arg(long)]
    pub from: PathBuf,
}

/// Settings of `create-account`.
#[derive(Debug, Args)]
pub struct CreateAccountArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataArgs,

    /// The township's name; it is set up when it does not exist. May be left out when there is exactly one.
    #[arg(long)]
    pub township: Option<String>,

    /// In place of a township: the name of a county, whose account reads the ledgers of the townships under it. It is set up
    /// when it does not exist.
    #[arg(long, conflicts_with = "township")]
    pub county: Option<String>,

    /// What the person signs in with.
    #[arg(long)]
    pub username: String,

    /// The person's name as shown; the username if it is left out.
    #[arg(long)]
    pub display_name: Option<String>,

    /// inspector, supervisor, leader or admin; for a county, county or admin. Admin if it is left out, for a county county.
    #[arg(long)]
    pub role: Option<String>,
}

/// Settings of `attach-township`.
#[derive(Debug, Args)]
pub struct AttachTownshipArgs {
    /// Where the data lies.
    #[command(flatten)]
    pub data: DataArgs,

    /// The county's name.
    #[arg(long)]
    pub county: String,

    /// The township's name. If it is under another county, it leaves that one.
    #[arg(long)]
    pub township: String,
}

/// What a server runs with. [`Settings::check`] says whether it is safe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the keys and the photos, and by default of the database.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseOptions,
    /// The object store of the photos; `None`: the data folder.
    pub photos: Option<S3Options>,
    /// Days after which a photo that nobody names is removed; `None`: never.
    pub photos_unnamed_days: Option<u32>,
    /// Address and port.
    pub listen: SocketAddr,
    /// The TLS certificate; `None`: the server speaks http.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy ends TLS.
    pub behind_proxy: bool,
    /// Proxies whose word on their clients is taken.
    pub proxies: Proxies,
    /// Networks whose addresses may read what is measured.
    pub metrics_from: Vec<IpNet>,
    /// Accounts whose request rates one address has together; 0: rates are not limited.
    pub accounts_per_address: u32,
    /// What phones open; `None`: `http://<listen>`.
    pub public_url: Option<String>,
    /// The package of map tiles; `None`: no map.
    pub map_file: Option<PathBuf>,
    /// What is shown on the map in place of the package's own attribution.
    pub map_attribution: Option<String>,
    /// Whether the demo township is wanted.
    pub demo: bool,
    /// Whether it is made with a year of inspections.
    pub demo_history: bool,
    /// Threads that serve requests; 0: one a core.
    pub workers: usize,
    /// Seconds that requests in flight are given to finish on shutdown.
    pub shutdown_s: u64,
    /// How long a body may pause before its request is given up.
    pub body_stall: Duration,
    /// How long a client may take to send the head of a request.
    pub head_wait: Duration,
}

impl Settings {
    /// Settings for one folder on a free loopback port, without limits on rates, otherwise as by default: for tests and
    /// tools, which do in seconds what people do in days.
    #[must_use]
    pub fn local(data_dir: PathBuf) -> Self {
        Self {
            database: DatabaseOptions::at(data_dir.join("ledger.sqlite3")),
            data_dir,
            photos: None,
            photos_unnamed_days: Some(90),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            behind_proxy: false,
            proxies: Proxies::default(),
            metrics_from: Proxies::local().trusted,
            accounts_per_address: 0,
            public_url: None,
            map_file: None,
            map_attribution: None,
            demo: false,
            demo_history: false,
            workers: 2,
            shutdown_s: 30,
            body_stall: BODY_STALL,
            head_wait: REQUEST_HEAD_WAIT,
        }
    }

    /// The settings that were asked for on the command line and in the environment.
    ///
    /// # Errors
    /// What cannot be understood, or is not safe; the words say how to mend it.
    pub fn from_args(args: ServeArgs) -> Result<Self, Refusal> {
        let trusted = match args.trusted_proxy {
            none if none.is_empty() && args.behind_proxy && args.listen.ip().is_loopback() => Proxies::local().trusted,
            named => named,
        };
        let proxies = Proxies { trusted, header: args.forwarded_header };
        let settings = Self {
            database: DatabaseOptions { readers: args.readers, writers: args.writers, ..database(&args.data)? },
            data_dir: args.data.data_dir,
            photos_unnamed_days: Some(args.data.photos.photos_unnamed_days).filter(|days| *days > 0),
            photos: S3Options::from_args(args.data.photos)?,
            listen: args.listen,
            tls: tls_files(args.tls_cert, args.tls_key)?,
            behind_proxy: args.behind_proxy,
            proxies,
            metrics_from: args.metrics_from,
            accounts_per_address: args.accounts_per_address,
            public_url: args.public_url.map(|url| url.trim_end_matches('/').to_owned()),
            map_file: args.map_file,
            map_attribution: args.map_attribution,
            demo: args.demo,
            demo_history: args.demo_history,
            workers: args.workers,
            shutdown_s: args.shutdown_s,
            body_stall: BODY_STALL,
            head_wait: REQUEST_HEAD_WAIT,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Whether it is safe to listen with these settings.
    ///
    /// # Errors
    /// Passwords would cross a network in clear, or the demo's known passwords would be open to one.
    pub fn check(&self) -> Result<(), Refusal> {
        let loopback = self.listen.ip().is_loopback();
        if self.demo && !loopback {
            return Err(Refusal::DemoInTheOpen { listen: self.listen });
        }
        if !loopback && !self.behind_proxy && self.tls.is_none() {
            return Err(Refusal::ClearText { listen: self.listen });
        }
        if !loopback && self.behind_proxy && self.proxies.trusted.is_empty() {
            return Err(Refusal::ProxyUnnamed { listen: self.listen });
        }
        if self.database.readers == 0 || self.database.readers > 64 {
            return Err(Refusal::Readers { readers: self.database.readers });
        }
        if self.database.writers == 0 || self.database.writers > 64 {
            return Err(Refusal::Writers { writers: self.database.writers });
        }
        match &self.public_url {
            Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
                Err(Refusal::PublicUrl { url: url.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// The pair of files for TLS.
fn tls_files(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, Refusal> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        _ => Err(Refusal::TlsHalf),
    }
}

/// The database that the arguments name.
///
/// # Errors
/// Something that names none.
pub fn database(data: &DataArgs) -> Result<DatabaseOptions, Refusal> {
    let is_postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
    let fallback = || data.fallback_url.as_ref().filter(|url| is_postgres(url));
    let Some(url) = data.database_url.as_ref().or_else(fallback) else {
        return Ok(DatabaseOptions::at(data.data_dir.join("ledger.sqlite3")));
    };
    if is_postgres(url) {
        return Ok(DatabaseOptions::postgres(url.clone()));
    }
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
    if path.is_empty() || path.contains("://") || path.starts_with("file:") || path == ":memory:" {
        return Err(Refusal::DatabaseUrl);
    }
    Ok(DatabaseOptions::at(PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;
    use crate::db::Place;

    fn settings(args: &[&str]) -> Result<Settings, Refusal> {
        let cli = Cli::try_parse_from(["hazard-ledger", "serve"].iter().chain(args)).unwrap();
        match cli.command {
            Command::Serve(args) => Settings::from_args(args),
            _ => panic!("serve was asked for"),
        }
    }

    #[test]
    fn the_defaults_listen_on_loopback_without_a_demo() {
        let settings = settings(&[]).unwrap();
        assert!(settings.listen.ip().is_loopback() && !settings.demo);
        assert_eq!(settings.database.path(), Some(std::path::Path::new("data/ledger.sqlite3")));
    }

    #[test]
    fn an_open_address_needs_a_proxy_that_ends_tls() {
        let refusal = settings(&["--listen", "0.0.0.0:8080"]).unwrap_err();
        assert!(matches!(refusal, Refusal::ClearText { .. }));
        assert!(refusal.to_string().contains("--behind-proxy"), "{refusal}");
        let open = ["--listen", "0.0.0.0:8080", "--behind-proxy"];
        assert!(settings(&[&open[..], &["--trusted-proxy", "10.0.0.0/24"]].concat()).is_ok());
    }

    #[test]
    fn a_proxy_elsewhere_must_be_named_or_all_phones_are_one() {
        let refusal = settings(&["--listen", "0.0.0.0:8080", "--behind-proxy"]).unwrap_err();
        assert!(matches!(refusal, Refusal::ProxyUnnamed { .. }));
        assert!(refusal.to_string().contains("--trusted-proxy"), "{refusal}");
        let local = settings(&["--behind-proxy"]).unwrap();
        assert_eq!(local.proxies.trusted, Proxies::local().trusted, "on loopback the proxy is on loopback");
    }

    #[test]
    fn a_certificate_and_its_key_open_an_address_and_belong_together() {
        let (cert, key) = (["--tls-cert", "c.pem"], ["--tls-key", "k.pem"]);
        let open = ["--listen", "0.0.0.0:443"];
        assert!(settings(&[open, cert, key].concat()).unwrap().tls.is_some());
        for half in [cert, key] {
            assert!(matches!(settings(&[open, half].concat()), Err(Refusal::TlsHalf)));
        }
    }

    #[test]
    fn the_demo_never_opens_to_a_network() {
        let refusal = settings(&["--listen", "10.0.0.5:80", "--demo", "--behind-proxy"]).unwrap_err();
        assert!(matches!(refusal, Refusal::DemoInTheOpen { .. }));
        assert!(settings(&["--demo"]).unwrap().demo);
    }

    #[test]
    fn postgres_is_taken_from_either_place_and_its_password_is_not_shown() {
        let url = "postgres://ledger:secret@db/ledger";
        for name in ["--database-url", "--fallback-url"] {
            let settings = settings(&[name, url]).unwrap();
            assert!(matches!(&settings.database.place, Place::Postgres(taken) if taken == url));
            assert!(!format!("{settings:?}").contains("secret"));
        }
        let both = settings(&["--database-url", "/srv/x.db", "--fallback-url", url]).unwrap();
        assert!(both.database.path().is_some());
        assert!(settings(&["--fallback-url", "mysql://db/x"]).unwrap().database.path().is_some());
    }

    #[test]
    fn a_sqlite_url_and_a_plain_path_name_the_same_file() {
        for url in ["sqlite:///srv/x.db", "sqlite:/srv/x.db", "/srv/x.db"] {
            assert_eq!(
                settings(&["--database-url", url]).unwrap().database.path(),
                Some(std::path::Path::new("/srv/x.db")),
                "{url}"
            );
        }
        for url in ["mysql://db/x", "", ":memory:", "file:x.db?mode=ro"] {
            assert!(matches!(settings(&["--database-url", url]), Err(Refusal::DatabaseUrl)), "{url}");
        }
    }

    #[test]
    fn a_public_url_without_a_scheme_is_refused() {
        assert!(matches!(settings(&["--public-url", "safety.example.cn"]), Err(Refusal::PublicUrl { .. })));
        assert_eq!(settings(&["--public-url", "https://a.cn/"]).unwrap().public_url.unwrap(), "https://a.cn");
    }
}

//! The server as a value: what its handlers share, how it starts, and how it ends without breaking off what it has
//! begun. The binary and the tests use the same `start`.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header::STRICT_TRANSPORT_SECURITY;
use actix_web::middleware::{Compress, Condition, DefaultHeaders, from_fn};
use actix_web::{HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use sync_core::time::Ms;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::{NoContext, Timestamp, Uuid};

use crate::auth::password::Passwords;
use crate::auth::throttle::Throttle;
use crate::auth::token::TokenKeys;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::{Database, DbError, Scope};
use crate::events::Seats;
use crate::handlers::health::Readiness;
use crate::ledger::{digests, rebuild, visits};
use crate::limits::{CONNECTIONS_MAX, EXPORTS_MAX, HSTS_S, KEEP_ALIVE, TLS_HANDSHAKE_WAIT, TLS_HANDSHAKES_MAX};
use crate::map::Map;
use crate::observe::observe;
use crate::photos::Photos;
use crate::photos::store::StoreError;
use crate::rate::Rates;
use crate::refusal::Refusal;
use crate::tls::Certificate;
use crate::{data_dir, demo, metering, routes};

/// How often gathered measurements are folded into their histograms, so that they stay small when nobody asks.
const UPKEEP: Duration = Duration::from_secs(10);

/// What every handler may use; clones share it.
#[derive(Clone)]
pub struct App {
    /// What the server runs with.
    pub settings: Arc<Settings>,
    /// The database.
    pub database: Database,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The keys of access tokens.
    pub tokens: Arc<TokenKeys>,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// Counts failed sign-ins.
    pub throttle: Arc<Throttle>,
    /// Counts requests.
    pub rates: Arc<Rates>,
    /// Streams of events that are open.
    pub seats: Seats,
    /// The certificate that clients are shown, where the server ends TLS.
    pub certificate: Option<Arc<Certificate>>,
    /// Photos' bytes.
    pub photos: Photos,
    /// The background map, if there is one.
    pub map: Map,
    /// What `/metrics` shows.
    pub meter: PrometheusHandle,
    /// What the last look at the database gave.
    pub readiness: Arc<Readiness>,
    /// Room for workbooks that are being written.
    pub exports: Arc<Semaphore>,
    ending: Arc<AtomicBool>,
}

impl App {
    /// Checks the settings and opens everything that the server needs; nothing listens yet. Blocks.
    ///
    /// # Errors
    /// Why the server must not start.
    pub fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, Refusal> {
        settings.check()?;
        let certificate = match &settings.tls {
            Some(files) => Some(Certificate::open(files.clone(), clock.now_ms())?),
            None => None,
        };
        data_dir::prepare(&settings.data_dir)?;
        let key = data_dir::token_key(&settings.data_dir)?;
        let database = Database::open(&settings.database)?;
        let photos = Photos::open(&settings, database.clone(), Arc::clone(&clock)).map_err(|error| match error {
            StoreError::Denied(why) => Refusal::PhotoStore { why },
            other => Refusal::DataDir { path: settings.data_dir.display().to_string(), why: other.to_string() },
        })?;
        let map = Map::open(&settings);
        let rates = Arc::new(Rates::new(settings.accounts_per_address, &clock));
        Ok(Self {
            settings: Arc::new(settings),
            database,
            clock,
            tokens: Arc::new(TokenKeys::new(&key)),
            passwords: Passwords::default(),
            throttle: Arc::new(Throttle::default()),
            rates,
            seats: Seats::default(),
            certificate,
            photos,
            map,
            meter: metering::install(),
            readiness: Arc::default(),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            ending: Arc::new(AtomicBool::new(false)),
        })
    }

    /// The time now, ms since 1970.
    #[must_use]
    pub fn now_ms(&self) -> Ms {
        self.clock.now_ms()
    }

    /// A new id (UUID v7) at the clock's time, so that keys of rows lie in time order.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        new_id(self.now_ms())
    }

    /// What phones open, without a slash at its end.
    #[must_use]
    pub fn public_url(&self) -> String {
        let scheme = self.scheme();
        self.settings.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", self.settings.listen))
    }

    /// What the server itself speaks: `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// Whether the server has been told to end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Looks at the files of the TLS certificate now; the outcome is logged.
    pub async fn renew_certificate(self) {
        let Some(certificate) = self.certificate.clone() else { return };
        let now_ms = self.now_ms();
        if spawn_blocking(move || certificate.renew_and_tell(now_ms)).await.is_err() {
            tracing::error!("the look at the TLS certificate ended with a panic");
        }
    }
}

/// A new UUID v7 at a given time.
#[must_use]
pub fn new_id(now_ms: Ms) -> Uuid {
    let nanos = u32::try_from(now_ms % 1000).unwrap_or(0).saturating_mul(1_000_000);
    Uuid::new_v7(Timestamp::from_unix(NoContext, now_ms / 1000, nanos))
}

/// A server that listens.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What its handlers share.
    pub app: App,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    /// How `serving` ended, once it has.
    outcome: Option<std::io::Result<()>>,
    upkeep: JoinHandle<()>,
    sweeping: JoinHandle<()>,
    renewing: Option<JoinHandle<()>>,
}

/// Starts a server: checks, opens, and only then listens. Needs a tokio runtime.
///
/// # Errors
/// Why it did not start.
pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Running, Refusal> {
    let opened = spawn_blocking(move || {
        let app = App::open(settings, clock)?;
        let listen = app.settings.listen;
        let listener = TcpListener::bind(listen).map_err(|error| Refusal::Bind { listen, why: error.to_string() })?;
        Ok::<_, Refusal>((app, listener))
    });
    let (app, listener) = opened.await.map_err(|error| DbError::Internal(error.to_string()))??;
    prove_photo_store(&app).await?;
    set_epoch(&app).await?;
    agree_on_the_key(&app).await?;
    digests::bring_up(&app.database).await?;
    visits::bring_up(&app.database).await?;
    rebuild::bring_up(&app.database).await?;
    if app.settings.demo {
        demo::set_up(&app.database, app.settings.demo_history, app.now_ms())
            .await
            .map_err(|problem| Refusal::Argument(problem.to_string()))?;
    }
    serve(app, listener)
}

/// That the photo store takes bytes. One that refuses is a mistake in the settings; one that does not answer is waited for,
/// because the ledger works without it.
async fn prove_photo_store(app: &App) -> Result<(), Refusal> {
    match app.photos.store.probe().await {
        Ok(()) => Ok(()),
        Err(StoreError::Unavailable(why)) => {
            tracing::warn!(why, "the photo store does not answer; photos wait until it does");
            Ok(())
        }
        Err(error) => Err(Refusal::PhotoStore { why: error.to_string() }),
    }
}

/// Gives a new database its epoch.
async fn set_epoch(app: &App) -> Result<(), DbError> {
    let epoch = Uuid::new_v4();
    app.database
        .write(Scope::Whole, move |tx| match tx.epoch()? {
            Some(_) => Ok(()),
            None => tx.set_epoch(epoch),
        })
        .await
}

/// Makes sure that all processes on a shared database sign with the same key: a token that one gives out must be good for
/// the others.
async fn agree_on_the_key(app: &App) -> Result<(), Refusal> {
    if !app.database.is_shared() {
        return Ok(());
    }
    let own = app.tokens.id().to_owned();
    let sent = own.clone();
    let agreed = app.database.write(Scope::Whole, move |tx| tx.agree("token_key", &sent)).await?;
    if agreed == own { Ok(()) } else { Err(Refusal::KeyDiffers) }
}

fn serve(app: App, listener: TcpListener) -> Result<Running, Refusal> {
    let listen = app.settings.listen;
    let refused = |error: std::io::Error| Refusal::Bind { listen, why: error.to_string() };
    let addr = listener.local_addr().map_err(refused)?;
    let shared = web::Data::new(app.clone());
    let has_tls = app.certificate.is_some();
    let hsts = format!("max-age={HSTS_S}");
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(shared.clone())
            .configure(routes::configure)
            .wrap(Compress::default())
            .wrap(Condition::new(has_tls, DefaultHeaders::new().add((STRICT_TRANSPORT_SECURITY, hsts.as_str()))))
            .wrap(from_fn(observe))
    })
    .disable_signals()
    .keep_alive(KEEP_ALIVE)
    // Else the last bytes of an answer wait for the phone's word that it has the others: 40 ms each, or a round trip.
    .tcp_nodelay(true)
    .client_request_timeout(app.settings.head_wait)
    .tls_handshake_timeout(TLS_HANDSHAKE_WAIT)
    .max_connection_rate(TLS_HANDSHAKES_MAX)
    .shutdown_timeout(app.settings.shutdown_s);
    let workers = match app.settings.workers {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        workers => workers,
    };
    let server = server.workers(workers).max_connections(CONNECTIONS_MAX.div_ceil(workers));
    let server = match &app.certificate {
        Some(certificate) => server.listen_rustls_0_23(listener, certificate.server_config()?),
        None => server.listen(listener),
    };
    let server = server.map_err(refused)?.run();
    let renewing = app.certificate.clone().map(|certificate| certificate.keep_renewed(Arc::clone(&app.clock)));
    let meter = app.meter.clone();
    let upkeep = tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            meter.run_upkeep();
        }
    });
    let sweeping = app.photos.keep_swept();
    Ok(Running {
        addr,
        app,
        handle: server.handle(),
        serving: tokio::spawn(server),
        outcome: None,
        upkeep,
        sweeping,
        renewing,
    })
}

impl Running {
    /// Until the listener fails: it never ends by itself before [`Running::stop`].
    pub async fn failed(&mut self) {
        self.outcome = Some((&mut self.serving).await.map_err(std::io::Error::other).flatten());
    }

    /// Ends the server: it says that it is not ready, stops listening, finishes the requests in flight (within the
    /// time of `shutdown_s`) and the writes that wait, and closes the database.
    ///
    /// # Errors
    /// The server's threads failed.
    pub async fn stop(self) -> std::io::Result<()> {
        self.app.ending.store(true, Ordering::SeqCst);
        // Streams of events never finish by themselves.
        self.app.database.feeds().close();
        self.handle.stop(true).await;
        let served = match self.outcome {
            Some(outcome) => outcome.and(Err(std::io::Error::other("the listener ended by itself"))),
            None => self.serving.await.map_err(std::io::Error::other).flatten(),
        };
        self.upkeep.abort();
        self.sweeping.abort();
        if let Some(renewing) = self.renewing {
            renewing.abort();
        }
        let database = self.app.database.clone();
        spawn_blocking(move || database.close()).await.map_err(std::io::Error::other)?;
        served
    }
}

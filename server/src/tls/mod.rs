//! TLS by the server itself: the certificate that clients are shown, and its renewal without a restart. How the files
//! are read and judged is in `pair`; what listens is in `app`.

mod pair;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sync_core::time::Ms;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::clock::Clock;
use crate::limits::{TLS_EXPIRY_WARNING_MS, TLS_LOOK_EVERY};
use crate::refusal::Refusal;
use pair::Pair;

/// Where the certificate and its key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate in PEM, then those that signed it.
    pub cert: PathBuf,
    /// Its private key in PEM: PKCS#8, SEC1 or PKCS#1, not encrypted.
    pub key: PathBuf,
}

/// The certificate that is shown now.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
    shown: RwLock<Pair>,
    told: Mutex<Told>,
}

/// What the operator has been told, so that nothing is said twice.
#[derive(Debug, Default)]
struct Told {
    refusal: Option<String>,
    ends_soon: Option<Ms>,
}

impl Certificate {
    /// Reads the files for the first time. Blocks.
    ///
    /// # Errors
    /// The file that cannot be used, and why.
    pub fn open(files: TlsFiles, now_ms: Ms) -> Result<Arc<Self>, Refusal> {
        let pair = Pair::read(&files)?;
        let certificate = Self { files, shown: RwLock::new(pair), told: Mutex::default() };
        certificate.watch_end(now_ms);
        Ok(Arc::new(certificate))
    }

    /// Looks at the files, and shows new connections what lies there now if it is whole. Says whether it is another pair.
    /// Connections that are open keep the one that they began with. Blocks.
    ///
    /// # Errors
    /// Why the files cannot be used: what was shown is shown further.
    pub fn renew(&self, now_ms: Ms) -> Result<bool, Refusal> {
        let found = Pair::read(&self.files);
        let is_new = found.map(|pair| {
            let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
            let is_new = *shown != pair;
            *shown = pair;
            is_new
        });
        self.watch_end(now_ms);
        is_new
    }

    /// [`Certificate::renew`], with the outcome in the log; the same refusal is logged once. Blocks.
    pub fn renew_and_tell(&self, now_ms: Ms) {
        let refusal = match self.renew(now_ms) {
            Ok(false) => None,
            Ok(true) => {
                tracing::info!(ends_at_ms = self.ends_at_ms(), "new connections are shown the new TLS certificate");
                None
            }
            Err(refusal) => Some(refusal.to_string()),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = refusal.as_ref().filter(|_| refusal != told.refusal) {
            tracing::error!("{words}; the certificate from before is shown further");
        }
        told.refusal = refusal;
    }

    /// When the certificate that is shown ends, ms since 1970.
    #[must_use]
    pub fn ends_at_ms(&self) -> Ms {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).ends_at_ms
    }

    /// Measures how long the certificate is still good, and warns once of each that ends soon.
    fn watch_end(&self, now_ms: Ms) {
        let ends_at_ms = self.ends_at_ms();
        let left_s = (i128::from(ends_at_ms) - i128::from(now_ms)).div_euclid(1000);
        let left_s = i32::try_from(left_s).unwrap_or(if left_s < 0 { i32::MIN } else { i32::MAX });
        metrics::gauge!("hazard_tls_expiry_seconds").set(f64::from(left_s));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if ends_at_ms < now_ms.saturating_add(TLS_EXPIRY_WARNING_MS) && told.ends_soon != Some(ends_at_ms) {
            tracing::warn!(left_s, path = %self.files.cert.display(), "the TLS certificate ends soon or has ended");
            told.ends_soon = Some(ends_at_ms);
        }
    }

    /// What a listener needs: TLS 1.2 and 1.3, and this certificate for whoever asks.
    ///
    /// # Errors
    /// The library refuses its own versions of the protocol.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, Refusal> {
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&versions)
            .map_err(|error| Refusal::Argument(format!("TLS cannot be served: {error}")))?;
        Ok(config.with_no_client_auth().with_cert_resolver(Arc::<Self>::clone(self)))
    }

    /// Looks at the files from time to time until it is aborted.
    #[must_use]
    pub fn keep_renewed(self: Arc<Self>, clock: Arc<dyn Clock>) -> JoinHandle<()> {
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(TLS_LOOK_EVERY);
            loop {
                tick.tick().await;
                let (certificate, now_ms) = (Arc::clone(&self), clock.now_ms());
                if spawn_blocking(move || certificate.renew_and_tell(now_ms)).await.is_err() {
                    tracing::error!("the look at the TLS certificate ended with a panic");
                }
            }
        })
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).certified))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};

    use super::*;

    const DAY_MS: Ms = 24 * 3_600_000;

    fn files(dir: &Path) -> TlsFiles {
        TlsFiles { cert: dir.join("cert.pem"), key: dir.join("key.pem") }
    }

    /// A certificate that ends on a day of 2030, and its key.
    fn made(day: u8) -> (String, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2030, 6, day);
        (params.self_signed(&key).unwrap().pem(), key)
    }

    fn put(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path, mode).unwrap();
    }

    /// 2030-06-01, midnight.
    const JUNE_MS: Ms = 1_906_502_400_000;

    #[test]
    fn a_pair_is_renewed_and_a_broken_or_mismatched_one_is_refused_by_the_name_of_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        let ((first, first_key), (second, second_key)) = (made(1), made(2));
        put(&files.cert, &first);
        put(&files.key, &first_key.serialize_pem());
        let certificate = Certificate::open(files.clone(), 0).unwrap();
        assert_eq!(certificate.ends_at_ms(), JUNE_MS);
        assert!(!certificate.renew(0).unwrap(), "the same files");

        put(&files.cert, &second);
        let refusal = certificate.renew(0).unwrap_err().to_string();
        assert!(refusal.contains("key.pem") && refusal.contains("another certificate"), "{refusal}");
        for (half, named) in [(&second[..second.len() / 2], "cert.pem"), ("", "cert.pem"), ("nonsense", "cert.pem")] {
            put(&files.cert, half);
            let refusal = certificate.renew(0).unwrap_err().to_string();
            assert!(refusal.contains(named), "{refusal}");
        }
        std::fs::remove_file(&files.key).unwrap();
        put(&files.cert, &second);
        assert!(certificate.renew(0).unwrap_err().to_string().contains("key.pem"));
        assert_eq!(certificate.ends_at_ms(), JUNE_MS, "the old one is shown further");

        put(&files.key, &second_key.serialize_pem());
        assert!(certificate.renew(0).unwrap());
        assert_eq!(certificate.ends_at_ms(), JUNE_MS + DAY_MS);
    }

    #[test]
    fn a_key_that_everybody_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        let (cert, key) = made(1);
        put(&files.cert, &cert);
        put(&files.key, &key.serialize_pem());
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&files.key, mode).unwrap();
        let refusal = Certificate::open(files, 0).unwrap_err().to_string();
        assert!(refusal.contains("key.pem") && refusal.contains("chmod"), "{refusal}");
    }

    #[test]
    fn whoever_looks_is_warned_once_of_a_certificate_that_ends_soon() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        let (cert, key) = made(1);
        put(&files.cert, &cert);
        put(&files.key, &key.serialize_pem());
        let certificate = Certificate::open(files, JUNE_MS - 15 * DAY_MS).unwrap();
        let warned = || certificate.told.lock().unwrap().ends_soon;
        assert_eq!(warned(), None);
        certificate.renew(JUNE_MS - 13 * DAY_MS).unwrap();
        assert_eq!(warned(), Some(JUNE_MS));
    }

    #[test]
    fn keys_of_the_usual_forms_and_chains_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let files = files(dir.path());
        for algorithm in
            [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &PKCS_RSA_SHA256]
        {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
            put(&files.cert, &format!("{cert}{}", made(1).0));
            put(&files.key, &format!("words that openssl writes before a key\n{}", key.serialize_pem()));
            let pair = Pair::read(&files).unwrap();
            assert_eq!(pair.certified.cert.len(), 2);
        }
    }
}

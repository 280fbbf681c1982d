//! A certificate and its key as they lie in two files: read, and refused unless they can be served as they are. When
//! the files are looked at is decided in `mod`.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sync_core::time::Ms;
use x509_cert::der::Decode;

use super::TlsFiles;
use crate::limits::TLS_FILE_BYTES_MAX;
use crate::refusal::Refusal;

/// A chain of certificates with the key of its first.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) ends_at_ms: Ms,
}

/// Two pairs are the same when they show the same chain; a key fits its certificate or is refused.
impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.certified.cert == other.certified.cert
    }
}

impl Pair {
    /// Reads both files. Blocks.
    ///
    /// # Errors
    /// The file that cannot be used, and why. A pair that is replaced file by file is refused in between.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, Refusal> {
        let chain = CertificateDer::pem_slice_iter(&bytes_of(&files.cert)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| refused(&files.cert, format!("it is not PEM: {error}")))?;
        let first = chain.first().ok_or_else(|| refused(&files.cert, "no certificate is in it"))?;
        let ends_at_ms = end_of(first).map_err(|why| refused(&files.cert, why))?;
        let key_bytes = bytes_of(&files.key)?;
        refuse_open(&files.key)?;
        let key = PrivateKeyDer::from_pem_slice(&key_bytes)
            .map_err(|error| refused(&files.key, format!("no private key can be read: {error}")))?;
        let key = default_provider()
            .key_provider
            .load_private_key(key)
            .map_err(|error| refused(&files.key, format!("the private key cannot be used: {error}")))?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|error| {
            refused(&files.key, format!("it is the key of another certificate than {}: {error}", files.cert.display()))
        })?;
        Ok(Self { certified: Arc::new(certified), ends_at_ms })
    }
}

/// When a certificate ends.
fn end_of(certificate: &CertificateDer<'_>) -> Result<Ms, String> {
    let parsed = x509_cert::Certificate::from_der(certificate)
        .map_err(|error| format!("its first certificate cannot be read: {error}"))?;
    let end = parsed.tbs_certificate.validity.not_after.to_unix_duration();
    Ok(Ms::try_from(end.as_millis()).unwrap_or(Ms::MAX))
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Refusal> {
    let failed = |error: std::io::Error| refused(path, error.to_string());
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(TLS_FILE_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > TLS_FILE_BYTES_MAX {
        return Err(refused(path, format!("it has more than {TLS_FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Refuses a key that every user of the machine may read; a group may, as some distributions do it.
fn refuse_open(path: &Path) -> Result<(), Refusal> {
    let mode = std::fs::metadata(path).map_err(|error| refused(path, error.to_string()))?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(refused(path, "everybody can read it: run chmod o= on it"));
    }
    Ok(())
}

fn refused(path: &Path, why: impl Into<String>) -> Refusal {
    Refusal::Tls { path: path.display().to_string(), why: why.into() }
}

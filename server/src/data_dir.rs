//! The data folder and the key in it: made on the first start, checked on every one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rand::Rng;

use crate::refusal::Refusal;

/// Bytes of the key that signs access tokens: as many as HMAC-SHA-256 gives out.
pub const KEY_BYTES: usize = 32;

/// Makes the data folder when there is none (for this user only) and proves that it can be written.
///
/// # Errors
/// It cannot be made or written.
pub fn prepare(data_dir: &Path) -> Result<(), Refusal> {
    let refused = |error: io::Error| Refusal::DataDir { path: data_dir.display().to_string(), why: error.to_string() };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(refused)?;
    let probe = data_dir.join(".write-probe");
    File::create(&probe).and_then(|mut file| file.write_all(b"x")).map_err(refused)?;
    match fs::remove_file(&probe) {
        // Another process that shares the folder starts at the same time.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused(error)),
        _ => Ok(()),
    }
}

/// The key that signs access tokens, `<data_dir>/keys/token.key`; made when there is none.
///
/// # Errors
/// It is open to others, is not 32 bytes, or cannot be read or made.
pub fn token_key(data_dir: &Path) -> Result<[u8; KEY_BYTES], Refusal> {
    let path = data_dir.join("keys").join("token.key");
    let shown = path.display().to_string();
    let failed = |error: io::Error| Refusal::KeyFailed { path: shown.clone(), why: error.to_string() };
    if !path.try_exists().map_err(failed)? {
        make_key(&path).map_err(failed)?;
    }
    let mode = fs::metadata(&path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Refusal::KeyOpen { path: shown, mode });
    }
    let bytes = fs::read(&path).map_err(failed)?;
    <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| Refusal::KeyBroken { path: shown.clone() })
}

/// Writes a new key beside its name and links it there, so that a crash leaves a whole key or none, and so that of two
/// processes that start at the same time one makes the key and the other uses it.
fn make_key(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut key = [0_u8; KEY_BYTES];
    rand::rng().fill_bytes(&mut key);
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(&key)?;
    file.sync_all()?;
    match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::remove_file(&fresh)?,
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let first = token_key(dir.path()).unwrap();
        assert_eq!(token_key(dir.path()).unwrap(), first);
        let path = dir.path().join("keys/token.key");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(token_key(other.path()).unwrap(), first);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        token_key(dir.path()).unwrap();
        let path = dir.path().join("keys/token.key");
        for mode in [0o640, 0o604, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refusal = token_key(dir.path()).unwrap_err();
            assert!(matches!(refusal, Refusal::KeyOpen { .. }), "{refusal}");
            assert!(refusal.to_string().contains("chmod 600"), "{refusal}");
        }
    }

    #[test]
    fn a_truncated_key_is_refused_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        token_key(dir.path()).unwrap();
        let path = dir.path().join("keys/token.key");
        fs::write(&path, b"short").unwrap();
        assert!(matches!(token_key(dir.path()), Err(Refusal::KeyBroken { .. })));
        assert_eq!(fs::read(path).unwrap(), b"short");
    }

    #[test]
    fn a_data_folder_that_is_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        fs::write(&path, b"").unwrap();
        let refusal = prepare(&path).unwrap_err();
        assert!(refusal.to_string().contains("--data-dir"), "{refusal}");
    }

    #[test]
    fn a_new_data_folder_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        prepare(&path).unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

//! Passwords: hashed with Argon2id off the async threads, a few at a time. Nothing here knows accounts.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::error::{Code, Problem};
use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, PASSWORD_HASHES_MAX, PASSWORD_HASHES_WAITING_MAX};

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash of a password that nobody has, with the parameters above: verified when there is no account, so that an
/// unknown username costs as long as a wrong password.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$aGF6YXJkLWxlZGdlci9ub2JvZHk$H0q0jXsv1Oyl0VHjzLXSCJTkn6V4lM0fBqkyXaEYbEk";

/// Hashes and verifies passwords; clones share the places.
#[derive(Clone, Debug)]
pub struct Passwords {
    working: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            working: Arc::new(Semaphore::new(cores.min(PASSWORD_HASHES_MAX))),
            waiting: Arc::new(Semaphore::new(PASSWORD_HASHES_WAITING_MAX)),
        }
    }
}

impl Passwords {
    /// The hash of a new password, as a PHC string.
    ///
    /// # Errors
    /// `invalid_field` for a password that is too short or too long, `busy` when too many wait.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        check(&password)?;
        self.run(move || hash_now(&password)).await?
    }

    /// Whether a password is the one of a hash; `None` (no account, or one without a password) takes as long and is
    /// never right.
    ///
    /// # Errors
    /// `busy` when too many wait.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        self.run(move || {
            let known = hash.is_some();
            verify_now(&password, hash.as_deref().unwrap_or(NOBODY)).map(|right| right && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let busy = || Problem::new(Code::Busy, "Many are signing in at this moment; try again");
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| busy())?;
        let working = Arc::clone(&self.working).acquire_owned().await.map_err(|_| busy())?;
        let done = spawn_blocking(move || {
            let outcome = work();
            drop((waiting, working));
            outcome
        });
        done.await.map_err(Problem::internal)
    }
}

/// Whether a password may be chosen: long enough to resist guessing, short enough to be hashed (NIST SP 800-63B).
///
/// # Errors
/// `invalid_field`, which does not repeat the password.
pub fn check(password: &str) -> Result<(), Problem> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Problem::field("password", format!("A password has at least {PASSWORD_CHARS_MIN} characters")));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Problem::field("password", format!("A password has at most {PASSWORD_BYTES_MAX} bytes")));
    }
    Ok(())
}

/// The hash of a password, computed on this thread.
///
/// # Errors
/// A fault of the library.
pub fn hash_now(password: &str) -> Result<String, Problem> {
    let hash: PasswordHash = argon2()?.hash_password(password.as_bytes()).map_err(Problem::internal)?;
    Ok(hash.to_string())
}

fn verify_now(password: &str, hash: &str) -> Result<bool, Problem> {
    let hash = PasswordHash::new(hash).map_err(Problem::internal)?;
    Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
}

fn argon2() -> Result<Argon2<'static>, Problem> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Problem::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_right() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horsf".to_owned(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn an_account_without_a_password_takes_a_whole_verification_and_is_refused() {
        assert!(!Passwords::default().verify("anything".to_owned(), None).await.unwrap());
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(nobody.hash.unwrap().len(), 32);
    }

    #[test]
    fn short_and_giant_passwords_are_refused() {
        assert!(check("1234567").is_err());
        assert!(check("安全生产安全生产").is_ok());
        assert!(check(&"x".repeat(PASSWORD_BYTES_MAX + 1)).is_err());
    }

    #[tokio::test]
    async fn beyond_the_places_the_server_says_that_it_is_busy() {
        let passwords = Passwords { working: Arc::new(Semaphore::new(1)), waiting: Arc::new(Semaphore::new(0)) };
        let problem = passwords.verify("x".to_owned(), None).await.unwrap_err();
        assert_eq!(problem.code(), Code::Busy);
    }
}

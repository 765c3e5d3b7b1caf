use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::{Reason, Refused};
use crate::identity::Secret;

/// Why a password was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// As many people wait as the queue holds. Nothing was computed.
    #[error("too many passwords are being checked")]
    Overloaded,
    #[error("a password hash could not be computed")]
    Failed,
}

/// Checks and makes password hashes, a bounded number at a time.
///
/// The hash decides how many people can sign in per second, so it is kept behind this one seam. Argon2id with 19 MiB,
/// two passes and one lane (the first of OWASP's recommendations). Work beyond `concurrency` waits; beyond `queue`
/// waiting it is refused at once, so that a flood of sign-ins cannot pile up.
pub struct Passwords {
    running: Arc<Semaphore>,
    room: Arc<Semaphore>,
    dummy: String,
    computed: AtomicU64,
}

impl Passwords {
    /// `concurrency` hashes at a time and `queue` more waiting, both at least 1. `salt` is fresh random bytes, for the
    /// hash that an unknown account is checked against.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when the hash cannot be computed on this machine.
    pub fn new(concurrency: usize, queue: usize, salt: [u8; 16]) -> Result<Self, PasswordError> {
        let dummy = hash("nobody has this password", &salt)?;
        let room = Arc::new(Semaphore::new(concurrency + queue));
        let running = Arc::new(Semaphore::new(concurrency));
        Ok(Passwords { running, room, dummy, computed: AtomicU64::new(0) })
    }

    /// Whether `password` belongs to `stored`. Without a stored hash, or with one of an unknown form, the same work is
    /// done and the answer is no.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] when the queue is full.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, PasswordError> {
        let (known, stored) = match stored {
            Some(stored) if argon2::password_hash::phc::PasswordHash::new(&stored).is_ok() => (true, stored),
            _ => (false, self.dummy.clone()),
        };
        let matches = self
            .run(move || Ok(hasher().verify_password(password.expose().as_bytes(), stored.as_str()).is_ok()))
            .await?;
        Ok(known && matches)
    }

    /// The PHC string of `password`, salted with fresh random bytes.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn hash(&self, password: Secret, salt: [u8; 16]) -> Result<String, PasswordError> {
        self.run(move || hash(password.expose(), &salt)).await
    }

    /// Hashes computed so far, for tests and metrics: whether two sign-ins cost the same work.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| PasswordError::Overloaded)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| PasswordError::Failed)?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(running);
            result
        });
        done.await.map_err(|_| PasswordError::Failed)?
    }
}

/// The dearest imported hash that is taken: 64 MiB, 10 passes, 4 lanes. A dearer one would hold up everybody's sign-in.
const DEAREST: (u32, u32, u32) = (64 * 1024, 10, 4);

/// Whether `text` is a password hash that [`Passwords::verify`] can check: Argon2 in PHC form, with salt and hash, and
/// of bounded cost.
pub fn is_supported_hash(text: &str) -> bool {
    let Ok(hash) = argon2::password_hash::phc::PasswordHash::new(text) else { return false };
    let (Ok(_), Ok(params)) = (Algorithm::new(hash.algorithm.as_str()), Params::try_from(&hash)) else { return false };
    let (memory, passes, lanes) = DEAREST;
    let affordable = params.m_cost() <= memory && params.t_cost() <= passes && params.p_cost() <= lanes;
    affordable && hash.salt.is_some() && hash.hash.is_some()
}

fn hasher() -> Argon2<'static> {
    // The parameters are within the bounds of RFC 9106 §3.1, so the default is never taken.
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str, salt: &[u8; 16]) -> Result<String, PasswordError> {
    hasher()
        .hash_password_with_salt(password.as_bytes(), salt)
        .map(|hash| hash.to_string())
        .map_err(|_| PasswordError::Failed)
}

impl From<PasswordError> for Refused {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Overloaded => {
                let mut refused = Refused::new(Reason::Overloaded);
                refused.retry_after = Some(2);
                refused
            }
            PasswordError::Failed => {
                tracing::error!("a password hash could not be computed");
                Refused::new(Reason::Internal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = Passwords::new(2, 8, [1; 16]).unwrap();
        let stored = passwords.hash(Secret::new("correct horse"), [2; 16]).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify(Secret::new("correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("Correct horse"), Some(stored)).await.unwrap());
    }

    #[test]
    fn an_imported_hash_is_whole_and_of_bounded_cost() {
        let rest = "c29tZXNhbHQxMjM0NTY$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(is_supported_hash(&format!("$argon2id$v=19$m=19456,t=2,p=1${rest}")));
        assert!(is_supported_hash(&format!("$argon2i$v=19$m=65536,t=3,p=4${rest}")));
        for bad in ["m=4194304,t=1,p=1", "m=19456,t=1000,p=1", "m=19456,t=2,p=64", "m=x"] {
            assert!(!is_supported_hash(&format!("$argon2id$v=19${bad}${rest}")), "{bad}");
        }
        for bad in ["$argon2id", "$argon2zz$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA", "$argon2id$v=19$m=19456,t=2,p=1"]
        {
            assert!(!is_supported_hash(bad), "{bad}");
        }
        assert!(!is_supported_hash("correct horse"));
    }

    #[tokio::test]
    async fn nobody_has_the_dummy_password() {
        let passwords = Passwords::new(1, 1, [1; 16]).unwrap();
        let dummy = Secret::new("nobody has this password");
        assert!(!passwords.verify(dummy.clone(), None).await.unwrap());
        assert!(!passwords.verify(dummy, Some("not a hash".into())).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let passwords = Arc::new(Passwords::new(1, 1, [1; 16]).unwrap());
        let held = Arc::clone(&passwords.room).acquire_many_owned(2).await.unwrap();
        assert_eq!(passwords.verify(Secret::new("x"), None).await, Err(PasswordError::Overloaded));
        drop(held);
        assert_eq!(passwords.verify(Secret::new("x"), None).await, Ok(false));
    }
}

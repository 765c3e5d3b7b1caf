//! Password hashes and password strength, a bounded number of computations at a time.
//!
//! Always: a hash is only computed when its cost is within bounds, and on the pool; whoever waits beyond the queue is
//! refused at once. Nothing here asks the network.

mod common;
mod stored;
mod strength;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;

pub use common::{CommonPasswords, ListError};
pub use stored::is_supported_hash;
pub(in crate::engine) use strength::LENGTH;
pub use strength::Strength;

use crate::engine::FieldProblem;
use crate::identity::Secret;
use stored::Stored;

/// Why a password was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// As many people wait as the queue holds. Nothing was computed.
    #[error("too many passwords are being checked")]
    Overloaded,
    #[error("a password hash could not be computed")]
    Failed,
}

/// What looking at a password has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub right: bool,
    /// The right password's hash as it is made today, where the stored one was made otherwise.
    pub renewed: Option<String>,
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
    strength: Arc<Strength>,
    computed: AtomicU64,
}

impl Passwords {
    /// `concurrency` hashes at a time, at least 1, and `queue` more waiting. `salt` is fresh random bytes, for the hash
    /// that an unknown account is checked against.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] when the hash cannot be computed on this machine.
    pub fn new(concurrency: usize, queue: usize, salt: [u8; 16], strength: Strength) -> Result<Self, PasswordError> {
        let dummy = stored::hash("nobody has this password", &salt)?;
        let room = Arc::new(Semaphore::new(concurrency + queue));
        let running = Arc::new(Semaphore::new(concurrency));
        Ok(Passwords { running, room, dummy, strength: Arc::new(strength), computed: AtomicU64::new(0) })
    }

    /// Whether `password` belongs to `stored`. Without a stored hash, or with one of an unknown form, the same work is
    /// done and the answer is no.
    ///
    /// # Errors
    /// [`PasswordError::Overloaded`] when the queue is full.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, PasswordError> {
        let (known, stored) = self.known(stored);
        let matches = self.run(move || Ok(Stored::parse(&stored).is_some_and(|hash| hash.is_of(&password)))).await?;
        Ok(known && matches)
    }

    /// As [`Self::verify`], and hashes the password anew where `stored` was not made here. That work is done whether or
    /// not the password is right, so that its time does not tell.
    ///
    /// A bcrypt hash knows the first 72 bytes only. A longer password that matches it is right, as it was where the
    /// hash comes from, but it is not hashed anew: a slip beyond those bytes would become the password.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn look(
        &self,
        password: Secret,
        stored: Option<String>,
        salt: [u8; 16],
    ) -> Result<Looked, PasswordError> {
        let (known, stored) = self.known(stored);
        if Self::is_current(&stored) {
            // Looked at even where nobody has it: an unknown account costs the same.
            let matches = self.verify(password, Some(stored)).await?;
            return Ok(Looked { right: known && matches, renewed: None });
        }
        self.run(move || {
            let Some(old) = Stored::parse(&stored) else { return Err(PasswordError::Failed) };
            let (right, fresh) = (old.is_of(&password), stored::hash(password.expose(), &salt)?);
            Ok(Looked { right, renewed: Some(fresh).filter(|_| right && old.sees_all_of(&password)) })
        })
        .await
    }

    /// The hash itself, or the dummy's where there is none that can be checked.
    fn known(&self, stored: Option<String>) -> (bool, String) {
        match stored {
            Some(stored) if is_supported_hash(&stored) => (true, stored),
            _ => (false, self.dummy.clone()),
        }
    }

    /// The PHC string of `password`, salted with fresh random bytes.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn hash(&self, password: Secret, salt: [u8; 16]) -> Result<String, PasswordError> {
        self.run(move || stored::hash(password.expose(), &salt)).await
    }

    /// Whether `stored` is what [`Self::hash`] makes today: Argon2id with the same parameters.
    pub fn is_current(stored: &str) -> bool {
        stored::is_current(stored)
    }

    /// Whether a person may choose `password`. `inputs` is what others know of that person, such as the email address
    /// and the user name; the product's own name is known here.
    ///
    /// Waits for its turn on the pool and is never refused for want of room: it takes a fraction of a hash's time.
    ///
    /// # Errors
    /// [`FieldProblem::PasswordLength`], [`FieldProblem::PasswordCommon`] or [`FieldProblem::PasswordWeak`].
    pub async fn strength(&self, password: &Secret, inputs: &[&str]) -> Result<(), FieldProblem> {
        let (password, strength) = (password.clone(), Arc::clone(&self.strength));
        let inputs: Vec<String> = inputs.iter().map(|input| (*input).to_owned()).collect();
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let judged = tokio::task::spawn_blocking(move || {
            let judged = strength.judge(&password, &inputs);
            drop(turn);
            judged
        });
        judged.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the strength of a password could not be told");
            Err(FieldProblem::PasswordWeak)
        })
    }

    /// Passwords looked at or hashed so far, for tests and metrics: whether two sign-ins cost the same work.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(concurrency: usize, queue: usize) -> Passwords {
        Passwords::new(concurrency, queue, [1; 16], Strength::default()).unwrap()
    }

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = passwords(2, 8);
        let stored = passwords.hash(Secret::new("correct horse"), [2; 16]).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify(Secret::new("correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("Correct horse"), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_the_dummy_password() {
        let passwords = passwords(1, 1);
        let dummy = Secret::new("nobody has this password");
        assert!(!passwords.verify(dummy.clone(), None).await.unwrap());
        assert!(!passwords.verify(dummy.clone(), Some("not a hash".into())).await.unwrap());
        let looked = passwords.look(dummy, None, [2; 16]).await.unwrap();
        assert_eq!(looked, Looked { right: false, renewed: None });
        assert_eq!(passwords.computed(), 3, "each costs a hash");
    }

    #[tokio::test]
    async fn only_a_right_password_whose_hash_is_of_another_kind_is_hashed_anew() {
        let passwords = passwords(1, 1);
        let bcrypt = bcrypt::hash_with_salt("correct horse", 4, [7; 16]).unwrap().to_string();
        let looked = passwords.look(Secret::new("correct horse"), Some(bcrypt.clone()), [2; 16]).await.unwrap();
        let renewed = looked.renewed.filter(|_| looked.right).unwrap();
        assert!(Passwords::is_current(&renewed) && !Passwords::is_current(&bcrypt), "{renewed}");
        let again = passwords.look(Secret::new("correct horse"), Some(renewed), [3; 16]).await.unwrap();
        assert_eq!(again, Looked { right: true, renewed: None });
        let wrong = passwords.look(Secret::new("wrong"), Some(bcrypt), [2; 16]).await.unwrap();
        assert_eq!(wrong, Looked { right: false, renewed: None });
    }

    #[tokio::test]
    async fn what_bcrypt_cannot_see_of_a_password_is_never_made_the_password() {
        let passwords = passwords(1, 1);
        let long = format!("{}{}", "x".repeat(72), " and the rest");
        let stored = bcrypt::hash_with_salt(&long, 4, [7; 16]).unwrap().to_string();
        for typed in [long.clone(), format!("{} and a slip", "x".repeat(72))] {
            let looked = passwords.look(Secret::new(typed), Some(stored.clone()), [2; 16]).await.unwrap();
            assert_eq!(looked, Looked { right: true, renewed: None });
        }
        let whole = bcrypt::hash_with_salt("x".repeat(72), 4, [7; 16]).unwrap().to_string();
        let looked = passwords.look(Secret::new("x".repeat(72)), Some(whole), [2; 16]).await.unwrap();
        assert!(looked.right && looked.renewed.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let passwords = Arc::new(passwords(1, 1));
        let held = Arc::clone(&passwords.room).acquire_many_owned(2).await.unwrap();
        assert_eq!(passwords.verify(Secret::new("x"), None).await, Err(PasswordError::Overloaded));
        drop(held);
        assert_eq!(passwords.verify(Secret::new("x"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn strength_is_told_on_the_pool() {
        let passwords = passwords(1, 0);
        assert_eq!(passwords.strength(&Secret::new("short"), &[]).await, Err(FieldProblem::PasswordLength));
        assert_eq!(passwords.strength(&Secret::new("four unrelated typed words"), &[]).await, Ok(()));
    }
}

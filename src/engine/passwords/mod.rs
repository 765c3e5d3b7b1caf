//! Password hashes and password strength, a bounded number of computations at a time.
//!
//! Always: a hash is only computed when its cost is within bounds, on the pool, and within a turn; whoever waits beyond
//! the queue is refused at once. Nothing here asks the network.

mod common;
mod pool;
mod stored;
mod strength;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use common::{CommonPasswords, ListError};
pub use stored::is_supported_hash;
pub(in crate::engine) use strength::LENGTH;
pub use strength::Strength;

use crate::engine::{Crowded, FieldProblem, Turn, Turns};
use crate::identity::Secret;
use pool::{Memory, Pool};
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

impl From<Crowded> for PasswordError {
    fn from(Crowded: Crowded) -> Self {
        PasswordError::Overloaded
    }
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
/// waiting it is refused at once, so that a flood of sign-ins cannot pile up. Hashes of our own kind take `concurrency` ×
/// 19 MiB and no more, however many come; that memory is kept.
pub struct Passwords {
    turns: Turns,
    pool: Pool,
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
        let mut memory = Memory::new();
        let dummy = stored::hash("nobody has this password", &salt, &mut memory)?;
        let (turns, pool) = (Turns::new(concurrency, queue), Pool::start(concurrency, memory)?);
        Ok(Passwords { turns, pool, dummy, strength: Arc::new(strength), computed: AtomicU64::new(0) })
    }

    /// The turns in which passwords are looked at and hashed.
    pub fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Whether `password` belongs to `stored`, and the password hashed anew where `stored` was not made here. Without a
    /// stored hash, or with one of an unknown form, the same work is done and the answer is no. A fresh hash is made
    /// whether or not the password is right, so that its time does not tell.
    ///
    /// A bcrypt hash knows the first 72 bytes only. A longer password that matches it is right, as it was where the
    /// hash comes from, but it is not hashed anew: a slip beyond those bytes would become the password.
    ///
    /// The turn is the caller's, so that it may last until the outcome is counted.
    ///
    /// # Errors
    /// [`PasswordError::Failed`].
    pub async fn look(
        &self,
        turn: &Turn,
        password: Secret,
        stored: Option<String>,
        salt: [u8; 16],
    ) -> Result<Looked, PasswordError> {
        let (known, stored) = self.known(stored);
        self.compute(turn.clone(), move |memory| {
            let Some(old) = Stored::parse(&stored) else { return Err(PasswordError::Failed) };
            let right = old.is_of(&password, memory);
            if let Stored::Own(_) = old {
                // Looked at even where nobody has it: an unknown account costs the same.
                return Ok(Looked { right: known && right, renewed: None });
            }
            let fresh = stored::hash(password.expose(), &salt, memory)?;
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
    /// [`PasswordError::Overloaded`] when the queue is full, else [`PasswordError::Failed`].
    pub async fn hash(&self, password: Secret, salt: [u8; 16]) -> Result<String, PasswordError> {
        let turn = self.turns.take().await?;
        self.compute(turn, move |memory| stored::hash(password.expose(), &salt, memory)).await
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
        let judged = match self.turns.take_in_time().await {
            Ok(turn) => self.pool.run(turn, move |_| strength.judge(&password, &inputs)).await,
            Err(crowded) => Err(crowded.into()),
        };
        judged.unwrap_or_else(|error| {
            tracing::error!(%error, "the strength of a password could not be told");
            Err(FieldProblem::PasswordWeak)
        })
    }

    /// Passwords looked at or hashed so far, for tests and metrics: whether two sign-ins cost the same work.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Memories of 19 MiB made so far, for tests: one for each hash at a time, at most.
    pub fn memories(&self) -> usize {
        self.pool.made()
    }

    async fn compute<T: Send + 'static>(
        &self,
        turn: Turn,
        work: impl FnOnce(&mut Memory) -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        self.pool.run(turn, work).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(concurrency: usize, queue: usize) -> Passwords {
        Passwords::new(concurrency, queue, [1; 16], Strength::default()).unwrap()
    }

    async fn look(passwords: &Passwords, password: impl Into<String>, stored: Option<&str>) -> Looked {
        let turn = passwords.turns().take().await.unwrap();
        let (password, stored) = (Secret::new(password.into()), stored.map(str::to_owned));
        passwords.look(&turn, password, stored, [3; 16]).await.unwrap()
    }

    const WRONG: Looked = Looked { right: false, renewed: None };
    const RIGHT: Looked = Looked { right: true, renewed: None };

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let passwords = passwords(2, 8);
        let stored = passwords.hash(Secret::new("correct horse"), [2; 16]).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_eq!(look(&passwords, "correct horse", Some(&stored)).await, RIGHT);
        assert_eq!(look(&passwords, "Correct horse", Some(&stored)).await, WRONG);
    }

    #[tokio::test]
    async fn nobody_has_the_dummy_password() {
        let passwords = passwords(1, 1);
        for stored in [None, Some("not a hash")] {
            assert_eq!(look(&passwords, "nobody has this password", stored).await, WRONG);
        }
        assert_eq!(passwords.computed(), 2, "each costs a hash");
    }

    #[tokio::test]
    async fn only_a_right_password_whose_hash_is_of_another_kind_is_hashed_anew() {
        let passwords = passwords(1, 1);
        let bcrypt = bcrypt::hash_with_salt("correct horse", 4, [7; 16]).unwrap().to_string();
        let looked = look(&passwords, "correct horse", Some(&bcrypt)).await;
        let renewed = looked.renewed.filter(|_| looked.right).unwrap();
        assert!(Passwords::is_current(&renewed) && !Passwords::is_current(&bcrypt), "{renewed}");
        assert_eq!(look(&passwords, "correct horse", Some(&renewed)).await, RIGHT);
        assert_eq!(look(&passwords, "wrong", Some(&bcrypt)).await, WRONG);
    }

    #[tokio::test]
    async fn what_bcrypt_cannot_see_of_a_password_is_never_made_the_password() {
        let passwords = passwords(1, 1);
        let long = format!("{}{}", "x".repeat(72), " and the rest");
        let stored = bcrypt::hash_with_salt(&long, 4, [7; 16]).unwrap().to_string();
        for typed in [long.clone(), format!("{} and a slip", "x".repeat(72))] {
            assert_eq!(look(&passwords, typed, Some(&stored)).await, RIGHT);
        }
        let whole = bcrypt::hash_with_salt("x".repeat(72), 4, [7; 16]).unwrap().to_string();
        let looked = look(&passwords, "x".repeat(72), Some(&whole)).await;
        assert!(looked.right && looked.renewed.is_some());
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let passwords = passwords(1, 0);
        let held = passwords.turns().take().await.unwrap();
        assert_eq!(passwords.hash(Secret::new("x"), [2; 16]).await, Err(PasswordError::Overloaded));
        drop(held);
        assert!(passwords.hash(Secret::new("x"), [2; 16]).await.is_ok());
    }

    #[tokio::test]
    async fn of_many_at_once_as_many_memories_are_made_as_are_looked_at_at_a_time() {
        let passwords = passwords(2, 30);
        let own = passwords.hash(Secret::new("correct horse"), [2; 16]).await.unwrap();
        let bcrypt = bcrypt::hash_with_salt("correct horse", 4, [7; 16]).unwrap().to_string();
        let stored = [None, Some(own.as_str()), Some(bcrypt.as_str())];
        let all = stored.into_iter().cycle().take(30).map(|stored| look(&passwords, "correct horse", stored));
        let right = futures_util::future::join_all(all).await.iter().filter(|looked| looked.right).count();
        assert_eq!((right, passwords.computed()), (20, 31));
        assert!(passwords.memories() <= 2, "{} were made", passwords.memories());
    }

    #[tokio::test]
    async fn who_goes_away_makes_no_room_for_more() {
        let passwords = passwords(1, 0);
        let (begin, begun) = std::sync::mpsc::channel::<()>();
        let (ended, end) = tokio::sync::oneshot::channel();
        let turn = passwords.turns().take().await.unwrap();
        let work = passwords.pool.run(turn, move |_| {
            let _ = begun.recv();
            let _ = ended.send(());
        });
        assert!(tokio::time::timeout(std::time::Duration::ZERO, work).await.is_err(), "nobody waits for it any more");
        assert!(passwords.turns().take().await.is_err(), "and it goes on");
        begin.send(()).unwrap();
        end.await.unwrap();
        passwords.turns().take_in_time().await.unwrap();
    }

    #[tokio::test]
    async fn strength_is_told_on_the_pool() {
        let passwords = passwords(1, 0);
        assert_eq!(passwords.strength(&Secret::new("short"), &[]).await, Err(FieldProblem::PasswordLength));
        assert_eq!(passwords.strength(&Secret::new("four unrelated typed words"), &[]).await, Ok(()));
    }
}

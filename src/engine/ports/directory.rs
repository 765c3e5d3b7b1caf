use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::engine::{Turn, Turns};
use crate::identity::{Email, Locale, Phone, Secret, Username};

/// The operator's own list of people, which checks passwords in place of the hashes that accounts have here.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The turns in which it is asked.
    fn turns(&self) -> &Turns;

    /// Whose name and password these are; `None` when they are nobody's. Which of the two is wrong is not told.
    /// `request_id` names the call that it is asked for, `turn` is one of [`Self::turns`]. The time that it may take runs
    /// from when the turn was asked for.
    ///
    /// # Errors
    /// [`DirectoryError`]: nothing is known of the password then.
    async fn check(
        &self,
        turn: &Turn,
        request_id: &str,
        login: &str,
        password: &Secret,
    ) -> Result<Option<Person>, DirectoryError>;
}

/// Somebody as the directory describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The directory's own name for this person, which never becomes another's: 1 to 128 characters, none of them a
    /// control character. Compared letter by letter.
    pub id: String,
    pub email: Email,
    /// `None` leaves what the account has, here and below; `Some(None)` takes it away.
    pub username: Option<Option<Username>>,
    pub phone: Option<Option<Phone>>,
    pub locale: Option<Locale>,
    pub groups: Option<BTreeSet<String>>,
    pub permissions: Option<BTreeSet<String>>,
}

/// Why the directory gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Not reachable, not answering in time, or answering what cannot be understood. Worth another try after this many
    /// seconds, at least 1.
    #[error("the directory is unavailable")]
    Unavailable { retry_after: u64 },
    /// As many questions wait as the queue holds; this one was not asked.
    #[error("the directory is being asked too much")]
    Overloaded,
}

use crate::engine::ports::{AddressFailure, DirectoryError, Verdict};
use crate::engine::{Call, Crowded, Engine, Input, Moment, PasswordError, Reason, Refused, Turn, Turns};
use crate::workflow::Purpose;

use super::open::Opened;

impl Engine {
    /// The turns in which passwords are looked at: here, or by the operator's directory.
    fn turns(&self) -> &Turns {
        self.directory.as_ref().map_or(self.passwords.turns(), |directory| directory.turns())
    }

    /// The moment to take before a client address's block is read; see [`Self::take_turn`].
    pub(super) fn moment(&self) -> Moment {
        self.turns().moment()
    }

    /// The turn in which the password of this step is looked at, if it has one.
    ///
    /// Whoever holds it until the guess is counted, and asks for the address's block once more if another turn has ended
    /// since it was read, has the limit by address kept: once a block has begun, only those are looked at who have their
    /// turns already. A sign-in that has the server to itself does not ask again.
    ///
    /// # Errors
    /// [`Reason::Overloaded`] when too many wait; [`Reason::TooManyAttempts`] when the address is blocked by now.
    pub(super) async fn take_turn(
        &self,
        call: &Call,
        opened: &mut Opened,
        input: &Input,
    ) -> Result<Option<Turn>, Refused> {
        let Input::Password { name, password } = input else { return Ok(None) };
        match &self.directory {
            Some(directory) => self.ask_directory(&**directory, call, opened, name, password).await,
            None => self.turn_of(call, opened, |crowded| PasswordError::from(crowded).into()).await.map(Some),
        }
    }

    /// A turn for whoever is at the address, which was not blocked when it began.
    pub(super) async fn turn_of(
        &self,
        call: &Call,
        opened: &Opened,
        crowded: impl Fn(Crowded) -> Refused,
    ) -> Result<Turn, Refused> {
        let turn = self.turns().take().await.map_err(crowded)?;
        if opened.is_limited_by_address()
            && turn.is_later_than(opened.read_at)
            && let Some(until) = self.store.address_block(&call.address, opened.now).await?
        {
            return Err(opened.refuse(Refused::new(Reason::TooManyAttempts).until(until, opened.now)));
        }
        Ok(turn)
    }

    /// Every guess of a stranger's that leads nowhere counts on the client's address. Behind a block that is every one,
    /// for if only the wrong ones counted, the address's own block would tell which they were. One that comes when the
    /// address is blocked already is answered with that block, as if it had never been looked at.
    pub(super) async fn count_on_address(
        &self,
        call: &Call,
        opened: &mut Opened,
        verdict: Verdict,
    ) -> Result<Verdict, Refused> {
        let (request, ladder) = (self.request(), &self.policy.address);
        let failure = self.store.fail_address(&request, &call.address, ladder, opened.now).await?;
        let blocked = match failure {
            AddressFailure::Counted(began) => began.is_some(),
            AddressFailure::Blocked(until) => {
                opened.address_blocked = Some(until).filter(|_| opened.is_limited_by_address());
                true
            }
        };
        Ok(match verdict {
            Verdict::Wrong { blocked_until, exhausted, .. } if blocked => {
                Verdict::Wrong { left: 0, blocked_until, exhausted }
            }
            verdict => verdict,
        })
    }
}

impl Opened {
    /// Whether whoever is at the client is a stranger: one who is signed in is limited by the account alone.
    fn is_limited_by_address(&self) -> bool {
        self.name.is_some() || self.workflow.purpose == Purpose::Recover
    }
}

/// The refusal of a directory that is asked too much.
pub(super) fn overloaded(Crowded: Crowded) -> Refused {
    DirectoryError::Overloaded.into()
}

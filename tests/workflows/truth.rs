//! What is really so, in plain words of the trade: kept from what was typed, shown and sent, never from the facts in the
//! wizard; and what may be done on the strength of it.

use std::collections::BTreeSet;

use stepgate::identity::{Account, Factor, Recipient};
use stepgate::workflow::{Effect, Purpose};

/// What really happened so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Truth {
    /// Whose password was given last, if it was right.
    pub password: Option<u64>,
    /// An address was given to get back in with, and no password since.
    pub named: bool,
    /// Factors of that account (or of the session's) that were proved since.
    pub proved: BTreeSet<Factor>,
    /// A recovery code of that account was given since.
    pub recovered: bool,
    /// With this very move, a remembered device of the account was shown.
    pub device: bool,
    /// With this very move, a right recovery code was given.
    pub recovery_code: bool,
    /// Since the password, the policy wanted a factor of an account that had proved all it has.
    pub wanted: bool,
    pub last_answer_right: bool,
    /// The one code that would be accepted.
    pub outstanding: Option<Sent>,
    pub secret_made: bool,
    pub secret_proved: bool,
    pub phone: Option<usize>,
    pub phone_proved: bool,
    /// A code was given that had been sent to the address for enrolling it.
    pub address_proved: bool,
    pub changed: bool,
}

/// A code on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sent {
    pub recipient: Recipient,
    pub owner: u64,
    /// It was not asked for as a factor that is on.
    pub to_enrol: bool,
}

impl Truth {
    /// Whether `account` has proved what it has, a remembered device not counted.
    pub fn all_proved(&self, account: &Account) -> bool {
        let on: Vec<Factor> = Factor::ALL.into_iter().filter(|factor| account.has(*factor)).collect();
        let counts = |factor: &Factor| account.stood_in != Some(*factor) && self.proved.contains(factor);
        on.is_empty() || on.iter().any(counts) || self.recovered
    }

    /// Whether `effect` may be had, by a wizard of this purpose, for `owner` as it is just before. `wanted` are the
    /// factors of which the policy wants one turned on.
    pub fn allows(&self, effect: Effect, purpose: Purpose, owner: &Account, wanted: &[Factor]) -> bool {
        let in_session = matches!(purpose, Purpose::Enable(_) | Purpose::Disable(_) | Purpose::Challenge);
        let signing_in = purpose == Purpose::SignIn && self.password == Some(owner.id.0);
        let bare = Factor::ALL.iter().all(|factor| !owner.has(*factor));
        let enrolling = signing_in && self.wanted;
        match effect {
            Effect::SendCode(Recipient::Phone) => (in_session || signing_in) && owner.has(Factor::Sms),
            Effect::SendCode(Recipient::NewPhone) => (in_session || enrolling) && self.phone.is_some(),
            Effect::SendCode(Recipient::Email) => match purpose {
                Purpose::SignIn => signing_in && (owner.has(Factor::Email) || enrolling),
                Purpose::Challenge => owner.has(Factor::Email) || bare,
                Purpose::Enable(_) | Purpose::Disable(_) => true,
                Purpose::Recover => self.named,
            },
            Effect::CreateSecret => in_session || enrolling,
            Effect::Enable(factor) => {
                let shown = match factor {
                    Factor::Google => self.secret_proved,
                    Factor::Sms => self.phone_proved,
                    Factor::Email => self.address_proved,
                };
                let asked = signing_in && wanted.contains(&factor) && self.all_proved(owner);
                let meant = purpose == Purpose::Enable(factor) || asked;
                meant && !owner.has(factor) && shown && self.last_answer_right
            }
            Effect::Disable(factor) => {
                let proved = self.proved.contains(&factor) || self.recovered;
                purpose == Purpose::Disable(factor) && owner.has(factor) && proved && self.last_answer_right
            }
            Effect::OpenSession => {
                let second = self.all_proved(owner) || self.device;
                signing_in && second && wanted.is_empty() && self.last_answer_right
            }
            Effect::UseDevice => signing_in && self.device,
            Effect::UseRecoveryCode => (in_session || signing_in) && self.recovery_code,
            Effect::IssueSuccessToken => {
                let by_factor = self.proved.iter().any(|factor| owner.has(*factor));
                let by_address = self.proved.contains(&Factor::Email);
                let confirmed = match purpose {
                    Purpose::Challenge => by_factor || self.recovered || (bare && by_address),
                    Purpose::Recover => self.named && by_address,
                    Purpose::SignIn | Purpose::Enable(_) | Purpose::Disable(_) => false,
                };
                confirmed && self.last_answer_right
            }
        }
    }
}

/// The promise that is broken when the truth does not allow `effect`.
pub fn promise(effect: Effect) -> &'static str {
    match effect {
        Effect::SendCode(_) => "a code is sent to whom it does not belong",
        Effect::CreateSecret => "a secret is made for nobody who may enrol",
        Effect::Enable(_) => "a factor is turned on that was not proved, or not wanted",
        Effect::Disable(_) => "a factor is turned off that was not proved",
        Effect::OpenSession => "a session is opened without password and factor, or against the policy",
        Effect::UseDevice => "a device stands in that was not shown",
        Effect::UseRecoveryCode => "a recovery code is used up that was not given",
        Effect::IssueSuccessToken => "a success token is issued without a confirmation",
    }
}

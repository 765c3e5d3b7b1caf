use crate::engine::authenticator::Hand;
use crate::engine::ports::{AccountWrite, Attempt, Door, Spend, Subject, Verdict};
use crate::engine::verdicts::refused;
use crate::engine::{Call, Caller, Engine, FieldProblem, Reason, Refused};
use crate::identity::{Account, ApiClient, ClientKeys, Ladder, LoginName, Permission, PolicyId, TotpPolicy};
use crate::telemetry::Phases;
use crate::workflow::WizardId;

/// What a service shows for itself.
#[derive(Debug, Clone)]
pub enum Credentials {
    Client(ClientKeys),
    /// The access token of an account that may change others.
    Bearer(String),
}

/// What a service asks for: something of `name`, by a policy.
pub struct Asked<'a> {
    pub call: &'a Call,
    pub credentials: &'a Credentials,
    pub policy: &'a str,
    /// An email address or a user name, in any spelling.
    pub name: &'a str,
    /// A success token that is shown beside an access token.
    pub success: Option<&'a str>,
    pub phases: &'a Phases,
}

/// Who is asking.
#[derive(Debug, Clone)]
enum Asker {
    Client(ApiClient),
    Account(Box<Caller>),
}

/// A service that may ask, and what it asks about.
pub(super) struct Admitted {
    asker: Asker,
    pub policy: TotpPolicy,
    pub name: LoginName,
    /// Whom the name belongs to, as written: to be named carries nothing out that was ordered. It may be a step behind:
    /// whatever is written or judged finds that out.
    pub account: Option<Account>,
}

impl Admitted {
    pub(super) fn hand(&self) -> Hand<'_> {
        match &self.asker {
            Asker::Client(client) => Hand::Client(&client.name),
            Asker::Account(caller) => Hand::Account(caller.account.id),
        }
    }

    /// How failures are counted that are judged by this policy: never more gently than by the configuration.
    pub(super) fn ladder(&self, usual: Ladder) -> Ladder {
        Ladder { limit: usual.limit.min(self.policy.attempts), ..usual }
    }
}

impl Engine {
    /// Finds out who asks, by which policy, and about whom: all at once, and nothing is told apart before it is known
    /// that the service may ask.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`]; [`Reason::Forbidden`] for an account without the permission; [`Reason::NotFound`] for a
    /// policy that does not exist.
    pub(super) async fn admit(&self, asked: &Asked<'_>) -> Result<Admitted, Refused> {
        let (now, name) = (self.clock.now(), LoginName::of_typed(asked.name, &self.policy.names));
        // Under the name of a wizard that nobody has: one look, which costs the same whether or not the name is known.
        let nobody = WizardId::from_bytes(self.entropy.bytes());
        let found = self.store.open_sign_in(nobody, &name, &asked.call.address, now);
        let all = async { tokio::join!(self.registry(), found, self.bearer(asked.credentials), self.keep_up(now)) };
        let (registry, found, bearer, ()) = asked.phases.measure("lookup", all).await;
        let registry = registry?;
        let asker = match (asked.credentials, bearer?) {
            (_, Some(caller)) => Asker::Account(Box::new(caller)),
            (Credentials::Client(keys), None) => {
                let client = registry.client_of(keys);
                Asker::Client(client.ok_or_else(|| Refused::new(Reason::Unauthorized))?.clone())
            }
            (Credentials::Bearer(_), None) => return Err(Refused::new(Reason::Unauthorized)),
        };
        let policy = PolicyId::parse(asked.policy).and_then(|id| self.policy_in(&registry, &id));
        let unknown = || Refused::new(Reason::NotFound).field("policyId", FieldProblem::Unknown);
        let policy = policy.ok_or_else(unknown)?.policy;
        // The account may have given the name away since the copy was made.
        let account = found?.1.filter(|account| self.is_called(account, name.as_str()));
        if let Some(account) = &account {
            self.meet_keys_of(account).await;
        }
        Ok(Admitted { asker, policy, name, account })
    }

    async fn bearer(&self, credentials: &Credentials) -> Result<Option<Caller>, Refused> {
        let Credentials::Bearer(token) = credentials else { return Ok(None) };
        let caller = self.authenticate(token).await?;
        match caller.account.may(Permission::UsersUpdate) {
            true => Ok(Some(caller)),
            false => Err(Refused::new(Reason::Forbidden)),
        }
    }

    /// An account asks about others only.
    ///
    /// # Errors
    /// [`Reason::Forbidden`].
    pub(super) fn is_about_another(&self, admitted: &Admitted) -> Result<(), Refused> {
        match (&admitted.asker, &admitted.account) {
            (Asker::Account(caller), Some(account)) if account.id == caller.account.id => {
                Err(Refused::new(Reason::Forbidden))
            }
            (Asker::Account(_) | Asker::Client(_), _) => Ok(()),
        }
    }

    /// Whether the asker may change what is on: a client always, an account only another's, and with a factor of its own
    /// that was proved of late, if any is on.
    ///
    /// # Errors
    /// [`Reason::StepUpRequired`]; [`Reason::Forbidden`] for one's own account.
    pub(super) async fn may_change(&self, asked: &Asked<'_>, admitted: &Admitted) -> Result<(), Refused> {
        self.is_about_another(admitted)?;
        match &admitted.asker {
            Asker::Account(caller) => self.confirm_authority(caller, asked.success).await,
            Asker::Client(_) => Ok(()),
        }
    }

    /// Whom a failure at this name is counted on, if `account` has it.
    pub(super) fn subject_of(&self, admitted: &Admitted, account: Option<&Account>) -> (Subject, Option<u64>) {
        match account {
            Some(account) => (Subject::Account(account.id), Some(account.revision)),
            None => (self.nobody(admitted.name.as_str()), None),
        }
    }

    /// As much work, where there is nothing to be changed, as a change of an account is: a write, and one of the copies
    /// by name. [`Reason::WizardChanged`] when `account` is not as it was taken for, or gone.
    pub(super) async fn as_if_written(&self, admitted: &Admitted, account: Option<&Account>) -> Result<(), Refused> {
        for taken_for in [account, None] {
            let (request, now) = (self.request(), self.clock.now());
            let (subject, revision) = self.subject_of(admitted, taken_for);
            // As a token, for a blocked door does not stand in the way of a change either.
            let spend = Spend::Token { digest: request.0.clone(), keep: 60 };
            let attempt = Attempt {
                operation: format!("nothing:{}", request.0),
                request,
                now,
                subject,
                revision,
                door: Door::Second,
                ladder: self.policy.second_factor,
                right: None,
                spend: Some(spend),
                tries: None,
                write: AccountWrite::default(),
            };
            match self.store.judge(&attempt).await? {
                Verdict::Accepted => {}
                verdict => return Err(refused(&verdict, Reason::InvalidCode, now)),
            }
        }
        Ok(())
    }
}

use std::collections::BTreeSet;

use crate::engine::ports::EventKind;
use crate::engine::{Call, Engine, Happening, Reason, Refused};
use crate::identity::{PolicyId, Registry, SurfaceName, TotpAlgorithm, TotpPolicy};

/// Who has made a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicySource {
    /// It can only be changed there.
    Configuration,
    /// The operator's API.
    Registry,
}

impl PolicySource {
    pub fn as_str(self) -> &'static str {
        match self {
            PolicySource::Configuration => "configuration",
            PolicySource::Registry => "registry",
        }
    }
}

#[derive(Debug, Clone)]
pub struct SourcedPolicy {
    pub policy: TotpPolicy,
    pub source: PolicySource,
}

/// What to change of a policy; `None` leaves it, `Some(None)` clears it.
#[derive(Debug, Clone, Default)]
pub struct PolicyPatch {
    pub issuer: Option<String>,
    pub algorithm: Option<TotpAlgorithm>,
    pub digits: Option<u8>,
    pub period: Option<u64>,
    pub skew: Option<u16>,
    pub attempts: Option<u32>,
    pub surfaces: Option<BTreeSet<SurfaceName>>,
    pub creates_accounts: Option<bool>,
    pub email_domain: Option<Option<String>>,
}

impl PolicyPatch {
    /// The policy as it is after this.
    #[must_use]
    pub fn on(&self, mut policy: TotpPolicy) -> TotpPolicy {
        let PolicyPatch { issuer, algorithm, digits, period, skew, attempts, surfaces, creates_accounts, email_domain } =
            self.clone();
        set(&mut policy.issuer, issuer);
        set(&mut policy.totp.algorithm, algorithm);
        set(&mut policy.totp.digits, digits);
        set(&mut policy.totp.period, period);
        set(&mut policy.totp.skew, skew);
        set(&mut policy.attempts, attempts);
        set(&mut policy.surfaces, surfaces);
        set(&mut policy.creates_accounts, creates_accounts);
        set(&mut policy.email_domain, email_domain);
        policy
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

impl Engine {
    /// Makes a policy.
    ///
    /// # Errors
    /// [`Reason::Exists`], [`Reason::Full`].
    pub async fn create_policy(&self, policy: TotpPolicy, call: &Call) -> Result<SourcedPolicy, Refused> {
        if self.configured_policy(&policy.id).is_some() {
            return Err(crate::identity::RegistryError::Taken.into());
        }
        self.change_registry(|registry| Ok(registry.add_policy(policy.clone())?)).await?;
        self.note(self.about_policy(EventKind::PolicyCreated, &policy.id, call));
        Ok(SourcedPolicy { policy, source: PolicySource::Registry })
    }

    /// All policies: those of the configuration, then the others in the order in which they were made.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn policies(&self) -> Result<Vec<SourcedPolicy>, Refused> {
        let registry = self.registry().await?;
        let sourced = |source| move |policy: &TotpPolicy| SourcedPolicy { policy: policy.clone(), source };
        let configured = self.registry_desk.configured.iter();
        let made = registry.policies().iter().filter(|policy| self.configured_policy(&policy.id).is_none());
        let all = configured.map(sourced(PolicySource::Configuration));
        Ok(all.chain(made.map(sourced(PolicySource::Registry))).collect())
    }

    /// # Errors
    /// [`Reason::NotFound`].
    pub async fn policy(&self, id: &PolicyId) -> Result<SourcedPolicy, Refused> {
        let registry = self.registry().await?;
        self.policy_in(&registry, id).ok_or_else(|| Refused::new(Reason::NotFound))
    }

    /// Changes a policy, for enrolments from now on; the policy after it.
    ///
    /// # Errors
    /// [`Reason::NotFound`], [`Reason::ReadOnly`].
    pub async fn patch_policy(&self, id: &PolicyId, patch: PolicyPatch, call: &Call) -> Result<SourcedPolicy, Refused> {
        self.writable(id)?;
        let changed = |registry: &mut Registry| {
            let policy = registry.policy_mut(id)?;
            *policy = patch.on(policy.clone());
            Ok(policy.clone())
        };
        let policy = self.change_registry(changed).await?;
        self.note(self.about_policy(EventKind::PolicyChanged, id, call));
        Ok(SourcedPolicy { policy, source: PolicySource::Registry })
    }

    /// Deletes a policy. Authenticators that were enrolled under it go on.
    ///
    /// # Errors
    /// [`Reason::NotFound`], [`Reason::ReadOnly`].
    pub async fn delete_policy(&self, id: &PolicyId, call: &Call) -> Result<(), Refused> {
        self.writable(id)?;
        self.change_registry(|registry| Ok(registry.remove_policy(id)?)).await?;
        self.note(self.about_policy(EventKind::PolicyDeleted, id, call));
        Ok(())
    }

    pub(super) fn policy_in(&self, registry: &Registry, id: &PolicyId) -> Option<SourcedPolicy> {
        let configured = self.configured_policy(id).map(|policy| (policy, PolicySource::Configuration));
        let found = configured.or_else(|| registry.policy(id).map(|policy| (policy, PolicySource::Registry)));
        found.map(|(policy, source)| SourcedPolicy { policy: policy.clone(), source })
    }

    fn configured_policy(&self, id: &PolicyId) -> Option<&TotpPolicy> {
        self.registry_desk.configured.iter().find(|policy| policy.id == *id)
    }

    fn writable(&self, id: &PolicyId) -> Result<(), Refused> {
        match self.configured_policy(id) {
            Some(_) => Err(Refused::new(Reason::ReadOnly)),
            None => Ok(()),
        }
    }

    fn about_policy(&self, kind: EventKind, id: &PolicyId, call: &Call) -> Happening {
        self.happening(kind).by_operator().in_call(call).detail("policy", id.as_str())
    }
}

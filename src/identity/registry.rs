use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{Email, Keys, Secret, SurfaceName, Totp, TotpScheme, Username};

/// The name of a policy of authenticators: 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyId(String);

impl PolicyId {
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
        ((1..=64).contains(&text.len()) && text.chars().all(plain)).then(|| PolicyId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an authenticator is like that is enrolled under this name. What is enrolled keeps what it was enrolled with: a
/// change reaches later enrolments, and the way in which codes are judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpPolicy {
    pub id: PolicyId,
    /// The issuer that authenticator apps show: 1 to 40 characters without a colon.
    pub issuer: String,
    pub totp: Totp,
    /// Failures before codes that are judged through it block the account; never more than the configured limit.
    pub attempts: u32,
    /// Through which surfaces its authenticators may be turned on and off; at least one.
    pub surfaces: BTreeSet<SurfaceName>,
    /// Whether enrolling a name that nobody has makes an account.
    #[serde(default)]
    pub creates_accounts: bool,
    /// Where the mail of accounts goes that are made for a user name and not for an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_domain: Option<String>,
}

impl TotpPolicy {
    pub const DIGITS: RangeInclusive<u64> = 6..=8;
    /// In seconds.
    pub const PERIOD: RangeInclusive<u64> = 30..=300;
    pub const SKEW: RangeInclusive<u64> = 0..=2;
    pub const ATTEMPTS: RangeInclusive<u64> = 1..=20;
    /// Attempts where nothing is said.
    pub const USUAL_ATTEMPTS: u32 = 10;

    /// The text as an issuer, if it can be one.
    pub fn issuer(text: &str) -> Option<String> {
        let text = text.trim();
        let plain = !text.chars().any(|c| c.is_control() || c == ':');
        (plain && (1..=40).contains(&text.chars().count())).then(|| text.to_owned())
    }

    /// The text as a mail domain, if it can be one.
    pub fn domain(text: &str) -> Option<String> {
        let text = text.trim().to_ascii_lowercase();
        (!text.contains('@') && Email::parse(&format!("a@{text}")).is_ok()).then_some(text)
    }

    /// What an authenticator keeps that is enrolled under it.
    pub fn scheme(&self) -> TotpScheme {
        TotpScheme { policy: self.id.0.clone(), totp: self.totp, surfaces: self.surfaces.clone() }
    }

    pub fn is_open_to(&self, surface: SurfaceName) -> bool {
        self.surfaces.contains(&surface)
    }

    /// The names of the account that is made for `typed`, where the policy makes accounts and the text can name one: an
    /// address is its own, a user name gets one in the policy's domain.
    pub fn names_for(&self, typed: &str) -> Option<(Email, Option<Username>)> {
        if !self.creates_accounts {
            return None;
        }
        if let Ok(email) = Email::parse(typed) {
            return Some((email, None));
        }
        let (name, domain) = (Username::parse(typed).ok()?, self.email_domain.as_ref()?);
        let email = Email::parse(&format!("{}@{domain}", name.as_str())).ok()?;
        Some((email, Some(name)))
    }
}

/// A program that may enrol, verify and delete authenticators by keys of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiClient {
    /// 1 and up, never used twice.
    pub id: u64,
    pub name: String,
    digest: String,
    pub created_at: DateTime<Utc>,
}

impl ApiClient {
    /// Characters of a client's name, at most.
    pub const NAME: usize = 64;

    /// The text as a client's name, if it can be one.
    pub fn named(text: &str) -> Option<String> {
        let text = text.trim();
        let fits = (1..=Self::NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    }
}

/// The two keys of a client: the first says who it is, the second that it is. Both are only kept as one digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKeys {
    pub api_key: Secret,
    pub access_key: Secret,
}

impl ClientKeys {
    /// `api_key` and `access_key` must be fresh random bytes.
    pub fn new(api_key: &[u8; 16], access_key: &[u8; 32]) -> Self {
        let encode = |bytes: &[u8]| Secret::new(data_encoding::BASE64URL_NOPAD.encode(bytes));
        ClientKeys { api_key: encode(api_key), access_key: encode(access_key) }
    }

    /// No dot is in either key, so no two pairs have the same digest.
    fn digest(&self) -> String {
        Keys::token_digest(&format!("{}.{}", self.api_key.expose(), self.access_key.expose()))
    }
}

/// Why the registry did not take a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryError {
    /// There is a policy of this name.
    Taken,
    /// There are [`Registry::MOST`] of the kind.
    Full,
    NotFound,
}

/// Policies and clients that were made through the operator's API. They are one record of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    #[serde(default)]
    policies: Vec<TotpPolicy>,
    #[serde(default)]
    clients: Vec<ApiClient>,
    /// The number that was given to a client last.
    #[serde(default)]
    numbered: u64,
}

impl Registry {
    /// Policies, and clients, that there may be.
    pub const MOST: usize = 1_000;

    /// In the order in which they were made.
    pub fn policies(&self) -> &[TotpPolicy] {
        &self.policies
    }

    pub fn policy(&self, id: &PolicyId) -> Option<&TotpPolicy> {
        self.policies.iter().find(|policy| policy.id == *id)
    }

    /// # Errors
    /// [`RegistryError::Taken`], [`RegistryError::Full`].
    pub fn add_policy(&mut self, policy: TotpPolicy) -> Result<(), RegistryError> {
        if self.policy(&policy.id).is_some() {
            return Err(RegistryError::Taken);
        }
        if self.policies.len() >= Self::MOST {
            return Err(RegistryError::Full);
        }
        self.policies.push(policy);
        Ok(())
    }

    /// # Errors
    /// [`RegistryError::NotFound`].
    pub fn policy_mut(&mut self, id: &PolicyId) -> Result<&mut TotpPolicy, RegistryError> {
        self.policies.iter_mut().find(|policy| policy.id == *id).ok_or(RegistryError::NotFound)
    }

    /// # Errors
    /// [`RegistryError::NotFound`].
    pub fn remove_policy(&mut self, id: &PolicyId) -> Result<(), RegistryError> {
        let before = self.policies.len();
        self.policies.retain(|policy| policy.id != *id);
        if self.policies.len() < before { Ok(()) } else { Err(RegistryError::NotFound) }
    }

    /// In the order in which they were made.
    pub fn clients(&self) -> &[ApiClient] {
        &self.clients
    }

    /// The client whose keys these are. Every client is compared, in constant time, so that nothing is told of how near
    /// a guess was.
    pub fn client_of(&self, keys: &ClientKeys) -> Option<&ApiClient> {
        let digest = keys.digest();
        let is = |client: &ApiClient| bool::from(client.digest.as_bytes().ct_eq(digest.as_bytes()));
        self.clients.iter().fold(None, |found, client| if is(client) { Some(client) } else { found })
    }

    /// # Errors
    /// [`RegistryError::Full`].
    pub fn add_client(
        &mut self,
        name: &str,
        keys: &ClientKeys,
        now: DateTime<Utc>,
    ) -> Result<&ApiClient, RegistryError> {
        if self.clients.len() >= Self::MOST {
            return Err(RegistryError::Full);
        }
        self.numbered += 1;
        let client = ApiClient { id: self.numbered, name: name.to_owned(), digest: keys.digest(), created_at: now };
        self.clients.push(client);
        self.clients.last().ok_or(RegistryError::Full)
    }

    /// The client that was removed.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`].
    pub fn remove_client(&mut self, id: u64) -> Result<ApiClient, RegistryError> {
        let at = self.clients.iter().position(|client| client.id == id).ok_or(RegistryError::NotFound)?;
        Ok(self.clients.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(id: &str) -> TotpPolicy {
        TotpPolicy {
            id: PolicyId::parse(id).unwrap(),
            issuer: "Stepgate".to_owned(),
            totp: Totp::default(),
            attempts: TotpPolicy::USUAL_ATTEMPTS,
            surfaces: SurfaceName::ALL.into(),
            creates_accounts: true,
            email_domain: Some("corp.example".to_owned()),
        }
    }

    fn keys(number: u8) -> ClientKeys {
        ClientKeys::new(&[number; 16], &[number; 32])
    }

    #[test]
    fn a_policy_has_a_plain_name() {
        assert!(PolicyId::parse("vpn.2-b_c").is_some() && PolicyId::parse(&"x".repeat(64)).is_some());
        for text in ["", "A", "a b", "a/b", "é", "a\n", &"x".repeat(65)] {
            assert_eq!(PolicyId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_account_is_named_after_an_address_or_gets_one() {
        let names = |policy: &TotpPolicy, typed: &str| {
            let (email, username) = policy.names_for(typed)?;
            Some((email.to_string(), username.map(|name| name.as_str().to_owned())))
        };
        let made = policy("vpn");
        assert_eq!(names(&made, "john"), Some(("john@corp.example".into(), Some("john".into()))));
        assert_eq!(names(&made, "ann@example.com"), Some(("ann@example.com".into(), None)));
        assert_eq!(names(&made, "a b"), None);
        assert_eq!(names(&TotpPolicy { email_domain: None, ..made.clone() }, "john"), None);
        assert_eq!(names(&TotpPolicy { creates_accounts: false, ..made }, "ann@example.com"), None);
    }

    #[test]
    fn the_parts_of_a_policy_are_plain_text() {
        assert_eq!(TotpPolicy::issuer(" My VPN ").as_deref(), Some("My VPN"));
        for text in ["", " ", "a:b", "a\nb", &"x".repeat(41)] {
            assert_eq!(TotpPolicy::issuer(text), None, "{text:?}");
        }
        assert_eq!(TotpPolicy::domain("Corp.Example").as_deref(), Some("corp.example"));
        for text in ["", "a b", "a@b.c", "corp.example\n.x", ">"] {
            assert_eq!(TotpPolicy::domain(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_client_is_known_by_both_of_its_keys() {
        let mut registry = Registry::default();
        for number in [1, 2] {
            registry.add_client("gateway", &keys(number), DateTime::UNIX_EPOCH).unwrap();
        }
        assert_eq!(registry.client_of(&keys(2)).unwrap().id, 2);
        let mixed = ClientKeys { access_key: keys(1).access_key, ..keys(2) };
        let swapped = ClientKeys { api_key: keys(1).access_key, access_key: keys(1).api_key };
        for wrong in [keys(3), mixed, swapped] {
            assert_eq!(registry.client_of(&wrong), None);
        }
        let shown = serde_json::to_string(&registry).unwrap();
        assert!(!shown.contains(keys(1).access_key.expose()) && !shown.contains(keys(1).api_key.expose()));
    }

    #[test]
    fn a_number_is_not_given_twice() {
        let mut registry = Registry::default();
        let first = registry.add_client("one", &keys(1), DateTime::UNIX_EPOCH).unwrap().id;
        registry.remove_client(first).unwrap();
        assert_ne!(registry.add_client("two", &keys(1), DateTime::UNIX_EPOCH).unwrap().id, first);
        assert_eq!(registry.remove_client(first), Err(RegistryError::NotFound));
    }

    #[test]
    fn there_are_so_many_of_each_and_no_more() {
        let mut registry = Registry::default();
        for number in 0..Registry::MOST {
            registry.add_policy(policy(&format!("p{number}"))).unwrap();
            registry.add_client("c", &keys(1), DateTime::UNIX_EPOCH).unwrap();
        }
        assert_eq!(registry.add_policy(policy("p0")), Err(RegistryError::Taken));
        assert_eq!(registry.add_policy(policy("more")), Err(RegistryError::Full));
        assert!(registry.add_client("c", &keys(1), DateTime::UNIX_EPOCH).is_err());
        registry.remove_policy(&policy("p0").id).unwrap();
        assert_eq!(registry.remove_policy(&policy("p0").id), Err(RegistryError::NotFound));
        registry.add_policy(policy("more")).unwrap();
    }
}

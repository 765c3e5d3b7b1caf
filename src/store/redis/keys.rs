use sha2::{Digest as _, Sha256};

use crate::engine::ports::{AddressKey, RequestId, Subject};
use crate::identity::{AccountId, LoginName, SessionId};
use crate::workflow::{Digest, WizardId};

/// The layout of the keys. What stands in braces decides the slot of a cluster (its hash tag), so everything that one
/// script touches has the same braces.
///
/// | key | holds |
/// |---|---|
/// | `{a:ID}` | the account: `revision names document` |
/// | `{a:ID}:n` | a hash: the tallies `first` and `second`, the last `totp` steps, the sends of each channel |
/// | `{a:ID}:c:DIGEST`, `{a:ID}:t:UUID` | a spent code, the wrong guesses of a wizard; gone in time |
/// | `{a:ID}:s`, `{a:ID}:s:SESSION` | the sessions by their ends, and each of them: `revision factor document` |
/// | `{a:ID}:log` | the change log, a list |
/// | `{a:ID}:q:REQUEST` | the answer to a request, for a minute |
/// | `{a:ID}:lost:CLAIM` | a claim on a name that may never be made good |
/// | `{x:DIGEST}…` | the same counters, spent codes and guesses of a name; gone in time |
/// | `{w:UUID}` | a wizard: `revision expires requests document` |
/// | `{n:DIGEST}` | a login name: `account claimed_at claim revision document` |
/// | `{i:ADDRESS}` | the tally of a client address; gone in time |
/// | `{events}`, `{events}:q:REQUEST` | the events, a stream of `event` and its document; that a batch is in |
/// | `{orders}`, `{orders}:q:REQUEST` | what was ordered of everybody: `serial document`; that an order is in |
/// | `{ids}`, `{accounts}`, `{instances}`, `{f:DIGEST}`, `{k:NAME}` | what instances share |
#[derive(Debug)]
pub(super) struct KeySpace {
    prefix: String,
}

impl KeySpace {
    pub(super) fn new(prefix: String) -> Self {
        KeySpace { prefix }
    }

    pub(super) fn account(&self, id: AccountId) -> String {
        self.tag("a:", &id.to_string())
    }

    pub(super) fn session(&self, account: AccountId, id: &SessionId) -> String {
        format!("{}:s:{id}", self.account(account))
    }

    pub(super) fn changes(&self, account: AccountId) -> String {
        format!("{}:log", self.account(account))
    }

    /// The counters at the doors.
    pub(super) fn counters(&self, account: AccountId) -> String {
        format!("{}:n", self.account(account))
    }

    pub(super) fn subject(&self, subject: &Subject) -> String {
        match subject {
            Subject::Account(id) => self.account(*id),
            Subject::Name(digest) => self.tag("x:", digest),
        }
    }

    pub(super) fn wizard(&self, id: WizardId) -> String {
        self.tag("w:", &id.to_string())
    }

    pub(super) fn name(&self, name: &LoginName) -> String {
        self.tag("n:", &name_digest(name))
    }

    pub(super) fn address(&self, address: &AddressKey) -> String {
        self.tag("i:", &address.0)
    }

    pub(super) fn ids(&self) -> String {
        self.tag("", "ids")
    }

    pub(super) fn accounts(&self) -> String {
        self.tag("", "accounts")
    }

    pub(super) fn instances(&self) -> String {
        self.tag("", "instances")
    }

    pub(super) fn events(&self) -> String {
        self.tag("", "events")
    }

    pub(super) fn orders(&self) -> String {
        self.tag("", "orders")
    }

    pub(super) fn workflow(&self, digest: &Digest) -> String {
        self.tag("f:", digest.as_str())
    }

    pub(super) fn kept(&self, name: &str) -> String {
        self.tag("k:", name)
    }

    fn tag(&self, kind: &str, name: &str) -> String {
        format!("{{{}{kind}{name}}}", self.prefix)
    }
}

/// What stands for a name in keys and records: any text may be typed as a name, of any length.
pub(super) fn name_digest(name: &LoginName) -> String {
    short_digest(name.as_str(), 32)
}

/// What stands for a request: 16 bytes are enough to tell the requests of a minute apart.
pub(super) fn request(id: &RequestId) -> String {
    short_digest(&id.0, 16)
}

fn short_digest(text: &str, bytes: usize) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&Sha256::digest(text.as_bytes())[..bytes])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::NameRules;

    #[test]
    fn all_of_an_account_has_one_hash_tag_and_names_are_safe_in_keys() {
        let keys = KeySpace::new("p:".to_owned());
        let id = AccountId(7);
        assert_eq!(keys.account(id), "{p:a:7}");
        assert_eq!(keys.changes(id), "{p:a:7}:log");
        let name = LoginName::of_typed("a}{b \n", &NameRules::default());
        let key = keys.name(&name);
        assert!(key.starts_with("{p:n:") && key.ends_with('}') && key.matches(['{', '}']).count() == 2, "{key}");
    }
}

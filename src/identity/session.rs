use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{AccountId, Keys, Method, Secret};

/// The name of a session: 128 bits as 22 characters of base64url. Not a secret; it stands in every access token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

impl SessionId {
    /// # Errors
    /// `None` when the text cannot be a session's name.
    pub fn parse(text: &str) -> Option<Self> {
        let sane = text.len() == 22 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        sane.then(|| SessionId(text.to_owned()))
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        SessionId(data_encoding::BASE64URL_NOPAD.encode(&bytes))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One signed-in device, and the family of its refresh tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub account: AccountId,
    /// Grows by one with every change; a change on an older revision is refused by the store.
    pub revision: u64,
    pub created_at: DateTime<Utc>,
    pub refreshed_at: DateTime<Utc>,
    /// When the refresh family ends, whatever happens.
    pub expires_at: DateTime<Utc>,
    /// The client's `User-Agent`, cut to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The last second factor that this session proved, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<(Method, DateTime<Utc>)>,
    /// Digests of the refresh tokens that may be used: one, or a few after honest races.
    pub live: Vec<String>,
    /// Tokens used within the last seconds, for which a repeat is a race and not a theft.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<UsedToken>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedToken {
    pub digest: String,
    pub at: DateTime<Utc>,
}

/// What presenting a refresh token leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The token was live, or was used a moment ago by another client of the same session: the new one is live now.
    Rotated,
    /// The token was genuine once and is not live any more: somebody else has it. The family must end.
    Reused,
}

impl Session {
    /// Two clients that share a session may both present the token within this long.
    pub const RACE: TimeDelta = TimeDelta::seconds(10);
    /// Siblings that races may leave live at once; the oldest dies first.
    const SIBLINGS: usize = 4;

    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
    }

    /// Exchanges the token with digest `presented` for the one with digest `fresh`. The caller has checked that the
    /// token is genuine (its seal is ours), so one that is not live was used before.
    pub fn rotate(&mut self, presented: &str, fresh: String, now: DateTime<Utc>) -> RefreshOutcome {
        self.used.retain(|used| now - used.at <= Self::RACE);
        if let Some(place) = self.live.iter().position(|live| live == presented) {
            self.live.remove(place);
            self.used.push(UsedToken { digest: presented.to_owned(), at: now });
        } else if !self.used.iter().any(|used| used.digest == presented) {
            return RefreshOutcome::Reused;
        }
        self.live.push(fresh);
        if self.live.len() > Self::SIBLINGS {
            self.live.remove(0);
        }
        self.refreshed_at = now;
        RefreshOutcome::Rotated
    }
}

/// A refresh token: the account and session it belongs to, 256 random bits, and a seal that only this server makes.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub account: AccountId,
    pub session: SessionId,
    text: Secret,
}

impl RefreshToken {
    pub fn mint(keys: &Keys, account: AccountId, session: &SessionId, random: &[u8; 32]) -> Self {
        let random = data_encoding::BASE64URL_NOPAD.encode(random);
        let body = format!("{account}.{session}.{random}");
        let text = Secret::new(format!("{body}.{}", keys.mac("refresh", &[&body])));
        RefreshToken { account, session: session.clone(), text }
    }

    /// The token in `text`, or `None` when this server never made it.
    pub fn parse(keys: &Keys, text: &str) -> Option<Self> {
        let (body, seal) = text.rsplit_once('.')?;
        let genuine = subtle::ConstantTimeEq::ct_eq(keys.mac("refresh", &[body]).as_bytes(), seal.as_bytes());
        if !bool::from(genuine) {
            return None;
        }
        let mut parts = body.split('.');
        let account = parts.next()?.parse().ok()?;
        let session = SessionId::parse(parts.next()?)?;
        Some(RefreshToken { account, session, text: Secret::new(text) })
    }

    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// What is stored in place of the token.
    pub fn digest(&self) -> String {
        Keys::token_digest(self.text.expose())
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken({}/{})", self.account, self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(now: DateTime<Utc>) -> Session {
        Session {
            id: SessionId::from_bytes([1; 16]),
            account: AccountId(1),
            revision: 1,
            created_at: now,
            refreshed_at: now,
            expires_at: now + TimeDelta::days(30),
            client: None,
            address: None,
            factor: None,
            live: vec!["a".into()],
            used: vec![],
        }
    }

    #[test]
    fn a_token_is_used_once_and_a_late_repeat_ends_the_family() {
        let now = DateTime::UNIX_EPOCH;
        let mut session = session(now);
        assert_eq!(session.rotate("a", "b".into(), now), RefreshOutcome::Rotated);
        let later = now + TimeDelta::seconds(11);
        assert_eq!(session.rotate("a", "c".into(), later), RefreshOutcome::Reused);
    }

    #[test]
    fn two_honest_clients_racing_both_go_on() {
        let now = DateTime::UNIX_EPOCH;
        let mut session = session(now);
        session.rotate("a", "b".into(), now);
        assert_eq!(session.rotate("a", "c".into(), now + TimeDelta::seconds(9)), RefreshOutcome::Rotated);
        let later = now + TimeDelta::hours(1);
        assert_eq!(session.rotate("b", "d".into(), later), RefreshOutcome::Rotated);
        assert_eq!(session.rotate("c", "e".into(), later + TimeDelta::hours(1)), RefreshOutcome::Rotated);
    }

    #[test]
    fn a_forged_token_is_told_from_an_old_one() {
        let keys = Keys::from_master([1; 32]);
        let token = RefreshToken::mint(&keys, AccountId(7), &SessionId::from_bytes([2; 16]), &[3; 32]);
        let parsed = RefreshToken::parse(&keys, token.expose()).unwrap();
        assert_eq!((parsed.account, &parsed.session), (AccountId(7), &SessionId::from_bytes([2; 16])));
        let forged = token.expose().replacen('7', "8", 1);
        assert_eq!(RefreshToken::parse(&keys, &forged), None);
        assert_eq!(RefreshToken::parse(&Keys::from_master([2; 32]), token.expose()), None);
    }
}

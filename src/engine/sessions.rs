use chrono::{DateTime, Utc};

use crate::engine::ports::{EventKind, Notice};
use crate::engine::{Call, Engine, Reason, Refused, Token, Tokens};
use crate::identity::{Account, Bearer, PanelHash, RefreshOutcome, RefreshToken, Secret, Session, SessionId};

/// How often a refresh may lose to others of the same session before it gives up. Each loss is another one's success.
const PATIENCE: usize = 64;

/// Whoever a living access token speaks for.
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: Account,
    pub session: Session,
}

impl Engine {
    /// The account and session of an access token. The signature alone is not enough: the session must still live. One
    /// round trip, and once for every order that the account is behind (see [`Engine::set_mfa`]) two more.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`] for anything but a genuine token of a living session.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, Refused> {
        let now = self.clock.now();
        let unauthorized = || Refused::new(Reason::Unauthorized);
        let mut bearer = self.tokens.verify(token, now);
        if bearer.is_none() && self.meet_signer(token, now).await {
            bearer = self.tokens.verify(token, now);
        }
        let bearer = bearer.ok_or_else(unauthorized)?;
        let session = self.store.session(bearer.account, &bearer.session, now);
        let (found, ()) = tokio::join!(session, self.keep_up(now));
        let (account, session) = found?.ok_or_else(unauthorized)?;
        Ok(Caller { account: self.obey(account).await?, session })
    }

    /// The account and session of a panel hash. One round trip.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`] for anything but the hash of a living session.
    pub async fn panel_caller(&self, hash: &str) -> Result<Caller, Refused> {
        let unauthorized = || Refused::new(Reason::Unauthorized);
        let (now, hash) = (self.clock.now(), PanelHash::parse(&self.keys, hash).ok_or_else(unauthorized)?);
        let id = hash.session(&self.keys);
        let (found, ()) = tokio::join!(self.store.session(hash.account, &id, now), self.keep_up(now));
        let (account, session) = found?.ok_or_else(unauthorized)?;
        Ok(Caller { account: self.obey(account).await?, session })
    }

    /// Exchanges a refresh token for a new pair. Two round trips. A token that was used before, other than a moment ago,
    /// ends the session: somebody else holds the newer one.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`] for a token that is forged, used, or of a session that is over.
    pub async fn refresh(&self, call: &Call, token: &str) -> Result<Tokens, Refused> {
        let unauthorized = || Refused::new(Reason::Unauthorized);
        let presented = RefreshToken::parse(&self.keys, token).ok_or_else(unauthorized)?;
        let now = self.clock.now();
        for _ in 0..PATIENCE {
            let session = self.store.session(presented.account, &presented.session, now);
            let (found, ()) = tokio::join!(session, self.keep_up(now));
            let (account, mut session) = found?.ok_or_else(unauthorized)?;
            let random = self.entropy.bytes();
            let fresh = RefreshToken::mint(&self.keys, presented.account, &presented.session, &random);
            match session.rotate(&presented.digest(), fresh.digest(), now) {
                RefreshOutcome::Reused => {
                    self.store.end_session(presented.account, &presented.session).await?;
                    tracing::warn!(account = %account.id, session = %session.id, "a refresh token was used twice: session ended");
                    let event = self.happening(EventKind::RefreshReused).to(account.id).in_call(call);
                    self.note(event.session(&session.id));
                    self.tell_owner(&account, Notice::SessionStolen);
                    return Err(unauthorized());
                }
                RefreshOutcome::Rotated => session.revision += 1,
            }
            if self.store.replace_session(&self.request(), &session).await? {
                let bearer = Bearer { account: session.account, session: session.id.clone() };
                return self.token_pair(&bearer, &fresh, session.expires_at, now);
            }
        }
        Err(Refused::new(Reason::Unavailable).again_in(1))
    }

    /// An access token for the session, beside the refresh token that was made for it.
    pub(super) fn token_pair(
        &self,
        bearer: &Bearer,
        refresh: &RefreshToken,
        refresh_expires: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Tokens, Refused> {
        let expires_at = (now + self.settings.access_ttl).min(refresh_expires);
        let access = self.tokens.mint(bearer, now, expires_at).map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            Refused::new(Reason::Internal)
        })?;
        Ok(Tokens {
            access: Token { token: access.expose().to_owned(), created_at: now, expires_at },
            refresh: Token { token: refresh.expose().to_owned(), created_at: now, expires_at: refresh_expires },
        })
    }

    /// Ends the caller's own session, and with it its refresh tokens.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub async fn sign_out(&self, call: &Call, token: &str) -> Result<(), Refused> {
        let caller = self.authenticate(token).await?;
        self.end_own_session(call, &caller).await
    }

    /// Ends the session that the caller has shown to be theirs.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn end_own_session(&self, call: &Call, caller: &Caller) -> Result<(), Refused> {
        self.store.end_session(caller.account.id, &caller.session.id).await?;
        let event = self.happening(EventKind::SignedOut).to(caller.account.id).in_call(call);
        self.note(event.session(&caller.session.id));
        Ok(())
    }

    /// The caller's session and all living ones of the account, oldest first.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub async fn sessions(&self, token: &str) -> Result<(Caller, Vec<Session>), Refused> {
        let caller = self.authenticate(token).await?;
        let sessions = self.store.sessions(caller.account.id, self.clock.now()).await?;
        Ok((caller, sessions))
    }

    /// Ends one session of the caller's account.
    ///
    /// # Errors
    /// [`Reason::NotFound`] when the account has no such session; as [`Self::authenticate`].
    pub async fn end_session(&self, call: &Call, token: &str, id: &str) -> Result<(), Refused> {
        let caller = self.authenticate(token).await?;
        let not_found = || Refused::new(Reason::NotFound);
        let id = SessionId::parse(id).ok_or_else(not_found)?;
        match self.store.end_session(caller.account.id, &id).await? {
            true => {
                let event = self.happening(EventKind::SessionEnded).to(caller.account.id).in_call(call);
                self.note(event.session(&id));
                Ok(())
            }
            false => Err(not_found()),
        }
    }

    /// Ends all sessions of the caller's account but the caller's own.
    ///
    /// # Errors
    /// As [`Self::authenticate`].
    pub async fn end_other_sessions(&self, call: &Call, token: &str) -> Result<(), Refused> {
        let caller = self.authenticate(token).await?;
        self.store.end_other_sessions(caller.account.id, &caller.session.id).await?;
        let event = self.happening(EventKind::SessionEnded).to(caller.account.id).in_call(call);
        self.note(event.detail("sessions", "all_others"));
        Ok(())
    }

    /// Whether `shown` is the operator's key.
    pub fn is_same_secret(&self, shown: &str, expected: &Secret) -> bool {
        use subtle::ConstantTimeEq;
        // Digests are of one length, so that the comparison tells nothing of the key's.
        let digest = |text: &str| self.keys.derive("compare", &[text]);
        digest(shown)[..].ct_eq(&digest(expected.expose())[..]).into()
    }
}

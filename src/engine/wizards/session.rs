use crate::engine::ports::EventKind;
use crate::engine::{Engine, Refused, Tokens};
use crate::identity::{Account, Bearer, PanelHash, RefreshToken, Session, SessionId};
use crate::workflow::{Opens, Wizard};

use super::lower::{Plan, Scene, missing, operation};
use super::open::Opened;

/// A session about to be opened, and what only the client will have of it.
#[derive(Debug)]
pub(super) struct Opening {
    pub session: Session,
    pub credential: Credential,
}

#[derive(Debug)]
pub(super) enum Credential {
    /// Beside the access tokens that are signed for the session.
    Refresh(RefreshToken),
    Panel(PanelHash),
}

impl Engine {
    /// Session and credential follow from the step and the account: a retry after a crash opens the same session, and
    /// of two accounts that race for one wizard each has a session of its own, so that the loser's can be ended.
    pub(super) fn plan_session(&self, plan: &mut Plan, from: &Wizard, scene: &Scene<'_>) -> Result<(), Refused> {
        let account = plan.wizard.account.as_ref().ok_or_else(missing)?;
        let event = self.happening(EventKind::SignedIn);
        let event = match (scene.found.method, &plan.device) {
            (Some(method), _) => event.method(method),
            (None, Some(_)) => event.detail("device", "remembered"),
            (None, None) => event,
        };
        let opening = match from.opens {
            Opens::Tokens => self.opening_of_tokens(from, account, scene),
            Opens::Panel => self.opening_of_panel(from, account, scene),
            Opens::Nothing => {
                plan.news.events.push(event);
                return Ok(());
            }
        };
        plan.news.events.push(event.session(&opening.session.id));
        plan.wizard.session = Some(opening.session.id.clone());
        plan.write.open_session = Some(opening.session.clone());
        plan.opened = Some(opening);
        Ok(())
    }

    fn opening_of_tokens(&self, from: &Wizard, account: &Account, scene: &Scene<'_>) -> Opening {
        let (id, random) = (SessionId::from_bytes(self.derived(from, account, "session")), operation(from));
        let random = self.keys.derive("refresh-random", &[&random, &account.id.to_string()]);
        let refresh = RefreshToken::mint(&self.keys, account.id, &id, &random);
        let session = Session {
            expires_at: scene.now + self.settings.refresh_ttl,
            live: vec![refresh.digest()],
            ..blank(id, account, scene)
        };
        Opening { session, credential: Credential::Refresh(refresh) }
    }

    /// A panel session is never refreshed: no token of it is live.
    fn opening_of_panel(&self, from: &Wizard, account: &Account, scene: &Scene<'_>) -> Opening {
        let [a, b, c, d, e, f, g, h, ..] = self.derived(from, account, "panel-hash");
        let hash = PanelHash::new(account.id, [a, b, c, d, e, f, g, h]);
        let session = blank(hash.session(&self.keys), account, scene);
        Opening { session, credential: Credential::Panel(hash) }
    }

    /// 16 bytes that follow from the step and the account.
    pub(super) fn derived(&self, from: &Wizard, account: &Account, what: &str) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.keys.derive(what, &[&operation(from), &account.id.to_string()])[..16]);
        bytes
    }

    /// The tokens of a session that has some.
    pub(super) fn mint(&self, opening: &Opening, opened: &Opened) -> Result<Option<Tokens>, Refused> {
        let Credential::Refresh(refresh) = &opening.credential else { return Ok(None) };
        let bearer = Bearer { account: opening.session.account, session: opening.session.id.clone() };
        self.token_pair(&bearer, refresh, opening.session.expires_at, opened.now).map(Some)
    }
}

/// A session of a day without any token.
fn blank(id: SessionId, account: &Account, scene: &Scene<'_>) -> Session {
    Session {
        id,
        account: account.id,
        revision: 1,
        created_at: scene.now,
        refreshed_at: scene.now,
        expires_at: scene.now + PanelHash::LIFETIME,
        client: scene.client.agent.clone(),
        address: scene.client.address.clone(),
        factor: scene.found.method.map(|method| (method, scene.now)),
        live: vec![],
        used: vec![],
    }
}

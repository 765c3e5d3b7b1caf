use crate::engine::{Call, Engine};
use crate::identity::{Sealed, Secret};
use crate::workflow::WizardId;

/// Longer than any token that was handed out, in bytes.
const LONGEST: usize = 256;

impl Engine {
    /// A wizard's address and key as one text that shows neither, and that opens only for calls at the same surface.
    pub(super) fn pending_token(&self, call: &Call, id: WizardId, key: &Secret) -> Secret {
        let plain = format!("{id} {}", key.expose());
        let sealed = self.keys.seal(plain.as_bytes(), &context(call), self.entropy.bytes());
        Secret::new(sealed.as_str())
    }

    /// The wizard's address and key in a token that was handed out at this surface.
    pub(super) async fn read_pending_token(&self, call: &Call, token: &str) -> Option<(WizardId, Secret)> {
        if token.len() > LONGEST {
            return None;
        }
        let sealed = Sealed::of_text(token);
        self.meet_sealed(&sealed, self.clock.now()).await;
        let plain = self.keys.open(&sealed, &context(call)).ok()?;
        let (id, key) = std::str::from_utf8(&plain).ok()?.split_once(' ')?;
        Some((id.parse().ok()?, Secret::new(key)))
    }

    /// A token bound to the name and the password that it was given for, so that it stands in for neither.
    pub fn bound_token(&self, token: &Secret, name: &str, password: &Secret) -> Secret {
        let mac = self.keys.mac("bound-mfa-token", &[token.expose(), name, password.expose()]);
        Secret::new(format!("{}.{mac}", token.expose()))
    }

    /// The token in a bound one, if it was given for this name and this password.
    pub fn unbound_token(&self, shown: &Secret, name: &str, password: &Secret) -> Option<Secret> {
        let token = Secret::new(shown.expose().rsplit_once('.')?.0);
        self.is_same_secret(shown.expose(), &self.bound_token(&token, name, password)).then_some(token)
    }
}

fn context(call: &Call) -> [&'static str; 2] {
    ["mfa-token", call.surface.as_str()]
}

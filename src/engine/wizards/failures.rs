use crate::engine::ports::{EventKind, Verdict};
use crate::engine::{Call, Engine};

use super::check::Checked;
use super::open::Opened;

impl Engine {
    /// Notes an attempt that did not succeed, and the lock that it began.
    pub(super) fn note_failure(&self, call: &Call, opened: &Opened, checked: &Checked, verdict: &Verdict) {
        let (Verdict::Wrong { blocked_until, .. } | Verdict::Spent { blocked_until, .. }) = verdict else { return };
        let (kind, door) = match checked {
            Checked::Password { .. } => (EventKind::SignInFailed, "password"),
            Checked::Code { .. } => (EventKind::CodeFailed, "code"),
            Checked::Nothing => return,
        };
        let about = |kind| {
            let event = self.happening(kind).in_call(call).wizard(opened.wizard.id);
            let event = match checked {
                Checked::Code { method, .. } => event.method(*method),
                Checked::Password { .. } | Checked::Nothing => event,
            };
            match &opened.account {
                Some(account) => event.to(account.id),
                None => event,
            }
        };
        self.note(about(kind));
        if let Some(until) = blocked_until {
            self.note(about(EventKind::Locked).detail("door", door).detail("until", until.to_rfc3339()));
        }
    }
}

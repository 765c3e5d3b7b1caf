use crate::engine::wizards::open::Opened;
use crate::engine::{CodeInput, Engine, Input};
use crate::identity::{Code, RecoveryCode, Secret};
use crate::workflow::{Ask, Event};

impl Engine {
    /// Which kind of code a text is, where nobody says so: the one that is asked for, or a recovery code.
    pub(super) fn code_input(&self, opened: &Opened, text: &str) -> Input {
        let is_recovery = match RecoveryCode::parse(text) {
            Ok(code) if self.takes_recovery_code(opened) => {
                !self.may_be_asked_for(opened, text) || self.is_own(opened, &code)
            }
            Ok(_) | Err(_) => false,
        };
        if is_recovery || self.asks_only_recovery(opened) {
            return Input::Recovery { code: Secret::new(text), end_other_sessions: false, remember: false };
        }
        let code = text.to_owned();
        Input::Code(CodeInput { factor: None, code, key: None, end_other_sessions: false, remember: false })
    }

    fn takes_recovery_code(&self, opened: &Opened) -> bool {
        opened.workflow.answered_by(&opened.wizard.step, &Event::Recovery).is_some()
    }

    fn asks_only_recovery(&self, opened: &Opened) -> bool {
        opened.workflow.waiting(&opened.wizard.step).is_some_and(|wait| wait.ask == Ask::CheckRecoveryCode)
    }

    /// Whether it has as many digits as the code that the step asks for.
    fn may_be_asked_for(&self, opened: &Opened, text: &str) -> bool {
        let digits = match opened.workflow.waiting(&opened.wizard.step).map(|wait| wait.ask) {
            Some(Ask::CheckTotp(of)) => self.totp_of(of, opened.account.as_ref()).digits,
            Some(Ask::CheckCode(_)) => self.policy.code_digits,
            Some(
                Ask::CheckPassword
                | Ask::ChooseMethod
                | Ask::EnterPhone
                | Ask::CheckRecoveryCode
                | Ask::ChooseEnrolment,
            )
            | None => return false,
        };
        Code::parse(text, digits).is_ok()
    }

    /// Whether it is one of the account's own. Only a look: what it is taken for is judged, and counted, as ever.
    fn is_own(&self, opened: &Opened, code: &RecoveryCode) -> bool {
        let account = opened.account.as_ref();
        let codes = account.and_then(|account| account.recovery.as_ref().map(|codes| (account.id, codes)));
        codes.is_some_and(|(id, codes)| codes.without(code, &self.keys, id).is_some())
    }
}

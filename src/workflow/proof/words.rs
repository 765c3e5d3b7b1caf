//! What is missing, and what would bring it about, in words.

use crate::workflow::refusal::any_of;
use crate::workflow::rules::Needs;
use crate::workflow::{Ask, Fact, Purpose, Step};

/// What a step needs to be known, and what it does that needs it.
pub fn demand(step: &Step) -> (Needs, String) {
    match step {
        Step::Wait(wait) => (wait.ask.needs(), asks(wait.ask)),
        Step::Auto(auto) => (auto.action.needs(), format!("does `{}`", auto.action.spelling())),
        Step::Route(route) => (route.by.needs(), format!("decides by `{}`", route.by.word())),
        Step::End(end) => (end.grants.needs(), format!("grants `{}`", end.grants.as_str())),
    }
}

pub fn asks(ask: Ask) -> String {
    format!("asks for `{}`", ask.spelling())
}

/// The problem and the change when none of `group` is known.
///
/// What no workflow of this purpose can ever know is not mentioned, unless there is nothing else to mention.
pub fn lacking(does: &str, group: &[Fact], purpose: Purpose) -> (String, String) {
    let possible: Vec<Fact> = group.iter().copied().filter(|fact| is_possible(*fact, purpose)).collect();
    let group = if possible.is_empty() { group } else { &possible };
    let missing: Vec<&str> = group.iter().map(|fact| meaning(*fact)).collect();
    let problem = format!("{does} without {}", any_of(&missing));
    match group {
        _ if possible.is_empty() => (problem, format!("remove the step: a workflow to {purpose} never has that")),
        [Fact::PolicyMet] => (
            "grants `session` without having asked whether a further factor is wanted".to_owned(),
            "lead this path through `optional` of a route by mfa_required, with no waiting step after it".to_owned(),
        ),
        [Fact::Named] => (
            format!("{does} after a check_password, which may be about another account"),
            "lead this path past the check_password".to_owned(),
        ),
        [Fact::LastAnswerRight] => (problem, "lead every wrong answer on this path back to a check".to_owned()),
        _ if group.contains(&Fact::NoFactorEnrolled) => {
            let change = "lead this path through `right` of a check_totp, check_code or check_recovery_code; where the \
                          account has no factor on, through `none` of a route by enrolled_factors, with no waiting step after it";
            (format!("{does}, but no second factor was proved on the way"), change.to_owned())
        }
        [Fact::GoogleVerified, Fact::SmsVerified, Fact::EmailVerified, ..] => {
            let checks = match purpose {
                Purpose::Recover => "a check_code with `to = \"email\"`",
                _ => "a check_totp, check_code or check_recovery_code",
            };
            (format!("{does}, but no code was right on the way"), format!("lead this path through `right` of {checks}"))
        }
        _ => {
            let sources: Vec<&str> = group.iter().filter_map(|fact| source(*fact)).collect();
            (problem, format!("lead this path elsewhere, or first through {}", any_of(&sources)))
        }
    }
}

/// Whether any way through a workflow of this purpose may bring the fact about.
fn is_possible(fact: Fact, purpose: Purpose) -> bool {
    match fact {
        Fact::SessionPresent | Fact::Named => purpose.at_start().holds(fact),
        Fact::MustEnrol | Fact::PolicyMet | Fact::DeviceRemembered => purpose == Purpose::SignIn,
        _ => true,
    }
}

fn meaning(fact: Fact) -> &'static str {
    match fact {
        Fact::SessionPresent => "a session",
        Fact::Named => "an email address to get back in with",
        Fact::RecoveryVerified => "a right recovery code",
        Fact::DeviceRemembered => "a device that was just recognised",
        Fact::MustEnrol => "a policy that wants a factor turned on",
        Fact::PolicyMet => "having just seen that no further factor is wanted",
        Fact::AddressVerified => "a right code sent to the email address to enrol it",
        Fact::PasswordVerified => "a right password",
        Fact::NoFactorEnrolled => "having just seen that no factor is on",
        Fact::HasGoogle => "knowing that `google` is on",
        Fact::HasSms => "knowing that `sms` is on",
        Fact::HasEmail => "knowing that `email` is on",
        Fact::SecretCreated => "a new authenticator secret",
        Fact::PhoneEntered => "a phone number typed in",
        Fact::SentToPhone => "a code on its way to the enrolled phone",
        Fact::SentToNewPhone => "a code on its way to the new phone",
        Fact::SentToEmail => "a code on its way to the email address",
        Fact::GoogleVerified => "a right code of the enrolled authenticator",
        Fact::SmsVerified => "a right code sent to the enrolled phone",
        Fact::EmailVerified => "a right code sent to the email address",
        Fact::NewSecretVerified => "a right code of the new authenticator secret",
        Fact::NewPhoneVerified => "a right code sent to the new phone",
        Fact::FactorChanged => "a factor turned on or off",
        Fact::LastAnswerRight => "a right answer after the last wrong one",
    }
}

/// What brings a fact about, as an edge or a step.
fn source(fact: Fact) -> Option<&'static str> {
    Some(match fact {
        // What no edge brings about, or what is told in words of its own.
        Fact::SessionPresent | Fact::Named | Fact::NoFactorEnrolled | Fact::PolicyMet | Fact::LastAnswerRight => {
            return None;
        }
        Fact::RecoveryVerified => "`right` of a check_recovery_code",
        Fact::DeviceRemembered => "`remembered` of a route by remembered_device",
        Fact::MustEnrol => "`required` of a route by mfa_required, for which a remembered device is not enough",
        Fact::PasswordVerified => "`right` of a check_password",
        Fact::HasGoogle => "`google` of a choose_method or of a route by enrolled_factors",
        Fact::HasSms => "`sms` of a choose_method or of a route by enrolled_factors",
        Fact::HasEmail => "`email` of a choose_method or of a route by enrolled_factors",
        Fact::AddressVerified => "`right` of a check_code with `to = \"email\"`",
        Fact::SecretCreated => "a create_secret",
        Fact::PhoneEntered => "an enter_phone, or `sms` of a choose_enrolment",
        Fact::SentToPhone => "a send_code with `to = \"phone\"` and no other after it",
        Fact::SentToNewPhone => "a send_code with `to = \"new_phone\"` and no other after it",
        Fact::SentToEmail => "a send_code with `to = \"email\"` and no other after it",
        Fact::GoogleVerified => "`right` of a check_totp with `of = \"enrolled\"`",
        Fact::SmsVerified => "`right` of a check_code with `to = \"phone\"`",
        Fact::EmailVerified => "`right` of a check_code with `to = \"email\"`",
        Fact::NewSecretVerified => "`right` of a check_totp with `of = \"new\"`",
        Fact::NewPhoneVerified => "`right` of a check_code with `to = \"new_phone\"`",
        Fact::FactorChanged => "an enable_factor or disable_factor",
    })
}

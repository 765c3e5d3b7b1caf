use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::engine::{Asking, Standing};
use crate::identity::{Factor, LONGEST_TYPED, Recipient};
use crate::workflow::{Ask, Purpose, TotpOf};

use super::BASE;
use super::envelope::receipt;

/// Ten characters of base32, grouped and spelt as people do.
const RECOVERY_CODE: &str = "^[ -]*(([A-Za-z2-7][ -]*){10}|([0-9][ -]*){8})$";

/// How to take the step that a wizard waits for, read off its workflow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Next {
    pub method: &'static str,
    pub href: String,
    pub fields: Vec<Field>,
    /// What else may be done here.
    pub alternatives: Vec<Alternative>,
    /// The code that is on its way, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<Value>,
}

/// A member of the body to send.
#[derive(Debug, Serialize, ToSchema)]
pub struct Field {
    pub name: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub required: bool,
    /// A regular expression that the value must match as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(rename = "maxLength", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub max_length: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Alternative {
    /// `resend`, `choose`, `recovery`, `enroll`, `change_phone` or `cancel`.
    pub rel: &'static str,
    pub method: &'static str,
    pub href: String,
    /// The body to send; empty when there is none.
    pub fields: Vec<Field>,
}

impl Next {
    /// `None` when the wizard is over.
    pub fn of(standing: &Standing) -> Option<Self> {
        let asking = standing.asks.as_ref()?;
        let (path, fields) = call(standing, asking, asking.ask);
        Some(Next {
            method: "POST",
            href: format!("{BASE}{path}"),
            fields,
            alternatives: alternatives(standing, asking),
            receipt: standing.receipt.as_ref().map(receipt),
        })
    }
}

/// Path and body of the call that answers an ask.
fn call(standing: &Standing, asking: &Asking, ask: Ask) -> (&'static str, Vec<Field>) {
    let (digits, methods) = (asking.digits, &asking.methods);
    let code = Field::required("code").pattern(format!("^[0-9]{{{digits}}}$")).max_length(usize::from(digits));
    let recovery = Field::required("code").pattern(RECOVERY_CODE.to_owned()).max_length(64);
    let signing_in = match standing.purpose {
        Purpose::Challenge | Purpose::Recover => {
            let code = if ask == Ask::CheckRecoveryCode { recovery } else { code };
            return ("/2fa/challenge", vec![Field::constant("token", &standing.id.to_string()), code]);
        }
        Purpose::SignIn => true,
        Purpose::Enable(_) | Purpose::Disable(_) => false,
    };
    let remember = Field { kind: "boolean", required: false, ..Field::required("rememberDevice") };
    match ask {
        Ask::CheckRecoveryCode if signing_in => ("/2fa/recovery", vec![Field::uuid(), recovery, remember]),
        Ask::CheckRecoveryCode => ("/2fa/wizard", vec![Field::uuid(), Field::constant("action", "recovery"), recovery]),
        Ask::ChooseEnrolment => {
            let phone = Field { required: false, ..Field::phone() };
            ("/signin/2fa/enroll", vec![Field::uuid(), Field::one_of("type", &asking.enrolments), phone])
        }
        Ask::CheckPassword if !signing_in => {
            let password = Field::required("password").max_length(LONGEST_TYPED);
            ("/2fa/wizard", vec![Field::uuid(), Field::constant("action", "password"), password])
        }
        Ask::ChooseMethod if !signing_in => {
            let method = Field::one_of("type", methods);
            ("/2fa/wizard", vec![Field::uuid(), Field::constant("action", "choose"), method])
        }
        Ask::CheckPassword => {
            let (email, password) = (Field::required("email"), Field::required("password"));
            ("/signin", vec![Field::uuid(), email.max_length(254), password.max_length(LONGEST_TYPED)])
        }
        Ask::ChooseMethod => ("/signin/2fa", vec![Field::uuid(), Field::one_of("type", methods)]),
        Ask::CheckTotp(_) if signing_in => ("/2fa/google", vec![Field::uuid(), code, remember]),
        Ask::CheckCode(Recipient::Email) if signing_in => ("/2fa/email", vec![Field::uuid(), code, remember]),
        Ask::CheckCode(_) if signing_in => ("/2fa/sms", vec![Field::uuid(), code, remember]),
        Ask::CheckTotp(of) => {
            let mut fields = vec![Field::uuid(), Field::constant("action", "code"), code];
            if of == TotpOf::New {
                fields.push(Field { required: false, ..Field::required("key") });
            }
            ("/2fa/wizard", fields)
        }
        Ask::CheckCode(_) => ("/2fa/wizard", vec![Field::uuid(), Field::constant("action", "code"), code]),
        Ask::EnterPhone => ("/2fa/wizard", vec![Field::uuid(), Field::phone()]),
    }
}

fn alternatives(standing: &Standing, asking: &Asking) -> Vec<Alternative> {
    let post = |rel, path: &str, fields| Alternative { rel, method: "POST", href: format!("{BASE}{path}"), fields };
    let mut list = Vec::new();
    if let (true, Ask::CheckCode(recipient)) = (asking.resend, asking.ask) {
        list.push(match standing.purpose {
            Purpose::SignIn if asking.switch.contains(&Ask::ChooseEnrolment) => {
                let method = Field::one_of("type", &[recipient.factor()]);
                post("resend", "/signin/2fa/enroll", vec![Field::uuid(), method])
            }
            Purpose::Challenge | Purpose::Recover => {
                let token = Field::constant("token", &standing.id.to_string());
                post("resend", "/2fa/challenge", vec![token, Field::constant("action", "resend")])
            }
            Purpose::SignIn => {
                post("resend", "/signin/2fa", vec![Field::uuid(), Field::one_of("type", &[recipient.factor()])])
            }
            Purpose::Enable(_) | Purpose::Disable(_) => {
                post("resend", "/2fa/wizard", vec![Field::uuid(), Field::constant("action", "resend")])
            }
        });
    }
    // Whoever has one method has nothing to choose.
    let choice = asking.methods.len() > 1;
    for offered in asking.switch.iter().filter(|offered| **offered != Ask::ChooseMethod || choice) {
        let rel = match offered {
            Ask::EnterPhone => "change_phone",
            Ask::CheckRecoveryCode => "recovery",
            Ask::ChooseEnrolment => "enroll",
            _ => "choose",
        };
        let (path, fields) = call(standing, asking, *offered);
        list.push(post(rel, path, fields));
    }
    let href = format!("{BASE}/wizard/{}", standing.id);
    list.push(Alternative { rel: "cancel", method: "DELETE", href, fields: vec![] });
    list
}

impl Field {
    fn required(name: &'static str) -> Self {
        Field { name, kind: "string", required: true, pattern: None, max_length: None }
    }

    fn uuid() -> Self {
        Field::required("uuid").max_length(36)
    }

    fn phone() -> Self {
        Field::required("phone").pattern(r"^\+[0-9 ().-]{7,31}$".to_owned()).max_length(32)
    }

    fn constant(name: &'static str, value: &str) -> Self {
        Field::required(name).pattern(format!("^{value}$"))
    }

    fn one_of(name: &'static str, factors: &[Factor]) -> Self {
        let names: Vec<&str> = factors.iter().map(|factor| factor.as_str()).collect();
        Field::required(name).pattern(format!("^({})$", names.join("|")))
    }

    fn pattern(mut self, pattern: String) -> Self {
        self.pattern = Some(pattern);
        self
    }

    fn max_length(mut self, length: usize) -> Self {
        self.max_length = Some(length);
        self
    }
}

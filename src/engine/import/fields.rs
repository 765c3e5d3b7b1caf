use std::collections::{BTreeMap, BTreeSet};

use crate::engine::passwords::{LENGTH, is_supported_hash};
use crate::engine::{FieldProblem, NewPassword};
use crate::identity::{Email, Factor, Locale, Phone, Policy, Secret, TotpScheme, TotpSecret, Username};

/// Bytes of an authenticator's secret: 80 bits, as many systems still give, to SHA-1's block.
const TOTP_BYTES: std::ops::RangeInclusive<usize> = 10..=64;

/// All that is wrong with a line, by field.
pub type Problems = BTreeMap<String, FieldProblem>;

/// Parses the fields of a line and remembers what is wrong, all at once.
#[derive(Default)]
pub(super) struct Fields(pub Problems);

impl Fields {
    fn take<T>(&mut self, field: &str, parsed: Option<T>, problem: FieldProblem) -> Option<T> {
        if parsed.is_none() {
            self.0.insert(field.to_owned(), problem);
        }
        parsed
    }

    pub fn email(&mut self, text: Option<&str>) -> Option<Email> {
        self.take("email", text.and_then(|text| Email::parse(text).ok()), FieldProblem::Email)
    }

    pub fn username(&mut self, text: Option<&str>) -> Option<Username> {
        self.take("username", Username::parse(text?).ok(), FieldProblem::Username)
    }

    pub fn phone(&mut self, field: &str, text: Option<&str>) -> Option<Phone> {
        self.take(field, Phone::parse(text?).ok(), FieldProblem::Phone)
    }

    /// A number that codes may be sent to.
    pub fn sms(&mut self, text: Option<&str>, policy: &Policy) -> Option<Phone> {
        let phone = self.phone("smsPhone", text)?;
        let allowed = policy.allows_phone(&phone);
        self.take("smsPhone", allowed.then_some(phone), FieldProblem::PhoneNotAllowed)
    }

    pub fn locale(&mut self, text: Option<&str>) -> Option<Locale> {
        self.take("locale", text?.parse().ok(), FieldProblem::Locale)
    }

    pub fn password(&mut self, plain: Option<Secret>, hash: Option<Secret>) -> Option<NewPassword> {
        match (plain, hash) {
            (None, None) => None,
            (Some(plain), None) => {
                let fits = LENGTH.contains(&plain.expose().chars().count());
                self.take("password", fits.then_some(NewPassword::Plain(plain)), FieldProblem::PasswordLength)
            }
            (None, Some(hash)) => {
                let known = is_supported_hash(hash.expose()).then(|| NewPassword::Hash(hash.expose().to_owned()));
                self.take("passwordHash", known, FieldProblem::PasswordHash)
            }
            (Some(_), Some(_)) => {
                self.take("passwordHash", None, FieldProblem::Invalid("absent beside password".to_owned()))
            }
        }
    }

    /// Factors that stand in the same line.
    pub fn suspended(&mut self, names: BTreeSet<String>, given: &[(Factor, bool)]) -> Vec<Factor> {
        let stands = |factor: &Factor| given.contains(&(*factor, true));
        let factors: Option<Vec<Factor>> = names.iter().map(|name| name.parse().ok().filter(stands)).collect();
        let problem = FieldProblem::Invalid("factors of this line: google, sms, email".to_owned());
        self.take("suspended", factors, problem).unwrap_or_default()
    }

    /// What the secret of the same line is used with, as an export writes it.
    pub fn scheme(&mut self, scheme: Option<serde_json::Value>, stands: bool) -> Option<TotpScheme> {
        let scheme: Option<TotpScheme> = serde_json::from_value(scheme?).ok();
        let sound = scheme.filter(|scheme| stands && scheme.is_sound());
        let problem = FieldProblem::Invalid("policy, totp and surfaces, beside totpSecret".to_owned());
        self.take("totpScheme", sound, problem)
    }

    /// Base32 in any case, with or without spaces and padding.
    pub fn totp(&mut self, text: Option<Secret>) -> Option<TotpSecret> {
        let text = text?;
        let bare = |c: &char| !matches!(c, ' ' | '-' | '=');
        let plain = Secret::new(text.expose().chars().filter(bare).collect::<String>().to_ascii_uppercase());
        let bytes = data_encoding::BASE32_NOPAD.decode(plain.expose().as_bytes()).ok();
        let secret = bytes.filter(|bytes| TOTP_BYTES.contains(&bytes.len())).map(TotpSecret::new);
        self.take("totpSecret", secret, FieldProblem::Invalid("base32 of 10 to 64 bytes".to_owned()))
    }
}

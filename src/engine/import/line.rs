use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::{FieldProblem, NewAccount, NewPassword};
use crate::identity::{Factor, Phone, Policy, Secret, TotpScheme, TotpSecret};

use super::fields::{Fields, Problems};

/// The field that a line as a whole is complained about by.
const WHOLE: &str = "line";

/// An account as a line of a file describes it.
#[derive(Debug, Clone)]
pub struct Line {
    pub(super) account: NewAccount,
    pub(super) totp: Option<TotpSecret>,
    /// How the authenticator's codes are computed, where that is not the usual way.
    pub(super) scheme: Option<TotpScheme>,
    pub(super) sms: Option<Phone>,
    pub(super) email_factor: bool,
    /// Those of the factors that are kept, but off.
    pub(super) suspended: Vec<Factor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    email: Option<String>,
    username: Option<String>,
    password: Option<Secret>,
    password_hash: Option<Secret>,
    phone: Option<String>,
    locale: Option<String>,
    groups: Option<BTreeSet<String>>,
    permissions: Option<BTreeSet<String>>,
    totp_secret: Option<Secret>,
    totp_scheme: Option<Value>,
    sms_phone: Option<String>,
    email_factor: Option<bool>,
    suspended: Option<BTreeSet<String>>,
}

impl Line {
    /// The fields of a line, as a table's header names them.
    pub const FIELDS: [&'static str; 13] = [
        "email",
        "username",
        "password",
        "passwordHash",
        "phone",
        "locale",
        "groups",
        "permissions",
        "totpSecret",
        "totpScheme",
        "smsPhone",
        "emailFactor",
        "suspended",
    ];

    /// A JSON object. Members that are not [`Self::FIELDS`] are ignored, as everywhere.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn of_json(text: &str, policy: &Policy) -> Result<Self, Problems> {
        if !text.trim_start().starts_with('{') {
            // An array would be taken for an object's members in order.
            return Err(problem(WHOLE, "a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let raw: Raw = serde_path_to_error::deserialize(&mut json).map_err(|error| fault(&error))?;
        json.end().map_err(|_| problem(WHOLE, "one JSON object"))?;
        raw.checked(policy)
    }

    /// The cells of a table's row by the names of their columns. An empty cell is as good as none; lists are separated
    /// by `;`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn of_cells<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>, policy: &Policy) -> Result<Self, Problems> {
        let mut object = Map::new();
        for (name, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            let value = match (name, cell) {
                ("groups" | "permissions" | "suspended", list) => {
                    let items = list.split(';').map(str::trim).filter(|item| !item.is_empty());
                    items.map(|item| Value::from(item.to_owned())).collect()
                }
                ("totpScheme", json) => serde_json::from_str(json).unwrap_or_else(|_| Value::from(json.to_owned())),
                ("emailFactor", "true") => Value::Bool(true),
                ("emailFactor", "false") => Value::Bool(false),
                (_, text) => Value::from(text.to_owned()),
            };
            object.insert(name.to_owned(), value);
        }
        let raw: Raw = serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| fault(&error))?;
        raw.checked(policy)
    }

    /// Whether a password in clear is in it, which has to be hashed.
    pub fn is_plain(&self) -> bool {
        matches!(self.account.password, Some(NewPassword::Plain(_)))
    }

    /// The names that the account is found by, with the field that each stands in.
    pub(super) fn names(&self) -> Vec<(&'static str, String)> {
        let email = ("email", self.account.email.as_str().to_owned());
        let username = self.account.username.as_ref().map(|name| ("username", name.as_str().to_owned()));
        [email].into_iter().chain(username).collect()
    }

    /// Everything in the line, in one order and one spelling.
    pub(super) fn canonical(&self) -> Vec<String> {
        let NewAccount { email, username, password, phone, locale, groups, permissions } = &self.account;
        let list = |list: &BTreeSet<String>| Value::from(list.iter().cloned().collect::<Vec<_>>()).to_string();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (plain, hash) = match password {
            None => ("", ""),
            Some(NewPassword::Plain(plain)) => (plain.expose(), ""),
            Some(NewPassword::Hash(hash)) => ("", hash.as_str()),
        };
        let mut canonical = vec![
            email.as_str().to_owned(),
            text(username.as_ref().map(|name| name.as_str())),
            plain.to_owned(),
            hash.to_owned(),
            text(phone.as_ref().map(Phone::as_str)),
            locale.as_str().to_owned(),
            list(groups),
            list(permissions),
            text(self.totp.as_ref().map(TotpSecret::base32).as_deref()),
            text(self.sms.as_ref().map(Phone::as_str)),
            self.email_factor.to_string(),
        ];
        // Lines from before these fields have the digest that they always had.
        canonical.extend(self.suspended.iter().map(|factor| format!("suspended {factor}")));
        canonical.extend(self.scheme.iter().map(|scheme| format!("scheme {scheme:?}")));
        canonical
    }
}

impl Raw {
    fn checked(self, policy: &Policy) -> Result<Line, Problems> {
        let mut fields = Fields::default();
        let email = fields.email(self.email.as_deref());
        let username = fields.username(self.username.as_deref());
        let phone = fields.phone("phone", self.phone.as_deref());
        let locale = fields.locale(self.locale.as_deref());
        let password = fields.password(self.password, self.password_hash);
        let (totp, sms) = (fields.totp(self.totp_secret), fields.sms(self.sms_phone.as_deref(), policy));
        let scheme = fields.scheme(self.totp_scheme, totp.is_some());
        let email_factor = self.email_factor.unwrap_or_default();
        let given = [(Factor::Google, totp.is_some()), (Factor::Sms, sms.is_some()), (Factor::Email, email_factor)];
        let suspended = fields.suspended(self.suspended.unwrap_or_default(), &given);
        let Fields(problems) = fields;
        let Some(email) = email.filter(|_| problems.is_empty()) else { return Err(problems) };
        let account = NewAccount {
            email,
            username,
            password,
            phone,
            locale: locale.unwrap_or_default(),
            groups: self.groups.unwrap_or_default(),
            permissions: self.permissions.unwrap_or_default(),
        };
        Ok(Line { account, totp, scheme, sms, email_factor, suspended })
    }
}

fn problem(field: &str, expected: &str) -> Problems {
    BTreeMap::from([(field.to_owned(), FieldProblem::Invalid(expected.to_owned()))])
}

/// What serde found wrong, by field and without what stood there: that may be a password.
fn fault(error: &serde_path_to_error::Error<serde_json::Error>) -> Problems {
    let (path, inner) = (error.path().to_string(), error.inner());
    let message = inner.to_string();
    if inner.is_syntax() || inner.is_eof() || inner.is_io() {
        problem(WHOLE, "a JSON object")
    } else if message.starts_with("duplicate field") {
        problem(message.split('`').nth(1).unwrap_or(WHOLE), "given once")
    } else {
        let expected = message.split(", expected ").nth(1).unwrap_or("another type");
        let expected = expected.split(" at line ").next().unwrap_or(expected);
        problem(if path == "." { WHOLE } else { &path }, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<Line, Problems> {
        Line::of_json(text, &Policy::default())
    }

    fn named(refused: Result<Line, Problems>) -> Vec<String> {
        refused.expect_err("a refusal").into_keys().collect()
    }

    #[test]
    fn a_table_and_an_object_say_the_same() {
        let object = json(
            r#"{"email":"ann@example.com","username":"ann","password":"correct horse","groups":["a","b"],"phone":null,
                "totpSecret":"gezd gnbv gy3t qojq","smsPhone":"+420 601 123 456","emailFactor":true,"age":7}"#,
        )
        .unwrap();
        let cells = [
            ("email", "ann@example.com"),
            ("username", "ann"),
            ("password", "correct horse"),
            ("groups", " a;;b "),
            ("phone", ""),
            ("totpSecret", "GEZDGNBVGY3TQOJQ======"),
            ("smsPhone", "+420601123456"),
            ("emailFactor", "true"),
            ("age", "7"),
        ];
        let table = Line::of_cells(cells.into_iter(), &Policy::default()).unwrap();
        assert_eq!(object.canonical(), table.canonical());
        assert_eq!(object.totp.unwrap().as_bytes(), b"1234567890");
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let text = r#"{"email":"nobody","username":"a b","passwordHash":"md5:x","phone":"1","locale":"xx",
                       "totpSecret":"AAAA","smsPhone":"2"}"#;
        let all = ["email", "locale", "passwordHash", "phone", "smsPhone", "totpSecret", "username"];
        assert_eq!(named(json(text)), all);
        assert_eq!(named(json("{}")), ["email"]);
        assert_eq!(named(json(r#"{"email":"a@b.example","password":"short"}"#)), ["password"]);
        let both = format!(r#"{{"email":"a@b.example","password":"long enough","passwordHash":"{}"}}"#, "x");
        assert_eq!(named(json(&both)), ["passwordHash"]);
    }

    #[test]
    fn another_type_is_named_and_its_value_is_not() {
        for (text, field) in [
            (r#"{"email":7}"#, "email"),
            (r#"{"email":"a@b.example","password":["hunter2hunter"]}"#, "password"),
            (r#"{"email":"a@b.example","groups":"staff"}"#, "groups"),
            (r#"{"email":"a@b.example","groups":[1]}"#, "groups[0]"),
            (r#"{"email":"a@b.example","emailFactor":"yes"}"#, "emailFactor"),
            (r#"{"email":"a@b.example","email":"b@b.example"}"#, "email"),
            (r#"["a@b.example"]"#, "line"),
            ("{", "line"),
            ("nonsense", "line"),
            (r#"{"email":"a@b.example"} {}"#, "line"),
        ] {
            let refused = json(text).expect_err(text);
            assert_eq!(refused.keys().collect::<Vec<_>>(), [field], "{text}");
            assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        }
    }

    #[test]
    fn what_is_suspended_must_be_there() {
        let line = r#"{"email":"a@b.example","smsPhone":"+420601123456","suspended":["sms"]}"#;
        let cells = [("email", "a@b.example"), ("smsPhone", "+420601123456"), ("suspended", "sms")];
        let table = Line::of_cells(cells.into_iter(), &Policy::default()).unwrap();
        assert_eq!(json(line).unwrap().canonical(), table.canonical());
        assert_eq!(table.suspended, [Factor::Sms]);
        for bad in [r#"["google"]"#, r#"["pigeon"]"#] {
            assert_eq!(named(json(&line.replace(r#"["sms"]"#, bad))), ["suspended"], "{bad}");
        }
    }

    #[test]
    fn codes_go_only_where_they_may_go() {
        let policy = Policy { allowed_prefixes: vec!["+7".to_owned()], ..Policy::default() };
        let refused = Line::of_json(r#"{"email":"a@b.example","smsPhone":"+420601123456"}"#, &policy);
        assert_eq!(named(refused), ["smsPhone"]);
        Line::of_json(r#"{"email":"a@b.example","phone":"+420601123456"}"#, &policy).unwrap();
    }
}

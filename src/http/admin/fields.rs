use chrono::{DateTime, Utc};

use crate::engine::{FieldProblem, NewPassword, Reason, Refused};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::identity::{AccountId, Locale, Phone, Secret, Username};

/// The number of an account in a path; what cannot be one is nobody's.
pub fn number(context: &Context, text: &str) -> Result<AccountId, Problem> {
    text.parse().map_err(|_| context.problem(Refused::new(Reason::NotFound)))
}

/// All that is wrong with a body, told at once.
#[derive(Default)]
pub struct Errors(Vec<(&'static str, FieldProblem)>);

impl Errors {
    pub fn take<T>(&mut self, field: &'static str, parsed: Option<T>, problem: FieldProblem) -> Option<T> {
        if parsed.is_none() {
            self.0.push((field, problem));
        }
        parsed
    }

    /// Entries of a page: 1 to 100, 50 without a word.
    pub fn limit(&mut self, text: Option<&str>) -> usize {
        match text.map(str::parse::<usize>) {
            None => 50,
            Some(Ok(limit @ 1..=100)) => limit,
            Some(_) => self.take("limit", None, FieldProblem::OutOfRange(1, 100)).unwrap_or_default(),
        }
    }

    pub fn time(&mut self, field: &'static str, text: Option<String>) -> Option<DateTime<Utc>> {
        text.and_then(|text| {
            // A plus sign that was not percent-encoded arrives as a space.
            let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok();
            self.take(field, time.map(|time| time.to_utc()), FieldProblem::Time)
        })
    }

    pub fn username(&mut self, text: Option<String>) -> Option<Username> {
        text.and_then(|text| self.take("username", Username::parse(&text).ok(), FieldProblem::Username))
    }

    pub fn phone(&mut self, text: Option<String>) -> Option<Phone> {
        text.and_then(|text| self.take("phone", Phone::parse(&text).ok(), FieldProblem::Phone))
    }

    pub fn locale(&mut self, text: Option<String>) -> Option<Locale> {
        text.and_then(|text| self.take("locale", text.parse().ok(), FieldProblem::Locale))
    }

    pub fn password(&mut self, plain: Option<Secret>, hash: Option<Secret>) -> Option<NewPassword> {
        match (plain, hash) {
            (None, None) => None,
            (Some(plain), None) => Some(NewPassword::Plain(plain)),
            (None, Some(hash)) => Some(NewPassword::Hash(hash.expose().to_owned())),
            (Some(_), Some(_)) => {
                self.take("passwordHash", None, FieldProblem::Invalid("absent beside password".into()))
            }
        }
    }

    pub fn check(&self, context: &Context) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.refuse(context)) }
    }

    pub fn refuse(&self, context: &Context) -> Problem {
        let refused = self
            .0
            .iter()
            .fold(Refused::new(Reason::Invalid), |refused, (field, problem)| refused.field(field, problem.clone()));
        context.problem(refused)
    }
}

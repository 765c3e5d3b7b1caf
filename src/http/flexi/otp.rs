use crate::identity::{Code, RecoveryCode, Secret};

use super::query::Query;
use super::table::{Fault, Why};

/// Digits that a one-time password may have.
const DIGITS: std::ops::RangeInclusive<u8> = 4..=9;

/// The one-time password of a call, if it has one: four to nine digits, or a recovery code.
///
/// # Errors
/// When the parameter is anything else. Nothing else is looked at, or counted.
pub fn of(query: &Query) -> Result<Option<Secret>, Why> {
    let Some(text) = query.text("otp")? else { return Ok(None) };
    let formed =
        DIGITS.into_iter().any(|digits| Code::parse(text, digits).is_ok()) || RecoveryCode::parse(text).is_ok();
    if formed { Ok(Some(Secret::new(text))) } else { Err(Why::Parameter("otp", Fault::Otp)) }
}

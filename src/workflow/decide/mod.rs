//! The next step of a wizard.
//!
//! Always: a function of its arguments. Whatever the proof counted on is checked again on the account as it is now, for
//! an account may change while a person is waited for.
//! Never here: whether a password or code is right. The caller knows, and says so in [`Evidence`].

mod event;
mod guards;
mod walk;

use chrono::{DateTime, Utc};

use super::{Fact, Facts, Purpose, Wizard, Workflow};
use walk::Walk;

pub use event::{Effect, Event, Evidence, Known, Place, Rejection, Transition};

/// The next step of a wizard: a function of its arguments and of nothing else.
///
/// # Errors
/// A [`Rejection`]; nothing may then be changed.
pub fn decide(
    workflow: &Workflow,
    wizard: &Wizard,
    event: &Event,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<Transition, Rejection> {
    if wizard.is_over(now) {
        return Err(Rejection::Expired);
    }
    if wizard.ended {
        return Err(Rejection::Over);
    }
    let evidence = of_the_same_account(evidence, wizard, event);
    let facts = still_known(wizard, evidence);
    let mut walk = Walk { workflow, wizard, evidence, now, event, facts, effects: vec![], trail: vec![] };
    let wait = walk.waiting(&wizard.step)?;
    let target = walk.leave(&wizard.step, wait)?;
    walk.follow(target)
}

/// The first place of a new wizard: from the start through whatever the server does by itself.
///
/// What is known at the start follows from the workflow's purpose, whatever the wizard says. All but sign-in need the
/// account of the session in `evidence`; `evidence.known` is ignored. Whether the workflow is switched on is the
/// caller's to ask.
///
/// # Errors
/// As [`decide`]; [`Rejection::MethodNotEnabled`] when a factor is to be turned off that is not on.
pub fn begin(
    workflow: &Workflow,
    wizard: &Wizard,
    evidence: Evidence<'_>,
    now: DateTime<Utc>,
) -> Result<Transition, Rejection> {
    let facts = workflow.purpose.at_start();
    if facts.holds(Fact::SessionPresent) && evidence.account.is_none() {
        return Err(Rejection::Unproved { step: workflow.start.clone(), needs: vec![Fact::SessionPresent] });
    }
    let event = Event::Resend;
    let walk = Walk { workflow, wizard, evidence, now, event: &event, facts, effects: vec![], trail: vec![] };
    if let Purpose::Disable(factor) = workflow.purpose {
        walk.still_on(factor)?;
    }
    walk.follow(workflow.start.clone())
}

/// What is known of the account as it is now. What was proved before a factor or the password changed counts no more.
fn still_known(wizard: &Wizard, evidence: Evidence<'_>) -> Facts {
    let facts = wizard.facts.lasting();
    match (&wizard.account, evidence.account) {
        (Some(then), Some(now)) if then.id == now.id && then.epoch != now.epoch => facts.of_another_epoch(),
        _ => facts,
    }
}

/// Only a password may bring in another account; for every other event, evidence about another one counts for nothing.
fn of_the_same_account<'a>(evidence: Evidence<'a>, wizard: &Wizard, event: &Event) -> Evidence<'a> {
    let expected = wizard.account.as_ref().map(|account| account.id);
    let account = evidence.account.filter(|account| *event == Event::Password || Some(account.id) == expected);
    Evidence { account, ..evidence }
}

use crate::engine::wizards::open::Opened;
use crate::engine::wizards::refusals::refusal;
use crate::engine::{Engine, Reason, Refused};
use crate::identity::{Factor, Method, SurfaceName};
use crate::workflow::{Ask, Event, Evidence, Fact, Known, Place, Transition, Wizard, Workflow, decide};

impl Engine {
    /// Where a client cannot be asked which method it wants, the strongest one is chosen at once, within the same step:
    /// a code that has to be sent is on its way with the answer.
    pub(in crate::engine::wizards) fn go_on(
        &self,
        opened: &Opened,
        transition: Transition,
    ) -> Result<Transition, Refused> {
        let Some(factor) = chosen(opened, &transition) else { return Ok(transition) };
        let mut there = opened.wizard.clone();
        transition.to.name().clone_into(&mut there.step);
        there.facts = transition.facts;
        there.account.clone_from(&opened.account);
        let account = opened.account.as_ref();
        let evidence = Evidence { account, known: Known::Right, device: false, policy: &self.policy };
        let next = decide(&opened.workflow, &there, &Event::Choose(factor), evidence, opened.now)
            .map_err(|rejection| refusal(&rejection, opened.now))?;
        Ok(Transition {
            effects: [transition.effects, next.effects].concat(),
            trail: [transition.trail, next.trail].concat(),
            ..next
        })
    }
}

fn chosen(opened: &Opened, transition: &Transition) -> Option<Factor> {
    let Place::Waiting(step) = &transition.to else { return None };
    let asks = opened.workflow.waiting(step)?.ask == Ask::ChooseMethod;
    let elsewhere = opened.wizard.surface != SurfaceName::Wizard;
    let account = opened.account.as_ref().filter(|_| asks && elsewhere)?;
    account.second_factors().first().copied()
}

/// The code that a passage waits for.
///
/// # Errors
/// [`Reason::EnrolmentRequired`] where something has to be enrolled, which takes more than a code.
pub(super) fn wanted(wizard: &Wizard, workflow: &Workflow) -> Result<Method, Refused> {
    let ask = workflow.waiting(&wizard.step).map(|wait| wait.ask);
    if wizard.facts.holds(Fact::MustEnrol) {
        return Err(Refused::new(Reason::EnrolmentRequired));
    }
    match ask {
        Some(Ask::CheckTotp(_)) => Ok(Method::Google),
        Some(Ask::CheckCode(recipient)) => Ok(recipient.factor().into()),
        Some(Ask::CheckRecoveryCode) => Ok(Method::Recovery),
        Some(Ask::CheckPassword | Ask::ChooseMethod | Ask::ChooseEnrolment | Ask::EnterPhone) | None => {
            Err(Refused::new(Reason::Forbidden))
        }
    }
}

//! Codes that are sent: one at a time, and another one on request.

use std::collections::{BTreeSet, VecDeque};

use crate::identity::Recipient;
use crate::workflow::refusal::Refusals;
use crate::workflow::{Action, Ask, Grant, Step, Wait, Workflow};

use super::graph::{Graph, Path};

pub fn check(workflow: &Workflow, graph: &Graph<'_>, refusals: &mut Refusals) {
    for (name, step) in workflow.steps.iter().filter(|(name, _)| graph.reaches(name)) {
        match step {
            Step::Wait(Wait { ask: Ask::CheckCode(recipient), resend: Some(target), .. }) => {
                resend(workflow, graph, name, *recipient, target, refusals);
            }
            Step::Auto(auto) if matches!(auto.action, Action::SendCode(_)) => {
                once(workflow, graph, name, &auto.next, refusals);
            }
            Step::Wait(_) | Step::Auto(_) | Step::Route(_) | Step::End(_) => {}
        }
    }
}

/// Asking for another code must lead to a send to the same recipient and back, unless a guard ends the wizard.
fn resend(
    workflow: &Workflow,
    graph: &Graph<'_>,
    name: &str,
    recipient: Recipient,
    target: &str,
    refusals: &mut Refusals,
) {
    let before = [graph.path_to(name), vec![(name.to_owned(), "resend")]].concat();
    let to = recipient.as_str();
    let change = format!("lead `resend` of `{name}` to a send_code with `to = \"{to}\"` that leads back to `{name}`");
    let mut comes_back = false;
    let mut found: Vec<(String, Path, String)> = Vec::new();
    // Whether the code was sent by then is part of where one is.
    let mut seen: BTreeSet<(&str, bool)> = BTreeSet::new();
    let mut queue = VecDeque::from([(target, false, before.clone())]);
    while let Some((at, sent, path)) = queue.pop_front() {
        let Some(step) = workflow.step(at).filter(|_| seen.insert((at, sent))) else { continue };
        let problem = match step {
            Step::Wait(_) if at == name && sent => {
                comes_back = true;
                continue;
            }
            Step::Wait(_) if at == name => format!("gets no code: `resend` comes back without a send_code to {to}"),
            Step::Wait(_) => format!("is where asking for another code at `{name}` leads, instead of back there"),
            Step::End(end) if end.grants == Grant::Nothing => continue,
            Step::End(_) => format!("is where asking for another code at `{name}` leads, and it grants something"),
            Step::Auto(auto) => {
                let sends = auto.action == Action::SendCode(recipient);
                queue.push_back((&auto.next, sent || sends, along(&path, at, auto.action.outcome().as_str())));
                continue;
            }
            Step::Route(_) => {
                queue.extend(step.edges().into_iter().map(|(edge, next)| (next, sent, along(&path, at, edge))));
                continue;
            }
        };
        found.push((at.to_owned(), path, problem));
    }
    if !comes_back && found.is_empty() {
        found.push((name.to_owned(), graph.path_to(name), "never gets another code".to_owned()));
    }
    for (step, path, problem) in found {
        refusals.path(&step, path, problem, change.clone());
    }
}

/// A second code lets the first one die before anybody has seen it, and costs a message.
fn once(workflow: &Workflow, graph: &Graph<'_>, name: &str, next: &str, refusals: &mut Refusals) {
    let Some((next, _)) = workflow.steps.get_key_value(next) else { return };
    for (place, rest) in graph.by_itself(next) {
        let Some(Step::Auto(auto)) = workflow.step(place) else { continue };
        if matches!(auto.action, Action::SendCode(_)) && place != name {
            let path = [graph.path_to(name), vec![(name.to_owned(), "sent")], rest].concat();
            let problem =
                format!("sends a code right after `{name}` has sent one, which dies before anybody can type it");
            refusals.path(place, path, problem, "put the step that checks the first code between the two");
        }
    }
}

fn along(path: &Path, step: &str, edge: &'static str) -> Path {
    [path.clone(), vec![(step.to_owned(), edge)]].concat()
}

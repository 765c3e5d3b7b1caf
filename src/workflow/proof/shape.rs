//! What the graph must look like, whatever is known along it.

use std::collections::BTreeSet;

use crate::workflow::refusal::Refusals;
use crate::workflow::{Action, Ask, Grant, Outcome, Purpose, Step, Wait, Workflow};

use super::graph::{Graph, grants};

pub fn check(workflow: &Workflow, graph: &Graph<'_>, refusals: &mut Refusals) {
    ends(workflow, refusals);
    cancel(workflow, refusals);
    changes_of_factors(workflow, refusals);
    questions(workflow, refusals);
    reachability(workflow, graph, refusals);
    liveness(workflow, graph, refusals);
    circles(workflow, graph, refusals);
    // A step that is never reached was refused for that; there is no way to it that could be shown.
    for (name, step) in workflow.steps.iter().filter(|(name, _)| graph.reaches(name)) {
        if let Step::Wait(wait) = step {
            switch(workflow, graph, name, wait, refusals);
            locked(workflow, graph, name, wait, refusals);
        }
    }
}

/// Whether a workflow of this purpose may have such a step at all.
pub fn fits(step: &Step, purpose: Purpose) -> bool {
    match step {
        Step::Auto(auto) => match auto.action {
            // At a sign-in, whatever the policy wants: the facts see to it that it wants something.
            Action::EnableFactor(factor) => [Purpose::Enable(factor), Purpose::SignIn].contains(&purpose),
            Action::DisableFactor(factor) => purpose == Purpose::Disable(factor),
            Action::SendCode(_) | Action::CreateSecret => true,
        },
        Step::Route(route) => route.by.fits(purpose),
        Step::End(end) => end.grants.fits(purpose),
        Step::Wait(_) => true,
    }
}

fn ends(workflow: &Workflow, refusals: &mut Refusals) {
    let due = workflow.purpose.due().as_str();
    for (name, step) in &workflow.steps {
        if let Step::End(end) = step
            && !fits(step, workflow.purpose)
        {
            let problem =
                format!("grants `{}`, but the workflow is there to {}", end.grants.as_str(), workflow.purpose);
            refusals.step(name, problem, format!("set `grants` to \"{due}\" or \"nothing\""));
        }
    }
    if !workflow.steps.values().any(grants) {
        let problem = format!("has no end that grants `{due}`, so nobody can {} with it", workflow.purpose);
        refusals
            .file(problem, format!("add an end with `grants = \"{due}\"`; to close a workflow, set `enabled = false`"));
    }
}

fn cancel(workflow: &Workflow, refusals: &mut Refusals) {
    let change = "let `cancel` name an end with `grants = \"nothing\"`";
    match workflow.step(&workflow.cancel) {
        Some(Step::End(end)) if end.grants == Grant::Nothing => {}
        Some(Step::End(_)) => {
            refusals.step(&workflow.cancel, "is where `cancel` leads, but it grants something", change)
        }
        _ => refusals.step(&workflow.cancel, "is where `cancel` leads, but it is not an end", change),
    }
}

fn changes_of_factors(workflow: &Workflow, refusals: &mut Refusals) {
    for (name, step) in &workflow.steps {
        let Step::Auto(auto) = step else { continue };
        if !fits(step, workflow.purpose) {
            let problem =
                format!("does `{}`, but the workflow is there to {}", auto.action.spelling(), workflow.purpose);
            refusals.step(name, problem, "remove the step, or move it to the workflow that is there for it");
        }
    }
}

/// What is asked of somebody who comes in is not asked of anybody else: nothing is due and no device is looked at there.
fn questions(workflow: &Workflow, refusals: &mut Refusals) {
    for (name, step) in &workflow.steps {
        let Step::Route(route) = step else { continue };
        if !fits(step, workflow.purpose) {
            let problem =
                format!("decides by `{}`, but the workflow is there to {}", route.by.word(), workflow.purpose);
            refusals.step(name, problem, "remove the route");
        }
    }
}

fn reachability(workflow: &Workflow, graph: &Graph<'_>, refusals: &mut Refusals) {
    for name in workflow.steps.keys().filter(|name| !graph.reaches(name) && **name != workflow.cancel) {
        let problem = format!("is reached by no way from the start, `{}`", workflow.start);
        refusals.step(name, problem, "lead an edge to it, or remove it");
    }
}

fn liveness(workflow: &Workflow, graph: &Graph<'_>, refusals: &mut Refusals) {
    // A file without any end that grants something was refused for that already.
    if !workflow.steps.values().any(grants) {
        return;
    }
    let good = graph.with_a_way_to_success();
    for (name, step) in &workflow.steps {
        if matches!(step, Step::Wait(_)) && graph.reaches(name) && !good.contains(name.as_str()) {
            let due = workflow.purpose.due().as_str();
            let problem =
                format!("keeps people waiting in vain: from here, no way leads to an end that grants `{due}`");
            refusals.path(
                name,
                graph.path_to(name),
                problem,
                "lead one of its edges on, or replace the step by an end",
            );
        }
    }
}

fn circles(workflow: &Workflow, graph: &Graph<'_>, refusals: &mut Refusals) {
    let mut told: BTreeSet<String> = BTreeSet::new();
    for name in workflow.steps.keys() {
        if told.contains(name) {
            continue;
        }
        if let Some(circle) = graph.circle(name) {
            told.extend(circle.iter().map(|(step, _)| step.clone()));
            let path = [graph.path_to(name), circle].concat();
            let problem = "turns in a circle in which nobody is ever waited for";
            refusals.path(name, path, problem, "put a waiting step or an end into the circle");
        }
    }
}

/// Whether no client could answer the one without answering the other.
fn answered_alike(one: Ask, other: Ask) -> bool {
    match (one, other) {
        (Ask::CheckTotp(_), Ask::CheckTotp(_)) => true,
        (Ask::CheckCode(one), Ask::CheckCode(other)) => one.factor() == other.factor(),
        _ => one == other,
    }
}

fn switch(workflow: &Workflow, graph: &Graph<'_>, name: &str, wait: &Wait, refusals: &mut Refusals) {
    for (at, offered) in wait.switch.iter().enumerate() {
        offers(workflow, graph, name, wait, offered, refusals);
        let Some(other) = workflow.waiting(offered) else { continue };
        let alike =
            |before: &&String| workflow.waiting(before).is_some_and(|before| answered_alike(before.ask, other.ask));
        if let Some(before) = wait.switch[..at].iter().find(alike) {
            let path = [graph.path_to(name), vec![(name.to_owned(), "switch")]].concat();
            let problem =
                format!("is offered by `switch` after `{before}`, which takes every answer that it would take");
            refusals.path(offered, path, problem, format!("leave one of the two out of `switch` of `{name}`"));
        }
    }
}

fn offers(workflow: &Workflow, graph: &Graph<'_>, name: &str, wait: &Wait, offered: &str, refusals: &mut Refusals) {
    let path = || [graph.path_to(name), vec![(name.to_owned(), "switch")]].concat();
    let change = format!("let `switch` of `{name}` name a waiting step that asks for something else, or remove it");
    let Some(other) = workflow.waiting(offered) else {
        refusals.path(offered, path(), "is offered by `switch`, but it does not wait for the client", change);
        return;
    };
    if answered_alike(wait.ask, other.ask) {
        let problem = format!("is offered by `switch`, but `{name}` takes every answer that it would take");
        refusals.path(offered, path(), problem, change);
    }
}

/// Whoever has used up the attempts is not to be led on.
fn locked(workflow: &Workflow, graph: &Graph<'_>, name: &str, wait: &Wait, refusals: &mut Refusals) {
    let Some(target) = wait.edges.get(&Outcome::Locked) else { return };
    let Some((target, _)) = workflow.steps.get_key_value(target) else { return };
    for (place, rest) in graph.by_itself(target) {
        let goes_on = match workflow.step(place) {
            Some(Step::Wait(_)) => true,
            Some(step) => grants(step),
            None => false,
        };
        if goes_on {
            let path = [graph.path_to(name), vec![(name.to_owned(), "locked")], rest].concat();
            let problem = format!("is where `{name}` leads when the attempts are used up, but the wizard goes on here");
            refusals.path(
                place,
                path,
                problem,
                format!("lead `locked` of `{name}` to an end with `grants = \"nothing\"`"),
            );
        }
    }
}

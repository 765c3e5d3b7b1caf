//! Everything that may be known at every step: explored from the start along every edge that `decide` can take.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::workflow::refusal::Refusals;
use crate::workflow::rules::Needs;
use crate::workflow::{Fact, Facts, Grant, Purpose, Step, Wait, Workflow};

use super::graph::Path;
use super::{shape, words};

/// A step, and what is known there.
type State<'a> = (&'a str, Facts);
/// The edges that lead from one state to another: two when a switch is among them.
type Hops<'a> = Vec<(&'a str, &'static str)>;

pub fn check(workflow: &Workflow, refusals: &mut Refusals) {
    let mut search =
        Search { workflow, refusals, before: HashMap::new(), queue: VecDeque::new(), told: BTreeSet::new() };
    search.reach((&workflow.start, workflow.purpose.at_start()), None);
    while let Some(state) = search.queue.pop_front() {
        search.visit(state);
    }
}

struct Search<'a, 'r> {
    workflow: &'a Workflow,
    refusals: &'r mut Refusals,
    /// Where each state was reached from first, which is by the fewest edges.
    before: HashMap<State<'a>, Option<(State<'a>, Hops<'a>)>>,
    queue: VecDeque<State<'a>>,
    /// What was refused already, so that the shortest path alone is shown.
    told: BTreeSet<(String, String)>,
}

impl<'a> Search<'a, '_> {
    fn reach(&mut self, state: State<'a>, from: Option<(State<'a>, Hops<'a>)>) {
        if let Entry::Vacant(first) = self.before.entry(state) {
            first.insert(from);
            self.queue.push_back(state);
        }
    }

    fn visit(&mut self, state @ (name, facts): State<'a>) {
        // A step that fits no workflow of this purpose was refused for that.
        let fits = |step: &&Step| shape::fits(step, self.workflow.purpose);
        let Some(step) = self.workflow.step(name).filter(fits) else { return };
        // A step waits until the client comes back, so only what lasts counts for it.
        let known = if matches!(step, Step::Wait(_)) { facts.lasting() } else { facts };
        let (needs, does) = words::demand(step);
        if self.lacks(name, state, vec![], known, &needs, &does) || self.changes_too_early(state, step) {
            return;
        }
        match step {
            Step::Wait(wait) => self.leave(state, wait),
            Step::Auto(auto) => {
                let hops = vec![(name, auto.action.outcome().as_str())];
                self.reach((&auto.next, auto.action.after(facts)), Some((state, hops)));
            }
            Step::Route(route) => {
                for (outcome, target) in &route.edges {
                    let hops = vec![(name, outcome.as_str())];
                    self.reach((target, route.by.after(*outcome, facts)), Some((state, hops)));
                }
            }
            Step::End(_) => {}
        }
    }

    /// Every edge out of a waiting step, as [`crate::workflow::decide`] takes them.
    fn leave(&mut self, state @ (name, facts): State<'a>, wait: &'a Wait) {
        let facts = facts.lasting();
        for (outcome, target) in &wait.edges {
            let hops = vec![(name, outcome.as_str())];
            self.reach((target, wait.ask.after(*outcome, facts)), Some((state, hops)));
        }
        if let Some(target) = &wait.resend {
            self.reach((target, facts), Some((state, vec![(name, "resend")])));
        }
        for offered in &wait.switch {
            if let Some((offered, Step::Wait(other))) = self.workflow.steps.get_key_value(offered) {
                self.switch(state, offered, other);
            }
        }
    }

    /// Every edge out of `offered`, as it is answered by whoever stands at `state`.
    fn switch(&mut self, state @ (name, facts): State<'a>, offered: &'a str, other: &'a Wait) {
        let facts = facts.lasting();
        let does = format!("is offered by `{name}` and {}", words::asks(other.ask));
        if self.lacks(offered, state, vec![(name, "switch")], facts, &other.ask.needs(), &does) {
            return;
        }
        for (outcome, target) in &other.edges {
            let hops = vec![(name, "switch"), (offered, outcome.as_str())];
            self.reach((target, other.ask.after(*outcome, facts)), Some((state, hops)));
        }
    }

    /// Refuses `step` when `needs` are not met; the way to it goes through `state` and then along `last`.
    fn lacks(&mut self, step: &str, state: State<'a>, last: Hops<'a>, facts: Facts, needs: &Needs, does: &str) -> bool {
        let mut missing: Vec<_> = needs.iter().filter(|group| facts.missing(&[group.to_vec()]).is_some()).collect();
        if missing.len() > 1 {
            // Where nothing was answered at all, that the last answer was not right goes without saying.
            missing.retain(|group| **group != [Fact::LastAnswerRight]);
            // Nor can an address be enrolled where nothing was to be enrolled.
            missing.retain(|group| **group != [Fact::AddressVerified] || self.workflow.purpose != Purpose::SignIn);
        }
        for group in &missing {
            let (problem, change) = words::lacking(does, group, self.workflow.purpose);
            self.refuse(step, state, last.clone(), problem, change);
        }
        !missing.is_empty()
    }

    /// A changed factor is the last thing that a wizard does: what is said to be done is done, and the other way round.
    fn changes_too_early(&mut self, state @ (name, facts): State<'a>, step: &Step) -> bool {
        if !facts.holds(Fact::FactorChanged) {
            return false;
        }
        let problem = match step {
            Step::Wait(_) => "waits for the client although the factor has been changed already",
            Step::End(end) if end.grants == Grant::Nothing => "grants nothing although the factor has been changed",
            Step::End(_) | Step::Auto(_) | Step::Route(_) => return false,
        };
        let change = "let the change of the factor be the last thing before an end with `grants = \"factor_change\"`";
        self.refuse(name, state, vec![], problem.to_owned(), change.to_owned());
        true
    }

    fn refuse(&mut self, step: &str, state: State<'a>, last: Hops<'a>, problem: String, change: String) {
        if self.told.insert((step.to_owned(), problem.clone())) {
            let path = self.path(state, last);
            self.refusals.path(step, path, problem, change);
        }
    }

    fn path(&self, state: State<'a>, last: Hops<'a>) -> Path {
        let mut parts = vec![last];
        let mut at = state;
        while let Some(Some((from, hops))) = self.before.get(&at) {
            parts.push(hops.clone());
            at = *from;
        }
        parts.into_iter().rev().flatten().map(|(step, edge)| (step.to_owned(), edge)).collect()
    }
}

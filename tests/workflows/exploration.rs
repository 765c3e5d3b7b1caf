//! Every place that can be reached, with every move from there.

use std::collections::HashSet;

use stepgate::identity::Factor;
use stepgate::workflow::{Catalogue, Place, Rejection, Workflow};

use crate::oracle::{Desk, Move, Played, moves, toggles};

#[derive(Debug, Default)]
pub struct Explored {
    pub states: usize,
    pub ends: usize,
    pub sessions: usize,
    /// Steps that `decide` stopped because a fact was missing: never in a proved workflow whose accounts stand still.
    pub unproved: usize,
    /// Steps that led nowhere.
    pub broken: usize,
}

/// Walks every way of at most `bound` states with these accounts.
pub fn explore(
    workflow: &Workflow,
    accounts: &[Vec<Factor>; 2],
    moves: &[Move],
    bound: usize,
) -> Result<Explored, String> {
    let mut explored = Explored::default();
    let Some(desk) = Desk::open(workflow, &accounts[0], &accounts[1])? else { return Ok(explored) };
    let mut seen = HashSet::new();
    let mut queue = vec![desk];
    while let Some(desk) = queue.pop() {
        let owner = desk.wizard.account.as_ref().map(|account| account.id);
        let factors = desk.accounts.each_ref().map(|account| account.enabled());
        let state = (desk.wizard.step.clone(), format!("{:?}", desk.wizard.facts), desk.truth.clone(), owner, factors);
        if explored.states >= bound || !seen.insert(state) {
            continue;
        }
        explored.states += 1;
        if desk.wizard.ended {
            explored.ends += 1;
            continue;
        }
        for play in moves {
            let mut next = desk.clone();
            match next.play(*play).map_err(|promise| format!("{promise}; move {play:?} at {}", desk.wizard.step))? {
                Played::Moved(transition) => {
                    let opens = transition.effects.contains(&stepgate::workflow::Effect::OpenSession);
                    explored.sessions += usize::from(opens && matches!(transition.to, Place::Ended(_)));
                    queue.push(next);
                }
                Played::Elsewhere => queue.push(next),
                Played::Refused(Rejection::Unproved { .. }) => explored.unproved += 1,
                Played::Refused(Rejection::Broken { .. }) => explored.broken += 1,
                Played::Refused(_) => {}
            }
        }
    }
    Ok(explored)
}

/// Every set of factors.
pub fn subsets() -> Vec<Vec<Factor>> {
    (0..8_usize)
        .map(|bits| Factor::ALL.into_iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, f)| f).collect())
        .collect()
}

#[test]
fn no_way_through_a_shipped_workflow_breaks_a_promise() {
    let catalogue = Catalogue::shipped().unwrap();
    for workflow in catalogue.iter() {
        let (mut states, mut ends, mut sessions) = (0, 0, 0);
        for first in subsets() {
            let accounts = [first, vec![Factor::Google, Factor::Email]];
            let explored = explore(workflow, &accounts, &moves(), usize::MAX).unwrap();
            assert_eq!((explored.unproved, explored.broken), (0, 0), "{}", workflow.name);
            states += explored.states;
            ends += explored.ends;
            sessions += explored.sessions;
        }
        assert!(states >= 10 && ends > 0, "{}: {states} states, {ends} ends", workflow.name);
        assert_eq!(sessions > 0, workflow.name == "signin", "{}", workflow.name);
    }
}

#[test]
fn nor_does_any_way_while_factors_come_and_go() {
    let catalogue = Catalogue::shipped().unwrap();
    let moves = [moves(), toggles()].concat();
    let mut states = 0;
    for workflow in catalogue.iter() {
        let accounts = [vec![Factor::Google, Factor::Sms, Factor::Email], vec![]];
        states += explore(workflow, &accounts, &moves, 4_000).unwrap().states;
    }
    assert!(states > 5_000, "{states} states");
}

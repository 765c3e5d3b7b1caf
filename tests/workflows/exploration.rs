//! Every place that can be reached, with every move from there.

use std::collections::HashSet;

use stepgate::identity::Factor;
use stepgate::workflow::{Catalogue, Effect, Purpose, Rejection, Workflow};

use crate::moves::{Move, moves, toggles};
use crate::oracle::{Desk, Person, Played, World};

#[derive(Debug, Default)]
pub struct Explored {
    pub states: usize,
    pub ends: usize,
    /// What was earned on the way: sessions, tokens, factors turned on or off.
    pub effects: Vec<Effect>,
    /// Steps that `decide` stopped because a fact was missing: never in a proved workflow whose accounts stand still.
    pub unproved: usize,
    /// Steps that led nowhere.
    pub broken: usize,
}

impl Explored {
    pub fn earned(&self, effect: impl Fn(&Effect) -> bool) -> usize {
        self.effects.iter().filter(|earned| effect(earned)).count()
    }

    fn refused(&mut self, rejection: &Rejection) {
        self.unproved += usize::from(matches!(rejection, Rejection::Unproved { .. }));
        self.broken += usize::from(matches!(rejection, Rejection::Broken { .. }));
    }

    fn add(&mut self, other: Explored) {
        self.states += other.states;
        self.ends += other.ends;
        self.effects.extend(other.effects);
        self.unproved += other.unproved;
        self.broken += other.broken;
    }
}

/// Walks every way of at most `bound` states in this world.
pub fn explore(workflow: &Workflow, world: &World, moves: &[Move], bound: usize) -> Result<Explored, String> {
    let mut explored = Explored::default();
    let desk = match Desk::open(workflow, world)? {
        Ok(desk) => desk,
        Err(rejection) => {
            explored.refused(&rejection);
            return Ok(explored);
        }
    };
    let mut seen = HashSet::new();
    let mut queue = vec![desk];
    while let Some(desk) = queue.pop() {
        let factors = desk.accounts.each_ref().map(|account| (account.enabled(), account.stood_in));
        let phone = desk.wizard.pending.phone.is_some();
        let copied = desk.wizard.account.as_ref().map(|account| (account.id, account.epoch));
        let stale = desk.owner.map(|at| Some((desk.accounts[at].id, desk.accounts[at].epoch)) != copied);
        let state =
            (desk.wizard.step.clone(), desk.wizard.facts, desk.truth.clone(), desk.owner, factors, phone, stale);
        if explored.states >= bound || !seen.insert(state) {
            continue;
        }
        explored.states += 1;
        if desk.wizard.ended {
            explored.ends += 1;
            continue;
        }
        let mut next = desk.clone();
        for play in moves {
            match next.play(*play).map_err(|promise| format!("{promise}; move {play:?} at {}", desk.wizard.step))? {
                Played::Moved(transition) => {
                    explored.effects.extend(transition.effects);
                    queue.push(std::mem::replace(&mut next, desk.clone()));
                }
                Played::Elsewhere => queue.push(std::mem::replace(&mut next, desk.clone())),
                Played::Refused(rejection) => explored.refused(&rejection),
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

/// Worlds in which what this purpose looks at differs.
pub fn worlds(purpose: Purpose) -> Vec<World> {
    let second: Person = [Factor::Google, Factor::Email][..].into();
    let mut worlds = Vec::new();
    for on in subsets() {
        let people = [on[..].into(), second.clone()];
        let plain = World { people, ..World::default() };
        let policies = [vec![], vec![vec![Factor::Google]], vec![Factor::ALL.to_vec(), vec![Factor::Email]]];
        match purpose {
            Purpose::SignIn => {
                worlds.extend(policies.map(|required| World { required, ..plain.clone() }));
                let by_email = Person { on, stood_in: Some(Factor::Email) };
                worlds.push(World { people: [by_email, second.clone()], ..plain });
            }
            Purpose::Challenge => {
                let picks = Factor::ALL.map(Some).into_iter().chain([None]);
                worlds.extend(picks.map(|pick| World { pick, ..plain.clone() }));
            }
            Purpose::Recover => worlds.extend([true, false].map(|nobody| World { nobody, ..plain.clone() })),
            Purpose::Enable(_) | Purpose::Disable(_) => worlds.push(plain),
        }
    }
    worlds
}

#[test]
fn no_way_through_a_shipped_workflow_breaks_a_promise() {
    for workflow in Catalogue::shipped().unwrap().iter() {
        let mut all = Explored::default();
        for world in worlds(workflow.purpose) {
            let explored = explore(workflow, &world, &moves(), usize::MAX)
                .unwrap_or_else(|promise| panic!("{}: {promise}, {world:?}", workflow.name));
            assert_eq!((explored.unproved, explored.broken), (0, 0), "{}, {world:?}", workflow.name);
            all.add(explored);
        }
        assert!(all.states >= 10 && all.ends > 0, "{}: {} states, {} ends", workflow.name, all.states, all.ends);
        let (purpose, name) = (workflow.purpose, &workflow.name);
        let earns = |effect: fn(&Effect) -> bool| all.earned(effect) > 0;
        let signs_in = purpose == Purpose::SignIn;
        assert_eq!(earns(|effect| *effect == Effect::OpenSession), signs_in, "{name}");
        assert_eq!(earns(|effect| *effect == Effect::UseDevice), signs_in, "{name}");
        let confirms = [Purpose::Challenge, Purpose::Recover].contains(&purpose);
        assert_eq!(earns(|effect| *effect == Effect::IssueSuccessToken), confirms, "{name}");
        let enables = signs_in || matches!(purpose, Purpose::Enable(_));
        assert_eq!(earns(|effect| matches!(effect, Effect::Enable(_))), enables, "{name}");
        let disables = matches!(purpose, Purpose::Disable(_));
        assert_eq!(earns(|effect| matches!(effect, Effect::Disable(_))), disables, "{name}");
        let recovers = signs_in || disables || purpose == Purpose::Challenge;
        assert_eq!(earns(|effect| *effect == Effect::UseRecoveryCode), recovers, "{name}");
    }
}

#[test]
fn nor_does_any_way_while_factors_come_and_go() {
    let moves = [moves(), toggles()].concat();
    let mut states = 0;
    for workflow in Catalogue::shipped().unwrap().iter() {
        for required in [vec![], vec![vec![Factor::Sms]]] {
            let world = World { required, ..World::of(&Factor::ALL, &[]) };
            states += explore(workflow, &world, &moves, 1_000)
                .unwrap_or_else(|promise| panic!("{}: {promise}, {world:?}", workflow.name))
                .states;
        }
    }
    assert!(states > 5_000, "{states} states");
}

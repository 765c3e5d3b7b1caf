//! The sign-in file with one edge dropped or led elsewhere: refused, or harmless.

use stepgate::identity::Factor;
use stepgate::workflow::{Catalogue, Fact, Facts, Rejection, Workflow};

use crate::exploration::explore;
use crate::oracle::{Desk, Move, Played, moves};

struct Mutant {
    what: String,
    source: String,
}

/// Every file that differs from the shipped one in one edge (or in `start` or `cancel`).
fn mutants() -> Vec<Mutant> {
    let workflow = Catalogue::shipped().unwrap().get("signin").unwrap().clone();
    let file: toml::Table = toml::from_str(&workflow.source).unwrap();
    let names: Vec<&String> = workflow.steps.keys().collect();
    let mut mutants = Vec::new();
    for (name, step) in &workflow.steps {
        for (edge, to) in step.edges() {
            let others = names.iter().filter(|other| other.as_str() != to).map(|other| Some(other.as_str()));
            for target in others.chain([None]) {
                let mut file = file.clone();
                let tables = file.iter_mut().filter_map(|(_, value)| value.as_table_mut());
                let table = tables.filter_map(|kind| kind.get_mut(name)).next().unwrap().as_table_mut().unwrap();
                match target {
                    Some(target) => drop(table.insert(edge.to_owned(), target.into()).unwrap()),
                    None => drop(table.remove(edge).unwrap()),
                }
                let what = format!("{name} -{edge}-> {}", target.unwrap_or("nowhere"));
                mutants.push(Mutant { what, source: toml::to_string(&file).unwrap() });
            }
        }
    }
    for key in ["start", "cancel"] {
        for name in names.iter().filter(|name| file[key].as_str() != Some(name.as_str())) {
            let mut file = file.clone();
            file.insert(key.to_owned(), name.as_str().into());
            mutants.push(Mutant { what: format!("{key} = {name}"), source: toml::to_string(&file).unwrap() });
        }
    }
    mutants
}

fn accounts() -> [[Vec<Factor>; 2]; 3] {
    let strong = vec![Factor::Google];
    [[vec![], strong.clone()], [vec![Factor::Sms], strong.clone()], [Factor::ALL.to_vec(), strong]]
}

#[test]
fn every_changed_edge_is_refused_or_harmless() {
    let (mut refused, mut harmless) = (0, Vec::new());
    for mutant in mutants() {
        match Workflow::load("signin.toml", &mutant.source) {
            Err(refusals) => {
                assert!(!refusals.is_empty());
                refused += 1;
            }
            Ok(workflow) => {
                let (mut states, mut sessions) = (0, 0);
                for accounts in accounts() {
                    let explored = explore(&workflow, &accounts, &moves(), 20_000)
                        .unwrap_or_else(|promise| panic!("{} was let through: {promise}", mutant.what));
                    assert_eq!((explored.unproved, explored.broken), (0, 0), "{} was let through", mutant.what);
                    states += explored.states;
                    sessions += explored.sessions;
                }
                assert!(states >= 15 && sessions > 0, "{}: {states} states, {sessions} sessions", mutant.what);
                harmless.push(mutant.what);
            }
        }
    }
    assert!(refused >= 200 && harmless.len() >= 10, "{refused} refused, {} harmless", harmless.len());
    insta::assert_snapshot!("harmless_changes", harmless.join("\n"));
}

/// Were the proof to miss one, the facts in the wizard would still stop it.
#[test]
fn even_a_mutant_that_was_never_proved_opens_no_session() {
    let shipped = Catalogue::shipped().unwrap().get("signin").unwrap().clone();
    let (mut tried, mut stopped) = (0, 0);
    for (name, step) in &shipped.steps {
        for (edge, _) in step.edges() {
            for target in ["signed_in", "second_factor", "2fa_choose", "2fa_google_auth", "2fa_sms_auth"] {
                let mut workflow = (*shipped).clone();
                rewire(workflow.steps.get_mut(name).unwrap(), edge, target);
                for accounts in accounts() {
                    let explored = explore(&workflow, &accounts, &moves(), 2_000)
                        .unwrap_or_else(|promise| panic!("{name} -{edge}-> {target}: {promise}"));
                    stopped += explored.unproved;
                }
                tried += 1;
            }
        }
    }
    assert!(tried >= 100 && stopped >= 100, "{tried} tried, stopped {stopped} times");
}

fn rewire(step: &mut stepgate::workflow::Step, edge: &str, target: &str) {
    use stepgate::workflow::Step;
    let target = target.to_owned();
    match (step, edge) {
        (Step::Wait(wait), "resend") => wait.resend = Some(target),
        (Step::Wait(wait), "switch") => wait.switch = Some(target),
        (Step::Auto(auto), _) => auto.next = target,
        (
            Step::Wait(stepgate::workflow::Wait { edges, .. }) | Step::Route(stepgate::workflow::Route { edges, .. }),
            _,
        ) => {
            let to = edges.iter_mut().find(|(outcome, _)| outcome.as_str() == edge).unwrap().1;
            *to = target;
        }
        (Step::End(_), _) => unreachable!("an end has no edges"),
    }
}

/// The oracle is no yes-man: with forged facts, `decide` opens the door, and the oracle sees it.
#[test]
fn the_oracle_sees_what_forged_facts_let_through() {
    let mut workflow = (**Catalogue::shipped().unwrap().get("signin").unwrap()).clone();
    rewire(workflow.steps.get_mut("2fa_choose").unwrap(), "google", "signed_in");
    let mut desk = Desk::open(&workflow, &[Factor::Google, Factor::Sms], &[]).unwrap().unwrap();
    desk.play(Move::Password { account: 0, right: true }).unwrap();
    assert_eq!(desk.wizard.step, "2fa_choose");
    let honest = desk.clone().play(Move::Choose(Factor::Google)).unwrap();
    assert!(matches!(honest, Played::Refused(Rejection::Unproved { .. })), "{honest:?}");
    desk.wizard.facts = Facts::of(&Fact::ALL);
    let forged = desk.play(Move::Choose(Factor::Google)).unwrap_err();
    assert!(forged.starts_with("a session is opened without password and factor"), "{forged}");
}

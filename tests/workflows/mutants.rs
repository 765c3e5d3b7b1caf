//! The shipped files with one edge dropped or led elsewhere: refused, or harmless.

use stepgate::identity::Factor;
use stepgate::workflow::{Catalogue, Effect, Fact, Facts, Grant, Purpose, Rejection, Step, Workflow};

use crate::exploration::explore;
use crate::moves::{Move, moves};
use crate::oracle::{Desk, Person, Played, World};

struct Mutant {
    what: String,
    source: String,
}

/// Every file that differs from this one in one edge (or in `start` or `cancel`).
fn mutants(workflow: &Workflow) -> Vec<Mutant> {
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
                lead_elsewhere(table, edge, to, target);
                let what = format!("{}: {name} -{edge}-> {}", workflow.name, target.unwrap_or("nowhere"));
                // Where several are offered, it matters which.
                let what = if edge == "switch" { format!("{what} instead of {to}") } else { what };
                mutants.push(Mutant { what, source: toml::to_string(&file).unwrap() });
            }
        }
    }
    for key in ["start", "cancel"] {
        for name in names.iter().filter(|name| file[key].as_str() != Some(name.as_str())) {
            let mut file = file.clone();
            file.insert(key.to_owned(), name.as_str().into());
            let what = format!("{}: {key} = {name}", workflow.name);
            mutants.push(Mutant { what, source: toml::to_string(&file).unwrap() });
        }
    }
    mutants
}

fn lead_elsewhere(table: &mut toml::Table, edge: &str, to: &str, target: Option<&str>) {
    if let Some(list) = table[edge].as_array_mut() {
        let at = list.iter().position(|offered| offered.as_str() == Some(to)).unwrap();
        match target {
            Some(target) => list[at] = target.into(),
            None => drop(list.remove(at)),
        }
        return;
    }
    match target {
        Some(target) => drop(table.insert(edge.to_owned(), target.into()).unwrap()),
        None => drop(table.remove(edge).unwrap()),
    }
}

fn worlds(purpose: Purpose) -> Vec<World> {
    let strong = [Factor::Google];
    match purpose {
        Purpose::SignIn => vec![
            World::of(&[], &strong),
            World { required: vec![vec![Factor::Sms, Factor::Email]], ..World::of(&strong, &[]) },
            World { required: vec![Factor::ALL.to_vec()], ..World::of(&[], &strong) },
            World {
                people: [Person { on: Factor::ALL.to_vec(), stood_in: Some(Factor::Email) }, strong[..].into()],
                ..World::default()
            },
        ],
        _ => vec![World::of(&[], &strong), World::of(&[Factor::Sms], &strong), World::of(&Factor::ALL, &strong)],
    }
}

fn is_due(purpose: Purpose, effect: Effect) -> bool {
    match purpose.due() {
        Grant::Session => effect == Effect::OpenSession,
        Grant::SuccessToken => effect == Effect::IssueSuccessToken,
        Grant::FactorChange => matches!(effect, Effect::Enable(_) | Effect::Disable(_)),
        Grant::Nothing => unreachable!("a workflow is there for something"),
    }
}

#[test]
fn every_changed_edge_is_refused_or_harmless() {
    let (mut refused, mut harmless) = (0, Vec::new());
    for shipped in Catalogue::shipped().unwrap().iter() {
        for mutant in mutants(shipped) {
            let Ok(workflow) = Workflow::load(&format!("{}.toml", shipped.name), &mutant.source) else {
                refused += 1;
                continue;
            };
            let mut earned = 0;
            for world in worlds(workflow.purpose) {
                let explored = explore(&workflow, &world, &moves(), 150)
                    .unwrap_or_else(|promise| panic!("{} was let through: {promise}", mutant.what));
                assert_eq!((explored.unproved, explored.broken), (0, 0), "{} was let through", mutant.what);
                earned += explored.earned(|effect| is_due(workflow.purpose, *effect));
            }
            assert!(earned > 0, "{}: nobody gets through", mutant.what);
            harmless.push(mutant.what);
        }
    }
    assert!(refused >= 1_000 && harmless.len() >= 50, "{refused} refused, {} harmless", harmless.len());
    insta::assert_snapshot!("harmless_changes", harmless.join("\n"));
}

/// Were the proof to miss one, the facts in the wizard would still stop it.
#[test]
fn even_a_mutant_that_was_never_proved_earns_nothing() {
    let (mut tried, mut stopped) = (0, 0);
    for shipped in Catalogue::shipped().unwrap().iter() {
        let grants = |step: &Step| matches!(step, Step::End(end) if end.grants != Grant::Nothing);
        let acts = |step: &Step| matches!(step, Step::Auto(_));
        let named = ["second_factor", "policy", "2fa_choose", "2fa_enroll", "2fa_recovery"];
        let targets =
            shipped.steps.iter().filter(|(name, step)| grants(step) || acts(step) || named.contains(&name.as_str()));
        let targets: Vec<&String> = targets.map(|(name, _)| name).collect();
        for (name, step) in &shipped.steps {
            for (edge, to) in step.edges() {
                for target in &targets {
                    let mut workflow = (**shipped).clone();
                    rewire(workflow.steps.get_mut(name).unwrap(), edge, to, target);
                    for world in worlds(workflow.purpose).into_iter().take(2) {
                        let explored = explore(&workflow, &world, &moves(), 25)
                            .unwrap_or_else(|promise| panic!("{name} -{edge}-> {target}: {promise}"));
                        stopped += explored.unproved;
                    }
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 500 && stopped >= 500, "{tried} tried, stopped {stopped} times");
}

fn rewire(step: &mut Step, edge: &str, from: &str, target: &str) {
    let target = target.to_owned();
    match (step, edge) {
        (Step::Wait(wait), "resend") => wait.resend = Some(target),
        (Step::Wait(wait), "switch") => {
            wait.switch.iter_mut().filter(|offered| *offered == from).for_each(|offered| offered.clone_from(&target));
        }
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
    let catalogue = Catalogue::shipped().unwrap();
    let mut workflow = (**catalogue.get("signin").unwrap()).clone();
    rewire(workflow.steps.get_mut("2fa_choose").unwrap(), "google", "2fa_google_auth", "policy");
    let world = World::of(&[Factor::Google, Factor::Sms], &[]);
    let mut desk = Desk::open(&workflow, &world).unwrap().unwrap();
    desk.play(Move::Password { account: 0, right: true, device: false }).unwrap();
    assert_eq!(desk.wizard.step, "2fa_choose");
    let honest = desk.clone().play(Move::Choose(Factor::Google)).unwrap();
    assert!(matches!(honest, Played::Refused(Rejection::Unproved { .. })), "{honest:?}");
    desk.wizard.facts = Facts::of(&Fact::ALL);
    let forged = desk.play(Move::Choose(Factor::Google)).unwrap_err();
    assert!(forged.starts_with("a session is opened without password and factor"), "{forged}");
}

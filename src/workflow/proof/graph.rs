//! The steps and edges alone, without what is known along them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::workflow::{Grant, Step, Workflow};

/// A way through the graph: each step with the edge that is taken out of it.
pub type Path = Vec<(String, &'static str)>;

pub struct Graph<'a> {
    workflow: &'a Workflow,
    /// How each step that can be reached is reached first: the step before, and its edge.
    before: BTreeMap<&'a str, Option<(&'a str, &'static str)>>,
}

impl<'a> Graph<'a> {
    pub fn of(workflow: &'a Workflow) -> Self {
        let before = search(workflow, &workflow.start, |_| true);
        Graph { workflow, before }
    }

    pub fn reaches(&self, step: &str) -> bool {
        self.before.contains_key(step)
    }

    /// The shortest way from the start to `step`; empty when there is none.
    pub fn path_to(&self, step: &str) -> Path {
        path(&self.before, step)
    }

    /// The steps from which an end that grants something can be reached.
    pub fn with_a_way_to_success(&self) -> BTreeSet<&'a str> {
        let mut good: BTreeSet<&str> = BTreeSet::new();
        loop {
            let more = self.workflow.steps.iter().filter(|(name, step)| {
                let leads_on = step.edges().iter().any(|(_, to)| good.contains(to));
                !good.contains(name.as_str()) && (grants(step) || leads_on)
            });
            let more: Vec<&str> = more.map(|(name, _)| name.as_str()).collect();
            if more.is_empty() {
                return good;
            }
            good.extend(more);
        }
    }

    /// Where the server goes by itself from `from`: every step that is reached before anybody is waited for, with the
    /// way to it. `from` itself is the first.
    pub fn by_itself(&self, from: &'a str) -> Vec<(&'a str, Path)> {
        let reached = search(self.workflow, from, is_automatic);
        let mut places: Vec<(&str, Path)> = reached.keys().map(|step| (*step, path(&reached, step))).collect();
        places.sort_by_key(|(_, path)| path.len());
        places
    }

    /// A way from `from` back to itself along which nobody is waited for.
    pub fn circle(&self, from: &'a str) -> Option<Path> {
        let step = self.workflow.step(from).filter(|step| is_automatic(step))?;
        step.edges().into_iter().find_map(|(edge, to)| {
            let (_, rest) = self.by_itself(to).into_iter().find(|(step, _)| *step == from)?;
            Some([vec![(from.to_owned(), edge)], rest].concat())
        })
    }
}

/// Whether the server leaves this step by itself.
pub fn is_automatic(step: &Step) -> bool {
    matches!(step, Step::Auto(_) | Step::Route(_))
}

/// Whether this is an end that grants something.
pub fn grants(step: &Step) -> bool {
    matches!(step, Step::End(end) if end.grants != Grant::Nothing)
}

/// Breadth first from `from`, leaving only steps that `leave` allows (and `from` itself only if it does).
fn search<'a>(
    workflow: &'a Workflow,
    from: &'a str,
    leave: impl Fn(&Step) -> bool,
) -> BTreeMap<&'a str, Option<(&'a str, &'static str)>> {
    let mut before = BTreeMap::from([(from, None)]);
    let mut queue = VecDeque::from([from]);
    while let Some(name) = queue.pop_front() {
        let Some(step) = workflow.step(name).filter(|step| leave(step)) else { continue };
        for (edge, to) in step.edges() {
            if !before.contains_key(to) {
                before.insert(to, Some((name, edge)));
                queue.push_back(to);
            }
        }
    }
    before
}

fn path(before: &BTreeMap<&str, Option<(&str, &'static str)>>, to: &str) -> Path {
    let mut path = Path::new();
    let mut at = to;
    while let Some(Some((step, edge))) = before.get(at) {
        path.push(((*step).to_owned(), *edge));
        at = step;
    }
    path.reverse();
    path
}

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Action, Ask, Event, Grant, Outcome, Purpose, Question};

/// The SHA-256 of a workflow file's bytes, in hex. A wizard pins it, so that a changed file never moves the ground
/// under a waiting person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    pub fn of(source: &str) -> Self {
        use sha2::Digest as _;
        Digest(data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(source.as_bytes())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A state machine that was read and proved: every name resolves, every outcome has its edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// The file's name without its ending, such as `signin`.
    pub name: String,
    pub title: String,
    pub purpose: Purpose,
    /// Seconds from its start that a wizard lives.
    pub lifetime: u32,
    /// Whether new wizards may start. A switched-off workflow still finishes the ones that wait.
    pub enabled: bool,
    pub start: String,
    /// The end that cancelling leads to.
    pub cancel: String,
    pub steps: BTreeMap<String, Step>,
    pub digest: Digest,
    /// The file as it was read, for publishing by digest.
    pub source: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Wait(Wait),
    Auto(Auto),
    Route(Route),
    End(End),
}

/// A step that waits for the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// What the client sees as `workflow` while the wizard stands here.
    pub shows: String,
    pub ask: Ask,
    pub edges: BTreeMap<Outcome, String>,
    /// Where asking for another code leads.
    pub resend: Option<String>,
    /// The steps that offer other ways on: another method, another number, a recovery code.
    pub switch: Vec<String>,
}

/// A step that the server takes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Auto {
    pub action: Action,
    /// The edge of the action's only outcome.
    pub next: String,
}

/// A fork that is decided at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub by: Question,
    pub edges: BTreeMap<Outcome, String>,
}

/// Where a wizard is over.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub grants: Grant,
    /// What the client sees as `workflow` on completion.
    pub label: String,
}

impl Workflow {
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.get(name)
    }

    pub fn waiting(&self, name: &str) -> Option<&Wait> {
        match self.steps.get(name) {
            Some(Step::Wait(wait)) => Some(wait),
            _ => None,
        }
    }

    /// The waiting step that `event` answers for a wizard that stands at `step`: that one, or the one that it offers by
    /// `switch`. It says what a password or code must be checked against. `None` for a resend, and for whatever is not
    /// asked.
    pub fn answered_by<'a>(&'a self, step: &'a str, event: &Event) -> Option<(&'a str, &'a Wait)> {
        let here = self.waiting(step)?;
        if here.ask.takes(event) {
            return Some((step, here));
        }
        let offered = here.switch.iter().filter_map(|name| self.waiting(name).map(|wait| (name.as_str(), wait)));
        offered.into_iter().find(|(_, wait)| wait.ask.takes(event))
    }

    /// Whether `end` is where too many wrong guesses lead; no other end that grants nothing is a lockout.
    pub fn locks_out(&self, end: &str) -> bool {
        let waiting = self.steps.values().filter_map(|step| match step {
            Step::Wait(wait) => wait.edges.get(&Outcome::Locked),
            Step::Auto(_) | Step::Route(_) | Step::End(_) => None,
        });
        let mut open: Vec<&str> = waiting.map(String::as_str).collect();
        // The proof has seen that no routes turn in a circle.
        while let Some(name) = open.pop() {
            match self.step(name) {
                Some(Step::End(_)) if name == end => return true,
                Some(step @ (Step::Auto(_) | Step::Route(_))) => {
                    open.extend(step.edges().into_iter().map(|(_, target)| target));
                }
                Some(Step::Wait(_) | Step::End(_)) | None => {}
            }
        }
        false
    }

    /// What the client sees as `workflow` when the wizard stands at `name`.
    pub fn shows<'a>(&'a self, name: &'a str) -> &'a str {
        match self.steps.get(name) {
            Some(Step::Wait(wait)) => &wait.shows,
            Some(Step::End(end)) => &end.label,
            _ => name,
        }
    }
}

impl Step {
    /// Every edge that leaves this step, with the name that it has in the file.
    pub fn edges(&self) -> Vec<(&'static str, &str)> {
        match self {
            Step::Wait(wait) => wait
                .edges
                .iter()
                .map(|(outcome, to)| (outcome.as_str(), to.as_str()))
                .chain(wait.resend.as_deref().map(|to| ("resend", to)))
                .chain(wait.switch.iter().map(|to| ("switch", to.as_str())))
                .collect(),
            Step::Auto(auto) => vec![(auto.action.outcome().as_str(), auto.next.as_str())],
            Step::Route(route) => route.edges.iter().map(|(outcome, to)| (outcome.as_str(), to.as_str())).collect(),
            Step::End(_) => vec![],
        }
    }
}

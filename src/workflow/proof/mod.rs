//! The proof that a workflow does what its purpose says and nothing else, made before it is served.
//!
//! Always: walks by the very rules that [`super::decide`] walks by, over every step with everything that may be known
//! there. What the proof lets pass, no event can lead astray; where an account changes under a waiting person, `decide`
//! looks again.
//! Never here: how a file is spelt. The workflow is whole by now: every outcome has its edge, every edge a step.

mod facts;
mod graph;
mod resend;
mod shape;
mod words;

use super::Workflow;
use super::refusal::Refusals;

pub(super) fn prove(workflow: &Workflow, refusals: &mut Refusals) {
    let graph = graph::Graph::of(workflow);
    shape::check(workflow, &graph, refusals);
    resend::check(workflow, &graph, refusals);
    facts::check(workflow, refusals);
}

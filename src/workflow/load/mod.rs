//! From the text of a workflow file to a [`Workflow`]: parsed, resolved, proved.
//!
//! Always: every refusal of a file is reported at once; the proof runs only when the file is sound in itself.
//! Never here: reading files. The caller does, and gives name and text.

pub(super) mod grammar;
mod header;
mod steps;

pub(super) use header::SCHEMA;

use super::refusal::Refusals;
use super::{Digest, Refusal, Workflow, proof};

/// The longest file that is read, in bytes.
const LONGEST: usize = 64 * 1024;

impl Workflow {
    /// Reads and proves the file called `file_name` (such as `signin.toml`; the workflow is then called `signin`).
    ///
    /// # Errors
    /// Everything that is wrong with it, each with what to change.
    pub fn load(file_name: &str, source: &str) -> Result<Workflow, Vec<Refusal>> {
        let mut refusals = Refusals::of(file_name);
        let workflow = read(file_name, source, &mut refusals);
        match workflow {
            Some(workflow) if refusals.found.is_empty() => {
                proof::prove(&workflow, &mut refusals);
                if refusals.found.is_empty() { Ok(workflow) } else { Err(refusals.found) }
            }
            _ => Err(refusals.found),
        }
    }
}

fn read(file_name: &str, source: &str, refusals: &mut Refusals) -> Option<Workflow> {
    let name = name_of(file_name, refusals);
    if source.len() > LONGEST {
        refusals.file(
            format!("is {} bytes long; a workflow file has at most {LONGEST}", source.len()),
            "split off what is not needed",
        );
        return None;
    }
    let file = parse(source, refusals)?;
    let header = header::read(&file, refusals);
    let names = steps::names(&file, refusals);
    let steps = steps::read(&file, &names, header.purpose, refusals);
    let start = header::place(&file, "start", &names, refusals);
    let cancel = header::place(&file, "cancel", &names, refusals);
    Some(Workflow {
        name: name?,
        title: header.title?,
        purpose: header.purpose?,
        lifetime: header.lifetime?,
        enabled: header.enabled?,
        start: start?,
        cancel: cancel?,
        steps,
        digest: Digest::of(source),
        source: source.to_owned(),
    })
}

/// Letters that a step's name or a file's may have, so that it reads the same in a file, a diagram and a log.
fn is_name(text: &str, joint: char) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint;
    !text.is_empty() && text.len() <= 64 && text.chars().all(letter)
}

fn name_of(file_name: &str, refusals: &mut Refusals) -> Option<String> {
    match file_name.strip_suffix(".toml") {
        Some(name) if is_name(name, '-') => Some(name.to_owned()),
        _ => {
            let change = "name it with small letters, digits and hyphens, and the ending .toml";
            refusals.file("has a name that no workflow can have", change);
            None
        }
    }
}

fn parse(source: &str, refusals: &mut Refusals) -> Option<toml::Table> {
    match toml::from_str::<toml::Table>(source) {
        Ok(table) => Some(table),
        Err(error) => {
            let before = error.span().and_then(|span| source.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let reason = error.message().lines().next().unwrap_or_default().to_owned();
            refusals.file(format!("line {line} is not TOML: {reason}"), format!("correct line {line}"));
            None
        }
    }
}

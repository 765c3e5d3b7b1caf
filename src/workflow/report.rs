use std::fmt;

use super::{Catalogue, Refusal, Workflow};

/// What `stepgate workflows check` says.
#[derive(Debug, Clone)]
pub struct Report {
    /// The files that hold, each with a line about what was proved.
    pub sound: Vec<(String, String)>,
    pub refusals: Vec<Refusal>,
}

/// Loads and proves the files, each given as its name and its text; also looks for two of one purpose.
pub fn check(sources: &[(String, String)]) -> Report {
    let mut report = Report { sound: Vec::new(), refusals: Vec::new() };
    let mut sound = Vec::new();
    for (name, source) in sources {
        match Workflow::load(name, source) {
            Ok(workflow) => {
                report.sound.push((name.clone(), about(&workflow)));
                sound.push((name, source));
            }
            Err(refusals) => report.refusals.extend(refusals),
        }
    }
    // Each of these holds by itself, so whatever is refused now is about two of them.
    report.refusals.extend(Catalogue::from_sources(sound).err().into_iter().flatten());
    report
}

fn about(workflow: &Workflow) -> String {
    let off = if workflow.enabled { "" } else { ", switched off" };
    let digest: String = workflow.digest.as_str().chars().take(12).collect();
    format!("{}, {} steps, {digest}{off}", workflow.purpose, workflow.steps.len())
}

impl Report {
    pub fn is_sound(&self) -> bool {
        self.refusals.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (file, about) in &self.sound {
            writeln!(f, "{file}: proved ({about})")?;
        }
        for refusal in &self.refusals {
            writeln!(f, "{refusal}")?;
        }
        match self.refusals.len() {
            0 => write!(f, "All {} files hold.", self.sound.len()),
            1 => f.write_str("Refused for 1 reason."),
            several => write!(f, "Refused for {several} reasons."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(name: &str) -> (String, String) {
        let workflow = Catalogue::shipped().unwrap().get(name).unwrap().source.clone();
        (format!("{name}.toml"), workflow)
    }

    #[test]
    fn what_holds_and_what_does_not_are_both_told() {
        let (_, source) = shipped("signin");
        let broken = ("broken.toml".to_owned(), source.replace("cancel   = \"cancelled\"", "cancel = \"login\""));
        let report = check(&[shipped("signin"), broken]);
        assert!(!report.is_sound());
        let text = report.to_string();
        assert!(text.starts_with("signin.toml: proved (sign in, 25 steps, "), "{text}");
        assert!(text.contains("broken.toml, step login: is where `cancel` leads, but it is not an end"), "{text}");
        assert!(text.ends_with("Refused for 2 reasons."), "{text}");
    }

    #[test]
    fn two_files_of_one_purpose_are_told() {
        let (_, source) = shipped("signin");
        let report = check(&[shipped("signin"), ("other.toml".to_owned(), source)]);
        assert_eq!((report.sound.len(), report.refusals.len()), (2, 1));
        assert!(check(&[shipped("signin")]).to_string().ends_with("All 1 files hold."));
    }
}

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Digest, Format, Purpose, Refusal, Workflow};

/// The files that are built into the binary.
const SHIPPED: [(&str, &str); 9] = [
    ("signin.toml", include_str!("../../workflows/signin.toml")),
    ("google-enable.toml", include_str!("../../workflows/google-enable.toml")),
    ("google-disable.toml", include_str!("../../workflows/google-disable.toml")),
    ("sms-enable.toml", include_str!("../../workflows/sms-enable.toml")),
    ("sms-disable.toml", include_str!("../../workflows/sms-disable.toml")),
    ("email-enable.toml", include_str!("../../workflows/email-enable.toml")),
    ("email-disable.toml", include_str!("../../workflows/email-disable.toml")),
    ("challenge.toml", include_str!("../../workflows/challenge.toml")),
    ("recover.toml", include_str!("../../workflows/recover.toml")),
];

/// The workflows that are served: proved, with at most one for each purpose.
#[derive(Debug, Clone)]
pub struct Catalogue {
    workflows: BTreeMap<String, Arc<Workflow>>,
}

impl Catalogue {
    /// Exactly these files, each as its name (`signin.toml`) and its text.
    ///
    /// # Errors
    /// Every refusal of every file; also of files that share a name or a purpose.
    pub fn from_sources<N, S>(sources: impl IntoIterator<Item = (N, S)>) -> Result<Self, Vec<Refusal>>
    where
        N: AsRef<str>,
        S: AsRef<str>,
    {
        let mut catalogue = Catalogue { workflows: BTreeMap::new() };
        let mut refusals = Vec::new();
        for (name, source) in sources {
            match Workflow::load(name.as_ref(), source.as_ref()) {
                Ok(workflow) => refusals.extend(catalogue.add(workflow)),
                Err(found) => refusals.extend(found),
            }
        }
        if refusals.is_empty() { Ok(catalogue) } else { Err(refusals) }
    }

    /// The files that are built in: one for signing in, and one to turn each factor on and one to turn it off.
    ///
    /// # Errors
    /// As [`Catalogue::from_sources`]; a test holds the shipped files to having none.
    pub fn shipped() -> Result<Self, Vec<Refusal>> {
        Self::from_sources(SHIPPED)
    }

    /// The files that are built in, by name and text.
    pub fn shipped_sources() -> Vec<(String, String)> {
        SHIPPED.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()
    }

    /// The files that are built in, each replaced by the operator's of the same name.
    ///
    /// # Errors
    /// As [`Catalogue::from_sources`].
    pub fn overridden<N, S>(sources: impl IntoIterator<Item = (N, S)>) -> Result<Self, Vec<Refusal>>
    where
        N: Into<String>,
        S: Into<String>,
    {
        let own: Vec<(String, String)> =
            sources.into_iter().map(|(name, source)| (name.into(), source.into())).collect();
        let shipped = SHIPPED.iter().filter(|(name, _)| own.iter().all(|(replaced, _)| replaced != name));
        let shipped = shipped.map(|(name, source)| ((*name).to_owned(), (*source).to_owned()));
        Self::from_sources(shipped.collect::<Vec<_>>().into_iter().chain(own.clone()))
    }

    pub fn get(&self, name: &str) -> Option<&Arc<Workflow>> {
        self.workflows.get(name)
    }

    pub fn by_purpose(&self, purpose: Purpose) -> Option<&Arc<Workflow>> {
        self.iter().find(|workflow| workflow.purpose == purpose)
    }

    pub fn by_digest(&self, digest: &Digest) -> Option<&Arc<Workflow>> {
        self.iter().find(|workflow| workflow.digest == *digest)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Workflow>> {
        self.workflows.values()
    }

    /// The drawing of the workflow called `name`, if there is one.
    pub fn graph(&self, name: &str, format: Format) -> Option<String> {
        self.get(name).map(|workflow| workflow.draw(format))
    }

    fn add(&mut self, workflow: Workflow) -> Option<Refusal> {
        let refuse = |problem: String, change: String| {
            let file = format!("{}.toml", workflow.name);
            Some(Refusal { file, step: None, path: Vec::new(), problem, change })
        };
        if self.get(&workflow.name).is_some() {
            return refuse("is there twice".to_owned(), "remove one of the two".to_owned());
        }
        if let Some(other) = self.by_purpose(workflow.purpose) {
            let problem = format!("is there to {}, and so is {}.toml", workflow.purpose, other.name);
            return refuse(
                problem,
                format!("remove one of the two; to replace the other, call it {}.toml", other.name),
            );
        }
        self.workflows.insert(workflow.name.clone(), Arc::new(workflow));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Factor;

    #[test]
    fn the_shipped_files_serve_every_purpose_and_are_found_by_all_their_names() {
        let catalogue = Catalogue::shipped().unwrap();
        let on_and_off = Factor::ALL.into_iter().flat_map(|factor| [Purpose::Enable(factor), Purpose::Disable(factor)]);
        for purpose in on_and_off.chain([Purpose::SignIn]) {
            let workflow = catalogue.by_purpose(purpose).unwrap();
            assert_eq!(catalogue.get(&workflow.name), Some(workflow));
            assert_eq!(catalogue.by_digest(&workflow.digest), Some(workflow));
        }
        assert_eq!(catalogue.iter().count(), SHIPPED.len());
    }

    #[test]
    fn an_operators_file_replaces_the_shipped_one_of_its_name() {
        let own = SHIPPED[0].1.replace("title    = \"Sign in\"", "title    = \"Come in\"");
        let catalogue = Catalogue::overridden([("signin.toml", own)]).unwrap();
        assert_eq!(catalogue.by_purpose(Purpose::SignIn).unwrap().title, "Come in");
        assert_eq!(catalogue.iter().count(), SHIPPED.len());
    }

    #[test]
    fn one_purpose_has_one_file() {
        let refusals = Catalogue::overridden([("entry.toml", SHIPPED[0].1)]).unwrap_err();
        assert_eq!(
            refusals.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["entry.toml: is there to sign in, and so is signin.toml\n  \
                 change: remove one of the two; to replace the other, call it signin.toml"]
        );
        let twice = Catalogue::from_sources([SHIPPED[0], SHIPPED[0]]).unwrap_err();
        assert_eq!(twice.len(), 1);
    }
}

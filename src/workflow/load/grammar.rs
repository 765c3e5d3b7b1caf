//! Which keys a table of each kind may have: derived from the vocabulary, so that a new word is known at once to the
//! loader and to the JSON Schema.

use crate::workflow::{Action, Ask, Grant, Outcome, Question};

/// The four tables of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Step,
    Do,
    Route,
    End,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Step, Kind::Do, Kind::Route, Kind::End];

    /// The table's name in a file.
    pub fn table(self) -> &'static str {
        match self {
            Kind::Step => "step",
            Kind::Do => "do",
            Kind::Route => "route",
            Kind::End => "end",
        }
    }

    /// The key whose word decides which other keys there are.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Kind::Step | Kind::Do => Some("action"),
            Kind::Route => Some("by"),
            Kind::End => None,
        }
    }

    /// Every word that the key of this kind may have; for an end, one without a name.
    pub fn forms(self) -> Vec<Form> {
        match self {
            Kind::Step => {
                let mut forms = Vec::new();
                for ask in Ask::ALL {
                    let form = form_of(&mut forms, ask.spelling().word, ask.outcomes());
                    form.offer(ask.spelling().attribute, true);
                }
                forms.into_iter().map(waiting).collect()
            }
            Kind::Do => {
                let mut forms = Vec::new();
                for action in Action::ALL {
                    let form = form_of(&mut forms, action.spelling().word, &[action.outcome()]);
                    let own_by_default = matches!(action, Action::EnableFactor(_) | Action::DisableFactor(_));
                    form.offer(action.spelling().attribute, !own_by_default);
                }
                forms
            }
            Kind::Route => Question::KINDS.iter().map(route).collect(),
            Kind::End => vec![end()],
        }
    }
}

/// The keys that go with one word.
#[derive(Debug, Clone)]
pub struct Form {
    pub word: &'static str,
    pub attributes: Vec<Attribute>,
    /// Each is a key that names a step.
    pub outcomes: Vec<Outcome>,
}

#[derive(Debug, Clone)]
pub struct Attribute {
    pub key: &'static str,
    pub value: Value,
    pub required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    OneOf(Vec<&'static str>),
    /// Any text but an empty one.
    Text,
    /// A list of texts, not empty.
    Texts,
    /// A list of phone prefixes such as `+420`, not empty.
    Prefixes,
    /// The name of a step.
    Target,
    /// The name of a step, or a list of such names.
    Targets,
}

impl Form {
    pub fn attribute(&self, key: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.key == key)
    }

    /// Every key that a table of this form may have, but the one that holds the word.
    pub fn keys(&self) -> Vec<&'static str> {
        let attributes = self.attributes.iter().map(|attribute| attribute.key);
        attributes.chain(self.outcomes.iter().map(|outcome| outcome.as_str())).collect()
    }

    fn offer(&mut self, attribute: Option<(&'static str, &'static str)>, required: bool) {
        let Some((key, value)) = attribute else { return };
        match self.attributes.iter_mut().find(|known| known.key == key) {
            Some(Attribute { value: Value::OneOf(values), .. }) => values.push(value),
            _ => self.attributes.push(Attribute { key, value: Value::OneOf(vec![value]), required }),
        }
    }
}

fn form_of<'a>(forms: &'a mut Vec<Form>, word: &'static str, outcomes: &[Outcome]) -> &'a mut Form {
    let at = forms.iter().position(|form| form.word == word).unwrap_or(forms.len());
    if at == forms.len() {
        forms.push(Form { word, attributes: Vec::new(), outcomes: outcomes.to_vec() });
    }
    &mut forms[at]
}

/// What every waiting step may say, and what only one that checks a sent code must.
fn waiting(mut form: Form) -> Form {
    let checks_a_sent_code = form.attribute("to").is_some();
    form.attributes.push(Attribute { key: "shows", value: Value::Text, required: false });
    if checks_a_sent_code {
        form.attributes.push(Attribute { key: "resend", value: Value::Target, required: true });
    }
    form.attributes.push(Attribute { key: "switch", value: Value::Targets, required: false });
    form
}

fn route(question: &Question) -> Form {
    let value = match question {
        Question::PhonePrefix(_) => Value::Prefixes,
        Question::EnrolledFactors
        | Question::AccountGroup(_)
        | Question::ClientKind(_)
        | Question::MfaRequired
        | Question::RememberedDevice
        | Question::StepUpFactor => Value::Texts,
    };
    let list = question.list().map(|(key, _)| Attribute { key, value, required: true });
    Form { word: question.word(), attributes: list.into_iter().collect(), outcomes: question.outcomes().to_vec() }
}

fn end() -> Form {
    let grants = Value::OneOf(Grant::ALL.map(Grant::as_str).to_vec());
    Form {
        word: "",
        attributes: vec![
            Attribute { key: "grants", value: grants, required: true },
            Attribute { key: "label", value: Value::Text, required: true },
        ],
        outcomes: Vec::new(),
    }
}

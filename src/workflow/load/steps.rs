//! The tables of steps: each checked against its form, every edge resolved.

use std::collections::BTreeMap;

use crate::workflow::refusal::{Refusals, any_of};
use crate::workflow::{Action, Ask, Auto, End, Grant, Outcome, Purpose, Question, Route, Step, Wait};

use super::grammar::{Attribute, Form, Kind, Value};
use super::is_name;

/// Most steps in one file.
const MOST: usize = 100;

/// Every name that a table defines, with the first kind that does.
pub fn names(file: &toml::Table, refusals: &mut Refusals) -> BTreeMap<String, Kind> {
    let mut names = BTreeMap::new();
    for kind in Kind::ALL {
        let table = kind.table();
        let Some(value) = file.get(table) else { continue };
        let Some(tables) = value.as_table() else {
            refusals.file(format!("`{table}` is not a table"), format!("write [{table}.NAME] and its keys below it"));
            continue;
        };
        for name in tables.keys() {
            if !is_name(name, '_') {
                let change = "use small letters, digits and underscores, at most 64";
                refusals.step(name, "has a name that no step can have", change);
            }
            if let Some(other) = names.get(name) {
                let other: &Kind = other;
                let problem = format!("is there twice: as [{}.{name}] and as [{table}.{name}]", other.table());
                refusals.step(name, problem, "give one of the two another name");
            } else {
                names.insert(name.clone(), kind);
            }
        }
    }
    if names.len() > MOST {
        refusals.file(format!("has {} steps; {MOST} are the most", names.len()), "leave some out");
    }
    names
}

/// The steps that could be read; whatever could not was refused.
pub fn read(
    file: &toml::Table,
    names: &BTreeMap<String, Kind>,
    purpose: Option<Purpose>,
    refusals: &mut Refusals,
) -> BTreeMap<String, Step> {
    let mut steps = BTreeMap::new();
    for kind in Kind::ALL {
        let tables = file.get(kind.table()).and_then(toml::Value::as_table);
        for (name, value) in tables.into_iter().flatten() {
            let Some(table) = value.as_table() else {
                let change = format!("write [{}.{name}] and its keys below it", kind.table());
                refusals.step(name, "is not a table", change);
                continue;
            };
            let step = Reader { kind, name, table, names, refusals }.step(purpose);
            steps.extend(step.map(|step| (name.clone(), step)));
        }
    }
    steps
}

/// What a table says, each value checked for its type.
#[derive(Default)]
struct Said {
    texts: BTreeMap<&'static str, String>,
    lists: BTreeMap<&'static str, Vec<String>>,
    edges: BTreeMap<Outcome, String>,
}

struct Reader<'a> {
    kind: Kind,
    name: &'a str,
    table: &'a toml::Table,
    names: &'a BTreeMap<String, Kind>,
    refusals: &'a mut Refusals,
}

impl Reader<'_> {
    fn refuse(&mut self, problem: impl Into<String>, change: impl Into<String>) {
        self.refusals.step(self.name, problem, change);
    }

    fn step(mut self, purpose: Option<Purpose>) -> Option<Step> {
        let form = self.form()?;
        self.refuse_other_keys(&form);
        let said = self.said(&form);
        match self.kind {
            Kind::Step => wait(self.name, &form, said),
            Kind::Do => self.auto(&form, said, purpose),
            Kind::Route => route(&form, said),
            Kind::End => end(said),
        }
    }

    /// The form that the word of this table has.
    fn form(&mut self) -> Option<Form> {
        let mut forms = self.kind.forms();
        let Some(key) = self.kind.key() else { return forms.pop() };
        let words: Vec<String> = forms.iter().map(|form| format!("\"{}\"", form.word)).collect();
        match self.table.get(key) {
            Some(toml::Value::String(word)) => {
                let form = forms.into_iter().find(|form| form.word == word);
                if form.is_none() {
                    let problem = format!("has the {key} \"{word}\", which [{}] does not know", self.kind.table());
                    self.refuse(problem, format!("set `{key}` to {}", any_of(&words)));
                }
                form
            }
            Some(_) => {
                self.refuse(format!("has a `{key}` that is no text"), format!("set `{key}` to {}", any_of(&words)));
                None
            }
            None => {
                self.refuse(format!("has no `{key}`"), format!("set `{key}` to {}", any_of(&words)));
                None
            }
        }
    }

    fn refuse_other_keys(&mut self, form: &Form) {
        let known = form.keys();
        let what = if form.word.is_empty() { "an end".to_owned() } else { format!("`{}`", form.word) };
        let (table, word) = (self.table, self.kind.key());
        for key in table.keys() {
            if known.contains(&key.as_str()) || Some(key.as_str()) == word {
                continue;
            }
            let problem = if Outcome::ALL.iter().any(|outcome| outcome.as_str() == key) {
                format!("has an edge for the outcome `{key}`, which {what} never has")
            } else {
                format!("has the unknown key `{key}`")
            };
            let keys: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            self.refuse(problem, format!("remove `{key}`; {what} goes with {}", keys.join(", ")));
        }
    }

    fn said(&mut self, form: &Form) -> Said {
        let mut said = Said::default();
        for attribute in &form.attributes {
            match self.table.get(attribute.key) {
                Some(value) => self.attribute(attribute, value, &mut said),
                None if attribute.required => {
                    let change = format!("add `{}`: {}", attribute.key, wanted(&attribute.value));
                    self.refuse(format!("does not say `{}`", attribute.key), change);
                }
                None => {}
            }
        }
        for outcome in &form.outcomes {
            let key = outcome.as_str();
            match self.table.get(key) {
                Some(value) => {
                    let target = self.target(key, value);
                    said.edges.extend(target.map(|target| (*outcome, target)));
                }
                None => {
                    let problem = format!("has no edge for the outcome `{key}`");
                    self.refuse(problem, format!("add `{key} = \"NAME\"`, with the step that it leads to"));
                }
            }
        }
        said
    }

    fn attribute(&mut self, attribute: &Attribute, value: &toml::Value, said: &mut Said) {
        let key = attribute.key;
        let text = value.as_str().filter(|text| !text.trim().is_empty());
        match &attribute.value {
            Value::Target => {
                said.texts.extend(self.target(key, value).map(|target| (key, target)));
                return;
            }
            Value::Targets => {
                let names = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                if !names.is_empty() && names.iter().all(toml::Value::is_str) {
                    let targets: Option<Vec<String>> = names.iter().map(|name| self.target(key, name)).collect();
                    said.lists.extend(targets.map(|targets| (key, targets)));
                    return;
                }
            }
            Value::Text => {
                if let Some(text) = text {
                    said.texts.insert(key, text.to_owned());
                    return;
                }
            }
            Value::OneOf(words) => {
                if let Some(text) = text.filter(|text| words.contains(text)) {
                    said.texts.insert(key, text.to_owned());
                    return;
                }
            }
            Value::Texts | Value::Prefixes => {
                if let Some(list) = list(value, attribute.value == Value::Prefixes) {
                    said.lists.insert(key, list);
                    return;
                }
            }
        }
        let change = format!("set `{key}` to {}", wanted(&attribute.value));
        self.refuse(format!("`{key}` does not fit"), change);
    }

    /// The step that an edge leads to.
    fn target(&mut self, key: &str, value: &toml::Value) -> Option<String> {
        let Some(target) = value.as_str() else {
            self.refuse(format!("has a `{key}` that is no text"), format!("set `{key}` to the name of a step"));
            return None;
        };
        if self.names.contains_key(target) {
            return Some(target.to_owned());
        }
        let problem = format!("`{key}` leads to `{target}`, and there is no such step");
        self.refuse(problem, format!("lead `{key}` to a step that exists, or add one called `{target}`"));
        None
    }

    fn auto(&mut self, form: &Form, mut said: Said, purpose: Option<Purpose>) -> Option<Step> {
        if form.attribute("factor").is_some() && !self.table.contains_key("factor") {
            match purpose.map(Purpose::factor) {
                Some(Some(own)) => {
                    said.texts.insert("factor", own.as_str().to_owned());
                }
                Some(None) => self.refuse("does not say which `factor`, and neither does the file", "add `factor`"),
                // What the file is for was refused already.
                None => {}
            }
        }
        let action = Action::ALL.into_iter().find(|action| {
            let spelling = action.spelling();
            spelling.word == form.word && said.has(spelling.attribute)
        })?;
        Some(Step::Auto(Auto { action, next: said.edges.remove(&action.outcome())? }))
    }
}

impl Said {
    fn has(&self, attribute: Option<(&'static str, &'static str)>) -> bool {
        attribute.is_none_or(|(key, value)| self.texts.get(key).is_some_and(|text| text == value))
    }
}

fn wait(name: &str, form: &Form, mut said: Said) -> Option<Step> {
    let ask =
        Ask::ALL.into_iter().find(|ask| ask.spelling().word == form.word && said.has(ask.spelling().attribute))?;
    Some(Step::Wait(Wait {
        shows: said.texts.remove("shows").unwrap_or_else(|| name.to_owned()),
        ask,
        edges: said.edges,
        resend: said.texts.remove("resend"),
        switch: said.lists.remove("switch").unwrap_or_default(),
    }))
}

fn route(form: &Form, mut said: Said) -> Option<Step> {
    let kind = Question::KINDS.into_iter().find(|kind| kind.word() == form.word)?;
    let by = match kind.list().map(|(key, _)| key) {
        Some(key) => kind.about(said.lists.remove(key)?),
        None => kind,
    };
    Some(Step::Route(Route { by, edges: said.edges }))
}

fn end(mut said: Said) -> Option<Step> {
    let grants = said.texts.remove("grants")?;
    let grants = Grant::ALL.into_iter().find(|grant| grant.as_str() == grants)?;
    Some(Step::End(End { grants, label: said.texts.remove("label")? }))
}

fn list(value: &toml::Value, prefixes: bool) -> Option<Vec<String>> {
    let fits = |text: &&str| {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let prefix = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        !text.trim().is_empty() && (!prefixes || prefix)
    };
    let texts = value.as_array().filter(|list| !list.is_empty())?;
    texts.iter().map(|text| text.as_str().filter(fits).map(str::to_owned)).collect()
}

fn wanted(value: &Value) -> String {
    match value {
        Value::OneOf(words) => any_of(&words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>()),
        Value::Text => "a text that is not empty".to_owned(),
        Value::Texts => "a list of at least one text, such as [\"staff\"]".to_owned(),
        Value::Prefixes => "a list of at least one phone prefix, such as [\"+420\"]".to_owned(),
        Value::Target => "the name of a step".to_owned(),
        Value::Targets => "the name of a step, or a list of such names".to_owned(),
    }
}

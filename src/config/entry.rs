use figment::value::{Dict, Value};

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};

/// One table of a list of tables, read like a section. Its problems carry its number and the name of the member.
pub(super) struct Entry<'a> {
    reader: &'a mut Reader,
    path: &'static str,
    members: &'static [Key],
    /// From 1.
    number: usize,
    dict: Dict,
}

impl Reader {
    /// The entries of a list of tables; `None` after any error, which is then remembered. All entries are looked at.
    pub fn tables<T>(&mut self, path: &'static str, read: impl Fn(&mut Entry<'_>) -> Option<T>) -> Option<Vec<T>> {
        let Kind::Tables(members) = self.key(path)?.kind else { return None };
        let dicts = self.required(path, Setting::tables)?;
        let mut entries = Vec::new();
        let mut sound = true;
        for (at, dict) in dicts.into_iter().enumerate() {
            let mut entry = Entry { reader: self, path, members, number: at + 1, dict };
            let known = entry.finds_all_known();
            match read(&mut entry).filter(|_| known) {
                Some(read) => entries.push(read),
                None => sound = false,
            }
        }
        sound.then_some(entries)
    }
}

impl Entry<'_> {
    /// The value of a member that may be missing; `None` also after an error, which is then remembered.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&Setting) -> Result<T, String>) -> Option<T> {
        let (member, value) = (self.member(name)?, self.dict.get(name)?.clone());
        self.parse(Setting::new(member, value, false), parse)
    }

    /// The value of a member or of its fallback; `None` only after an error, which is then remembered.
    pub fn required<T>(&mut self, name: &str, parse: impl FnOnce(&Setting) -> Result<T, String>) -> Option<T> {
        let member = self.member(name)?;
        match (self.dict.get(name).cloned(), member.fallback) {
            (Some(value), _) => self.parse(Setting::new(member, value, false), parse),
            (None, Fallback::Value(text)) => self.parse(Setting::new(member, Value::from(text), true), parse),
            (None, Fallback::Computed(_) | Fallback::Unset | Fallback::Needed) => {
                self.fail(name, "must be set");
                None
            }
        }
    }

    pub fn is_set(&self, name: &str) -> bool {
        self.dict.contains_key(name)
    }

    /// Remembers a problem with a member, or with the whole entry when `name` is empty.
    pub fn fail(&mut self, name: &str, problem: impl AsRef<str>) {
        let problem = match name {
            "" => format!("entry {}: {}", self.number, problem.as_ref()),
            name => format!("entry {}: {name}: {}", self.number, problem.as_ref()),
        };
        match self.members.iter().find(|member| member.path == name).map(Key::accepted) {
            Some(accepted) => self.reader.fail_with(self.path, problem, accepted),
            None => self.reader.fail(self.path, problem),
        }
    }

    fn member(&self, name: &str) -> Option<&'static Key> {
        let member = self.members.iter().find(|member| member.path == name);
        debug_assert!(member.is_some(), "{name} is read but no member of {}", self.path);
        member
    }

    fn finds_all_known(&mut self) -> bool {
        let is_known = |name: &&String| self.members.iter().any(|member| member.path == **name);
        let unknown: Vec<String> = self.dict.keys().filter(|name| !is_known(name)).cloned().collect();
        for name in &unknown {
            self.fail("", format!("{:?} is not known", name.chars().take(60).collect::<String>()));
        }
        unknown.is_empty()
    }

    fn parse<T>(&mut self, setting: Setting, parse: impl FnOnce(&Setting) -> Result<T, String>) -> Option<T> {
        let name = setting.name();
        parse(&setting).map_err(|problem| self.fail(name, problem)).ok()
    }
}

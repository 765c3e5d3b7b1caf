use std::ops::RangeInclusive;

/// One thing that can be set: a key, or a member of the tables that a key lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Sections and name joined by dots, such as `sms.webhook.url`; the mere name of a member.
    pub path: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    pub meaning: &'static str,
    /// Whether the value must not be shown, not even when it is wrong.
    pub secret: bool,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds, both included.
    Integer(u64, u64),
    /// A duration such as `90s`, `15m` or `1h 30m`, within bounds, both included.
    Duration(&'static str, &'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text; in words, what is accepted.
    Text(&'static str),
    /// An array of texts; in words, what each of them may be.
    List(&'static str),
    /// An array of tables with these members.
    Tables(&'static [Key]),
}

/// What holds when a key is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This value, written as in the environment.
    Value(&'static str),
    /// Something that is not known before the start; in words.
    Computed(&'static str),
    /// Nothing: the key is optional, or needed under the conditions that its meaning names.
    Unset,
    /// Nothing: it must be set.
    Needed,
}

impl Kind {
    /// A whole number within these bounds.
    pub(super) const fn within(bounds: &RangeInclusive<u64>) -> Self {
        Kind::Integer(*bounds.start(), *bounds.end())
    }
}

impl Key {
    pub(super) const fn new(path: &'static str, kind: Kind, fallback: Fallback, meaning: &'static str) -> Self {
        Key { path, kind, fallback, meaning, secret: false }
    }

    pub(super) const fn secret(self) -> Self {
        Key { secret: true, ..self }
    }

    /// The variable that sets this key.
    pub fn variable(&self) -> String {
        variable(self.path)
    }

    /// What is accepted, in words.
    pub fn accepted(&self) -> String {
        match self.kind {
            Kind::Flag => "`true` or `false`".to_owned(),
            Kind::Integer(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Duration(least, most) => format!("a duration from {least} to {most}, such as `90s` or `15m`"),
            Kind::Choice(words) => {
                words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(words_between(words.len()))
            }
            Kind::Text(accepted) => accepted.to_owned(),
            Kind::List(accepted) => format!("an array of: {accepted}"),
            Kind::Tables(members) => {
                let names: Vec<String> = members.iter().map(|member| format!("`{}`", member.path)).collect();
                format!("an array of tables with {}", names.join(", "))
            }
        }
    }
}

/// Two words read best with "or" between them, more of them as a list.
fn words_between(count: usize) -> &'static str {
    if count == 2 { " or " } else { ", " }
}

/// `sms.webhook.url` is set by `STEPGATE_SMS__WEBHOOK__URL`.
pub(super) fn variable(path: &str) -> String {
    format!("STEPGATE_{}", path.to_ascii_uppercase().replace('.', "__"))
}

use super::key::{Fallback, Key, Kind};
use super::reader::Reader;

pub(super) const KEYS: &[Key] = &[Key::new(
    "wizard.binding",
    Kind::Choice(&["relaxed", "strict"]),
    Fallback::Value("relaxed"),
    "Whether a step must show its wizard's key (`strict`), or only must not show another one (`relaxed`, for clients \
     that know no more than the uuid). Set `strict` where all clients are yours.",
)];

/// Who may take a wizard's next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Whoever knows the uuid, unless they show the key of another wizard.
    Relaxed,
    /// Whoever shows the wizard's key.
    Strict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wizard {
    pub binding: Binding,
}

pub(super) fn read(reader: &mut Reader) -> Option<Wizard> {
    let binding = reader.required("wizard.binding", |setting| {
        Ok(if setting.choice()? == "strict" { Binding::Strict } else { Binding::Relaxed })
    });
    Some(Wizard { binding: binding? })
}

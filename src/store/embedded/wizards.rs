use crate::engine::ports::{Commit, StoreError};
use crate::workflow::{Wizard, WizardId};

use super::batch::Batch;
use super::layout::{self, WIZARDS, millis};
use super::view::View;

pub fn create(batch: &mut Batch, wizard: &Wizard) -> Result<(), StoreError> {
    batch.at(wizard.created_at);
    write(batch, wizard)
}

pub fn load(view: &impl View, id: WizardId) -> Result<Option<Wizard>, StoreError> {
    view.find(&WIZARDS, &layout::wizard(id))
}

pub fn commit(batch: &mut Batch, next: &Wizard) -> Result<Commit, StoreError> {
    match load(batch, next.id)? {
        Some(stored) if stored.revision.checked_add(1) == Some(next.revision) => {
            write(batch, next)?;
            Ok(Commit::Done)
        }
        stored => Ok(Commit::Lost(stored.map(Box::new))),
    }
}

fn write(batch: &mut Batch, wizard: &Wizard) -> Result<(), StoreError> {
    batch.put_until(&WIZARDS, &layout::wizard(wizard.id), wizard, millis(wizard.expires_at))
}

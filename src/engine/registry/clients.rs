use crate::engine::ports::EventKind;
use crate::engine::{Call, Engine, Refused};
use crate::identity::{ApiClient, ClientKeys};

/// A client that was just made, with its keys, which nobody can see again.
#[derive(Debug, Clone)]
pub struct NewClient {
    pub client: ApiClient,
    pub keys: ClientKeys,
}

impl Engine {
    /// Registers a program.
    ///
    /// # Errors
    /// [`Reason::Full`](crate::engine::Reason::Full).
    pub async fn create_client(&self, name: &str, call: &Call) -> Result<NewClient, Refused> {
        let keys = ClientKeys::new(&self.entropy.bytes(), &self.entropy.bytes());
        let now = self.clock.now();
        let client = self.change_registry(|registry| Ok(registry.add_client(name, &keys, now)?.clone())).await?;
        self.note_client(EventKind::ClientCreated, &client, call);
        Ok(NewClient { client, keys })
    }

    /// All programs, in the order in which they were registered.
    ///
    /// # Errors
    /// When the store gives no answer.
    pub async fn clients(&self) -> Result<Vec<ApiClient>, Refused> {
        Ok(self.registry().await?.clients().to_vec())
    }

    /// Takes a program's keys away, from its next call on.
    ///
    /// # Errors
    /// [`Reason::NotFound`](crate::engine::Reason::NotFound).
    pub async fn delete_client(&self, id: u64, call: &Call) -> Result<(), Refused> {
        let client = self.change_registry(|registry| Ok(registry.remove_client(id)?)).await?;
        self.note_client(EventKind::ClientDeleted, &client, call);
        Ok(())
    }

    fn note_client(&self, kind: EventKind, client: &ApiClient, call: &Call) {
        let event = self.happening(kind).by_operator().in_call(call);
        self.note(event.detail("client", client.id.to_string()).detail("name", client.name.clone()));
    }
}

use crate::engine::wizards::lower::{Plan, missing};
use crate::engine::wizards::open::{Gate, Opened};
use crate::engine::wizards::session::{Credential, Opening};
use crate::engine::wizards::start::{Begin, Outset};
use crate::engine::{Call, Data, Engine, Input, Reason, Refused, Standing};
use crate::identity::{LoginName, Method, Secret};
use crate::workflow::{Opens, Purpose};

use super::choose::wanted;
use super::{Admitted, Entered, Passage, Pending};

impl Engine {
    /// Lets somebody in by name and password, or asks for the second factor. Two round trips where there is none, else
    /// three.
    ///
    /// # Errors
    /// As a sign-in wizard refuses a password; [`Reason::EnrolmentRequired`] when the policy wants a factor turned on
    /// first; [`Reason::Forbidden`] when the workflow ends without letting anybody in.
    pub async fn enter(&self, call: &Call, name: &str, password: Secret, opens: Opens) -> Result<Passage, Refused> {
        let call = at_the_door(call, None);
        let entered = async {
            let (mut opened, key) = self.arrive(&call, name, opens).await?;
            let input = Input::Password { name: name.to_owned(), password };
            let plan = self.resolve(&call, &mut opened, &input).await?;
            self.pass(&call, &opened, plan, &key, None).await
        };
        entered.await.map_err(outside)
    }

    /// Goes on with the code that [`Self::enter`] has asked for, or with a recovery code. Three round trips.
    ///
    /// # Errors
    /// As a sign-in wizard refuses a code; [`Reason::WizardNotFound`] for a token that is unknown, expired, used, or of
    /// another surface; [`Reason::EnrolmentRequired`].
    pub async fn enter_with_code(
        &self,
        call: &Call,
        token: &str,
        code: &str,
        opens: Opens,
    ) -> Result<Passage, Refused> {
        let unknown = || Refused::new(Reason::WizardNotFound);
        let (id, key) = self.read_pending_token(call, token).await.ok_or_else(unknown)?;
        let call = at_the_door(call, Some(key.clone()));
        let entered = async {
            let mut opened = self.open(&call, id, Gate::SignIn, None).await?;
            let over = opened.wizard.ended && !opened.is_locked_out();
            if opened.wizard.opens != opens || over {
                return Err(unknown());
            }
            let input = self.code_input(&opened, code);
            let proved = match input {
                Input::Recovery { .. } => Some(Method::Recovery),
                // Where nothing is asked for, the step is refused for its own reason.
                _ => wanted(&opened.wizard, &opened.workflow).ok(),
            };
            let plan = self.resolve(&call, &mut opened, &input).await?;
            self.pass(&call, &opened, plan, &key, proved).await
        };
        entered.await.map_err(outside)
    }

    /// A sign-in wizard that nobody has been told of, with whatever the name leads to. One round trip.
    async fn arrive(&self, call: &Call, name: &str, opens: Opens) -> Result<(Opened, Secret), Refused> {
        let Outset { workflow, mut wizard, key, transition } = self.outset(call, Purpose::SignIn, Begin::default())?;
        transition.to.name().clone_into(&mut wizard.step);
        wizard.facts = transition.facts;
        wizard.opens = opens;
        let (name, now) = (LoginName::of_typed(name, &self.policy.names), wizard.created_at);
        let read_at = self.moment();
        let found = self.store.open_sign_in(wizard.id, &name, &call.address, now);
        let (found, ()) = tokio::join!(found, self.keep_up(now));
        let (_, account, address_blocked) = found?;
        let name = Some(name);
        let opened = Opened {
            wizard,
            workflow,
            account,
            orders: self.store.orders(),
            ordered: None,
            name,
            address_blocked,
            read_at,
            vouched: None,
            fresh: false,
            stored: false,
            now,
        };
        Ok((opened, key))
    }

    /// Carries out a step that was accepted, and tells what it has led to.
    async fn pass(
        &self,
        call: &Call,
        opened: &Opened,
        mut plan: Plan,
        key: &Secret,
        proved: Option<Method>,
    ) -> Result<Passage, Refused> {
        let account = plan.write.account.clone().or_else(|| opened.account.clone()).ok_or_else(missing)?;
        let asked = wanted(&plan.wizard, &opened.workflow);
        if asked.is_err() {
            // Nobody could bring the code back.
            plan.message = None;
        }
        let panel = plan.opened.as_ref().and_then(|opening| self.panel(opening));
        let standing = self.settle(call, opened, plan).await?;
        if !standing.done {
            let token = self.pending_token(call, standing.id, key);
            return asked.map(|method| {
                let asking = standing.asks;
                let digits = asking.as_ref().filter(|_| method != Method::Recovery).map(|asking| asking.digits);
                let methods = asking.map(|asking| asking.methods).unwrap_or_default();
                let (receipt, expires_at) = (standing.receipt, standing.expires_at);
                Passage::Asked(Pending { token, method, methods, digits, receipt, expires_at })
            });
        }
        let admitted = admitted(standing, panel, opened.wizard.opens)?;
        Ok(Passage::Entered(Box::new(Entered { account, proved, admitted })))
    }

    fn panel(&self, opening: &Opening) -> Option<Admitted> {
        let Credential::Panel(hash) = &opening.credential else { return None };
        Some(Admitted::Panel(hash.show(&self.keys)))
    }
}

fn admitted(standing: Standing, panel: Option<Admitted>, opens: Opens) -> Result<Admitted, Refused> {
    match (opens, standing.data, panel) {
        (Opens::Tokens, Data::Tokens(tokens), _) => Ok(Admitted::Tokens(tokens)),
        (Opens::Panel, _, Some(panel)) => Ok(panel),
        (Opens::Nothing, ..) => Ok(Admitted::Nothing),
        (Opens::Tokens | Opens::Panel, ..) => Err(Refused::new(Reason::Internal)),
    }
}

/// The call as a wizard's own would be: with the key that its token holds. No device stands in for a factor here, and no
/// answer is kept for a repeat: it would have to be found before there is a wizard.
fn at_the_door(call: &Call, key: Option<Secret>) -> Call {
    Call { wizard_key: key, device: None, idempotency: None, ..call.clone() }
}

/// The refusal without the wizard's address, which nobody outside needs. A limit that ends with the wizard is over as
/// soon as another one is begun.
fn outside(mut refused: Refused) -> Refused {
    refused.at = None;
    refused.restart = false;
    if refused.reason == Reason::TooManyAttempts {
        refused.retry_after.get_or_insert(1);
    }
    refused
}

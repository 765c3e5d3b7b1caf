use crate::engine::{Engine, Entered, Passage, Pending};
use crate::identity::{Method, RecoveryCode, Secret};
use crate::workflow::Opens;

use super::ask::Ask;
use super::refusal::Refusal;
use super::table::Why;

/// Lets a call in by its name and password, and by its one-time password where a second factor is on. Nothing is opened
/// beyond this call.
///
/// # Errors
/// [`Why`] it is not let in.
pub async fn let_in(engine: &Engine, ask: &Ask) -> Result<Box<Entered>, Refusal> {
    let passed = match (&ask.mfa_token, &ask.otp) {
        (Some(token), Some(otp)) => with_token(engine, ask, token, otp).await,
        (_, otp) => with_password(engine, ask, otp.as_ref()).await,
    };
    passed.map_err(|why| ask.refuse(why))
}

async fn with_password(engine: &Engine, ask: &Ask, otp: Option<&Secret>) -> Result<Box<Entered>, Why> {
    let (name, password) = (&ask.credentials.name, ask.credentials.password.clone());
    let passage = engine.enter(&ask.call, name, password, Opens::Nothing).await.map_err(Why::AtTheDoor)?;
    let pending = match passage {
        Passage::Entered(entered) => return Ok(entered),
        Passage::Asked(pending) => pending,
    };
    match otp {
        Some(otp) if may_be_known(&pending, otp) => with_code(engine, ask, &pending.token, otp).await,
        _ if was_sent(&pending) => {
            Err(Why::CodeSent(engine.bound_token(&pending.token, name, &ask.credentials.password)))
        }
        _ => Err(Why::CodeMissing),
    }
}

/// The code that an earlier call with the same name and password has had sent.
async fn with_token(engine: &Engine, ask: &Ask, shown: &Secret, otp: &Secret) -> Result<Box<Entered>, Why> {
    let token = engine.unbound_token(shown, &ask.credentials.name, &ask.credentials.password);
    with_code(engine, ask, &token.ok_or(Why::StrangeToken)?, otp).await
}

async fn with_code(engine: &Engine, ask: &Ask, token: &Secret, otp: &Secret) -> Result<Box<Entered>, Why> {
    let passage = engine.enter_with_code(&ask.call, token.expose(), otp.expose(), Opens::Nothing).await;
    match passage.map_err(Why::AtTheDoor)? {
        Passage::Entered(entered) => Ok(entered),
        Passage::Asked(_) => Err(Why::CodeMissing),
    }
}

fn was_sent(pending: &Pending) -> bool {
    matches!(pending.method, Method::Sms | Method::Email)
}

/// Whether somebody who has not seen an answer yet may know this code: one that was sent just now, nobody does.
fn may_be_known(pending: &Pending, otp: &Secret) -> bool {
    !was_sent(pending) || RecoveryCode::parse(otp.expose()).is_ok()
}

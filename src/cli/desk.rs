use clap::Args;
use stepgate::engine::{Engine, Reason, Refused, Reset};
use stepgate::identity::{Account, AccountId};

use super::say::say;

#[derive(Args)]
pub struct Who {
    /// The account's number, email address or user name; digits alone are a number
    #[arg(value_name = "ID|EMAIL|USERNAME")]
    who: String,
}

#[derive(Args)]
pub struct ResetArgs {
    #[command(flatten)]
    who: Who,
    /// google, sms, email, recovery or all
    #[arg(long, value_name = "FACTOR", default_value = "all", value_parser = str::parse::<Reset>)]
    factor: Reset,
}

pub async fn reset(engine: &Engine, ResetArgs { who, factor }: ResetArgs) -> Result<(), String> {
    let account = find(engine, &who).await?;
    let done = engine.reset(account.id, factor, None).await.map_err(|refused| match (refused.reason, factor) {
        (Reason::MethodNotEnabled, Reset::One(method)) => format!("Account {} has no {method} on.", account.id),
        (Reason::MethodNotEnabled, Reset::All) => format!("Account {} has no factor on.", account.id),
        _ => said(&refused),
    })?;
    for method in done {
        say(format_args!("{}\t{}\t{method} taken off\n", account.id, account.email))?;
    }
    say(format_args!("{}\t{}\tsessions ended, devices forgotten\n", account.id, account.email))
}

pub async fn unlock(engine: &Engine, who: Who) -> Result<(), String> {
    let account = find(engine, &who).await?;
    engine.unlock(account.id, None).await.map_err(|refused| said(&refused))?;
    say(format_args!("{}\t{}\tunlocked\n", account.id, account.email))
}

async fn find(engine: &Engine, Who { who }: &Who) -> Result<Account, String> {
    let found = match who.parse::<AccountId>() {
        Ok(id) => match engine.account(id).await {
            Err(refused) if refused.reason == Reason::NotFound => Ok(None),
            found => found.map(Some),
        },
        Err(_) => engine.account_named(who).await,
    };
    let found = found.map_err(|refused| said(&refused))?;
    found.ok_or_else(|| format!("There is no account {who:?}."))
}

/// A refusal in one line: what, and of which fields.
pub fn said(refused: &Refused) -> String {
    let fields: Vec<String> = refused.fields.iter().map(|(field, what)| format!("{field}: {what:?}")).collect();
    format!("{:?} {}", refused.reason, fields.join(", "))
}

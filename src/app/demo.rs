use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::engine::{Engine, NewAccount, NewPassword, Reason, Refused};
use crate::identity::{Account, Email, Locale, Secret, TotpFactor, TotpSecret, Username};

/// The name of the demo account.
const EMAIL: &str = "demo@stepgate.example";

/// The account that a developer's machine has from its first start.
#[derive(Debug, Clone)]
pub struct Demo {
    pub email: String,
    /// Password and authenticator secret, on the start that made the account; they are not kept in clear anywhere.
    pub secrets: Option<(Secret, TotpSecret)>,
}

/// Makes the demo account, with an authenticator, unless there is one.
pub async fn account(engine: &Engine) -> Result<Demo, Refused> {
    if engine.account_named(EMAIL).await?.is_some() {
        return Ok(Demo { email: EMAIL.to_owned(), secrets: None });
    }
    let email = Email::parse(EMAIL).map_err(|_| Refused::new(Reason::Internal))?;
    let username = Username::parse("demo").map_err(|_| Refused::new(Reason::Internal))?;
    let password = Secret::new(data_encoding::BASE32_NOPAD.encode(&engine.entropy.bytes::<10>()).to_lowercase());
    let new = NewAccount {
        email,
        username: Some(username),
        password: Some(NewPassword::Plain(password.clone())),
        phone: None,
        locale: Locale::En,
        groups: BTreeSet::new(),
        permissions: BTreeSet::new(),
    };
    let account = match engine.create_account(new).await {
        Ok(account) => account,
        // Another instance on the same store was first.
        Err(refused) if refused.reason == Reason::Taken => return Ok(Demo { email: EMAIL.to_owned(), secrets: None }),
        Err(refused) => return Err(refused),
    };
    let secret = TotpSecret::new(engine.entropy.bytes::<{ TotpSecret::BYTES }>());
    enrol(engine, account, &secret).await?;
    Ok(Demo { email: EMAIL.to_owned(), secrets: Some((password, secret)) })
}

async fn enrol(engine: &Engine, mut account: Account, secret: &TotpSecret) -> Result<(), Refused> {
    let context = TotpFactor::context(account.id);
    let sealed = engine.keys.seal(secret.as_bytes(), &[&context[0], &context[1]], engine.entropy.bytes());
    account.factors.google = Some(TotpFactor { secret: sealed, since: account.created_at, scheme: None });
    account.revision += 1;
    let names = account.login_names(&engine.policy.names);
    match engine.store.replace_account(&account, &names, &names).await? {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Refused::new(Reason::Internal)),
    }
}

/// One sign-in of the demo account in shell commands, ready to be pasted.
pub fn walk_through(address: SocketAddr, demo: &Demo) -> Option<String> {
    let (password, secret) = demo.secrets.as_ref()?;
    let (email, password, secret) = (&demo.email, password.expose(), secret.base32());
    Some(format!(
        r#"EMAIL={email}
PASSWORD={password}
SECRET={secret}
API=http://{address}/api/v2/my
UUID=$(curl -s $API/signin/wizard | sed 's/.*"uuid":"\([^"]*\)".*/\1/')
curl -s $API/signin -H 'Content-Type: application/json' -d "{{\"uuid\":\"$UUID\",\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\"}}"
CODE=$(oathtool --totp -b $SECRET)
curl -s $API/2fa/google -H 'Content-Type: application/json' -d "{{\"uuid\":\"$UUID\",\"code\":\"$CODE\"}}"
"#
    ))
}

use std::collections::BTreeSet;
use std::io::BufRead;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use stepgate::app::{self, World};
use stepgate::config::Config;
use stepgate::engine::ports::EventKind;
use stepgate::engine::{Engine, NewAccount, NewPassword};
use stepgate::identity::{Account as Stored, Email, Locale, Phone, Secret, Username};

use super::desk::{self, said};
use super::say::say;

#[derive(Subcommand)]
pub enum Account {
    /// Make an account
    Add(Add),
    /// List all accounts: number, email, user name, factors
    List,
    /// Take factors off an account whose owner has lost them; its sessions end, and the owner is told
    Reset(desk::ResetArgs),
    /// Lift the blocks of an account, and forget its failures
    Unlock(desk::Who),
    /// Make the accounts of a file, each exactly once however often it is run
    Import(super::import::Import),
    /// Write all accounts as lines that an import takes
    Export(super::export::Export),
}

#[derive(Args)]
pub struct Add {
    /// The address, by which the account signs in
    email: String,
    #[arg(long)]
    username: Option<String>,
    /// In international form
    #[arg(long)]
    phone: Option<String>,
    /// en, cs, pt-BR or ru
    #[arg(long, default_value = "en")]
    locale: String,
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    /// Make an account that cannot sign in by password; without this the password is the first line of standard input
    #[arg(long)]
    no_password: bool,
}

pub fn run(config: &Config, command: Account) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| why.to_string())?;
    runtime.block_on(async {
        let (engine, _) = app::engine(config, &World::default()).await.map_err(|error| error.to_string())?;
        let done = match command {
            Account::Add(add) => make(&engine, add).await.map(|()| ExitCode::SUCCESS),
            Account::List => list(&engine).await.map(|()| ExitCode::SUCCESS),
            Account::Reset(reset) => desk::reset(&engine, reset).await.map(|()| ExitCode::SUCCESS),
            Account::Unlock(who) => desk::unlock(&engine, who).await.map(|()| ExitCode::SUCCESS),
            Account::Import(import) => super::import::run(&engine, &import).await,
            Account::Export(export) => super::export::run(&engine, &export).await.map(|()| ExitCode::SUCCESS),
        };
        // Letters to owners, and events.
        if !engine.finish(config.http.drain_timeout).await {
            return done.and(Err("The work is done, but not everybody could be told of it in time.".to_owned()));
        }
        done
    })
}

async fn make(engine: &Engine, add: Add) -> Result<(), String> {
    let email = Email::parse(&add.email).map_err(|why| format!("email: {why}"))?;
    let locale: Locale = add.locale.parse().map_err(|why| format!("--locale: {why}"))?;
    let username =
        add.username.as_deref().map(Username::parse).transpose().map_err(|why| format!("--username: {why}"))?;
    let phone = add.phone.as_deref().map(Phone::parse).transpose().map_err(|why| format!("--phone: {why}"))?;
    let password = if add.no_password { None } else { Some(NewPassword::Plain(read_password()?)) };
    let new = NewAccount {
        email,
        username,
        password,
        phone,
        locale,
        groups: add.groups.into_iter().collect::<BTreeSet<_>>(),
        permissions: add.permissions.into_iter().collect(),
    };
    let account = engine.create_account(new).await.map_err(|refused| said(&refused))?;
    engine.note(engine.by_hand(EventKind::AccountCreated, account.id, None));
    say(format_args!("{}\n", line(&account)))
}

/// The first line of standard input; never an argument, which every process on the machine could read.
fn read_password() -> Result<Secret, String> {
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        eprintln!("Password (8 to 128 characters), then Enter:");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|why| why.to_string())?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

async fn list(engine: &Engine) -> Result<(), String> {
    let mut after = None;
    loop {
        let page = engine.accounts(after, 100).await.map_err(|refused| said(&refused))?;
        for account in &page {
            say(format_args!("{}\n", line(account)))?;
        }
        match page.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(()),
        }
    }
}

fn line(account: &Stored) -> String {
    let username = account.username.as_ref().map_or("-", Username::as_str);
    let factors: Vec<&str> = account.enabled().into_iter().map(|factor| factor.as_str()).collect();
    let factors = if factors.is_empty() { "-".to_owned() } else { factors.join(",") };
    format!("{}\t{}\t{username}\t{factors}", account.id, account.email)
}

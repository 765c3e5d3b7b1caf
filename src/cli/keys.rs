use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use stepgate::app::{self, StartError, SystemEntropy, World};
use stepgate::config::{Config, StoreAddress};
use stepgate::engine::ports::{Entropy, StoreError};
use stepgate::engine::{Engine, KeyStatus, KeyTrouble, Progress, Rotation};

use super::say::say;

#[derive(Subcommand)]
pub enum Keys {
    /// Print a fresh master key
    Generate,
    /// Turn the sealing key and the signing key over; running servers follow by themselves
    Rotate(Rotate),
    /// Show every key, its age, and how many accounts are sealed under it
    Status(Status),
    /// Drop a retiring sealing key that nothing needs any more
    Retire {
        /// As `stepgate keys status` shows it
        id: String,
    },
}

#[derive(Args)]
pub struct Rotate {
    /// Only the sealing key: a new one seals, and every account's authenticator secret is sealed anew
    #[arg(long)]
    sealing: bool,
    /// Only the signing key: a new one is published at once, and signs after `tokens.key_overlap`
    #[arg(long)]
    signing: bool,
}

#[derive(Args)]
pub struct Status {
    #[arg(long)]
    json: bool,
}

/// A fresh master key, and nothing else.
pub fn generate() -> Result<(), String> {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    SystemEntropy.fill(&mut key[..]);
    say(format_args!("{}\n", data_encoding::BASE64.encode(&key[..])))
}

pub fn run(config: &Config, command: Keys) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|why| why.to_string())?;
    runtime.block_on(async {
        let world = World::default();
        let (engine, _) = app::engine(config, &world).await.map_err(|error| unopened(config, &error))?;
        let done = match command {
            Keys::Generate => generate(),
            Keys::Rotate(rotate) => turn_over(&engine, &rotate).await,
            Keys::Status(status) => show(&engine, world.clock.now(), status.json).await,
            Keys::Retire { id } => retire(&engine, &id).await,
        };
        engine.errands.idle().await;
        done
    })
}

/// An embedded store belongs to one process: then the server that has it can do the same.
fn unopened(config: &Config, error: &StartError) -> String {
    match (&config.store, error) {
        (StoreAddress::Embedded(_), StartError::Store(StoreError::Unavailable(_))) => format!(
            "{error}\nWhile a server runs on this store, ask the server: GET /admin/v1/keys, POST /admin/v1/keys/rotate."
        ),
        _ => error.to_string(),
    }
}

async fn turn_over(engine: &Engine, rotate: &Rotate) -> Result<(), String> {
    let both = !rotate.sealing && !rotate.signing;
    let rotation = Rotation { sealing: rotate.sealing || both, signing: rotate.signing || both };
    let turned = engine.rotate_keys(rotation).await.map_err(said)?;
    for id in &turned.dropped {
        say(format_args!("Sealing key {id} is dropped: nothing was left under it.\n"))?;
    }
    if let Some(id) = &turned.sealing {
        say(format_args!("Sealing key {id} seals from now on.\n"))?;
    }
    if turned.resumed {
        say("An earlier change of the sealing key was cut short; it is carried through, and no other is begun.\n")?;
    }
    if let Some(kid) = &turned.signing {
        say(format_args!("Signing key {kid} is published, and signs after the overlap.\n"))?;
    }
    if rotation.sealing {
        let bar = Bar::new();
        let done = engine.finish_rotation(&|progress| bar.show(progress)).await;
        bar.finish();
        let accounts = done.map_err(said)?.unwrap_or_default();
        say(format_args!("Accounts sealed anew: {accounts}. None is left under an older key.\n"))?;
    }
    Ok(())
}

/// A bar on a terminal; elsewhere a line for every twentieth of the way.
struct Bar {
    bar: Option<ProgressBar>,
    said: Mutex<u64>,
}

impl Bar {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let look = "{bar:40} {human_pos}/{human_len} accounts, {per_sec}, {eta} left";
            let style = ProgressStyle::with_template(look).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        Bar { bar, said: Mutex::new(0) }
    }

    fn show(&self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            return;
        }
        let part = (progress.done * 20).checked_div(progress.total).unwrap_or_default();
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if part > *said {
            *said = part;
            eprintln!("{} of {} accounts are sealed anew", progress.done, progress.total);
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

async fn retire(engine: &Engine, id: &str) -> Result<(), String> {
    engine.retire_key(id).await.map_err(said)?;
    say(format_args!("Sealing key {id} is dropped.\n"))
}

async fn show(engine: &Engine, now: DateTime<Utc>, as_json: bool) -> Result<(), String> {
    let status = engine.key_status().await.map_err(said)?;
    let accounts = engine.sealed_accounts().await.map_err(said)?;
    if as_json {
        let text = serde_json::to_string_pretty(&document(&status, &accounts)).map_err(|why| why.to_string())?;
        return say(format_args!("{text}\n"));
    }
    say(table(&status, &accounts, now).map_err(|why| why.to_string())?)
}

fn document(status: &KeyStatus, accounts: &BTreeMap<String, u64>) -> serde_json::Value {
    let sealing = status.sealing.iter().map(|key| {
        json!({
            "id": key.id,
            "state": key.state.as_str(),
            "madeAt": key.made_at,
            "accounts": accounts.get(&key.id).copied().unwrap_or_default(),
            "emptySince": key.empty_since,
            "mayGoAt": key.may_go_at,
        })
    });
    let signing = status.signing.iter().map(|key| {
        json!({
            "kid": key.kid,
            "algorithm": key.algorithm,
            "state": key.state.as_str(),
            "madeAt": key.made_at,
            "signsFrom": key.signs_from,
            "stopsAt": key.stops_at,
            "endsAt": key.ends_at,
        })
    });
    json!({ "sealing": sealing.collect::<Vec<_>>(), "signing": signing.collect::<Vec<_>>() })
}

fn table(status: &KeyStatus, accounts: &BTreeMap<String, u64>, now: DateTime<Utc>) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(text, "{:<14} {:<9} {:>6} {:>9}  may go", "SEALING", "state", "age", "accounts")?;
    for key in &status.sealing {
        let (age, count) = (age(now - key.made_at), accounts.get(&key.id).copied().unwrap_or_default());
        write!(text, "{:<14} {:<9} {age:>6} {count:>9}", key.id, key.state.as_str())?;
        writeln!(text, "  {}", key.may_go_at.map_or("-".to_owned(), time))?;
    }
    writeln!(text, "\n{:<14} {:<9} {:>6} {:>9}  until", "SIGNING", "state", "age", "algorithm")?;
    for key in &status.signing {
        let (age, until) = (age(now - key.made_at), key.ends_at.map_or("-".to_owned(), time));
        writeln!(text, "{:<14} {:<9} {age:>6} {:>9}  {until}", key.kid, key.state.as_str(), key.algorithm)?;
    }
    Ok(text)
}

/// In the largest unit that it has two of.
fn age(age: TimeDelta) -> String {
    match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (days @ 2.., _, _) => format!("{days} d"),
        (_, hours @ 2.., _) => format!("{hours} h"),
        (_, _, minutes) => format!("{} min", minutes.max(0)),
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.format("%F %T UTC").to_string()
}

fn said(trouble: KeyTrouble) -> String {
    trouble.to_string()
}

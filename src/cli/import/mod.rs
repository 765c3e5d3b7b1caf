//! `stepgate account import`: a file of accounts into the store, each exactly once, however often the run is cut off.

mod progress;
mod report;
mod source;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt, stream};
use stepgate::engine::ports::EventKind;
use stepgate::engine::{Engine, FieldProblem, Imported, Line, Order, Problems, Reason};

use super::desk::said;
use super::say::say;
use progress::Progress;
use report::Report;
use source::{Numbered, Source};

/// How often a line is tried again while the store does not answer, and the pause in between: half a minute.
const TRIES: u32 = 120;
const PAUSE: Duration = Duration::from_millis(250);
/// How long names are waited for that a cut-off creation holds: longer than it can.
const HELD: u32 = 60;

#[derive(Args)]
pub struct Import {
    /// JSON lines, or a table with a header row when its name ends in .csv
    file: PathBuf,
    /// Where to write the refused lines, as JSON lines; FILE.refused by default
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Accounts that are being made at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    concurrency: u16,
    /// Check every line against itself and the store, and make nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Default)]
struct Tally {
    created: u64,
    already_there: u64,
    refused: u64,
}

enum End {
    Created,
    AlreadyThere,
    Held(Box<Line>),
    Refused(Problems),
}

pub async fn run(engine: &Engine, import: &Import) -> Result<ExitCode, String> {
    let source = Source::open(&import.file)?;
    let mut report = Report::beside(import.report.clone().unwrap_or_else(|| beside(&import.file, ".refused")))?;
    let kept = beside(&import.file, ".progress");
    let reached = progress::reached(&kept, &source.digest);
    let keep = (!import.dry_run).then_some((kept, source.digest.as_str(), reached));
    let mut progress = Progress::new(source.length, keep);
    let tally = all(engine, import, &source, reached, &mut report, &mut progress).await?;
    progress.finish()?;
    if !import.dry_run {
        note(engine, &tally).await;
    }
    summary(&tally, &report, import.dry_run)?;
    Ok(if tally.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

async fn all(
    engine: &Engine,
    import: &Import,
    source: &Source,
    reached: u64,
    report: &mut Report,
    progress: &mut Progress,
) -> Result<Tally, String> {
    let (mut tally, mut held, mut warned) = (Tally::default(), Vec::new(), false);
    let mut ends = stream::iter(source.lines(&engine.policy)?)
        .map(|read| settled(engine, read, reached, import.dry_run))
        .buffer_unordered(usize::from(import.concurrency));
    while let Some(end) = ends.next().await {
        let (number, plain, end) = end?;
        if plain && !warned && !import.dry_run {
            warned = true;
            eprintln!("There are passwords in clear: each is hashed, which takes some milliseconds of a core.");
        }
        match end {
            End::Created => tally.created += 1,
            End::AlreadyThere => tally.already_there += 1,
            End::Held(line) => held.push((number, *line)),
            End::Refused(problems) => {
                tally.refused += 1;
                report.add(number, &problems)?;
            }
        }
        progress.settle(number)?;
    }
    for (number, line) in held {
        match released(engine, line).await? {
            End::Created => tally.created += 1,
            End::AlreadyThere => tally.already_there += 1,
            End::Held(_) => {
                tally.refused += 1;
                report.add(number, &Problems::from([("email".to_owned(), FieldProblem::Taken)]))?;
            }
            End::Refused(problems) => {
                tally.refused += 1;
                report.add(number, &problems)?;
            }
        }
    }
    Ok(tally)
}

/// What becomes of a line: its number, whether a password in clear came with it, and how it ended.
async fn settled(
    engine: &Engine,
    read: Result<Numbered, String>,
    reached: u64,
    dry_run: bool,
) -> Result<(u64, bool, End), String> {
    let Numbered { number, line } = read?;
    let line = match line {
        Ok(line) => line,
        Err(problems) => return Ok((number, false, End::Refused(problems))),
    };
    let (plain, order) = (line.is_plain(), if number <= reached { Order::Look } else { Order::Create });
    Ok((number, plain, one(engine, line, order, dry_run).await?))
}

async fn one(engine: &Engine, line: Line, order: Order, dry_run: bool) -> Result<End, String> {
    let mut tries = 0;
    loop {
        let end = match dry_run {
            true => engine.rehearse(&line).await,
            false => engine.import(line.clone(), order).await,
        };
        tries += 1;
        match end {
            Ok(Imported::Created) => return Ok(End::Created),
            Ok(Imported::AlreadyThere) => return Ok(End::AlreadyThere),
            Ok(Imported::Held) => return Ok(End::Held(Box::new(line))),
            Err(refused) if !refused.fields.is_empty() => return Ok(End::Refused(refused.fields)),
            Err(refused) if !is_passing(refused.reason) || tries == TRIES => {
                return Err(format!("{}; run it again to go on", said(&refused)));
            }
            // A store that is failing over, or a full queue, is asked again at a decent pace.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn is_passing(reason: Reason) -> bool {
    matches!(reason, Reason::Unavailable | Reason::Overloaded | Reason::WizardChanged)
}

/// Tries a line until its names are free.
async fn released(engine: &Engine, mut line: Line) -> Result<End, String> {
    for _ in 0..HELD {
        match one(engine, line, Order::Create, false).await? {
            End::Held(again) => line = *again,
            end => return Ok(end),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(End::Held(Box::new(line)))
}

async fn note(engine: &Engine, tally: &Tally) {
    let happening = engine.happening(EventKind::AccountsImported).by_operator();
    let happening = happening.detail("created", tally.created.to_string());
    let happening = happening.detail("alreadyThere", tally.already_there.to_string());
    engine.note(happening.detail("refused", tally.refused.to_string()));
    engine.errands.idle().await;
}

fn summary(tally: &Tally, report: &Report, dry_run: bool) -> Result<(), String> {
    let Tally { created, already_there, refused } = tally;
    let made = if dry_run { "To be created" } else { "Created" };
    say(format_args!("{made}: {created}\nAlready there: {already_there}\nRefused: {refused}\n"))?;
    match report.written() {
        Some(path) => say(format_args!("What was refused, and why: {}\n", path.display())),
        None => Ok(()),
    }
}

/// The file's own name with an ending.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(OsStr::new(ending));
    PathBuf::from(name)
}

//! `stepgate` and its subcommands.
//!
//! Here, and nowhere else, the process prints for people.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line prints")]

mod account;
mod desk;
mod export;
mod import;
mod keys;
mod say;
mod serve;
mod workflows;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use stepgate::config::Config;

/// Sign-in and two-factor wizards, one proved step at a time.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// The configuration file; without it `stepgate.toml`, if there is one. The environment overrides it.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (what happens without a command, too)
    Serve,
    /// Make, list, import and export accounts, and help their owners
    #[command(subcommand)]
    Account(account::Account),
    /// Make, turn over and show the server's keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Prove and draw workflow files
    #[command(subcommand)]
    Workflows(workflows::Workflows),
    /// Print the OpenAPI 3.1 document of a server with default settings
    Openapi,
}

pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None | Some(Command::Serve) => configured(cli.config).and_then(|config| serve::run(&config)),
        Some(Command::Account(command)) => {
            match configured(cli.config).and_then(|config| account::run(&config, command)) {
                Ok(code) => return code,
                Err(message) => Err(message),
            }
        }
        Some(Command::Keys(keys::Keys::Generate)) => keys::generate(),
        Some(Command::Keys(command)) => configured(cli.config).and_then(|config| keys::run(&config, command)),
        Some(Command::Workflows(command)) => workflows::run(command),
        Some(Command::Openapi) => openapi(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn configured(file: Option<PathBuf>) -> Result<Config, String> {
    let file = file.or_else(|| Some(PathBuf::from("stepgate.toml")).filter(|file| file.exists()));
    Config::load(file.as_deref(), std::env::vars()).map_err(|errors| errors.to_string())
}

fn openapi() -> Result<(), String> {
    let document = serde_json::to_string_pretty(&stepgate::http::document(&stepgate::http::Mount::usual()))
        .map_err(|error| error.to_string())?;
    say::say(format_args!("{document}\n"))
}

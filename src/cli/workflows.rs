use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use stepgate::app;
use stepgate::workflow::{self, Catalogue};

use super::say::say;

#[derive(Subcommand)]
pub enum Workflows {
    /// Prove every file of a folder; without one, the shipped files
    Check { folder: Option<PathBuf> },
    /// Draw a workflow
    Graph {
        /// Its name, such as signin
        name: String,
        #[arg(long, value_enum, default_value_t = Format::Mermaid)]
        format: Format,
        /// A folder whose files replace the shipped ones of the same name
        #[arg(long)]
        folder: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Mermaid,
    Dot,
}

pub fn run(command: Workflows) -> Result<(), String> {
    match command {
        Workflows::Check { folder } => check(folder),
        Workflows::Graph { name, format, folder } => graph(&name, format, folder),
    }
}

fn check(folder: Option<PathBuf>) -> Result<(), String> {
    let sources = match folder {
        Some(folder) => app::workflow_sources(&folder).map_err(|error| error.to_string())?,
        None => Catalogue::shipped_sources(),
    };
    if sources.is_empty() {
        return Err("There is no .toml file in this folder.".to_owned());
    }
    let report = workflow::check(&sources);
    if !report.is_sound() {
        return Err(report.to_string());
    }
    say(format_args!("{report}\n"))
}

fn graph(name: &str, format: Format, folder: Option<PathBuf>) -> Result<(), String> {
    let catalogue = app::catalogue(folder.as_deref()).map_err(|error| error.to_string())?;
    let names = || catalogue.iter().map(|workflow| workflow.name.clone()).collect::<Vec<_>>().join(", ");
    let found = catalogue.get(name).ok_or_else(|| format!("There is no workflow {name}. There are {}.", names()))?;
    let format = match format {
        Format::Mermaid => workflow::Format::Mermaid,
        Format::Dot => workflow::Format::Dot,
    };
    say(found.draw(format))
}

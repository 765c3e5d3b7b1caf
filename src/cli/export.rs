use std::fs::OpenOptions;
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Args;
use stepgate::engine::{Engine, Exporting};

use super::desk::said;

/// Accounts that are read at a time.
const PAGE: usize = 500;

#[derive(Args)]
pub struct Export {
    /// A file that does not exist yet, readable by its owner only; without it, standard output
    file: Option<PathBuf>,
    /// Write password hashes, too
    #[arg(long)]
    with_hashes: bool,
    /// Write the secrets of authenticators, too, in clear
    #[arg(long)]
    with_secrets: bool,
}

pub async fn run(engine: &Engine, export: &Export) -> Result<(), String> {
    let what = Exporting { hashes: export.with_hashes, secrets: export.with_secrets };
    let Some(path) = &export.file else {
        return match write(engine, what, &mut BufWriter::new(std::io::stdout().lock())).await? {
            // A reader that has seen enough and gone, such as `head`, is no fault.
            Err(why) if why.kind() != ErrorKind::BrokenPipe => Err(why.to_string()),
            Ok(()) | Err(_) => Ok(()),
        };
    };
    let failed = |why: std::io::Error| format!("{}: {why}", path.display());
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let mut file = BufWriter::new(file);
    write(engine, what, &mut file).await?.map_err(failed)?;
    file.get_ref().sync_all().map_err(failed)
}

/// Page by page, so that no more of them are in memory at once.
async fn write(engine: &Engine, what: Exporting, out: &mut impl Write) -> Result<std::io::Result<()>, String> {
    let mut after = None;
    loop {
        let page = engine.accounts(after, PAGE).await.map_err(|refused| said(&refused))?;
        for account in &page {
            let line = engine.exported(account, what).map_err(|refused| said(&refused))?;
            if let Err(why) = writeln!(out, "{line}") {
                return Ok(Err(why));
            }
        }
        match page.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(out.flush()),
        }
    }
}

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Lines after which the place is written down.
const STRIDE: u64 = 1_000;
/// Time between two lines of progress where nobody watches a bar.
const PERIOD: Duration = Duration::from_secs(5);

/// How far a run has come, for whoever watches, and for the next run if this one is cut off.
pub struct Progress {
    bar: ProgressBar,
    watched: bool,
    begun: Instant,
    told: Instant,
    settled: u64,
    length: u64,
    place: Option<Place>,
}

/// What is kept beside the file: up to which line of which file some run has come.
#[derive(Serialize, Deserialize)]
struct Kept {
    file: String,
    line: u64,
}

struct Place {
    path: PathBuf,
    kept: Kept,
}

/// The line up to which an earlier run has come with this very file. Only a hint where to look first.
pub fn reached(path: &Path, digest: &str) -> u64 {
    let kept = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    kept.filter(|kept| kept.file == digest).map_or(0, |kept| kept.line)
}

impl Progress {
    /// Of `length` lines. The place is kept at `path`, for the file of this digest, if there is one to keep.
    pub fn new(length: u64, keep: Option<(PathBuf, &str, u64)>) -> Self {
        let watched = std::io::stderr().is_terminal();
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style = ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len}, {per_sec}, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let place = keep.map(|(path, digest, line)| Place { path, kept: Kept { file: digest.to_owned(), line } });
        let now = Instant::now();
        Progress { bar, watched, begun: now, told: now, settled: 0, length, place }
    }

    /// One more line is settled.
    pub fn settle(&mut self, number: u64) -> Result<(), String> {
        self.settled += 1;
        self.bar.inc(1);
        if !self.watched && self.told.elapsed() >= PERIOD {
            self.told = Instant::now();
            self.tell();
        }
        if let Some(place) = &mut self.place {
            place.kept.line = place.kept.line.max(number);
            if self.settled.is_multiple_of(STRIDE) {
                place.write()?;
            }
        }
        Ok(())
    }

    fn tell(&self) {
        let seconds = self.begun.elapsed().as_secs().max(1);
        let rate = (self.settled / seconds).max(1);
        let left = self.length.saturating_sub(self.settled) / rate;
        eprintln!("{} of {}, {rate}/s, {left} s left", self.settled, self.length);
    }

    pub fn finish(self) -> Result<(), String> {
        self.bar.finish_and_clear();
        self.place.map_or(Ok(()), |place| place.write())
    }
}

impl Place {
    /// In one go, so that a kill leaves the old or the new one.
    fn write(&self) -> Result<(), String> {
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let fresh = PathBuf::from(name);
        let text = serde_json::to_string(&self.kept).map_err(|why| why.to_string())?;
        let written = fs::File::create(&fresh)
            .and_then(|mut file| writeln!(file, "{text}"))
            .and_then(|()| fs::rename(&fresh, &self.path));
        written.map_err(|why| format!("{}: {why}", self.path.display()))
    }
}

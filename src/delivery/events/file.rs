use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::queue::Outlet;
use crate::engine::ports::Event;

/// Writes each event as one line of JSON, to a file that it appends to or to standard output.
///
/// The file is made with mode 0600, and made anew when it was moved away or removed, so that it can be rotated.
pub struct EventFile {
    /// Standard output when there is none.
    path: Option<PathBuf>,
    file: Option<File>,
    /// Whether the last line may have been cut off.
    torn: bool,
}

impl EventFile {
    /// Opens the file at once, so that a wrong path is found at start.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = open(&path)?;
        Ok(EventFile { path: Some(path), file: Some(file), torn: false })
    }

    pub fn output() -> Self {
        EventFile { path: None, file: None, torn: false }
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        let Some(path) = &self.path else {
            let mut output = io::stdout().lock();
            return output.write_all(lines.as_bytes()).and_then(|()| output.flush());
        };
        let file = match self.file.take().filter(|file| is_at(file, path)) {
            Some(file) => file,
            None => open(path)?,
        };
        let file = self.file.insert(file);
        // Behind a line that a full disk cut off, so that only that one is broken.
        let begin = if std::mem::replace(&mut self.torn, true) { "\n" } else { "" };
        file.write_all(format!("{begin}{lines}").as_bytes())?;
        self.torn = false;
        Ok(())
    }
}

#[async_trait]
impl Outlet for EventFile {
    fn name(&self) -> &'static str {
        "events.file"
    }

    async fn deliver(&mut self, batch: &[Event]) -> Result<(), String> {
        let mut lines = String::new();
        for event in batch {
            lines.push_str(&serde_json::to_string(event).map_err(|error| error.to_string())?);
            lines.push('\n');
        }
        let mut own = EventFile { path: self.path.clone(), file: self.file.take(), torn: self.torn };
        // A disk or a pipe that stalls must not hold up the runtime.
        let written = tokio::task::spawn_blocking(move || {
            let written = own.write(&lines);
            (own, written)
        });
        let (own, written) = written.await.map_err(|error| error.to_string())?;
        *self = own;
        written.map_err(|error| error.to_string())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Whether the path still leads to this very file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(own), Ok(there)) => (own.dev(), own.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::delivery::events::tests::event;

    fn ids(path: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(path).unwrap();
        let event = |line| serde_json::from_str::<Event>(line).unwrap().id;
        text.lines().filter(|line| !line.is_empty()).map(event).collect()
    }

    #[tokio::test]
    async fn a_file_that_was_moved_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("events.jsonl"), folder.path().join("events.jsonl.1"));
        let mut sink = EventFile::open(&path).unwrap();
        sink.deliver(&[event("a"), event("b")]).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::rename(&path, &moved).unwrap();
        sink.deliver(&[event("c")]).await.unwrap();
        assert_eq!((ids(&moved), ids(&path)), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
        std::fs::remove_file(&path).unwrap();
        sink.deliver(&[event("d")]).await.unwrap();
        assert_eq!(ids(&path), ["d"]);
        // Another start goes on behind what is there.
        EventFile::open(&path).unwrap().deliver(&[event("e")]).await.unwrap();
        assert_eq!(ids(&path), ["d", "e"]);
        assert!(EventFile::open(folder.path()).is_err(), "a folder is no file");
    }

    #[tokio::test]
    async fn after_a_failed_write_the_next_line_begins_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "{\"id\":\"cut").unwrap();
        let mut sink = EventFile::open(&path).unwrap();
        // As a disk that was full a moment ago has left it.
        sink.torn = true;
        sink.deliver(&[event("a")]).await.unwrap();
        sink.deliver(&[event("b")]).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.starts_with("{\"id\":\"cut\n{"), "{text}");
        let full = EventFile::open("/dev/full").map(|mut sink| sink.write("x\n").map_err(|error| error.kind()));
        assert_eq!(full.unwrap(), Err(io::ErrorKind::StorageFull));
    }
}

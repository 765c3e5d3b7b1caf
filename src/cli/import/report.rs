use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use stepgate::engine::Problems;
use stepgate::http::words;
use stepgate::identity::Locale;

/// The refused lines of this run, as JSON lines. Holds no value of any field.
pub struct Report {
    path: PathBuf,
    file: Option<File>,
}

impl Report {
    /// A report that will be written at `path` when there is something to write. An older one goes.
    pub fn beside(path: PathBuf) -> Result<Self, String> {
        match fs::remove_file(&path) {
            Err(why) if why.kind() != ErrorKind::NotFound => Err(failed(&path, &why)),
            Ok(()) | Err(_) => Ok(Report { path, file: None }),
        }
    }

    pub fn add(&mut self, line: u64, problems: &Problems) -> Result<(), String> {
        let errors: Map<String, Value> =
            problems.iter().map(|(field, problem)| (field.clone(), json!([words(Locale::En, problem)]))).collect();
        let text = json!({ "line": line, "errors": errors }).to_string();
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::create(&self.path).map_err(|why| failed(&self.path, &why))?),
        };
        writeln!(file, "{text}").map_err(|why| failed(&self.path, &why))
    }

    /// Where it is, if it had to be written.
    pub fn written(&self) -> Option<&Path> {
        self.file.as_ref().map(|_| self.path.as_path())
    }
}

fn failed(path: &Path, why: &std::io::Error) -> String {
    format!("{}: {why}", path.display())
}

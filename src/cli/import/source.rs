use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use stepgate::engine::{FieldProblem, Line, Problems};
use stepgate::identity::Policy;

/// Bytes that one line may have.
const LONGEST: u64 = 64 * 1024;

/// A file of accounts: JSON lines, or a table when its name ends in `.csv`.
pub struct Source {
    path: PathBuf,
    /// SHA-256, in hexadecimal.
    pub digest: String,
    /// About how many accounts there are in it.
    pub length: u64,
}

/// One line, with its number in the file.
pub struct Numbered {
    pub number: u64,
    pub line: Result<Line, Problems>,
}

pub type Lines<'a> = Box<dyn Iterator<Item = Result<Numbered, String>> + 'a>;

impl Source {
    /// Reads the file once, to know it again and to know how long it is.
    pub fn open(path: &Path) -> Result<Self, String> {
        let mut file = BufReader::new(File::open(path).map_err(|why| failed(path, &why))?);
        let (mut digest, mut length) = (Sha256::new(), 0);
        loop {
            let part = file.fill_buf().map_err(|why| failed(path, &why))?;
            if part.is_empty() {
                break;
            }
            digest.update(part);
            length += part.iter().filter(|byte| **byte == b'\n').count() as u64;
            let read = part.len();
            file.consume(read);
        }
        let digest = data_encoding::HEXLOWER.encode(&digest.finalize());
        Ok(Source { path: path.to_owned(), digest, length })
    }

    pub fn lines<'a>(&'a self, policy: &'a Policy) -> Result<Lines<'a>, String> {
        let file = BufReader::new(File::open(&self.path).map_err(|why| failed(&self.path, &why))?);
        if self.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            return self.table(file, policy);
        }
        Ok(Box::new(self.objects(file, policy)))
    }

    fn objects<'a>(
        &'a self,
        mut file: BufReader<File>,
        policy: &'a Policy,
    ) -> impl Iterator<Item = Result<Numbered, String>> + 'a {
        let mut number = 0;
        std::iter::from_fn(move || {
            loop {
                number += 1;
                let mut bytes = Vec::new();
                match file.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes) {
                    Err(why) => return Some(Err(failed(&self.path, &why))),
                    Ok(0) => return None,
                    Ok(length) if length as u64 > LONGEST => {
                        return Some(Err(format!(
                            "{}, line {number}: is longer than {LONGEST} bytes",
                            self.path.display()
                        )));
                    }
                    Ok(_) if bytes.trim_ascii().is_empty() => {}
                    Ok(_) => {
                        let line = match std::str::from_utf8(&bytes) {
                            Ok(text) => Line::of_json(text, policy),
                            Err(_) => Err(not_utf8()),
                        };
                        return Some(Ok(Numbered { number, line }));
                    }
                }
            }
        })
    }

    fn table<'a>(&'a self, file: BufReader<File>, policy: &'a Policy) -> Result<Lines<'a>, String> {
        let said = |why: csv::Error| format!("{}: {why}", self.path.display());
        let mut table = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(file);
        let header: Vec<String> =
            table.headers().map_err(said)?.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        let unknown: Vec<&str> =
            header.iter().map(String::as_str).filter(|name| !Line::FIELDS.contains(name)).collect();
        if !header.iter().any(|name| name == "email") {
            let known = Line::FIELDS.join(", ");
            return Err(format!("{}: the first row must name the columns, email among {known}", self.path.display()));
        }
        if !unknown.is_empty() {
            eprintln!("These columns are passed over: {}", unknown.join(", "));
        }
        let mut record = csv::StringRecord::new();
        Ok(Box::new(std::iter::from_fn(move || match table.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let number = record.position().map_or(0, csv::Position::line);
                let cells = header.iter().map(String::as_str).zip(record.iter());
                Some(Ok(Numbered { number, line: Line::of_cells(cells, policy) }))
            }
            Err(why) => row_fault(&why).map_or_else(|| Some(Err(said(why))), |row| Some(Ok(row))),
        })))
    }
}

/// A row that is not like the others; what follows it can still be read.
fn row_fault(why: &csv::Error) -> Option<Numbered> {
    let (number, problems) = match why.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, .. } => {
            let expected = format!("a row of {expected_len} cells");
            (pos.as_ref()?.line(), Problems::from([("line".to_owned(), FieldProblem::Invalid(expected))]))
        }
        csv::ErrorKind::Utf8 { pos, .. } => (pos.as_ref()?.line(), not_utf8()),
        _ => return None,
    };
    Some(Numbered { number, line: Err(problems) })
}

fn not_utf8() -> Problems {
    Problems::from([("line".to_owned(), FieldProblem::Invalid("UTF-8".to_owned()))])
}

fn failed(path: &Path, why: &std::io::Error) -> String {
    format!("{}: {why}", path.display())
}

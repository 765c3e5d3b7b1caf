use std::io::{BufRead, Read};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use unicode_normalization::UnicodeNormalization;

use crate::identity::Secret;

/// Entries that a list may have: each takes 8 bytes of memory.
const MOST: usize = 20_000_000;
/// Bytes of a line: the longest password in the widest characters, with room to spare.
const LONGEST: u64 = 4_096;

/// Passwords that everybody tries first.
///
/// Kept as the first 8 bytes of their SHA-1 digests, sorted, for that is what lists of breached passwords hold. The
/// chance that a password is refused for another one's sake is below one in 10¹¹, even with the longest list.
pub struct CommonPasswords(Vec<u64>);

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("has more than {MOST} lines")]
    TooLong,
    #[error("line {0} is longer than {LONGEST} bytes")]
    LongLine(usize),
    #[error("holds no password")]
    Empty,
}

impl CommonPasswords {
    /// The list that is shipped.
    pub fn built_in() -> Self {
        Self::read(include_bytes!("common.txt").as_slice()).unwrap_or(CommonPasswords(Vec::new()))
    }

    /// One password per line, in any letter case; or one SHA-1 digest in hexadecimal per line, with or without `:` and a
    /// count after it, as lists of breached passwords come. Lines that are no UTF-8 are passed over: nobody can type
    /// them here.
    ///
    /// # Errors
    /// [`ListError`].
    pub fn read(mut list: impl BufRead) -> Result<Self, ListError> {
        let (mut kept, mut line, mut number) = (Vec::new(), Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            let length = list.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line)?;
            if length as u64 > LONGEST {
                return Err(ListError::LongLine(number));
            }
            if length == 0 {
                break;
            }
            if kept.len() == MOST {
                return Err(ListError::TooLong);
            }
            kept.extend(entry(&line));
        }
        kept.sort_unstable();
        kept.dedup();
        kept.shrink_to_fit();
        if kept.is_empty() { Err(ListError::Empty) } else { Ok(CommonPasswords(kept)) }
    }

    /// Whether the password is on the list: as it is typed, in NFKC, or in NFKC and lower case. A list of digests can
    /// only know the spellings that it has.
    pub(super) fn has(&self, password: &Secret) -> bool {
        let text = password.expose();
        let normal: String = text.nfkc().collect();
        [text, &normal, &normal.to_lowercase()].iter().any(|text| self.0.binary_search(&digested(text)).is_ok())
    }
}

fn entry(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return None;
    }
    let hex = text.split(':').next().unwrap_or_default();
    match data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()) {
        Ok(sha1) if sha1.len() == 20 => Some(head(&sha1)),
        _ => Some(digested(&text.nfkc().collect::<String>().to_lowercase())),
    }
}

fn digested(text: &str) -> u64 {
    head(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
}

fn head(sha1: &[u8]) -> u64 {
    sha1.iter().take(8).fold(0, |head, byte| head << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(list: &str, password: &str) -> bool {
        CommonPasswords::read(list.as_bytes()).unwrap().has(&Secret::new(password))
    }

    #[test]
    fn a_list_of_passwords() {
        let list = "\nHunter2hunter\r\nžluťoučký\n";
        assert!(has(list, "hunter2hunter") && has(list, "HUNTER2hunter") && has(list, "ŽLUŤOUČKÝ"));
        assert!(!has(list, "hunter2") && !has(list, ""));
    }

    #[test]
    fn a_downloaded_list_of_digests() {
        // SHA-1 of "password" and of "P@ssw0rd".
        let list = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:3861493\n21bd12dc183f740ee76f27b78eb39c8ad972a757";
        assert!(has(list, "password") && has(list, "PASSWORD") && has(list, "P@ssw0rd"));
        assert!(!has(list, "p@ssw0rd") && !has(list, "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"));
    }

    #[test]
    fn what_cannot_be_typed_is_passed_over() {
        let list = CommonPasswords::read(b"\xff\xfe\xfd\nhunter2hunter".as_slice()).unwrap();
        assert_eq!(list.0.len(), 1);
    }

    #[test]
    fn a_file_that_is_no_list_is_refused() {
        assert!(matches!(CommonPasswords::read(b"\n\n".as_slice()), Err(ListError::Empty)));
        let long = format!("fine\n{}", "x".repeat(5_000));
        assert!(matches!(CommonPasswords::read(long.as_bytes()), Err(ListError::LongLine(2))));
    }

    #[test]
    fn the_shipped_list_is_in_order_and_of_use() {
        let lines: Vec<&str> = include_str!("common.txt").lines().collect();
        assert!(lines.len() > 400, "{}", lines.len());
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "sorted, and each once");
        assert!(lines.iter().all(|line| line.chars().count() >= 8 && line.to_lowercase() == **line));
    }
}

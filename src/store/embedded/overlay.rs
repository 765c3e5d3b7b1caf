//! The file as it is, with every write kept in memory: what a disk that takes no writes is still read through.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// Bytes of a block, the unit in which writes are kept.
const BLOCK: u64 = 4_096;

/// Lets redb repair the file, in memory only. It is read from, and locked, and never written to.
#[derive(Debug)]
pub struct Overlay {
    file: FileBackend,
    /// The length of the file when it was opened, in bytes.
    on_disk: u64,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    blocks: HashMap<u64, Vec<u8>>,
    len: u64,
}

impl Overlay {
    pub fn over(file: File) -> Result<Overlay, DatabaseError> {
        let file = FileBackend::new(file)?;
        let len = file.len()?;
        Ok(Overlay { file, on_disk: len, written: Mutex::new(Written { blocks: HashMap::new(), len }) })
    }

    /// A block of the file; nothing but zeros beyond its end.
    fn load(&self, block: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; BLOCK as usize];
        let start = block * BLOCK;
        let there = self.on_disk.saturating_sub(start).min(BLOCK);
        if there > 0 {
            self.file.read(start, &mut bytes[..there as usize])?;
        }
        Ok(bytes)
    }

    /// The pieces of `length` bytes from `offset` on: block, place in the block, place in the bytes, length.
    fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
        let mut done = 0;
        std::iter::from_fn(move || {
            let at = offset + done as u64;
            let place = (at % BLOCK) as usize;
            let piece = (BLOCK as usize - place).min(length - done);
            let found = (at / BLOCK, place, done, piece);
            done += piece;
            (piece > 0).then_some(found)
        })
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written.lock().unwrap_or_else(PoisonError::into_inner).len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if offset.saturating_add(out.len() as u64) > written.len {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        for (block, place, done, piece) in Self::pieces(offset, out.len()) {
            let target = &mut out[done..done + piece];
            match written.blocks.get(&block) {
                Some(bytes) => target.copy_from_slice(&bytes[place..place + piece]),
                None => target.copy_from_slice(&self.load(block)?[place..place + piece]),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        for (block, place, done, piece) in Self::pieces(offset, data.len()) {
            let mut bytes = match written.blocks.remove(&block) {
                Some(bytes) => bytes,
                None => self.load(block)?,
            };
            bytes[place..place + piece].copy_from_slice(&data[done..done + piece]);
            written.blocks.insert(block, bytes);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_file_stays_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let before: Vec<u8> = (0..10_000_u32).map(|number| number as u8).collect();
        std::fs::write(&path, &before).unwrap();
        let overlay = Overlay::over(File::options().read(true).write(true).open(&path).unwrap()).unwrap();
        let mut expected = before.clone();
        expected.resize(12_000, 0);
        overlay.set_len(12_000).unwrap();
        for (offset, length) in [(0, 3), (4_090, 12), (9_990, 1_000), (11_999, 1), (8_192, 0)] {
            overlay.write(offset, &vec![0xee; length]).unwrap();
            expected[offset as usize..offset as usize + length].fill(0xee);
        }
        let mut found = vec![0; 12_000];
        overlay.read(0, &mut found).unwrap();
        assert_eq!(found, expected);
        overlay.read(4_000, &mut found[..200]).unwrap();
        assert_eq!(found[..200], expected[4_000..4_200]);
        assert!(overlay.read(11_999, &mut [0; 2]).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

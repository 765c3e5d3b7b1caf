//! The file: opening it, reading snapshots of it, and opening it anew after a fault.

use std::fs::{DirBuilder, File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, TableDefinition, WriteTransaction};

use crate::engine::ports::StoreError;

use super::layout::{COMMIT_NUMBER, DEADLINES, LAYOUT, LAYOUT_NUMBER, NUMBERS, TABLES, encode};
use super::overlay::Overlay;
use super::view::View;

/// The name of the file in the store's directory.
pub const FILE: &str = "stepgate.redb";
/// Bytes of the file that are kept in memory at most.
const CACHE: usize = 128 << 20;

/// Opens the database in a file that is there; a seam for disks that fail on demand.
pub type Opener = Box<dyn Fn(File) -> Result<Database, DatabaseError> + Send + Sync>;

/// The open file. After a fault of the disk redb refuses everything until it is opened anew, which [`Disk::reopen`]
/// does; while that fails, writes are refused.
pub struct Disk {
    path: PathBuf,
    opener: Opener,
    /// Whether the file has been open before: then what can be read of it is the store.
    known: bool,
    database: RwLock<Option<Database>>,
}

impl Disk {
    pub fn open(dir: &Path) -> Result<Disk, StoreError> {
        Disk::open_with(dir, Box::new(open_checked))
    }

    pub fn open_with(dir: &Path, opener: Opener) -> Result<Disk, StoreError> {
        make_dir(dir).map_err(|error| StoreError::Unavailable(format!("{}: {error}", dir.display())))?;
        let mut disk = Disk { path: dir.join(FILE), opener, known: false, database: RwLock::new(None) };
        disk.reopen()?;
        disk.known = true;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| disk.unavailable(&error))?;
        Ok(disk)
    }

    /// Runs `work` on a snapshot of what is on the disk.
    pub fn read<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or_else(|| self.closed())?;
        work(&database.begin_read().map_err(trouble)?)
    }

    /// Begins a write transaction. There is one at a time: the writer's.
    pub fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().ok_or_else(|| self.closed())?.begin_write().map_err(trouble)
    }

    /// Closes the file and opens it anew, which repairs it. Waits for the reads that are under way. When it fails, reads
    /// go on through an [`Overlay`] if the file can be read at all; nothing may be written then.
    pub fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        let opened = self.open_by(&self.opener);
        let (found, outcome) = match opened {
            Ok(opened) => (Some(opened), Ok(())),
            Err(error) if self.known => (self.open_by(&open_in_memory).ok(), Err(error)),
            Err(error) => (None, Err(error)),
        };
        *database = found;
        outcome
    }

    fn open_by(&self, opener: &dyn Fn(File) -> Result<Database, DatabaseError>) -> Result<Database, StoreError> {
        let file = open_file(&self.path).map_err(|error| self.unavailable(&error))?;
        // redb panics on some damage that its checks do not look for.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let opened = opener(file).map_err(|error| self.refused(error))?;
            prepare(&opened)?;
            Ok(opened)
        }));
        opened.unwrap_or_else(|_| Err(self.damaged("its structure makes no sense")))
    }

    /// The number of the last commit that is on the disk.
    pub fn last_commit(&self) -> Result<u64, StoreError> {
        self.read(|view| Ok(view.find(&NUMBERS, COMMIT_NUMBER)?.unwrap_or(0)))
    }

    fn refused(&self, error: DatabaseError) -> StoreError {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                StoreError::Unavailable(format!("another process has {} open", self.path.display()))
            }
            DatabaseError::Storage(redb::StorageError::Io(error))
                if !matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) =>
            {
                self.unavailable(&error)
            }
            error => self.damaged(&error.to_string()),
        }
    }

    fn unavailable(&self, error: &std::io::Error) -> StoreError {
        StoreError::Unavailable(format!("{}: {error}", self.path.display()))
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::Damaged(format!("{} is not a store, or is damaged: {why}", self.path.display()))
    }

    fn closed(&self) -> StoreError {
        StoreError::Unavailable(format!("{} could not be opened again after a fault", self.path.display()))
    }
}

/// What redb reports, in the words of the port.
pub fn trouble(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(why) => StoreError::Damaged(why),
        error => StoreError::Unavailable(error.to_string()),
    }
}

/// Opens the file without writing to it.
fn open_in_memory(file: File) -> Result<Database, DatabaseError> {
    Database::builder()
        .set_cache_size(CACHE)
        .set_check_integrity_on_open(true)
        .create_with_backend(Overlay::over(file)?)
}

fn open_checked(file: File) -> Result<Database, DatabaseError> {
    Database::builder()
        .set_cache_size(CACHE)
        .set_check_integrity_on_open(true)
        .create_with_backend(FileBackend::new(file)?)
}

/// Makes every table, so that reads find them, and refuses a layout that this version does not know.
fn prepare(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(trouble)?;
    for table in TABLES {
        transaction.open_table(TableDefinition::<&str, &[u8]>::new(table)).map_err(trouble)?;
    }
    transaction.open_table(DEADLINES).map_err(trouble)?;
    transaction.commit().map_err(trouble)?;
    let layout = database.begin_read().map_err(trouble)?.find(&NUMBERS, LAYOUT_NUMBER)?;
    match layout {
        Some(LAYOUT) => Ok(()),
        Some(newer) => Err(StoreError::Damaged(format!(
            "the file has layout {newer}, written by a newer version; this one reads {LAYOUT}"
        ))),
        None => {
            let transaction = database.begin_write().map_err(trouble)?;
            let layout = encode(super::layout::FOREVER, &LAYOUT)?;
            transaction
                .open_table(NUMBERS.table())
                .map_err(trouble)?
                .insert(LAYOUT_NUMBER, layout.as_slice())
                .map_err(trouble)?;
            transaction.commit().map_err(trouble)
        }
    }
}

fn make_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// The file, for its owner only: it holds password hashes and sealed secrets.
fn open_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

//! The store on disks that fail.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, Database, DatabaseError, StorageBackend};

use crate::engine::ports::{Store, StoreError};
use crate::identity::{Keys, Sealed};

use super::EmbeddedStore;
use super::disk::Disk;
use super::writer::Writer;

/// What the disk does.
const WELL: u8 = 0;
/// Nothing may grow; what is there may be overwritten.
const FULL: u8 = 1;
/// Every write fails, and so does opening the file to write.
const DEAD: u8 = 2;
/// Bytes arrive, and the next sync says that they did not.
const LYING_ONCE: u8 = 3;

#[derive(Debug)]
struct Faulty {
    file: FileBackend,
    mood: Arc<AtomicU8>,
}

impl Faulty {
    fn fails_on(&self, moods: &[u8]) -> io::Result<()> {
        match moods.contains(&self.mood.load(Ordering::SeqCst)) {
            true => Err(io::Error::from(io::ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.file.len()? {
            self.fails_on(&[FULL])?;
        }
        self.fails_on(&[DEAD])?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        let lied = self.mood.compare_exchange(LYING_ONCE, WELL, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if lied { Err(io::Error::other("a lie")) } else { self.fails_on(&[DEAD]) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.fails_on(&[DEAD])?;
        self.file.write(offset, data)
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

struct Ward {
    store: EmbeddedStore,
    mood: Arc<AtomicU8>,
    home: tempfile::TempDir,
}

impl Ward {
    fn open() -> Ward {
        let (home, mood) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU8::new(WELL)));
        let own = Arc::clone(&mood);
        let opener = move |file: File| -> Result<Database, DatabaseError> {
            // A small cache, so that the transactions of these tests reach the disk before their commit.
            let file = FileBackend::new(file)?;
            Database::builder().set_cache_size(0).create_with_backend(Faulty { file, mood: Arc::clone(&own) })
        };
        let disk = Arc::new(Disk::open_with(home.path(), Box::new(opener)).unwrap());
        let writer = Writer::start(Arc::clone(&disk)).unwrap();
        Ward {
            store: EmbeddedStore {
                disk,
                writer,
                heard: Arc::default(),
                round_trips: AtomicU64::new(0),
                events_kept: 10,
            },
            mood,
            home,
        }
    }

    fn feels(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }

    async fn keep(&self, name: &str, value: &Sealed) -> Result<Sealed, StoreError> {
        self.store.keep(name, value).await
    }

    async fn has(&self, name: &str, value: &Sealed) -> bool {
        let probe = sealed(1, "probe");
        let kept = self.store.keep(name, &probe).await.unwrap();
        assert!(kept == *value || kept == probe);
        kept == *value
    }
}

fn sealed(size: usize, text: &str) -> Sealed {
    Keys::from_master([1; 32]).seal(text.repeat(size).as_bytes(), &[], [0; 24])
}

/// Writes until the disk refuses; the names that were acknowledged.
async fn fill(ward: &Ward, large: &Sealed) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0..1_000 {
        let name = format!("filling {number}");
        match ward.keep(&name, large).await {
            Ok(_) => acknowledged.push(name),
            Err(StoreError::Unavailable(_)) => return acknowledged,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk never filled");
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_answers_reads_and_recovers() {
    let ward = Ward::open();
    let (small, large) = (sealed(1, "small"), sealed(20_000, "large"));
    ward.keep("before", &small).await.unwrap();
    ward.feels(FULL);
    let acknowledged = fill(&ward, &large).await;
    let digest = crate::workflow::Digest::of("nothing");
    assert_eq!(ward.store.published(&digest).await.unwrap(), None);
    assert!(ward.store.health().await.is_ok());
    assert!(matches!(ward.keep("still", &large).await, Err(StoreError::Unavailable(_))));
    ward.feels(WELL);
    assert!(!ward.has("still", &large).await, "a refused write was done");
    assert!(ward.has("before", &small).await);
    for name in acknowledged {
        assert!(ward.has(&name, &large).await, "{name} was acknowledged");
    }
    ward.keep("after", &large).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_takes_no_writes_is_read_and_used_again_when_it_does() {
    let ward = Ward::open();
    let value = sealed(1, "value");
    ward.keep("before", &value).await.unwrap();
    let digest = crate::workflow::Digest::of("published");
    ward.store.publish(&digest, "published").await.unwrap();
    ward.feels(DEAD);
    for _ in 0..3 {
        assert!(matches!(ward.keep("lost", &value).await, Err(StoreError::Unavailable(_))));
        assert!(ward.store.health().await.is_err());
        // What was acknowledged is still answered, from a file that nobody can write to.
        assert_eq!(ward.store.published(&digest).await.unwrap().as_deref(), Some("published"));
    }
    ward.feels(WELL);
    assert!(ward.store.health().await.is_ok(), "looking is enough to come back");
    assert!(!ward.has("lost", &value).await, "a refused write was done");
    assert!(ward.has("before", &value).await);
}

#[tokio::test]
async fn a_failed_commit_that_is_on_the_disk_is_acknowledged() {
    let ward = Ward::open();
    let value = sealed(1, "value");
    ward.keep("before", &value).await.unwrap();
    ward.feels(LYING_ONCE);
    let answer = ward.keep("doubtful", &value).await;
    let is_in = ward.has("doubtful", &value).await;
    assert_eq!(answer.is_ok(), is_in, "the answer is what is on the disk");
    drop(ward.store);
    let store = EmbeddedStore::open(ward.home.path()).unwrap();
    assert_eq!(store.keep("before", &sealed(1, "other")).await.unwrap(), value);
}

use std::sync::{Arc, PoisonError, RwLock};

use crate::engine::ports::StoreError;
use crate::identity::MfaOrders;

/// The orders as they were last read, with the record that they were read from: one that has not changed is not read
/// again.
#[derive(Debug, Default)]
pub(super) struct Heard(RwLock<(Vec<u8>, Arc<MfaOrders>)>);

impl Heard {
    pub(super) fn orders(&self) -> Arc<MfaOrders> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Takes note of what was read, unless something newer is known: answers may overtake each other.
    pub(super) fn learn(
        &self,
        record: &[u8],
        read: impl FnOnce(&[u8]) -> Result<MfaOrders, StoreError>,
    ) -> Result<(), StoreError> {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).0 == record {
            return Ok(());
        }
        let orders = read(record)?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if orders.serial > known.1.serial {
            *known = (record.to_vec(), Arc::new(orders));
        }
        Ok(())
    }

    /// Takes note of what is stored, though it be older than what was known: a failover has lost the rest.
    pub(super) fn relearn(&self, record: &[u8], orders: MfaOrders) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (record.to_vec(), Arc::new(orders));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: &[u8]) -> Result<MfaOrders, StoreError> {
        let serial = String::from_utf8_lossy(record).parse().unwrap();
        Ok(MfaOrders { serial, ..MfaOrders::default() })
    }

    #[test]
    fn the_newest_is_kept_and_the_same_is_not_read_again() {
        let heard = Heard::default();
        for (record, serial) in [("3", 3), ("2", 3), ("4", 4)] {
            heard.learn(record.as_bytes(), read).unwrap();
            assert_eq!(heard.orders().serial, serial);
        }
        heard.learn(b"4", |_| panic!("it is known")).unwrap();
        heard.relearn(b"2", read(b"2").unwrap());
        assert_eq!(heard.orders().serial, 2);
    }
}

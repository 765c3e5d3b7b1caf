use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::delivery::{Fault, Faults, Outbox, Switch};
use crate::engine::ports::{Channel, Clock, Courier};
use crate::http::{DevClock, DevFaults, DevOutbox, FaultName, FaultSwitch, SentMessage, Via};

use super::World;

/// What a tester can take hold of, in dev mode.
#[derive(Default)]
pub struct Hand {
    pub outbox: Option<Outbox>,
    pub clock: Option<Arc<ShiftedClock>>,
    pub faults: Option<Arc<Faults>>,
}

impl Hand {
    /// The world with a clock that can be moved.
    pub fn with_clock(&mut self, world: &World) -> World {
        let clock = Arc::new(ShiftedClock::new(Arc::clone(&world.clock)));
        self.clock = Some(Arc::clone(&clock));
        World { clock, entropy: Arc::clone(&world.entropy) }
    }

    /// The courier with faults that can be switched on.
    pub fn with_faults(&mut self, courier: Arc<dyn Courier>, sms: Duration, email: Duration) -> Arc<dyn Courier> {
        let faults = Arc::new(Faults::new(courier, sms, email));
        self.faults = Some(Arc::clone(&faults));
        faults
    }
}

/// Another clock, and how far ahead of it the time is.
pub struct ShiftedClock {
    clock: Arc<dyn Clock>,
    /// In seconds.
    ahead: AtomicU64,
}

impl ShiftedClock {
    /// How far ahead it can be, in seconds.
    const MOST: u64 = 400 * 86_400;

    pub fn new(clock: Arc<dyn Clock>) -> Self {
        ShiftedClock { clock, ahead: AtomicU64::new(0) }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::seconds(self.ahead.load(Ordering::SeqCst).cast_signed())
    }
}

impl DevClock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        Clock::now(self)
    }

    fn ahead(&self) -> u64 {
        self.ahead.load(Ordering::SeqCst)
    }

    fn advance(&self, seconds: u64) -> Result<(), u64> {
        let further = |ahead: u64| ahead.checked_add(seconds).filter(|sum| *sum <= Self::MOST);
        let moved = self.ahead.fetch_update(Ordering::SeqCst, Ordering::SeqCst, further);
        moved.map(drop).map_err(|ahead| Self::MOST.saturating_sub(ahead))
    }

    fn reset(&self) {
        self.ahead.store(0, Ordering::SeqCst);
    }
}

impl DevOutbox for Outbox {
    fn messages(&self, to: Option<&str>) -> Vec<SentMessage> {
        let kept = Outbox::messages(self, to);
        kept.into_iter()
            .map(|message| SentMessage {
                id: message.id,
                channel: message.channel.to_owned(),
                to: message.to,
                subject: message.subject,
                text: message.text,
                kind: message.kind.to_owned(),
                code: message.code,
                notice: message.notice.map(str::to_owned),
                locale: message.locale.as_str().to_owned(),
                sent_at: message.sent_at,
            })
            .collect()
    }

    fn clear(&self) {
        Outbox::clear(self);
    }
}

impl DevFaults for Faults {
    fn set(&self, switch: FaultSwitch) {
        let fault = match switch.fault {
            FaultName::None => None,
            FaultName::Refuse => Some(Fault::Refuse),
            FaultName::Hang => Some(Fault::Hang),
            FaultName::Unknown => Some(Fault::Unknown),
        };
        let times = switch.times.filter(|_| fault.is_some());
        Faults::set(self, channel(switch.channel), Switch { fault, times });
    }

    fn all(&self) -> Vec<FaultSwitch> {
        let switch = |via| {
            let Switch { fault, times } = self.get(channel(via));
            let fault = match fault {
                None => FaultName::None,
                Some(Fault::Refuse) => FaultName::Refuse,
                Some(Fault::Hang) => FaultName::Hang,
                Some(Fault::Unknown) => FaultName::Unknown,
            };
            FaultSwitch { channel: via, fault, times }
        };
        vec![switch(Via::Sms), switch(Via::Email)]
    }
}

fn channel(via: Via) -> Channel {
    match via {
        Via::Sms => Channel::Sms,
        Via::Email => Channel::Email,
    }
}

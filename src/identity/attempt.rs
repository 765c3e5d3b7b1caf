use serde::{Deserialize, Serialize};

/// How failures are punished. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Failures that start a block; at least 1.
    pub limit: u32,
    /// Failures count only within this long of the first one; 0 counts every failure since the last success.
    pub window: u64,
    /// How long the first block lasts. Each further one lasts twice as long.
    pub block: u64,
    /// The longest block.
    pub longest: u64,
}

impl Ladder {
    /// How long after the end of a block the next one still counts as a further one: the longest block and a day. The
    /// tallies of unknown names are kept at least as long, so that their ladder tells nothing.
    pub fn memory(&self) -> u64 {
        const DAY: u64 = 86_400_000;
        self.longest.saturating_add(DAY)
    }
}

/// What an account or an address has failed so far. A success clears it; time ends a block at once, and the ladder when
/// nothing has been blocked for [`Ladder::memory`].
///
/// The Redis store applies these rules in `tally.lua`, the embedded one through this type; the contract suite holds
/// both to the same answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Failures since the last block, success or window.
    pub failures: u32,
    /// When the window began, in Unix milliseconds.
    pub since: u64,
    /// Nothing is looked at before this time, in Unix milliseconds.
    pub blocked_until: u64,
    /// Blocks so far.
    pub blocks: u32,
}

/// What one more failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Failures left before the next block.
    pub left: u32,
    /// The end of the block that this failure began, in Unix milliseconds.
    pub blocked_until: Option<u64>,
}

impl Tally {
    /// The end of the block that holds now, if one does.
    pub fn blocked(&self, now: u64) -> Option<u64> {
        (self.blocked_until > now).then_some(self.blocked_until)
    }

    /// Counts one failure. Not to be called while blocked: nothing is looked at then, so nothing can fail.
    pub fn fail(&mut self, ladder: &Ladder, now: u64) -> Allowance {
        let stale = ladder.window > 0 && now.saturating_sub(self.since) >= ladder.window;
        if self.failures == 0 || stale {
            self.failures = 0;
            self.since = now;
        }
        self.failures += 1;
        if self.failures < ladder.limit {
            return Allowance { left: ladder.limit - self.failures, blocked_until: None };
        }
        if now.saturating_sub(self.blocked_until) >= ladder.memory() {
            self.blocks = 0;
        }
        // 2^20 blocks of a millisecond already exceed any sensible longest block.
        let doubled = ladder.block.saturating_mul(1 << self.blocks.min(20));
        self.blocked_until = now + doubled.min(ladder.longest);
        self.blocks += 1;
        self.failures = 0;
        Allowance { left: 0, blocked_until: Some(self.blocked_until) }
    }

    /// Forgets the failures and the ladder: whoever was asked has just proved who they are.
    pub fn succeed(&mut self) {
        *self = Tally::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGN_IN: Ladder = Ladder { limit: 5, window: 60_000, block: 600_000, longest: 3_600_000 };

    #[test]
    fn the_limit_blocks_and_waiting_times_grow_to_the_longest() {
        let (mut tally, mut now, mut waits) = (Tally::default(), 1_000, Vec::new());
        for _ in 0..4 {
            for left in (1..5).rev() {
                assert_eq!(tally.fail(&SIGN_IN, now), Allowance { left, blocked_until: None });
            }
            let until = tally.fail(&SIGN_IN, now).blocked_until.unwrap();
            assert_eq!(tally.blocked(until - 1), Some(until));
            assert_eq!(tally.blocked(until), None);
            waits.push(until - now);
            now = until;
        }
        assert_eq!(waits, [600_000, 1_200_000, 2_400_000, 3_600_000]);
    }

    #[test]
    fn the_ladder_is_forgotten_after_a_long_quiet() {
        let once = |tally: &mut Tally, now| {
            let ladder = Ladder { limit: 1, ..SIGN_IN };
            tally.fail(&ladder, now).blocked_until.unwrap() - now
        };
        let (mut tally, memory) = (Tally::default(), SIGN_IN.memory());
        assert_eq!(once(&mut tally, 1_000), 600_000);
        let end = tally.blocked_until;
        let mut patient = tally;
        assert_eq!(once(&mut tally, end + memory - 1), 1_200_000);
        assert_eq!(once(&mut patient, end + memory), 600_000);
    }

    #[test]
    fn failures_far_apart_do_not_add_up_within_a_window_only() {
        let mut tally = Tally::default();
        for minute in 0..20 {
            assert_eq!(tally.fail(&SIGN_IN, minute * 60_000).left, 4);
        }
        let in_a_row = Ladder { window: 0, ..SIGN_IN };
        let mut tally = Tally::default();
        let left: Vec<u32> = (0..5).map(|hour| tally.fail(&in_a_row, hour * 3_600_000).left).collect();
        assert_eq!(left, [4, 3, 2, 1, 0]);
    }
}

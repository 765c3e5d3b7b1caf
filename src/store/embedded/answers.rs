//! The answers given of late, for requests that are asked again.
//!
//! They are kept in memory: who asks again is this process, and a request does not outlive it.

use std::any::Any;
use std::collections::{HashMap, VecDeque};

/// Answers remembered at most, the oldest forgotten first.
const MOST: usize = 20_000;
/// How long an answer to a call with a time of its own is remembered, in milliseconds.
const KEEP: u64 = 60_000;

#[derive(Default)]
pub struct Answers {
    by_request: HashMap<String, Box<dyn Any + Send>>,
    /// The requests in the order of their answers, each with its caller's time if it has one.
    order: VecDeque<(String, Option<u64>)>,
    /// How many of the last answers belong to the batch that is not on the disk yet.
    unsettled: usize,
}

impl Answers {
    pub fn get<T: Clone + 'static>(&self, request: &str) -> Option<T> {
        self.by_request.get(request)?.downcast_ref::<T>().cloned()
    }

    pub fn remember<T: Clone + Send + 'static>(&mut self, request: &str, now: Option<u64>, answer: T) {
        if self.by_request.insert(request.to_owned(), Box::new(answer)).is_none() {
            self.order.push_back((request.to_owned(), now));
            self.unsettled += 1;
        }
    }

    /// The batch is on the disk: its answers hold. What is too old at `now` (Unix milliseconds) is forgotten.
    pub fn settle(&mut self, now: u64) {
        self.unsettled = 0;
        while let Some((request, at)) = self.order.front() {
            let old = at.is_some_and(|at| at.saturating_add(KEEP) <= now);
            if !old && self.order.len() <= MOST {
                break;
            }
            self.by_request.remove(request);
            self.order.pop_front();
        }
    }

    /// The batch is not on the disk: its answers were never given.
    pub fn forget_unsettled(&mut self) {
        for _ in 0..self.unsettled {
            if let Some((request, _)) = self.order.pop_back() {
                self.by_request.remove(&request);
            }
        }
        self.unsettled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_for_a_minute_of_the_callers_time() {
        let mut answers = Answers::default();
        answers.remember("a", Some(1_000), true);
        answers.settle(60_999);
        assert_eq!(answers.get::<bool>("a"), Some(true));
        answers.settle(61_000);
        assert_eq!(answers.get::<bool>("a"), None);
    }

    #[test]
    fn answers_without_a_time_are_bounded_in_number() {
        let mut answers = Answers::default();
        for number in 0..=MOST {
            answers.remember(&number.to_string(), None, number);
        }
        answers.settle(u64::MAX);
        assert_eq!(answers.get::<usize>("0"), None);
        assert_eq!(answers.get::<usize>("1"), Some(1));
    }

    #[test]
    fn answers_of_a_lost_batch_were_never_given() {
        let mut answers = Answers::default();
        answers.remember("kept", None, 1_u8);
        answers.settle(0);
        answers.remember("lost", None, 2_u8);
        answers.forget_unsettled();
        assert_eq!((answers.get::<u8>("kept"), answers.get::<u8>("lost")), (Some(1), None));
    }
}

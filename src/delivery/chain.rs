use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::provider::{Deadline, Failure, Provider, masked};
use crate::engine::ports::{Channel, Courier, Entropy, Message, Receipt, SendFailure};
use crate::telemetry::sane;

/// Tries of one message at one provider, the first one included.
const TRIES: u32 = 3;

/// What the first retry waits at most; each further one may wait twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The courier: an ordered list of providers for each channel.
pub struct Chain {
    sms: Lane,
    email: Lane,
    entropy: Arc<dyn Entropy>,
}

struct Lane {
    deadline: Duration,
    providers: Vec<Box<dyn Provider>>,
}

impl Lane {
    /// How long one message may take over all providers and retries.
    const DEADLINE: Duration = Duration::from_secs(8);

    fn empty() -> Self {
        Lane { deadline: Lane::DEADLINE, providers: Vec::new() }
    }
}

/// What became of a message at one provider.
enum Outcome {
    Accepted,
    /// The next provider may be asked.
    Passed,
    Unknown,
}

impl Chain {
    /// A courier without providers: every send is [`SendFailure::Refused`] until [`Chain::with`] adds one.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        Chain { sms: Lane::empty(), email: Lane::empty(), entropy }
    }

    /// Adds a provider behind those that the channel already has.
    #[must_use]
    pub fn with(mut self, channel: Channel, provider: impl Provider + 'static) -> Self {
        self.lane_mut(channel).providers.push(Box::new(provider));
        self
    }

    /// How long one message of the channel may take over all providers and retries; 8 s unless set.
    #[must_use]
    pub fn deadline(mut self, channel: Channel, deadline: Duration) -> Self {
        self.lane_mut(channel).deadline = deadline;
        self
    }

    fn lane_mut(&mut self, channel: Channel) -> &mut Lane {
        match channel {
            Channel::Sms => &mut self.sms,
            Channel::Email => &mut self.email,
        }
    }

    fn lane(&self, channel: Channel) -> &Lane {
        match channel {
            Channel::Sms => &self.sms,
            Channel::Email => &self.email,
        }
    }

    /// Offers the message to one provider until it takes it, refuses it for good, or its share of the time is used.
    async fn offer(&self, provider: &dyn Provider, message: &Message, time: &Deadline) -> Outcome {
        for tried in 1..=TRIES {
            // The provider keeps to the deadline itself and knows more when it does; this holds one that does not.
            let answer = tokio::time::timeout_at(time.end_by, provider.send(message, time)).await;
            let failure = match answer {
                Ok(Ok(())) => return Outcome::Accepted,
                Ok(Err(failure)) => failure,
                Err(_) => Failure::unknown("no answer within the deadline"),
            };
            report(provider.name(), message, tried, &failure);
            let retry_after = match failure {
                Failure::Unknown { .. } => return Outcome::Unknown,
                Failure::Permanent { .. } => return Outcome::Passed,
                Failure::NotAccepted { retry_after, .. } => retry_after,
            };
            let next = Instant::now() + retry_after.unwrap_or_else(|| self.wait_after(tried));
            if tried == TRIES || next >= time.start_by {
                return Outcome::Passed;
            }
            tokio::time::sleep_until(next).await;
        }
        Outcome::Passed
    }

    /// Between half and all of the longest wait, so that many clients of a recovering provider do not return at once.
    fn wait_after(&self, tried: u32) -> Duration {
        let longest = FIRST_WAIT * 2_u32.pow(tried.saturating_sub(1));
        let [byte] = self.entropy.bytes::<1>();
        longest.mul_f64(0.5 + f64::from(byte) / 510.0)
    }
}

#[async_trait]
impl Courier for Chain {
    async fn send(&self, message: &Message) -> Result<Receipt, SendFailure> {
        let lane = self.lane(message.channel());
        let end_by = Instant::now() + lane.deadline;
        let mut left = u32::try_from(lane.providers.len()).unwrap_or(u32::MAX);
        for provider in &lane.providers {
            let now = Instant::now();
            if now >= end_by {
                break;
            }
            // Whoever comes later has an equal share of the time that is left.
            let time = Deadline { start_by: now + (end_by - now) / left, end_by };
            match self.offer(provider.as_ref(), message, &time).await {
                Outcome::Accepted => {
                    tracing::info!(id = %sane(&message.id), provider = provider.name(), "message accepted");
                    return Ok(Receipt { provider: provider.name().to_owned() });
                }
                Outcome::Unknown => return Err(SendFailure::Unknown),
                Outcome::Passed => left -= 1,
            }
        }
        Err(SendFailure::Refused)
    }
}

fn report(provider: &str, message: &Message, tried: u32, failure: &Failure) {
    let (id, to) = (message.id.as_str(), masked(&message.to));
    tracing::warn!(id = %sane(id), to = %sane(&to), provider, tried, %failure, "message not confirmed");
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::engine::ports::{Address, MessageKind};
    use crate::identity::{Code, Locale, Phone};

    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(128);
        }
    }

    /// Answers from a script; the last answer holds for all further calls. `None` never answers.
    struct Scripted {
        name: &'static str,
        script: Mutex<Vec<Option<Result<(), Failure>>>>,
        calls: Arc<AtomicUsize>,
    }

    #[async_trait]
    impl Provider for Scripted {
        fn name(&self) -> &'static str {
            self.name
        }
        async fn send(&self, _: &Message, _: &Deadline) -> Result<(), Failure> {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let answer = {
                let mut script = self.script.lock().unwrap();
                if script.len() > 1 { script.remove(0) } else { script[0].clone() }
            };
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        }
    }

    fn scripted(name: &'static str, script: Vec<Option<Result<(), Failure>>>) -> (Scripted, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        (Scripted { name, script: Mutex::new(script), calls: Arc::clone(&calls) }, calls)
    }

    fn message() -> Message {
        Message {
            id: "m".into(),
            to: Address::Phone(Phone::parse("+420601123456").unwrap()),
            locale: Locale::En,
            kind: MessageKind::Code { code: Code::parse("123456", 6).unwrap(), minutes: 5 },
        }
    }

    async fn run(
        first: Vec<Option<Result<(), Failure>>>,
        second: Vec<Option<Result<(), Failure>>>,
    ) -> (Result<Receipt, SendFailure>, usize, usize) {
        let (one, ones) = scripted("one", first);
        let (two, twos) = scripted("two", second);
        let chain = Chain::new(Arc::new(Fixed)).with(Channel::Sms, one).with(Channel::Sms, two);
        let answer = chain.send(&message()).await;
        (answer, ones.load(Ordering::SeqCst), twos.load(Ordering::SeqCst))
    }

    fn busy() -> Option<Result<(), Failure>> {
        Some(Err(Failure::not_accepted("503")))
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_certainly_not_accepted_is_tried_again_and_then_elsewhere() {
        let (answer, ones, twos) = run(vec![busy()], vec![Some(Ok(()))]).await;
        assert_eq!(answer, Ok(Receipt { provider: "two".into() }));
        assert_eq!((ones, twos), (3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_recovers_keeps_the_message() {
        let (answer, ones, twos) = run(vec![busy(), busy(), Some(Ok(()))], vec![Some(Ok(()))]).await;
        assert_eq!(answer, Ok(Receipt { provider: "one".into() }));
        assert_eq!((ones, twos), (3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_for_good_is_not_repeated() {
        let (answer, ones, twos) = run(vec![Some(Err(Failure::permanent("400")))], vec![Some(Ok(()))]).await;
        assert_eq!(answer, Ok(Receipt { provider: "two".into() }));
        assert_eq!((ones, twos), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_unknown_outcome_nobody_is_asked_again() {
        let (answer, ones, twos) = run(vec![Some(Err(Failure::unknown("cut")))], vec![Some(Ok(()))]).await;
        assert_eq!(answer, Err(SendFailure::Unknown));
        assert_eq!((ones, twos), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_ignores_its_deadline_is_cut_off_as_unknown() {
        let began = Instant::now();
        let (answer, ones, twos) = run(vec![None], vec![Some(Ok(()))]).await;
        assert_eq!(answer, Err(SendFailure::Unknown));
        assert_eq!((ones, twos), (1, 0));
        assert_eq!(Instant::now() - began, Lane::DEADLINE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_that_is_asked_to_wait_too_long_goes_to_the_next_provider() {
        let later = Failure::NotAccepted { reason: "429".into(), retry_after: Some(Duration::from_secs(60)) };
        let (answer, ones, twos) = run(vec![Some(Err(later))], vec![Some(Ok(()))]).await;
        assert_eq!(answer, Ok(Receipt { provider: "two".into() }));
        assert_eq!((ones, twos), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn when_nobody_takes_it_the_message_is_refused() {
        let (answer, ones, twos) = run(vec![busy()], vec![busy()]).await;
        assert_eq!(answer, Err(SendFailure::Refused));
        assert_eq!((ones, twos), (3, 3));
        let nobody = Chain::new(Arc::new(Fixed));
        assert_eq!(nobody.send(&message()).await, Err(SendFailure::Refused));
    }
}

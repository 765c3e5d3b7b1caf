use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::Judged;
use crate::telemetry::Phases;

/// What the request has cost, as measured; with `verbose` only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// As in the header `X-Request-Id`.
    request_id: String,
    policy: String,
    /// Calls to the store that the answer had to wait for.
    store_round_trips: u64,
    /// Microseconds spent: `lookup` (who asks, by which policy, about whom), `judge` or `write`, and `qr`.
    phases: BTreeMap<&'static str, u64>,
    /// Failures before the next block; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_left: Option<u32>,
    /// The step that a right code was of, less the present one.
    #[serde(skip_serializing_if = "Option::is_none")]
    step_offset: Option<i64>,
}

impl Metrics {
    pub fn of(request_id: &str, policy: &str, store_round_trips: u64, phases: &Phases) -> Self {
        let micros = |took: std::time::Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let phases = phases.measured().into_iter().map(|(name, took)| (name, micros(took))).collect();
        Metrics {
            request_id: request_id.to_owned(),
            policy: policy.to_owned(),
            store_round_trips,
            phases,
            attempts_left: None,
            step_offset: None,
        }
    }

    /// With what is known of a code.
    #[must_use]
    pub fn judged(self, judged: &Judged) -> Self {
        Metrics { attempts_left: judged.attempts_left, step_offset: judged.step_offset, ..self }
    }
}

use std::collections::HashSet;

use redis::Value;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo};

/// What a connection to a cluster found when it was opened.
pub(super) struct Reach {
    /// Which nodes hold which slots, in the words of one of them.
    slots: Option<Value>,
    /// Whether every node that holds slots answered.
    is_whole: bool,
}

impl Reach {
    pub(super) async fn of(cluster: &ClusterConnection) -> Self {
        let (mut one, mut all) = (cluster.clone(), cluster.clone());
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let masters = (MultipleNodeRoutingInfo::AllMasters, Some(ResponsePolicy::Special));
        let ping = all.route_command(redis::cmd("PING"), RoutingInfo::MultiNode(masters));
        let (slots, answers) = futures_util::join!(slots.query_async::<Value>(&mut one), ping);
        let slots = slots.ok();
        let masters = slots.as_ref().map_or(0, masters_of);
        let is_whole = matches!(answers, Ok(Value::Map(answers)) if answers.len() >= masters);
        Reach { slots, is_whole }
    }

    /// Whether the slots have moved since, or every node is there now. A connection that is neither would only keep
    /// looking for a node that is away, and hold up each time what is meant for the others.
    pub(super) fn is_better_than(&self, older: &Reach) -> bool {
        self.is_whole || (self.slots.is_some() && self.slots != older.slots)
    }
}

/// How many nodes hold slots: `[[first, last, [host, port, id, …], …], …]` (CLUSTER SLOTS).
fn masters_of(slots: &Value) -> usize {
    let id = |range: &Value| match range.as_sequence()?.get(2)?.as_sequence()?.get(2)? {
        Value::BulkString(id) => Some(id.clone()),
        _ => None,
    };
    slots.as_sequence().unwrap_or_default().iter().filter_map(id).collect::<HashSet<_>>().len()
}

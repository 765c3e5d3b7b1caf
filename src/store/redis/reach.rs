use std::collections::HashSet;

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo};
use redis::{Cmd, RedisResult, Value};

/// What a connection to a cluster found when it was opened.
pub(super) struct Reach {
    /// Which nodes hold which slots, in the words of one of them.
    slots: Option<Value>,
    /// Whether every node that holds slots answered.
    is_whole: bool,
}

impl Reach {
    pub(super) async fn of(cluster: &ClusterConnection) -> Self {
        let mut one = cluster.clone();
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("SLOTS");
        let ping = ask_all_masters(cluster, redis::cmd("PING"));
        let (slots, answers) = futures_util::join!(slots.query_async::<Value>(&mut one), ping);
        let slots = slots.ok();
        let masters = slots.as_ref().map_or(0, masters_of);
        let is_whole = matches!(answers, Ok(Value::Map(answers)) if answers.len() >= masters);
        Reach { slots, is_whole }
    }

    /// Whether the slots have moved since, or every node is there now. A connection that is neither would only keep
    /// looking for a node that is away, and hold up each time what is meant for the others.
    pub(super) fn may_replace(&self, older: &Reach) -> bool {
        self.is_whole || (self.slots.is_some() && self.slots != older.slots)
    }
}

/// Sends a command to every node that holds slots, all at once; a map from their addresses to their replies.
pub(super) async fn ask_all_masters(cluster: &ClusterConnection, command: Cmd) -> RedisResult<Value> {
    let masters = (MultipleNodeRoutingInfo::AllMasters, Some(ResponsePolicy::Special));
    cluster.clone().route_command(command, RoutingInfo::MultiNode(masters)).await
}

/// How many nodes hold slots: `[[first, last, [host, port, id, …], …], …]` (CLUSTER SLOTS).
fn masters_of(slots: &Value) -> usize {
    let id = |range: &Value| match range.as_sequence()?.get(2)?.as_sequence()?.get(2)? {
        Value::BulkString(id) => Some(id.clone()),
        _ => None,
    };
    slots.as_sequence().unwrap_or_default().iter().filter_map(id).collect::<HashSet<_>>().len()
}

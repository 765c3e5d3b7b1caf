use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::ports::{Actor, Event, EventKind};
use crate::engine::{EventFilter, FieldProblem};
use crate::http::answer::json;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;

use super::fields::Errors;
use super::guard::Operator;

/// Something that has happened. What does not apply is left out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    id: String,
    #[schema(value_type = String, example = "2026-01-15T12:00:05Z")]
    time: DateTime<Utc>,
    #[serde(rename = "type")]
    #[schema(example = "signed_in")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<u64>,
    /// `person` or `operator`.
    #[schema(value_type = String)]
    actor: Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wizard: Option<String>,
    /// `google`, `sms`, `email` or `recovery`.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, String>,
}

impl EventView {
    fn of(event: Event) -> Self {
        EventView {
            id: event.id,
            time: event.time,
            kind: event.kind.as_str(),
            account: event.account.map(|id| id.0),
            actor: event.actor,
            request_id: event.request_id,
            address: event.address,
            client: event.client,
            session: event.session.map(|id| id.to_string()),
            wizard: event.wizard.map(|id| id.to_string()),
            method: event.method.map(|method| method.as_str()),
            details: event.details,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct EventList {
    data: Vec<EventView>,
    /// The cursor of the next page; `null` at the end of the stream.
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// Events beyond this place: the `next` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 without it.
    limit: Option<String>,
    /// `asc` or `desc`; `desc` without it.
    order: Option<String>,
    /// The number of an account.
    account: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The earliest time, ISO 8601.
    from: Option<String>,
    /// The latest time, ISO 8601.
    to: Option<String>,
}

/// See what has happened
///
/// One look goes through 5,000 events at most: a page may have less than `limit`, or nothing, and a `next` all the same.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(Query),
    responses((status = 200, body = EventList), Refusals)
)]
#[get("/events")]
pub async fn list(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let filter = filter(&context, query.into_inner())?;
    let page = surface.engine.history(&filter).await.map_err(|refused| context.problem(refused))?;
    let data = page.data.into_iter().map(EventView::of).collect();
    Ok(json(StatusCode::OK, &EventList { data, next: page.next }))
}

fn filter(context: &Context, query: Query) -> Result<EventFilter, Problem> {
    let mut errors = Errors::default();
    let newest_first = match query.order.as_deref() {
        None | Some("desc") => true,
        Some("asc") => false,
        Some(_) => errors.take("order", None, FieldProblem::Invalid("asc or desc".into())).unwrap_or_default(),
    };
    let account = query.account.and_then(|text| {
        errors.take("account", text.parse().ok(), FieldProblem::Invalid("the number of an account".into()))
    });
    let kind = query.kind.and_then(|text| {
        errors.take("type", text.parse::<EventKind>().ok(), FieldProblem::Invalid("a type of event".into()))
    });
    let filter = EventFilter {
        account,
        kind,
        from: errors.time("from", query.from),
        to: errors.time("to", query.to),
        cursor: query.cursor,
        newest_first,
        limit: errors.limit(query.limit.as_deref()),
    };
    errors.check(context)?;
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AccountId, Method, SessionId};
    use crate::workflow::WizardId;

    #[test]
    fn an_event_is_told_here_as_everywhere() {
        let bare = Event {
            id: "id".to_owned(),
            time: DateTime::from_timestamp_nanos(1_767_225_600_123_456_789),
            kind: EventKind::SignedIn,
            account: None,
            actor: Actor::Person,
            request_id: None,
            address: None,
            client: None,
            session: None,
            wizard: None,
            method: None,
            details: BTreeMap::new(),
        };
        let full = Event {
            account: Some(AccountId(7)),
            actor: Actor::Operator,
            request_id: Some("request".to_owned()),
            address: Some("192.0.2.1".to_owned()),
            client: Some("client".to_owned()),
            session: Some(SessionId::from_bytes([1; 16])),
            wizard: Some(WizardId::from_bytes([2; 16])),
            method: Some(Method::Recovery),
            details: BTreeMap::from([("left".to_owned(), "3".to_owned())]),
            ..bare.clone()
        };
        for event in [bare, full] {
            let told = serde_json::to_value(&event).unwrap();
            assert_eq!(serde_json::to_value(EventView::of(event)).unwrap(), told);
        }
    }
}

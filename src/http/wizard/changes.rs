use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::ports::Change;
use crate::engine::{ChangeFilter, FieldProblem, Reason, Refused};
use crate::http::answer::json;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;

use super::parse;

/// A method that was turned on or off.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    id: u64,
    #[schema(example = "sms")]
    provider: &'static str,
    is_enabled: bool,
    #[schema(example = "2022-01-01T00:00:00+00:00")]
    time: String,
}

#[derive(Serialize, ToSchema)]
pub struct ChangeList {
    /// Changes that match, on every page.
    total: usize,
    data: Vec<ChangeView>,
}

/// An empty value is no filter.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// 1 to 100; 10 without it.
    limit: Option<String>,
    offset: Option<String>,
    /// `time`, the only one there is.
    sort_by: Option<String>,
    /// `asc` or `desc`; `desc` without it.
    sort_order: Option<String>,
    /// `true` or `false`.
    #[serde(rename = "filter[isEnabled]")]
    is_enabled: Option<String>,
    /// The earliest time, ISO 8601.
    #[serde(rename = "filter[timeFrom]")]
    time_from: Option<String>,
    /// The latest time, ISO 8601.
    #[serde(rename = "filter[timeTo]")]
    time_to: Option<String>,
    /// `google`, `sms` or `email`.
    #[serde(rename = "filter[provider]")]
    provider: Option<String>,
}

/// See what was turned on and off
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(Query),
    responses((status = 200, body = ChangeList), Refusals)
)]
#[get("/2fa/changes")]
pub async fn list(
    surface: web::Data<Surface>,
    context: Context,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let token = context.bearer()?;
    let filter = filter(&context, &query)?;
    let page = surface.engine.changes(token, &filter).await.map_err(|refused| context.problem(refused))?;
    let data = page.data.iter().map(view).collect();
    Ok(json(StatusCode::OK, &ChangeList { total: page.total, data }))
}

/// See one change
#[utoipa::path(
    tag = "factors",
    security(("bearer" = [])),
    params(("changeId" = u64, Path)),
    responses((status = 200, body = ChangeView), Refusals)
)]
#[get("/2fa/changes/{changeId}")]
pub async fn one(
    surface: web::Data<Surface>,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let token = context.bearer()?;
    let id = id.parse().map_err(|_| context.problem(Refused::new(Reason::NotFound)))?;
    let change = surface.engine.change(token, id).await.map_err(|refused| context.problem(refused))?;
    Ok(json(StatusCode::OK, &view(&change)))
}

fn view(change: &Change) -> ChangeView {
    ChangeView {
        id: change.id,
        provider: change.provider.as_str(),
        is_enabled: change.is_enabled,
        time: seconds(change.time),
    }
}

fn filter(context: &Context, query: &Query) -> Result<ChangeFilter, Problem> {
    let expected = |field: &str, what: &str| parse::invalid(context, field, FieldProblem::Invalid(what.to_owned()));
    let is_enabled = match given(query.is_enabled.as_deref()) {
        None => None,
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(_) => return Err(expected("filter[isEnabled]", "true or false")),
    };
    let newest_first = match given(query.sort_order.as_deref()) {
        None | Some("desc") => true,
        Some("asc") => false,
        Some(_) => return Err(expected("sort_order", "asc or desc")),
    };
    if let Some(other) = given(query.sort_by.as_deref())
        && other != "time"
    {
        return Err(expected("sort_by", "time"));
    }
    let provider = given(query.provider.as_deref()).map(|text| parse::factor(context, "filter[provider]", text));
    Ok(ChangeFilter {
        is_enabled,
        provider: provider.transpose()?,
        from: time(context, "filter[timeFrom]", query.time_from.as_deref())?,
        to: time(context, "filter[timeTo]", query.time_to.as_deref())?,
        newest_first,
        offset: bounded(context, "offset", query.offset.as_deref(), 0, (0, u32::MAX.into()))?,
        limit: bounded(context, "limit", query.limit.as_deref(), 10, (1, 100))?,
    })
}

fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

fn time(context: &Context, field: &str, value: Option<&str>) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = given(value) else { return Ok(None) };
    // A plus sign that was not percent-encoded arrives as a space.
    let text = text.replace(' ', "+");
    let time = DateTime::parse_from_rfc3339(&text);
    time.map(|time| Some(time.to_utc())).map_err(|_| parse::invalid(context, field, FieldProblem::Time))
}

/// A whole number within bounds; `default` without one.
pub fn bounded(
    context: &Context,
    field: &str,
    value: Option<&str>,
    default: usize,
    (least, most): (u64, u64),
) -> Result<usize, Problem> {
    let Some(text) = given(value) else { return Ok(default) };
    let number = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| parse::invalid(context, field, FieldProblem::OutOfRange(least, most)))
}

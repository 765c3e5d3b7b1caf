use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::{FieldProblem, Reason, Refused, Target};
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Account, AccountId, Permission};

use super::json;
use super::responses::Refusals;
use super::target::{caller, target};

/// An account as this surface shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    #[schema(example = 1001)]
    id: u64,
    /// The user name; the email address where there is none.
    name: String,
    email: String,
    /// Whether any second factor is on.
    mfa_enabled: bool,
}

impl User {
    fn of(account: &Account) -> Self {
        let email = account.email.to_string();
        let name = account.username.as_ref().map_or_else(|| email.clone(), |name| name.as_str().to_owned());
        User { id: account.id.0, name, email, mfa_enabled: !account.enabled().is_empty() }
    }
}

/// See a user
///
/// Oneself, or with the permission `users:read` or `users:update` anybody.
#[utoipa::path(
    tag = "veeam",
    security(("bearer" = [])),
    params(("id" = u64, Path, description = "The account.")),
    responses((status = 200, body = User), Refusals)
)]
#[get("/v1/users/{id}")]
pub async fn one(
    surface: web::Data<Surface>,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let caller = caller(&surface, &context).await?;
    let account = match target(&context, &caller, &id, Permission::UsersRead)? {
        Target::Own => caller.account,
        Target::Other(id) => surface.engine.account(id).await.map_err(|refused| context.problem(refused))?,
    };
    Ok(json(&User::of(&account)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// 1 to 100; 50 without it.
    #[serde(rename = "Limit")]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Users with a number above this one: what the `next` of the page before holds.
    #[serde(rename = "After")]
    #[param(value_type = Option<u64>)]
    after: Option<String>,
    /// Nothing but 0: pages follow each other by `_links`.
    #[serde(rename = "Offset")]
    #[param(value_type = Option<u64>, maximum = 0)]
    offset: Option<String>,
}

/// Users by their numbers. There is no total: nobody counts a million accounts for a page of them.
#[derive(Serialize, ToSchema)]
pub struct Users {
    results: Vec<User>,
    #[serde(rename = "_links")]
    links: Links,
}

#[derive(Serialize, ToSchema)]
pub struct Links {
    /// Where the page after this one is; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Link>,
}

#[derive(Serialize, ToSchema)]
pub struct Link {
    #[schema(example = "/api/v1/users?After=50&Limit=50")]
    href: String,
}

/// List users
///
/// With the permission `users:read` or `users:update` everybody; oneself without it, for that is how one's own number is found out.
#[utoipa::path(
    tag = "veeam",
    security(("bearer" = [])),
    params(Paging),
    responses((status = 200, body = Users), Refusals)
)]
#[get("/v1/users")]
pub async fn list(
    surface: web::Data<Surface>,
    context: Context,
    req: HttpRequest,
    query: web::Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let (limit, after) = page(&query).map_err(|refused| context.problem(refused))?;
    let caller = caller(&surface, &context).await?;
    let mut accounts = match caller.account.may(Permission::UsersRead) {
        true => surface.engine.accounts(after, limit + 1).await.map_err(|refused| context.problem(refused))?,
        false => Some(caller.account).filter(|own| after.is_none_or(|after| after < own.id)).into_iter().collect(),
    };
    let more = accounts.len() > limit;
    accounts.truncate(limit);
    let last = accounts.last().filter(|_| more);
    let next = last.map(|last| Link { href: format!("{}?After={}&Limit={limit}", req.path(), last.id) });
    Ok(json(&Users { results: accounts.iter().map(User::of).collect(), links: Links { next } }))
}

/// How many, and after whom.
fn page(query: &Paging) -> Result<(usize, Option<AccountId>), Refused> {
    let mut refused = Refused::new(Reason::Invalid);
    let limit = query.limit.as_deref().map_or(Ok(50), str::parse).ok().filter(|limit| (1..=100).contains(limit));
    if limit.is_none() {
        refused = refused.field("Limit", FieldProblem::OutOfRange(1, 100));
    }
    let after = query.after.as_deref().map(str::parse::<AccountId>).transpose().ok();
    let after_problem = || FieldProblem::Invalid("the number in the next link of the page before".to_owned());
    if after.is_none() {
        refused = refused.field("After", after_problem());
    }
    if query.offset.as_deref().is_some_and(|offset| offset != "0") {
        refused = refused.field("Offset", FieldProblem::Invalid("0; _links has the next page".to_owned()));
    }
    match (limit, after) {
        (Some(limit), Some(after)) if refused.fields.is_empty() => Ok((limit, after)),
        _ => Err(refused),
    }
}

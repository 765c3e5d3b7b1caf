use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, patch, post, web};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::engine::ports::EventKind;
use crate::engine::{AccountPatch, FieldProblem, NewAccount, Refused};
use crate::http::answer::{empty, json};
use crate::http::body::Body;
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::identity::{Account, AccountId, Email, Secret, Username};

use super::fields::{Errors, number};
use super::guard::Operator;
use super::view::AccountView;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    email: String,
    username: Option<String>,
    /// 8 to 128 characters. At most one of `password` and `passwordHash`.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// Made elsewhere: Argon2 (at most 64 MiB, 10 passes, 4 lanes), scrypt (64 MiB, 4 times) or PBKDF2 with SHA-256 or
    /// SHA-512 (2,000,000 rounds) in PHC form, or bcrypt (cost 4 to 14). The first sign-in replaces it.
    #[schema(value_type = Option<String>)]
    password_hash: Option<Secret>,
    #[schema(example = "+420601123456")]
    phone: Option<String>,
    #[schema(example = "en")]
    locale: Option<String>,
    groups: Option<BTreeSet<String>>,
    permissions: Option<BTreeSet<String>>,
}

/// Make an account
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    request_body = Create,
    responses((status = 201, body = AccountView), Refusals)
)]
#[post("/accounts")]
pub async fn create(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    body: Body<Create>,
) -> Result<HttpResponse, Problem> {
    let raw = body.value;
    let mut errors = Errors::default();
    let email = errors.take("email", Email::parse(&raw.email).ok(), FieldProblem::Email);
    let new = (errors.username(raw.username), errors.phone(raw.phone), errors.locale(raw.locale));
    let password = errors.password(raw.password, raw.password_hash);
    let (Some(email), (username, phone, locale)) = (email, new) else { return Err(errors.refuse(&context)) };
    errors.check(&context)?;
    let new = NewAccount {
        email,
        username,
        password,
        phone,
        locale: locale.unwrap_or_default(),
        groups: raw.groups.unwrap_or_default(),
        permissions: raw.permissions.unwrap_or_default(),
    };
    let created = surface.engine.create_account(new).await.map_err(|refused| context.problem(refused))?;
    let call = context.call(None, None);
    surface.engine.note(surface.engine.by_hand(EventKind::AccountCreated, created.id, Some(&call)));
    Ok(json(StatusCode::CREATED, &AccountView::of(&surface.engine.as_ordered(created))))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Accounts after this one: the `next` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 50 without it.
    limit: Option<String>,
    /// The account with this email address only.
    email: Option<String>,
    /// The account with this user name only.
    username: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AccountPage {
    data: Vec<AccountView>,
    /// The cursor of the next page; `null` on the last one.
    next: Option<String>,
}

/// List accounts
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(Listing),
    responses((status = 200, body = AccountPage), Refusals)
)]
#[get("/accounts")]
pub async fn list(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    query: web::Query<Listing>,
) -> Result<HttpResponse, Problem> {
    let mut errors = Errors::default();
    let cursor = query.cursor.as_deref().map(str::parse::<AccountId>);
    let after = cursor.and_then(|cursor| {
        errors.take("cursor", cursor.ok(), FieldProblem::Invalid("the next of the page before".into()))
    });
    let limit = errors.limit(query.limit.as_deref());
    errors.check(&context)?;
    let refuse = |refused| context.problem(refused);
    if query.email.is_some() || query.username.is_some() {
        let found = named(&surface, &query).await.map_err(refuse)?;
        let data = found.iter().map(AccountView::of).collect();
        return Ok(json(StatusCode::OK, &AccountPage { data, next: None }));
    }
    let mut accounts = surface.engine.accounts(after, limit + 1).await.map_err(refuse)?;
    let more = accounts.len() > limit;
    accounts.truncate(limit);
    let next = accounts.last().filter(|_| more).map(|account| account.id.to_string());
    Ok(json(StatusCode::OK, &AccountPage { data: accounts.iter().map(AccountView::of).collect(), next }))
}

/// The account that has every name that is given. A text that cannot be such a name belongs to nobody: no user name
/// holds an `@`, so an address never finds an account by its user name, nor the other way round.
async fn named(surface: &Surface, query: &Listing) -> Result<Option<Account>, Refused> {
    let email = query.email.as_deref().map(|text| Email::parse(text).ok().map(|email| email.to_string()));
    let username =
        query.username.as_deref().map(|text| Username::parse(text).ok().map(|name| name.as_str().to_owned()));
    let mut found: Option<Account> = None;
    for name in [email, username].into_iter().flatten() {
        let Some(name) = name else { return Ok(None) };
        let Some(account) = surface.engine.account_named(&name).await? else { return Ok(None) };
        if found.as_ref().is_some_and(|other| other.id != account.id) {
            return Ok(None);
        }
        found = Some(account);
    }
    Ok(found)
}

/// What to change; what is not given stays, `null` clears.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Patch {
    email: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    username: Option<Option<String>>,
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    #[schema(value_type = Option<String>)]
    password_hash: Option<Secret>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    phone: Option<Option<String>>,
    locale: Option<String>,
    groups: Option<BTreeSet<String>>,
    permissions: Option<BTreeSet<String>>,
}

/// Tells a member that is `null` from one that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change an account
///
/// A new password ends all sessions of the account. A new email address turns the email factor off, which ends them too:
/// nobody has confirmed that address yet. The owner is told of both.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path)),
    request_body = Patch,
    responses((status = 200, body = AccountView), Refusals)
)]
#[patch("/accounts/{id}")]
pub async fn patch(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
    body: Body<Patch>,
) -> Result<HttpResponse, Problem> {
    let id = number(&context, &id)?;
    let raw = body.value;
    let mut errors = Errors::default();
    let patch = AccountPatch {
        email: raw.email.and_then(|email| errors.take("email", Email::parse(&email).ok(), FieldProblem::Email)),
        username: raw.username.map(|name| errors.username(name)),
        password: errors.password(raw.password, raw.password_hash),
        phone: raw.phone.map(|phone| errors.phone(phone)),
        locale: errors.locale(raw.locale),
        groups: raw.groups,
        permissions: raw.permissions,
    };
    errors.check(&context)?;
    let call = context.call(None, None);
    let patched = surface.engine.patch_account(id, patch, Some(&call)).await;
    let patched = patched.map_err(|refused| context.problem(refused))?;
    Ok(json(StatusCode::OK, &AccountView::of(&patched)))
}

/// Delete an account
///
/// With its sessions, its factors and its change log. Its events stay.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    params(("id" = u64, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/accounts/{id}")]
pub async fn delete(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = number(&context, &id)?;
    surface.engine.delete_account(id).await.map_err(|refused| context.problem(refused))?;
    let call = context.call(None, None);
    surface.engine.note(surface.engine.by_hand(EventKind::AccountDeleted, id, Some(&call)));
    Ok(empty())
}

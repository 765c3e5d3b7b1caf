use std::collections::BTreeMap;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse, post, web};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::ports::EventKind;
use crate::engine::{Engine, Imported, Line, Order, Problems, Reason, Refused};
use crate::http::answer::json;
use crate::http::body;
use crate::http::context::{Context, locale};
use crate::http::docs::Refusals;
use crate::http::problem::{BodyFault, Problem, words};
use crate::http::surface::Surface;
use crate::identity::Locale;

use super::guard::Operator;

/// Bytes that a body may have.
const LARGEST: usize = 1024 * 1024;
/// Lines that a body may have.
const MOST: usize = 1_000;
/// Lines of one body that are worked on at once: a part of what may wait for a password to be hashed.
const AT_ONCE: usize = 16;
/// Seconds after which names are free again that a creation holds which was cut off.
const HELD: u64 = 10;

/// A body of lines, in UTF-8.
pub struct Lines(Bytes);

impl FromRequest for Lines {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let refuse = |fault| Problem::body(locale(&req), fault);
            if !is_lines(&req) {
                return Err(refuse(BodyFault::MediaType));
            }
            body::read(&req, payload, Some(LARGEST)).await.map(Lines).map_err(refuse)
        })
    }
}

fn is_lines(req: &HttpRequest) -> bool {
    let kind = req.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/x-ndjson" | "application/jsonl")
}

#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    created: u64,
    /// Lines that were imported before, by this call or another way.
    already_there: u64,
    /// By line. Nothing was made of these.
    refused: Vec<RefusedLine>,
}

#[derive(Serialize, ToSchema)]
pub struct RefusedLine {
    /// Counted from 1.
    line: usize,
    /// What is wrong with which field.
    errors: BTreeMap<String, Vec<String>>,
}

/// Import accounts
///
/// One JSON object a line, up to 1,000 lines and 1 MiB: what `POST /accounts` takes, and `totpSecret` (base32),
/// `smsPhone` and `emailFactor` (boolean), which turn those factors on. A line that was imported before is told apart
/// from one whose name another account has, so a call that was cut off can be sent again as it is.
#[utoipa::path(
    tag = "operator",
    security(("operator" = [])),
    request_body(content = String, content_type = "application/x-ndjson",
        example = "{\"email\":\"ann@example.com\",\"passwordHash\":\"$2b$12$…\"}\n{\"email\":\"bob@example.com\"}"),
    responses((status = 200, body = ImportReport), Refusals)
)]
#[post("/accounts/import")]
pub async fn import(
    surface: web::Data<Surface>,
    _operator: Operator,
    context: Context,
    lines: Lines,
) -> Result<HttpResponse, Problem> {
    let malformed = |fault| Problem::body(context.locale, fault);
    let text = std::str::from_utf8(&lines.0).map_err(|_| malformed(BodyFault::Malformed))?;
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    match numbered.clone().take(MOST + 1).count() {
        0 => return Err(malformed(BodyFault::Malformed)),
        1..=MOST => {}
        _ => return Err(malformed(BodyFault::TooLarge { limit: LARGEST })),
    }
    let engine = &surface.engine;
    let (mut report, mut failed) = (ImportReport::default(), None);
    let mut ends =
        stream::iter(numbered).map(|(number, line)| async move { (number, end(engine, line).await) }).buffered(AT_ONCE);
    while let Some((line, end)) = ends.next().await {
        match end {
            Ok(Ok(true)) => report.created += 1,
            Ok(Ok(false)) => report.already_there += 1,
            Ok(Err(problems)) => report.refused.push(RefusedLine { line, errors: said(context.locale, &problems) }),
            // What is under way ends; nothing more is begun.
            Err(refused) => {
                failed = Some(refused);
                break;
            }
        }
    }
    note(engine, &context, &report);
    match failed {
        Some(refused) => Err(context.problem(refused)),
        None => Ok(json(StatusCode::OK, &report)),
    }
}

/// Whether the line's account was made just now, or what is wrong with the line.
async fn end(engine: &Engine, line: &str) -> Result<Result<bool, Problems>, Refused> {
    let line = match Line::of_json(line, &engine.policy) {
        Ok(line) => line,
        Err(problems) => return Ok(Err(problems)),
    };
    match engine.import(line, Order::Create).await {
        Ok(Imported::Created) => Ok(Ok(true)),
        Ok(Imported::AlreadyThere) => Ok(Ok(false)),
        Ok(Imported::Held) => Err(Refused::new(Reason::Unavailable).again_in(HELD)),
        Err(refused) if refused.fields.is_empty() => Err(refused),
        Err(refused) => Ok(Err(refused.fields)),
    }
}

fn said(locale: Locale, problems: &Problems) -> BTreeMap<String, Vec<String>> {
    problems.iter().map(|(field, problem)| (field.clone(), vec![words(locale, problem)])).collect()
}

fn note(engine: &Engine, context: &Context, report: &ImportReport) {
    let happening = engine.happening(EventKind::AccountsImported).by_operator().in_call(&context.call(None, None));
    let happening = happening.detail("created", report.created.to_string());
    let happening = happening.detail("alreadyThere", report.already_there.to_string());
    engine.note(happening.detail("refused", report.refused.len().to_string()));
}

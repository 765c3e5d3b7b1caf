use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::answer::{empty, json};
use crate::http::context::Context;
use crate::http::docs::Refusals;
use crate::http::problem::Problem;
use crate::http::surface::Surface;
use crate::http::times::seconds;
use crate::identity::Device;

/// A device that stands in for the second factor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    id: String,
    /// The client's `User-Agent` when it was remembered.
    name: Option<String>,
    /// Whether it is the device that asks.
    current: bool,
    created_at: String,
    last_used_at: String,
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct DeviceList {
    total: usize,
    data: Vec<DeviceView>,
}

/// List the remembered devices
#[utoipa::path(tag = "session", security(("bearer" = [])), responses((status = 200, body = DeviceList), Refusals))]
#[get("/devices")]
pub async fn list(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    let devices = surface.engine.devices(&context.call(None, None), context.bearer()?).await;
    let devices = devices.map_err(|refused| context.problem(refused))?;
    let view = |device: &Device| DeviceView {
        id: device.series.clone(),
        name: device.name.clone(),
        current: devices.current.as_ref() == Some(&device.series),
        created_at: seconds(device.created_at),
        last_used_at: seconds(device.used_at),
        expires_at: seconds(device.expires_at),
    };
    let data: Vec<DeviceView> = devices.all.iter().map(view).collect();
    Ok(json(StatusCode::OK, &DeviceList { total: data.len(), data }))
}

/// Forget a remembered device
#[utoipa::path(
    tag = "session",
    security(("bearer" = [])),
    params(("id" = String, Path)),
    responses((status = 204), Refusals)
)]
#[delete("/devices/{id}")]
pub async fn forget(
    surface: web::Data<Surface>,
    context: Context,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let forgotten = surface.engine.forget_devices(&context.call(None, None), context.bearer()?, Some(&id)).await;
    forgotten.map(|()| empty()).map_err(|refused| context.problem(refused))
}

/// Forget all remembered devices
#[utoipa::path(tag = "session", security(("bearer" = [])), responses((status = 204), Refusals))]
#[delete("/devices")]
pub async fn forget_all(surface: web::Data<Surface>, context: Context) -> Result<HttpResponse, Problem> {
    let forgotten = surface.engine.forget_devices(&context.call(None, None), context.bearer()?, None).await;
    forgotten.map(|()| empty()).map_err(|refused| context.problem(refused))
}

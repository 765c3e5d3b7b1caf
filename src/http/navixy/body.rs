use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use crate::http::body::receive;
use crate::http::context::locale;
use crate::http::problem::BodyFault;

use super::answer::PanelError;
use super::caller::PanelCaller;

/// A request body, JSON or a form, whose faults are told as the panel's clients expect it.
pub struct PanelBody<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for PanelBody<T> {
    type Error = PanelError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PanelError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move { read(&req, payload).await.map(PanelBody) })
    }
}

/// Whoever calls, and their body, in this order: whom no hash speaks for is told nothing about a body. JSON alone.
pub struct Signed<T> {
    pub caller: PanelCaller,
    pub body: T,
}

impl<T: DeserializeOwned + 'static> FromRequest for Signed<T> {
    type Error = PanelError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PanelError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let caller = PanelCaller::extract(&req).await?;
            let body = read(&req, payload).await;
            // No form can carry an object or a list.
            let body = body.map_err(|error| error.of_json_alone(caller.locale))?;
            Ok(Signed { caller, body })
        })
    }
}

async fn read<T: DeserializeOwned>(req: &HttpRequest, payload: Payload) -> Result<T, PanelError> {
    let received = receive(req, payload).await;
    received.map(|body| body.value).map_err(|fault| PanelError::body(locale(req), in_ids(fault)))
}

/// The panel has no numbers but those of users.
fn in_ids(fault: BodyFault) -> BodyFault {
    match fault {
        BodyFault::WrongType { field, expected } if expected == "a whole number" => {
            BodyFault::WrongType { field, expected: "a positive integer".to_owned() }
        }
        fault => fault,
    }
}

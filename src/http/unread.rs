//! Bodies of requests that were answered before they had arrived.
//!
//! A chunked body that nobody reads any more is drained by actix until it ends, without a limit of time or size, so
//! that whoever never ends one holds a connection for ever. As long as the body's reader lives, actix closes the
//! connection after the answer instead; so the answer keeps the reader until it has been sent.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::TRANSFER_ENCODING;
use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt};

/// The reader of a request's body, shared between the handler and the answer.
#[derive(Clone)]
pub struct Reader(Rc<RefCell<Payload>>);

impl Reader {
    /// Puts itself between the request and its body, if that is one that would be drained.
    pub fn of(req: &mut ServiceRequest) -> Option<Self> {
        if !req.headers().contains_key(TRANSFER_ENCODING) {
            return None;
        }
        let reader = Reader(Rc::new(RefCell::new(req.take_payload())));
        req.set_payload(Payload::Stream { payload: Box::pin(reader.clone()) });
        Some(reader)
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next_unpin(cx)
    }
}

/// An answer's body that keeps the reader of the request's until it has been sent.
pub struct Answer {
    body: BoxBody,
    _reader: Option<Reader>,
}

impl Answer {
    pub fn new(body: impl MessageBody + 'static, reader: Option<Reader>) -> Self {
        Answer { body: BoxBody::new(body), _reader: reader }
    }
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

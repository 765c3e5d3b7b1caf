use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::engine::{Data, SendReceipt, Standing, Tokens};
use crate::http::times::{micros, seconds};
use crate::identity::Recipient;

use super::next::Next;

/// What every wizard call answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope {
    /// The HTTP status: 200 between steps, 202 when the wizard is complete.
    pub code: u16,
    /// What the step has to tell; depends on `workflow`.
    #[schema(value_type = Object, nullable = true)]
    pub data: Value,
    /// Whether the wizard is complete.
    pub done: bool,
    pub uuid: String,
    /// The step to show next; on completion the terminal label.
    #[schema(example = "2fa_google_auth")]
    pub workflow: String,
    /// How to take that step; `null` on completion.
    pub next: Option<Next>,
}

impl Envelope {
    pub fn of(standing: &Standing) -> Self {
        Envelope {
            code: if standing.done { 202 } else { 200 },
            data: data(standing),
            done: standing.done,
            uuid: standing.id.to_string(),
            workflow: standing.shows.clone(),
            next: Next::of(standing),
        }
    }
}

fn data(standing: &Standing) -> Value {
    match &standing.data {
        Data::Nothing => Value::Null,
        Data::SignIn { password_recovery } => json!({
            "recaptcha": { "enabled": false },
            "is_qr_available": false,
            "is_password_recovery_available": password_recovery,
        }),
        Data::Methods(methods) => json!({ "methods": methods }),
        Data::Receipt => standing.receipt.as_ref().map_or(Value::Null, receipt),
        Data::Enrolment(enrolment) => json!({
            "key": enrolment.key,
            "otpauthUrl": enrolment.otpauth_url,
            "qr": format!("data:image/png;base64,{}", data_encoding::BASE64.encode(&enrolment.qr)),
        }),
        Data::Tokens(tokens) => self::tokens(tokens),
        Data::Changed => json!([]),
        Data::Success(success) => {
            json!({ "successToken": success.token, "expiresAt": seconds(success.expires_at) })
        }
    }
}

/// A send receipt. The class names are the published API's own.
pub fn receipt(receipt: &SendReceipt) -> Value {
    let (class, member, kind, method) = match receipt.recipient {
        Recipient::Phone | Recipient::NewPhone => ("PhoneRecipient", "phone", 2, "phone"),
        Recipient::Email => ("EmailRecipient", "email", 1, "email"),
    };
    json!({
        "status": if receipt.accepted { 0 } else { 1 },
        "sent": receipt.sent,
        "expiredAt": micros(receipt.expires_at),
        "sentAt": micros(receipt.sent_at),
        "recipient": {
            "class": format!("B2B\\TCA\\Confirmations\\Recipients\\{class}"),
            member: receipt.shown,
            "template": "default",
            "data": null,
            "type": kind,
            "method": method,
        },
    })
}

/// A pair of tokens as the published API shows it.
pub fn tokens(tokens: &Tokens) -> Value {
    let token = |token: &crate::engine::Token| {
        json!({
            "token": token.token,
            "createdAt": seconds(token.created_at),
            "expiresAt": seconds(token.expires_at),
        })
    };
    json!({ "accessToken": token(&tokens.access), "refreshToken": token(&tokens.refresh) })
}

use chrono::{DateTime, Utc};
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use super::Sender;
use crate::delivery::Wording;
use crate::delivery::provider::Failure;
use crate::engine::ports::{Address, Message};

/// A message ready for the wire.
pub(super) struct Posted {
    pub envelope: Envelope,
    pub bytes: Vec<u8>,
}

/// Builds the one message to the one recipient.
///
/// # Errors
/// [`Failure::Permanent`] when a field could end its header or its command early, whoever let it in: lettre before
/// 0.11.24 does not hold all of them (RUSTSEC-2026-0561, RUSTSEC-2026-0562).
pub(super) fn compose(
    message: &Message,
    from: &Sender,
    wording: &Wording,
    now: DateTime<Utc>,
) -> Result<Posted, Failure> {
    let Address::Email(to) = &message.to else {
        return Err(Failure::permanent("SMTP takes email addresses only"));
    };
    let (sender, recipient) = (address(from.address.as_str())?, address(to.as_str())?);
    let letter = wording.letter(message);
    if !one_line(&letter.subject) {
        return Err(Failure::permanent("the subject holds a control character"));
    }
    let built = lettre::Message::builder()
        .from(Mailbox::new(from.name.clone(), sender.clone()))
        .to(Mailbox::new(None, recipient.clone()))
        .subject(letter.subject)
        .date(now.into())
        .message_id(Some(message_id(&message.id, sender.domain())?))
        // Out-of-office answers to a code help nobody (RFC 3834 §5).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(letter.text, letter.html))
        .map_err(|error| Failure::permanent(format!("message: {error}")))?;
    let envelope = Envelope::new(Some(sender), vec![recipient])
        .map_err(|error| Failure::permanent(format!("envelope: {error}")))?;
    Ok(Posted { envelope, bytes: built.formatted() })
}

/// Whether the text stays on its line everywhere: no control character (C0, DEL, C1) and no Unicode line separator.
pub(super) fn one_line(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// One address with its domain in ASCII (RFC 5891), so that most servers take an internationalised one too.
fn address(text: &str) -> Result<lettre::Address, Failure> {
    let separators = ['"', '<', '>', '(', ')', ',', ';', ':', '\\', ' '];
    if !one_line(text) || text.contains(separators) || text.matches('@').count() != 1 {
        return Err(Failure::permanent("the address holds a character that ends it"));
    }
    let ascii = match text.split_once('@').map(|(local, domain)| (local, url::Host::parse(domain))) {
        Some((local, Ok(url::Host::Domain(domain)))) => format!("{local}@{domain}"),
        _ => text.to_owned(),
    };
    ascii.parse().map_err(|error| Failure::permanent(format!("address: {error}")))
}

/// The same for every try at one message, so that a receiver can tell a repeat.
fn message_id(id: &str, domain: &str) -> Result<String, Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
        return Err(Failure::permanent(
            "the message's id is not 1 to 64 letters, digits, dots, hyphens or underscores",
        ));
    }
    Ok(format!("<{id}@{domain}>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ports::{MessageKind, Notice};
    use crate::identity::{Code, Email, Locale};

    fn composed(id: &str, to: &str, product: &str) -> Result<Posted, Failure> {
        composed_of(MessageKind::Code { code: Code::parse("012345", 6).unwrap(), minutes: 5 }, id, to, product)
    }

    fn composed_of(kind: MessageKind, id: &str, to: &str, product: &str) -> Result<Posted, Failure> {
        let to = Address::Email(Email::parse(to).unwrap());
        let message = Message { id: id.into(), to, locale: Locale::Ru, kind };
        let from = Sender::new(Some("Stepgate".into()), Email::parse("no-reply@example.com").unwrap()).unwrap();
        compose(&message, &from, &Wording::new(product), DateTime::from_timestamp(1_672_232_458, 0).unwrap())
    }

    #[test]
    fn one_message_has_one_recipient_and_the_headers_of_its_clock_and_id() {
        let posted = composed("mEssage-1", "demo@example.com", "Stepgate").unwrap();
        let text = String::from_utf8(posted.bytes).unwrap();
        assert!(text.is_ascii(), "no relay needs 8BITMIME: {text}");
        for line in [
            "From: Stepgate <no-reply@example.com>\r\n",
            "To: demo@example.com\r\n",
            "Message-ID: <mEssage-1@example.com>\r\n",
            "Date: Wed, 28 Dec 2022 13:00:58 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "multipart/alternative",
            "text/plain",
            "text/html",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
        assert_eq!(posted.envelope.to().len(), 1);
    }

    #[test]
    fn e3_a_field_that_could_end_its_header_is_refused() {
        for bad in ["x\r\nBcc: evil@example.com", "x\n.\r\n", "x\0", "", "x>", "é"] {
            assert!(matches!(composed(bad, "demo@example.com", "Stepgate"), Err(Failure::Permanent { .. })), "{bad:?}");
        }
        for bad in ["Step\r\nBcc: evil@example.com", "Step\ngate", "Step\0gate", "Step\u{2028}gate"] {
            assert!(matches!(composed("m", "demo@example.com", bad), Err(Failure::Permanent { .. })), "{bad:?}");
        }
        let notice = MessageKind::Notice { notice: Notice::PasswordChanged, at: DateTime::UNIX_EPOCH };
        for bad in ["Step\r\nBcc: evil@example.com", "Step\u{85}gate"] {
            assert!(matches!(
                composed_of(notice.clone(), "m", "demo@example.com", bad),
                Err(Failure::Permanent { .. })
            ));
        }
        assert!(composed_of(notice, "m", "demo@example.com", "Stepgate").is_ok());
        for bad in ["a@b.example,c@d.example", "a@b.example\r\nRCPT TO:<c@d.example>", "a b@c.example", "a@b@c.example"]
        {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_internationalised_domain_goes_out_in_ascii() {
        assert_eq!(address("demo@příklad.cz").unwrap().to_string(), "demo@xn--pklad-zsa96e.cz");
        assert_eq!(address("demo@example.com").unwrap().to_string(), "demo@example.com");
    }
}

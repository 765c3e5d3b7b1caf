use std::io;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use serde::Serialize;
use utoipa::ToSchema;

use super::reply::{Format, Reply};

/// What every call but the picture answers in JSON; in XML it is the inner object alone.
#[derive(Serialize, ToSchema)]
#[schema(as = WinstromAnswer)]
pub struct Envelope {
    winstrom: Winstrom,
}

/// All of it is text, as this surface's clients expect.
#[derive(Serialize, ToSchema)]
#[schema(xml(name = "winstrom"))]
pub struct Winstrom {
    #[serde(rename = "@version")]
    #[schema(example = "1.0", xml(name = "version", attribute))]
    version: &'static str,
    /// `true` or `false`.
    #[schema(example = "true")]
    success: &'static str,
    /// For people, in the language of `Accept-Language`, Czech where it names none that is spoken here.
    #[schema(example = "Dvoufázové ověření bylo úspěšně nastaveno.")]
    message: String,
}

impl Envelope {
    pub fn of(success: bool, message: String) -> Self {
        Envelope { winstrom: Winstrom { version: "1.0", success: if success { "true" } else { "false" }, message } }
    }

    /// The answer; headers may be added before.
    pub fn send(&self, mut response: HttpResponseBuilder, reply: Reply) -> HttpResponse {
        response.insert_header(("Content-Language", reply.locale.as_str()));
        match (reply.format, self.xml()) {
            (Format::Json, _) => response.content_type("application/json").json(self),
            (Format::Xml, Ok(xml)) => response.content_type("application/xml; charset=utf-8").body(xml),
            (Format::Xml, Err(_)) => response.status(StatusCode::INTERNAL_SERVER_ERROR).finish(),
        }
    }

    fn xml(&self) -> io::Result<Vec<u8>> {
        let Winstrom { version, success, message } = &self.winstrom;
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        writer.create_element("winstrom").with_attribute(("version", *version)).write_inner_content(|writer| {
            writer.create_element("success").write_text_content(BytesText::new(success))?;
            writer.create_element("message").write_text_content(BytesText::new(message))?;
            Ok(())
        })?;
        Ok(writer.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_as_they_are_published() {
        let envelope = Envelope::of(true, "Dvoufázové ověření bylo úspěšně vypnuto.".to_owned());
        let xml = String::from_utf8(envelope.xml().unwrap()).unwrap();
        let printed = "<winstrom version=\"1.0\">\n  <success>true</success>\n  \
                       <message>Dvoufázové ověření bylo úspěšně vypnuto.</message>\n</winstrom>";
        assert_eq!(xml, printed);
        let json = serde_json::to_string(&envelope).unwrap();
        let message = "Dvoufázové ověření bylo úspěšně vypnuto.";
        let printed = format!(r#"{{"winstrom":{{"@version":"1.0","success":"true","message":"{message}"}}}}"#);
        assert_eq!(json, printed);
    }

    #[test]
    fn words_are_no_markup() {
        let xml = Envelope::of(false, "</message><success>true</success> & \"x\"".to_owned()).xml().unwrap();
        let text = String::from_utf8(xml).unwrap();
        assert_eq!(text.matches("<success>").count(), 1, "{text}");
        assert!(text.contains("&lt;/message&gt;&lt;success&gt;true&lt;/success&gt; &amp;"), "{text}");
    }
}

//! Every call of every surface, as the document lists them, with a value for each thing that it takes.

use serde_json::{Map, Value, json};
use stepgate::identity::SurfaceName;
use url::form_urlencoded::byte_serialize;

use super::through::{Mfao, Navixy, Through, over};
use crate::doors::Door;
use crate::flexi::SECRET;
use crate::harness::{Answer, PASSWORD, Person, Request, TestApp};

/// Who calls, and what they hold.
pub struct World {
    pub ann: Person,
    /// Somebody whose sign-in waits for a code.
    pub ben: Person,
    session: String,
    panel: Navixy,
    client: Mfao,
    signing_in: String,
    enabling: String,
    challenge: String,
    offer: String,
    asked: String,
}

impl World {
    pub async fn of(app: &TestApp) -> World {
        let (ann, ben) = (app.person("ann").await, app.person_with_google("ben").await);
        let session = app.sign_in(&ann).await;
        let benn = app.by_google(&ben).await;
        let challenge = app.call("GET", "/api/v2/my/2fa/challenge").bearer(&benn).send().await.expect(200);
        World {
            signing_in: app.waiting(&ben).await,
            enabling: app.start_factor(&session, "sms", "enable").await.expect(200).uuid(),
            challenge: challenge.str("/token").to_owned(),
            offer: app.offer(&session, ann.id).await.token,
            asked: Door::Navixy.asked(app, &ben).await.token,
            panel: Navixy::operated_by(app, "operator").await,
            client: Mfao::registered(app).await,
            ann,
            ben,
            session,
        }
    }

    pub fn surfaces(&self) -> Vec<Box<dyn Through>> {
        over(self.panel.clone(), self.client.clone())
    }

    /// Every call of theirs, as it stands in the document.
    pub async fn calls(&self, app: &TestApp) -> Vec<Call> {
        let document = app.get("/openapi.json").await.expect(200).body;
        let mut calls = Vec::new();
        for (template, methods) in document["paths"].as_object().unwrap() {
            for (method, call) in methods.as_object().unwrap() {
                let Some(surface) = surface_of(call["tags"][0].as_str().unwrap()) else { continue };
                calls.push(self.call(&document, surface, method, template, call));
            }
        }
        for surface in SurfaceName::ALL {
            assert!(calls.iter().any(|call| call.surface == surface), "no call of {surface}");
        }
        calls
    }

    fn call(&self, document: &Value, surface: SurfaceName, method: &str, template: &str, call: &Value) -> Call {
        let schema = call.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
        let schema = schema.and_then(|schema| document.pointer(&schema[1..]));
        let members = schema.and_then(|schema| schema["properties"].as_object());
        let body: Map<String, Value> = members
            .into_iter()
            .flat_map(|members| members.keys())
            .map(|name| (name.clone(), self.sample(template, name)))
            .collect();
        let place = |place: &str| {
            let all = call["parameters"].as_array().into_iter().flatten();
            let here = all.filter(|parameter| parameter["in"] == *place);
            let names = here.map(|parameter| parameter["name"].as_str().unwrap().to_owned());
            names.map(|name| (name.clone(), self.sample(template, &name))).collect::<Vec<_>>()
        };
        let text = |(name, value): (String, Value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name, value)
        };
        Call {
            surface,
            method: method.to_uppercase(),
            template: template.to_owned(),
            body: schema.map(|_| body),
            query: place("query").into_iter().map(text).collect(),
            path: place("path").into_iter().map(text).collect(),
            headers: self.headers(surface),
        }
    }

    fn headers(&self, surface: SurfaceName) -> Vec<(String, String)> {
        let header = |name: &str, value: String| (name.to_owned(), value);
        match surface {
            SurfaceName::Wizard | SurfaceName::Veeam => {
                vec![header("Authorization", format!("Bearer {}", self.session))]
            }
            SurfaceName::Flexi => vec![header("Authorization", basic(&self.ann.email, PASSWORD))],
            SurfaceName::Navixy => vec![header("Authorization", format!("NVX {}", self.panel.hash))],
            SurfaceName::Mfao => vec![
                header("api-key", self.client.api_key.clone()),
                header("access-key", self.client.access_key.clone()),
            ],
        }
    }

    /// A value of the right form, with which nobody gets anywhere.
    fn sample(&self, template: &str, name: &str) -> Value {
        match name {
            "uuid" if template.contains("/2fa/wizard") => json!(self.enabling),
            "uuid" => json!(self.signing_in),
            "token" if template.contains("challenge") => json!(self.challenge),
            "token" if template.contains("acceptMfa") => json!(self.offer),
            "token" | "mfa_token" => json!(self.asked),
            "code" | "otp" | "mfa_code" => json!("000000"),
            "type" => json!("google"),
            "action" => json!("code"),
            "phone" => json!("+79994440000"),
            "email" | "username" | "login" | "user" => json!(self.ann.email),
            "password" | "passwordConfirmation" => json!("not the password"),
            "grant_type" => json!("Password"),
            "secret" | "key" => json!(SECRET),
            "settings" => json!({ "type": "allowed", "factor_types": ["google"] }),
            "target" => json!({ "type": "selected", "ids": [self.ann.id] }),
            "ids" => json!([self.ann.id]),
            "id" if template.contains("/users/") => json!(self.ann.id),
            "policyId" => json!("matrix"),
            "recreate" | "verbose" | "rememberDevice" | "endOtherSessions" => json!(false),
            "limit" | "Limit" | "changeId" => json!(1),
            "After" | "offset" | "Offset" => json!(0),
            "purpose" => json!("step_up"),
            "sort_order" => json!("asc"),
            _ => json!("nothing-of-worth"),
        }
    }
}

pub fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", data_encoding::BASE64.encode(format!("{name}:{password}").as_bytes()))
}

fn surface_of(tag: &str) -> Option<SurfaceName> {
    match tag {
        "operator" | "operations" => None,
        "wizard" | "factors" | "challenge" | "session" | "password" => Some(SurfaceName::Wizard),
        name => Some(name.parse().unwrap_or_else(|_| panic!("a tag that this test knows nothing of: {name}"))),
    }
}

#[derive(Debug, Clone)]
pub struct Call {
    pub surface: SurfaceName,
    pub method: String,
    pub template: String,
    pub body: Option<Map<String, Value>>,
    pub query: Vec<(String, String)>,
    pub path: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
}

impl Call {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// It, with this query and no body.
    fn bare<'a>(&self, app: &'a TestApp, query: &str) -> Request<'a> {
        let filled = |path: String, (name, value): &(String, String)| {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string();
            path.replace(&format!("{{{name}}}"), &value)
        };
        let path = self.path.iter().fold(self.template.clone(), filled);
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let call = app.call(&self.method, &format!("{path}{query}"));
        self.headers.iter().fold(call, |call, (name, value)| call.header(name, value))
    }

    fn query_string(&self) -> String {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pairs = self.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        pairs.collect::<Vec<String>>().join("&")
    }

    pub async fn send(&self, app: &TestApp) -> Answer {
        self.send_query(app, &self.query_string()).await
    }

    /// With another body, as it is written.
    pub async fn send_text(&self, app: &TestApp, kind: &str, body: String) -> Answer {
        self.bare(app, "").text(kind, body).send().await
    }

    /// With another query, and the body.
    pub async fn send_query(&self, app: &TestApp, query: &str) -> Answer {
        let call = self.bare(app, query);
        match &self.body {
            Some(body) => call.json(&Value::Object(body.clone())).send().await,
            None => call.send().await,
        }
    }

    /// With another value at this place of the body.
    pub fn with(&self, place: &[String], value: Value) -> Call {
        let mut changed = self.clone();
        let mut at = changed.body.as_mut().unwrap();
        for name in &place[..place.len() - 1] {
            at = at[name].as_object_mut().unwrap();
        }
        at[place.last().unwrap()] = value;
        changed
    }

    /// Whether it has a body or a query.
    pub fn says_anything(&self) -> bool {
        self.body.is_some() || !self.query.is_empty()
    }

    /// Without what would keep this member from being read: a call that takes a password or a token reads the one or the
    /// other.
    pub fn about(&self, member: &str) -> Call {
        let mut changed = self.clone();
        let body = changed.body.as_mut().unwrap();
        if self.template.ends_with("/account/auth") && ["login", "password"].contains(&member) {
            body.retain(|name, _| name != "token" && name != "code");
        }
        if body.contains_key("grant_type") {
            let grant = match member {
                "mfa_token" | "mfa_code" => "Mfa",
                "refresh_token" => "Refresh_token",
                _ => "Password",
            };
            body["grant_type"] = json!(grant);
        }
        changed
    }

    /// Every place of the body, and what is there.
    pub fn places(&self) -> Vec<(Vec<String>, Value)> {
        fn below(members: &Map<String, Value>, above: &[String], all: &mut Vec<(Vec<String>, Value)>) {
            for (name, value) in members {
                let place: Vec<String> = above.iter().chain([name]).cloned().collect();
                all.push((place.clone(), value.clone()));
                if let Value::Object(members) = value {
                    below(members, &place, all);
                }
            }
        }
        let mut all = Vec::new();
        below(self.body.as_ref().unwrap_or(&Map::new()), &[], &mut all);
        all
    }

    /// The answer, which must refuse in the surface's own envelope and name this field.
    #[track_caller]
    pub fn names(&self, answer: Answer, field: &str, what: &str) {
        let told = format!("{} {field} {what}: {} {}", self.name(), answer.status, answer.text);
        assert_eq!(answer.status, 400, "{told}");
        let is_named = match self.surface {
            SurfaceName::Wizard | SurfaceName::Veeam | SurfaceName::Mfao => {
                assert_eq!(answer.headers["content-type"], "application/problem+json", "{told}");
                assert_eq!(answer.body["code"], "invalid_request", "{told}");
                let errors = answer.body["errors"].as_object().expect(&told);
                errors.len() == 1 && errors.keys().all(|name| is_at(name, field))
            }
            SurfaceName::Navixy => {
                assert_eq!((&answer.body["success"], &answer.body["status"]["code"]), (&json!(false), &json!(7)));
                let said = answer.str("/status/description");
                said.split(' ').any(|word| word.strip_suffix(':').is_some_and(|name| is_at(name, field)))
            }
            SurfaceName::Flexi => answer.winstrom().1.starts_with(&format!("{field}: ")),
        };
        assert!(is_named, "{told}");
    }
}

/// Whether a name is the field's, or that of an item of it.
fn is_at(name: &str, field: &str) -> bool {
    name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

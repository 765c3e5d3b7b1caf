use super::key::{Fallback, Key, Kind};
use super::reader::Reader;

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "log.format",
        Kind::Choice(&["text", "json"]),
        Fallback::Value("text"),
        "Lines for people, or one JSON object a line.",
    ),
    Key::new(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        Fallback::Value("info"),
        "The finest level that this server logs; the libraries below it log warnings and errors only.",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    pub level: LogLevel,
}

pub(super) fn read(reader: &mut Reader) -> Option<Log> {
    let format = reader.required("log.format", |setting| {
        Ok(if setting.choice()? == "json" { LogFormat::Json } else { LogFormat::Text })
    });
    let level = reader.required("log.level", |setting| {
        Ok(match setting.choice()? {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => LogLevel::Info,
        })
    });
    Some(Log { format: format?, level: level? })
}

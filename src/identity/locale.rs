use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language that people are answered in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Locale {
    #[default]
    #[serde(rename = "en")]
    En,
    #[serde(rename = "cs")]
    Cs,
    #[serde(rename = "pt-BR")]
    PtBr,
    #[serde(rename = "ru")]
    Ru,
}

impl Locale {
    pub const ALL: [Locale; 4] = [Locale::En, Locale::Cs, Locale::PtBr, Locale::Ru];

    /// The BCP 47 tag.
    pub fn as_str(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Cs => "cs",
            Locale::PtBr => "pt-BR",
            Locale::Ru => "ru",
        }
    }
}

impl FromStr for Locale {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Locale::ALL
            .into_iter()
            .find(|locale| locale.as_str().eq_ignore_ascii_case(text))
            .ok_or("must be one of en, cs, pt-BR, ru")
    }
}

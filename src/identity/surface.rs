use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The APIs that people reach their account through, by the names that configuration and audit use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurfaceName {
    #[default]
    Wizard,
    Flexi,
    Veeam,
    Navixy,
    Mfao,
}

impl SurfaceName {
    pub const ALL: [SurfaceName; 5] =
        [SurfaceName::Wizard, SurfaceName::Flexi, SurfaceName::Veeam, SurfaceName::Navixy, SurfaceName::Mfao];

    /// Those that an operator can switch off and move.
    pub const MOVABLE: [SurfaceName; 4] =
        [SurfaceName::Flexi, SurfaceName::Veeam, SurfaceName::Navixy, SurfaceName::Mfao];

    pub fn as_str(self) -> &'static str {
        match self {
            SurfaceName::Wizard => "wizard",
            SurfaceName::Flexi => "flexi",
            SurfaceName::Veeam => "veeam",
            SurfaceName::Navixy => "navixy",
            SurfaceName::Mfao => "mfao",
        }
    }

    /// What the paths of the API begin with, unless the operator has moved it.
    pub const fn usual_prefix(self) -> &'static str {
        match self {
            SurfaceName::Wizard => "/api/v2/my",
            SurfaceName::Flexi => "/u",
            SurfaceName::Veeam => "/api",
            SurfaceName::Navixy => "/v2/panel",
            SurfaceName::Mfao => "/api/totp",
        }
    }
}

impl fmt::Display for SurfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SurfaceName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = SurfaceName::ALL.into_iter().find(|surface| surface.as_str() == text);
        named.ok_or("must be one of wizard, flexi, veeam, navixy, mfao")
    }
}

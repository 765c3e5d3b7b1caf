use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{admin, dev, docs, flexi, health, mfao, navixy, problem, veeam, wizard};
use crate::identity::SurfaceName;

/// A surface that can be moved, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub surface: SurfaceName,
    /// Begins with a `/` and does not end with one.
    pub prefix: String,
    /// What clients reach it by, such as `http://127.0.0.2:8081`, if it is not where the document comes from.
    pub server: Option<String>,
}

impl Mount {
    /// All of them, where they are when nobody has moved any.
    pub fn usual() -> Vec<Mount> {
        let usual = |surface: SurfaceName| Mount { surface, prefix: surface.usual_prefix().to_owned(), server: None };
        SurfaceName::MOVABLE.map(usual).into()
    }

    pub(super) fn routes(&self, config: &mut ServiceConfig<'_>) {
        match self.surface {
            SurfaceName::Wizard => wizard::routes(config),
            SurfaceName::Flexi => flexi::routes(config, &self.prefix),
            SurfaceName::Veeam => veeam::routes(config, &self.prefix),
            SurfaceName::Navixy => navixy::routes(config, &self.prefix),
            SurfaceName::Mfao => mfao::routes(config, &self.prefix),
        }
    }
}

/// What one listener answers to.
#[derive(Debug, Clone)]
pub enum Mounts {
    /// The wizards, the operator's surface and the documents; these surfaces beside them; and what only a developer's
    /// machine may have.
    Main { surfaces: Vec<Mount>, dev: bool },
    /// These surfaces alone, and whether the instance lives.
    Extra { surfaces: Vec<Mount> },
}

/// Puts every route of a listener into `config`.
pub fn routes(config: &mut ServiceConfig<'_>, mounts: &Mounts) {
    let surfaces = match mounts {
        Mounts::Main { surfaces, dev } => {
            wizard::routes(config);
            admin::routes(config);
            health::routes(config);
            health::keys(config);
            docs::routes(config);
            if *dev {
                dev::routes(config);
            }
            surfaces
        }
        Mounts::Extra { surfaces } => {
            health::routes(config);
            surfaces
        }
    };
    for mount in innermost_first(surfaces) {
        mount.routes(config);
    }
    config.app_data(web::QueryConfig::default().error_handler(problem::bad_query));
    config.default_service(web::to(problem::no_such_route));
}

/// A scope takes every call below its prefix and asks no other: `/api/totp` has to come before `/api`. The fixed ones
/// come before all, and none lies below them.
fn innermost_first(surfaces: &[Mount]) -> Vec<&Mount> {
    let mut sorted: Vec<&Mount> = surfaces.iter().collect();
    sorted.sort_by_key(|mount| std::cmp::Reverse(mount.prefix.len()));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_comes_before_those_that_it_lies_in() {
        let usual = Mount::usual();
        let prefixes: Vec<&str> = innermost_first(&usual).iter().map(|mount| mount.prefix.as_str()).collect();
        assert_eq!(prefixes, ["/api/totp", "/v2/panel", "/api", "/u"]);
    }
}

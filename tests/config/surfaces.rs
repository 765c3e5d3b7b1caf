//! Where the surfaces are, and what of that cannot work.

use stepgate::config::{Config, Place};
use stepgate::identity::SurfaceName;

use super::{env, production, toml};

fn places(config: &Config) -> Vec<(&str, &str, String)> {
    let place = |at: &Place| at.listen.to_string();
    config.surfaces.iter().map(|at| (at.surface.as_str(), at.prefix.as_str(), place(at))).collect()
}

#[test]
fn all_are_on_where_their_clients_expect_them() {
    let config = env(&[]).unwrap();
    let at = |name, prefix| (name, prefix, "127.0.0.1:8080".to_owned());
    let usual = [at("flexi", "/u"), at("veeam", "/api"), at("navixy", "/v2/panel"), at("mfao", "/api/totp")];
    assert_eq!(places(&config), usual);
    let listeners = config.listeners();
    assert_eq!(listeners.len(), 1);
    assert_eq!((listeners[0].key.as_str(), listeners[0].surfaces.len()), ("listen", 4));
}

#[test]
fn each_is_switched_and_moved_by_file_and_by_environment() {
    let (_folder, path) = toml(
        "[flexi]\nenabled = false\n[veeam]\nprefix = \"/veeam\"\n[navixy]\nprefix = \"/n\"\nlisten = \"127.0.0.1:9000\"\n\
         [mfao]\nlisten = \"127.0.0.1:9000\"\n",
    );
    let config = super::load(Some(&path), &[("STEPGATE_NAVIXY__PREFIX", "/a/b-c_d.e~f")]).unwrap();
    let [main, extra] = ["127.0.0.1:8080", "127.0.0.1:9000"].map(str::to_owned);
    let moved =
        [("veeam", "/veeam", main), ("navixy", "/a/b-c_d.e~f", extra.clone()), ("mfao", "/api/totp", extra.clone())];
    assert_eq!(places(&config), moved);
    let listeners = config.listeners();
    let named: Vec<_> = listeners.iter().map(|at| (at.variable(), at.surfaces.len())).collect();
    assert_eq!(named, [("STEPGATE_LISTEN".to_owned(), 1), ("STEPGATE_NAVIXY__LISTEN".to_owned(), 2)]);
}

#[test]
fn an_address_that_is_the_servers_own_is_no_second_listener() {
    let config = env(&[("STEPGATE_FLEXI__LISTEN", "127.0.0.1:8080")]).unwrap();
    assert_eq!(config.listeners().len(), 1);
}

#[test]
fn a_bad_prefix_is_named() {
    let long = format!("/{}", "a".repeat(100));
    for prefix in [
        "u", "/", "/u/", "//", "/u//x", "/u x", "/{user}", "/u%20", "/č", "/u?x", "/u#x", "/..", "/a/./b", "/u*", &long,
    ] {
        for surface in SurfaceName::MOVABLE {
            let variable = format!("STEPGATE_{}__PREFIX", surface.as_str().to_uppercase());
            let refused = env(&[(&variable, prefix)]).expect_err(prefix);
            let keys: Vec<&str> = refused.iter().map(|error| error.key.as_str()).collect();
            assert_eq!(keys, [format!("{surface}.prefix")], "{prefix}: {refused}");
        }
    }
}

/// The key that is to be changed is the one that somebody has set.
#[test]
fn prefixes_that_hide_calls_are_refused() {
    for (more, key) in [
        (vec![("STEPGATE_FLEXI__PREFIX", "/api")], "flexi.prefix"),
        (vec![("STEPGATE_VEEAM__PREFIX", "/api/totp")], "veeam.prefix"),
        (vec![("STEPGATE_MFAO__PREFIX", "/api")], "mfao.prefix"),
        (vec![("STEPGATE_MFAO__PREFIX", "/api/v1")], "mfao.prefix"),
        (vec![("STEPGATE_NAVIXY__PREFIX", "/api/oauth2/panel")], "navixy.prefix"),
        (vec![("STEPGATE_NAVIXY__PREFIX", "/u/panel")], "navixy.prefix"),
        (vec![("STEPGATE_VEEAM__PREFIX", "/v2/panel/account")], "veeam.prefix"),
        (vec![("STEPGATE_VEEAM__PREFIX", "/x"), ("STEPGATE_NAVIXY__PREFIX", "/x")], "navixy.prefix"),
        (vec![("STEPGATE_FLEXI__PREFIX", "/api/v2/my")], "flexi.prefix"),
        (vec![("STEPGATE_FLEXI__PREFIX", "/api/v2")], "flexi.prefix"),
        (vec![("STEPGATE_NAVIXY__PREFIX", "/admin")], "navixy.prefix"),
        (vec![("STEPGATE_NAVIXY__PREFIX", "/admin/v1/panel")], "navixy.prefix"),
        (vec![("STEPGATE_NAVIXY__PREFIX", "/openapi.json")], "navixy.prefix"),
        (vec![("STEPGATE_NAVIXY__PREFIX", "/dev")], "navixy.prefix"),
        // Their own listener answers to `/health` as well.
        (vec![("STEPGATE_NAVIXY__LISTEN", "127.0.0.1:9000"), ("STEPGATE_NAVIXY__PREFIX", "/health")], "navixy.prefix"),
    ] {
        let refused = env(&more).expect_err(key);
        assert!(refused.iter().all(|error| error.key == key), "{more:?}: {refused}");
    }
}

#[test]
fn prefixes_that_hide_nothing_are_taken() {
    for more in [
        vec![("STEPGATE_NAVIXY__PREFIX", "/api/panel")],
        vec![("STEPGATE_VEEAM__PREFIX", "/api/v2")],
        vec![("STEPGATE_MFAO__PREFIX", "/api/v2/totp")],
        vec![("STEPGATE_FLEXI__PREFIX", "/healthy")],
        // Whoever is off, or elsewhere, is in nobody's way.
        vec![("STEPGATE_MFAO__PREFIX", "/v2/panel"), ("STEPGATE_NAVIXY__ENABLED", "false")],
        vec![("STEPGATE_MFAO__PREFIX", "/u"), ("STEPGATE_FLEXI__LISTEN", "127.0.0.1:9000")],
    ] {
        assert!(env(&more).is_ok(), "{more:?}: {}", env(&more).unwrap_err());
    }
}

/// The list of what is the server's own is complete: no surface can be put where the server itself answers.
#[test]
fn nothing_of_the_servers_own_can_be_taken() {
    let document = serde_json::to_value(stepgate::http::document(&[])).unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        let fixed = path.split("/{").next().unwrap();
        let refused = env(&[("STEPGATE_NAVIXY__PREFIX", fixed)]).expect_err(fixed);
        assert!(refused.iter().any(|error| error.problem.contains("the server's own")), "{fixed}: {refused}");
    }
}

#[test]
fn a_bad_address_is_named_and_dev_mode_stays_on_this_machine() {
    for (listen, problem) in [("8081", "no IP address"), ("0.0.0.0:8081", "loopback"), ("192.0.2.1:0", "loopback")] {
        let refused = env(&[("STEPGATE_MFAO__LISTEN", listen)]).expect_err(listen);
        let said: Vec<_> = refused.iter().map(|error| (error.key.as_str(), error.problem.contains(problem))).collect();
        assert_eq!(said, [("mfao.listen", true)], "{refused}");
    }
    let off = [("STEPGATE_MFAO__LISTEN", "0.0.0.0:8081"), ("STEPGATE_MFAO__ENABLED", "false")];
    assert!(env(&off).is_ok(), "what is off listens nowhere");
    assert!(env(&production(&off[..1])).is_ok());
}

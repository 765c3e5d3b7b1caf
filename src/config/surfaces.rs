use std::net::SocketAddr;

use super::key::{Fallback, Key, Kind, variable};
use super::reader::{Reader, Setting};
use crate::identity::SurfaceName;

pub(super) const FLEXI: &[Key] = &place(SurfaceName::Flexi, ["flexi.enabled", "flexi.prefix", "flexi.listen"]);
pub(super) const VEEAM: &[Key] = &place(SurfaceName::Veeam, ["veeam.enabled", "veeam.prefix", "veeam.listen"]);
pub(super) const NAVIXY: &[Key] = &place(SurfaceName::Navixy, ["navixy.enabled", "navixy.prefix", "navixy.listen"]);

/// The keys that every surface has.
pub(super) const fn place(surface: SurfaceName, [enabled, prefix, listen]: [&'static str; 3]) -> [Key; 3] {
    [
        Key::new(enabled, Kind::Flag, Fallback::Value("true"), "Whether this API is served at all."),
        Key::new(
            prefix,
            Kind::Text("a path such as `/api`: `/` and a name of letters, digits, `-`, `.`, `_`, `~`, once or more"),
            Fallback::Value(surface.usual_prefix()),
            "What its paths begin with. Prefixes may lie within each other as long as none hides the calls of another.",
        ),
        Key::new(
            listen,
            Kind::Text("an IP address and a port, such as `0.0.0.0:8081`; port 0 takes a free one"),
            Fallback::Computed("the server's own `listen`"),
            "A listener of its own, or shared with other surfaces that name the same. In dev mode a loopback address.",
        ),
    ]
}

/// What the server itself answers to, with everything below it.
const OWN: [&str; 8] =
    ["/api/v2/my", "/admin", "/.well-known", "/health", "/openapi.json", "/docs", "/metrics", "/dev"];

/// Where a surface is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub surface: SurfaceName,
    /// Begins with a `/` and does not end with one.
    pub prefix: String,
    pub listen: SocketAddr,
}

/// An address that is listened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub address: SocketAddr,
    /// The key that names the address.
    pub key: String,
    pub surfaces: Vec<Place>,
}

impl Listener {
    /// The variable that sets its key.
    pub fn variable(&self) -> String {
        variable(&self.key)
    }

    /// Every address once, the server's own first.
    pub(super) fn all(own: SocketAddr, places: &[Place]) -> Vec<Listener> {
        let mut all = vec![Listener { address: own, key: "listen".to_owned(), surfaces: Vec::new() }];
        for place in places.iter().cloned() {
            match all.iter_mut().find(|listener| listener.address == place.listen) {
                Some(listener) => listener.surfaces.push(place),
                None => all.push(Listener {
                    address: place.listen,
                    key: key(place.surface, "listen"),
                    surfaces: vec![place],
                }),
            }
        }
        all
    }
}

/// The surfaces that are on; `None` after an error, which is then remembered.
pub(super) fn read(reader: &mut Reader, own: Option<SocketAddr>, dev: Option<bool>) -> Option<Vec<Place>> {
    let read = SurfaceName::MOVABLE.map(|surface| read_place(reader, surface, own, dev));
    let sound: Vec<Place> = read.iter().flatten().flatten().cloned().collect();
    let fits = fit_together(reader, &sound);
    (fits && read.iter().all(Option::is_some)).then_some(sound)
}

/// One surface; `Some(None)` when it is off. What is wrong in a section that is off is wrong all the same.
fn read_place(
    reader: &mut Reader,
    surface: SurfaceName,
    own: Option<SocketAddr>,
    dev: Option<bool>,
) -> Option<Option<Place>> {
    let enabled = reader.required(&key(surface, "enabled"), Setting::flag);
    let prefix = reader.required(&key(surface, "prefix"), prefix);
    let listen_key = key(surface, "listen");
    let listen = reader.optional(&listen_key, |setting| {
        setting.text()?.parse::<SocketAddr>().map_err(|_| format!("{} is no IP address and port", setting.shown()))
    });
    if listen.is_none() && reader.is_set(&listen_key) {
        return None;
    }
    let (enabled, prefix, listen) = (enabled?, prefix?, listen.or(own)?);
    if enabled && dev == Some(true) && !listen.ip().to_canonical().is_loopback() {
        reader.fail(&listen_key, "is not a loopback address, and `dev` is on");
        return None;
    }
    Some(enabled.then_some(Place { surface, prefix, listen }))
}

fn key(surface: SurfaceName, name: &str) -> String {
    format!("{surface}.{name}")
}

fn prefix(setting: &Setting) -> Result<String, String> {
    let text = setting.text()?;
    let names = text.strip_prefix('/').ok_or_else(|| format!("{} does not begin with `/`", setting.shown()))?;
    let is_name = |name: &str| {
        !matches!(name, "" | "." | "..") && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    if names.ends_with('/') {
        return Err(format!("{} ends with `/`", setting.shown()));
    }
    if !names.split('/').all(is_name) {
        return Err(format!("{} has an empty part, or a character that has no place in it", setting.shown()));
    }
    if text.len() > 100 {
        return Err("is longer than 100 characters".to_owned());
    }
    Ok(text)
}

/// Whether every call of every surface can be reached.
fn fit_together(reader: &mut Reader, places: &[Place]) -> bool {
    let mut fits = true;
    for (at, place) in places.iter().enumerate() {
        let own = key(place.surface, "prefix");
        let hidden = OWN.iter().find(|path| below(path, &place.prefix).is_some() || hides(place, path));
        if let Some(path) = hidden {
            reader.fail(&own, format!("{} collides with {path}, which is the server's own", place.prefix));
            fits = false;
        }
        for other in places[..at].iter().filter(|other| other.listen == place.listen) {
            if place.prefix == other.prefix || hides(other, &place.prefix) || hides(place, &other.prefix) {
                // The one that somebody has set is the one that can be set otherwise.
                let theirs = key(other.surface, "prefix");
                let blamed = if reader.is_set(&own) || !reader.is_set(&theirs) { own.as_str() } else { &theirs };
                let (one, two) = (&other.prefix, &place.prefix);
                let collide = format!("{one} of `{}` and {two} of `{}` collide", other.surface, place.surface);
                let way_out = "give one another prefix, or a `listen` of its own";
                reader.fail(blamed, format!("{collide} on the same listener: {way_out}"));
                fits = false;
            }
        }
    }
    fits
}

/// Whether calls of the surface lie at or below `inner`, which is served by something else and takes them.
fn hides(outer: &Place, inner: &str) -> bool {
    let Some(first) = below(&outer.prefix, inner).and_then(|rest| rest.split('/').next()) else { return false };
    match outer.surface {
        SurfaceName::Veeam => matches!(first, "v1" | "oauth2"),
        SurfaceName::Navixy => matches!(first, "account" | "user"),
        // Their first part is anybody's name.
        SurfaceName::Wizard | SurfaceName::Flexi | SurfaceName::Mfao => true,
    }
}

/// What of `path` comes after `prefix`, if it lies there.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(surface: SurfaceName, prefix: &str) -> Place {
        Place { surface, prefix: prefix.to_owned(), listen: SocketAddr::from(([127, 0, 0, 1], 1)) }
    }

    #[test]
    fn a_prefix_ends_between_two_names() {
        assert_eq!(below("/api", "/api/totp"), Some("totp"));
        assert_eq!(below("/api", "/api"), Some(""));
        assert_eq!(below("/api", "/apis"), None);
        assert_eq!(below("/api/totp", "/api"), None);
    }

    #[test]
    fn only_what_takes_a_call_away_hides_it() {
        let veeam = place(SurfaceName::Veeam, "/api");
        assert!(hides(&veeam, "/api/v1") && hides(&veeam, "/api/oauth2/token"));
        assert!(!hides(&veeam, "/api/totp") && !hides(&veeam, "/api/v2/my") && !hides(&veeam, "/ap"));
        assert!(hides(&place(SurfaceName::Mfao, "/api"), "/api/v2/my"));
        assert!(hides(&place(SurfaceName::Navixy, "/v2/panel"), "/v2/panel/user"));
        assert!(!hides(&place(SurfaceName::Navixy, "/v2/panel"), "/v2/panel/users"));
    }

    #[test]
    fn every_address_is_listened_on_once() {
        let own = SocketAddr::from(([127, 0, 0, 1], 1));
        let other = SocketAddr::from(([127, 0, 0, 1], 2));
        let mut places = [SurfaceName::Flexi, SurfaceName::Veeam, SurfaceName::Mfao].map(|name| place(name, "/x"));
        places[0].listen = other;
        places[2].listen = other;
        let all = Listener::all(own, &places);
        let named: Vec<(&str, usize)> = all.iter().map(|it| (it.key.as_str(), it.surfaces.len())).collect();
        assert_eq!(named, [("listen", 1), ("flexi.listen", 2)]);
        assert_eq!(all[1].variable(), "STEPGATE_FLEXI__LISTEN");
    }
}

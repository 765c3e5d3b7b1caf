use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use ipnet::IpNet;
use zeroize::Zeroizing;

use super::key::{Fallback, Key, Kind};
use super::reader::{Reader, Setting};
use super::store::{self, StoreAddress};
use crate::identity::Secret;

pub(super) const KEYS: &[Key] = &[
    Key::new(
        "product",
        Kind::Text("1 to 40 characters"),
        Fallback::Value("Stepgate"),
        "The name that people know this service by, in messages and on pages.",
    ),
    Key::new(
        "listen",
        Kind::Text("an IP address and a port, such as `0.0.0.0:8080` or `[::1]:8080`; port 0 takes a free one"),
        Fallback::Value("127.0.0.1:8080"),
        "Where the server listens.",
    ),
    Key::new(
        "dev",
        Kind::Flag,
        Fallback::Computed("`true` on a loopback address without trusted proxies, else `false`"),
        "Dev mode: demo account, demo pages, and an outbox that everybody can read. Refused on any address but loopback.",
    ),
    Key::new(
        "store",
        Kind::Text(store::ACCEPTED),
        Fallback::Value("embedded:data"),
        "Where accounts, wizards and sessions are kept.",
    )
    .secret(),
    Key::new(
        "master_key",
        Kind::Text("base64 of exactly 32 bytes, as `openssl rand -base64 32` prints it"),
        Fallback::Unset,
        "The key that every other key is derived from. Needed when `dev` is off; the same on all instances.",
    )
    .secret(),
    Key::new(
        "master_key_previous",
        Kind::List("base64 of exactly 32 bytes"),
        Fallback::Value("[]"),
        "Master keys under which the store may still be sealed; at start it is sealed anew under `master_key`.",
    )
    .secret(),
    Key::new(
        "admin_key",
        Kind::Text("at least 16 characters"),
        Fallback::Unset,
        "The bearer token of the operator's API; without it that API answers nobody.",
    )
    .secret(),
    Key::new(
        "workflows",
        Kind::Text("a folder that exists"),
        Fallback::Computed("the built-in workflows"),
        "A folder with workflow files.",
    ),
    Key::new(
        "trusted_proxies",
        Kind::List("networks in CIDR form or single IP addresses"),
        Fallback::Value("[]"),
        "Whose `X-Forwarded-For` counts.",
    ),
];

/// 32 secret bytes. `Debug` shows nothing of them, and their memory is cleared when they are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// The bytes themselves, for [`crate::identity::Keys::with_previous`].
    pub fn expose(&self) -> [u8; 32] {
        *self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[master key]")
    }
}

pub(super) struct Server {
    pub product: String,
    pub listen: SocketAddr,
    pub store: StoreAddress,
    pub master_key: Option<MasterKey>,
    pub master_key_previous: Vec<MasterKey>,
    pub admin_key: Option<Secret>,
    pub workflows: Option<PathBuf>,
    pub trusted_proxies: Vec<IpNet>,
}

/// The section, and apart from it whether dev mode is on: what other sections need is known only from that.
pub(super) fn read(reader: &mut Reader) -> (Option<Server>, Option<bool>) {
    let product = reader.required("product", |setting| short_name(&setting.text()?));
    let listen = reader.required("listen", |setting| {
        setting.text()?.parse::<SocketAddr>().map_err(|_| format!("{} is no IP address and port", setting.shown()))
    });
    let store = reader.required("store", |setting| store::parse(&setting.text()?));
    let master_key = reader.optional("master_key", |setting| master_key(&setting.text()?));
    let previous = reader.required("master_key_previous", |setting| setting.each(self::master_key));
    let admin_key = reader.optional("admin_key", |setting| {
        let text = setting.text()?;
        if text.chars().count() < 16 { Err("is too short".to_owned()) } else { Ok(Secret::new(text)) }
    });
    let workflows = reader.optional("workflows", Setting::folder);
    let trusted_proxies = reader.required("trusted_proxies", |setting| setting.each(network));
    let dev = read_dev(reader, listen, trusted_proxies.as_deref());
    if dev == Some(false) && !reader.is_set("master_key") {
        reader.fail("master_key", "must be set when `dev` is off");
    }
    let server = match (product, listen, store, previous, trusted_proxies) {
        (Some(product), Some(listen), Some(store), Some(master_key_previous), Some(trusted_proxies)) => Some(Server {
            product,
            listen,
            store,
            master_key,
            master_key_previous,
            admin_key,
            workflows,
            trusted_proxies,
        }),
        _ => None,
    };
    (server, dev)
}

/// Dev mode shows every code to everybody, so it needs an address that only this machine reaches. A proxy in front of
/// a loopback address makes it reachable again: then nobody gets dev mode without having asked for it.
fn read_dev(reader: &mut Reader, listen: Option<SocketAddr>, proxies: Option<&[IpNet]>) -> Option<bool> {
    let asked = reader.optional("dev", Setting::flag);
    let loopback = listen?.ip().to_canonical().is_loopback();
    if asked == Some(true) && !loopback {
        reader.fail("dev", "dev mode is refused when `listen` is not a loopback address");
        return None;
    }
    if asked.is_none() && reader.is_set("dev") {
        return None;
    }
    Some(asked.unwrap_or(loopback && proxies.is_none_or(<[IpNet]>::is_empty)))
}

/// A name of 1 to 40 characters that are not all spaces.
pub(super) fn short_name(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        1..=40 if !text.contains(['\u{2028}', '\u{2029}']) => Ok(text.to_owned()),
        _ => Err("is not 1 to 40 characters long".to_owned()),
    }
}

fn master_key(text: &str) -> Result<MasterKey, String> {
    let spellings = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
    let decoded = spellings.iter().find_map(|spelling| spelling.decode(text.trim().as_bytes()).ok());
    let bytes = Zeroizing::new(decoded.ok_or("is not base64")?);
    let exact: [u8; 32] = bytes.as_slice().try_into().map_err(|_| format!("holds {} bytes, not 32", bytes.len()))?;
    Ok(MasterKey(Zeroizing::new(exact)))
}

fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse().map(|address: std::net::IpAddr| IpNet::from(address)).ok();
    text.parse().ok().or_else(single).ok_or_else(|| format!("{text:?} is no network and no IP address"))
}

use super::key::Key;
use super::surfaces::place;
use crate::identity::SurfaceName;

pub(super) const KEYS: &[Key] = &place(SurfaceName::Mfao, ["mfao.enabled", "mfao.prefix", "mfao.listen"]);

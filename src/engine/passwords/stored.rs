use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{CustomizedPasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;

use crate::identity::Secret;

use super::PasswordError;
use super::pool::Memory;

// The dearest hashes that are taken: about a second of one core each. A dearer one would hold up everybody's sign-in.

/// Argon2: 64 MiB, 10 passes, 4 lanes.
const ARGON2: (u32, u32, u32) = (64 * 1024, 10, 4);
/// scrypt: 64 MiB (128 · N · r bytes), 4 times.
const SCRYPT: (u64, u32) = (64 * 1024 * 1024, 4);
/// PBKDF2: rounds.
const PBKDF2: u32 = 2_000_000;
/// bcrypt: the logarithm of its rounds.
const BCRYPT: std::ops::RangeInclusive<u32> = 4..=14;
/// All that bcrypt looks at, in bytes.
const BCRYPT_SEES: usize = 72;

/// Whether `text` is a password hash that can be checked: Argon2, scrypt or PBKDF2 in PHC form with salt and hash, or
/// bcrypt (`$2a$`, `$2b$`, `$2y$`); and of bounded cost.
pub fn is_supported_hash(text: &str) -> bool {
    Stored::parse(text).is_some()
}

/// A stored hash that can be checked at a bounded cost.
pub(super) enum Stored {
    /// As [`hash`] makes it.
    Own(PasswordHash),
    Argon2(PasswordHash),
    Scrypt(PasswordHash),
    Pbkdf2(PasswordHash, pbkdf2::Params),
    Bcrypt(String),
}

impl Stored {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.starts_with("$2") {
            return bcrypt(text);
        }
        let hash = PasswordHash::new(text).ok().filter(|hash| hash.salt.is_some() && hash.hash.is_some())?;
        match hash.algorithm.as_str() {
            "scrypt" => scrypt(hash),
            pbkdf2::Algorithm::PBKDF2_SHA256_ID | pbkdf2::Algorithm::PBKDF2_SHA512_ID => pbkdf2(hash),
            _ => argon2(hash),
        }
    }

    /// A hash of our own is computed in `memory`, another one allocates what it needs for as long as it takes.
    pub(super) fn is_of(&self, password: &Secret, memory: &mut Memory) -> bool {
        let password = password.expose().as_bytes();
        match self {
            Stored::Own(hash) => {
                let made = hash.salt.as_ref().and_then(|salt| output(password, salt, memory).ok());
                // `Output` compares in constant time.
                made.is_some() && made == hash.hash
            }
            Stored::Argon2(hash) => hasher().verify_password(password, hash).is_ok(),
            Stored::Scrypt(hash) => Scrypt::new().verify_password(password, hash).is_ok(),
            Stored::Pbkdf2(hash, params) => {
                let (Some(salt), Some(_)) = (&hash.salt, &hash.hash) else { return false };
                let name = Some(hash.algorithm.as_str());
                let made = Pbkdf2::SHA256.hash_password_customized(password, salt, name, None, *params);
                // `Output` compares in constant time.
                made.is_ok_and(|made| made.hash == hash.hash)
            }
            Stored::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
        }
    }

    /// Whether every byte of the password decides.
    pub(super) fn sees_all_of(&self, password: &Secret) -> bool {
        match self {
            Stored::Own(_) | Stored::Argon2(_) | Stored::Scrypt(_) | Stored::Pbkdf2(..) => true,
            Stored::Bcrypt(_) => password.expose().len() <= BCRYPT_SEES,
        }
    }
}

fn argon2(hash: PasswordHash) -> Option<Stored> {
    if is_own(&hash) {
        return Some(Stored::Own(hash));
    }
    let (_, params) = (Algorithm::new(hash.algorithm.as_str()).ok()?, Params::try_from(&hash).ok()?);
    let (memory, passes, lanes) = ARGON2;
    let affordable = params.m_cost() <= memory && params.t_cost() <= passes && params.p_cost() <= lanes;
    affordable.then_some(Stored::Argon2(hash))
}

/// The bounds are looked at before the crate's own: those multiply without a check.
fn scrypt(hash: PasswordHash) -> Option<Stored> {
    let number = |name| hash.params.get_decimal(name);
    let (log_n, r, p) = (number("ln")?, number("r")?, number("p")?);
    let (memory, times) = SCRYPT;
    let bytes = 1_u64.checked_shl(log_n).filter(|_| log_n < 32)?.checked_mul(u64::from(r))?.checked_mul(128)?;
    let affordable = (1..=memory).contains(&bytes) && (1..=times).contains(&p);
    (affordable && scrypt::Params::try_from(&hash).is_ok()).then_some(Stored::Scrypt(hash))
}

fn pbkdf2(hash: PasswordHash) -> Option<Stored> {
    let rounds = pbkdf2::Params::try_from(&hash.params).ok()?.rounds();
    let length = hash.hash.as_ref()?.len();
    let told = hash.params.get_decimal("l").map(usize::try_from);
    let fits = hash.version.is_none() && told.is_none_or(|told| told == Ok(length));
    // The length may be left out: the hash itself has it.
    let params = pbkdf2::Params::new_with_output_len(rounds, length).ok()?;
    (fits && rounds <= PBKDF2).then_some(Stored::Pbkdf2(hash, params))
}

/// Not `$2x$`, which is known to be wrong.
fn bcrypt(text: &str) -> Option<Stored> {
    let parts: bcrypt::HashParts = text.parse().ok()?;
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
    (known && BCRYPT.contains(&parts.get_cost())).then(|| Stored::Bcrypt(text.to_owned()))
}

/// Whether the hash is one that [`hash`] would make.
pub(super) fn is_current(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| is_own(&hash))
}

fn is_own(hash: &PasswordHash) -> bool {
    let own = hasher();
    let output = hash.hash.as_ref();
    let whole = hash.salt.is_some() && output.is_some_and(|output| output.len() == Params::DEFAULT_OUTPUT_LEN);
    let same = |params: Params| {
        let of = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        of(&params) == of(own.params()) && params.keyid().is_empty() && params.data().is_empty()
    };
    let version = hash.version == Some(Version::V0x13.into());
    let argon2id = hash.algorithm.as_str() == Algorithm::Argon2id.as_str();
    argon2id && version && whole && Params::try_from(hash).is_ok_and(same)
}

fn hasher() -> Argon2<'static> {
    // The parameters are within the bounds of RFC 9106 §3.1, so the default is never taken.
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Blocks of 1 KiB that a hash with our own parameters works in.
pub(super) fn block_count() -> usize {
    hasher().params().block_count()
}

fn output(password: &[u8], salt: &Salt, memory: &mut Memory) -> Result<Output, PasswordError> {
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let made = hasher().hash_password_into_with_memory(password, salt, &mut output, memory.blocks()?);
    made.map_err(|_| PasswordError::Failed)?;
    Output::new(&output).map_err(|_| PasswordError::Failed)
}

pub(super) fn hash(password: &str, salt: &[u8; 16], memory: &mut Memory) -> Result<String, PasswordError> {
    let salt = Salt::new(salt).map_err(|_| PasswordError::Failed)?;
    let output = output(password.as_bytes(), &salt, memory)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(hasher().params()).map_err(|_| PasswordError::Failed)?,
        salt: Some(salt),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordHasher;

    const REST: &str = "c29tZXNhbHQxMjM0NTY$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    /// `U*U`, from the vectors of crypt_blowfish.
    const BCRYPT_VECTOR: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    #[test]
    fn hashes_made_elsewhere_are_checked() {
        let mut memory = Memory::new();
        let long = "$pbkdf2-sha256$i=4096,l=40$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0\
                    $NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q";
        for (password, hash) in [
            // From passlib's documentation.
            ("password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"),
            // RFC 6070's last vector with SHA-256, with and without its length.
            ("passwordPASSWORDpassword", long),
            ("passwordPASSWORDpassword", &long.replace(",l=40", "")),
            ("U*U", BCRYPT_VECTOR),
            ("U*U", &BCRYPT_VECTOR.replace("$2a$", "$2b$")),
            ("U*U", &BCRYPT_VECTOR.replace("$2a$", "$2y$")),
        ] {
            let stored = Stored::parse(hash).unwrap_or_else(|| panic!("{hash}"));
            assert!(stored.is_of(&Secret::new(password), &mut memory), "{hash}");
            assert!(!stored.is_of(&Secret::new(format!("{password}x")), &mut memory), "{hash}");
            assert!(!is_current(hash), "{hash}");
        }
    }

    #[test]
    fn sha_512_is_another_hash_than_sha_256() {
        let params = pbkdf2::Params::new_with_output_len(1_000, 64).unwrap();
        let made = Pbkdf2::SHA512.hash_password_customized(b"hunter two", b"saltsalt", None, None, params).unwrap();
        let (text, mut memory) = (made.to_string(), Memory::new());
        assert!(text.starts_with("$pbkdf2-sha512$i=1000,l=64$"), "{text}");
        assert!(Stored::parse(&text).unwrap().is_of(&Secret::new("hunter two"), &mut memory));
        let other = text.replace("sha512", "sha256");
        assert!(!Stored::parse(&other).unwrap().is_of(&Secret::new("hunter two"), &mut memory));
    }

    #[test]
    fn argon2_is_whole_and_of_bounded_cost() {
        assert!(is_supported_hash(&format!("$argon2id$v=19$m=19456,t=2,p=1${REST}")));
        assert!(is_supported_hash(&format!("$argon2i$v=19$m=65536,t=3,p=4${REST}")));
        for bad in ["m=4194304,t=1,p=1", "m=19456,t=1000,p=1", "m=19456,t=2,p=64", "m=x"] {
            assert!(!is_supported_hash(&format!("$argon2id$v=19${bad}${REST}")), "{bad}");
        }
        for bad in ["$argon2id", "$argon2zz$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA", "$argon2id$v=19$m=19456,t=2,p=1"]
        {
            assert!(!is_supported_hash(bad), "{bad}");
        }
        assert!(!is_supported_hash("correct horse"));
    }

    #[test]
    fn the_others_are_too() {
        for good in
            ["$scrypt$ln=16,r=8,p=1", "$scrypt$ln=14,r=8,p=4", "$pbkdf2-sha256$i=2000000", "$pbkdf2-sha512$i=1000"]
        {
            assert!(is_supported_hash(&format!("{good}${REST}")), "{good}");
            assert!(!is_supported_hash(good), "without salt and hash: {good}");
            let salt = REST.split('$').next().unwrap();
            assert!(!is_supported_hash(&format!("{good}${salt}")), "without hash: {good}");
        }
        for bad in [
            "$scrypt$ln=17,r=8,p=1",
            "$scrypt$ln=16,r=9,p=1",
            "$scrypt$ln=14,r=8,p=5",
            "$scrypt$ln=63,r=8,p=1",
            "$scrypt$ln=4294967295,r=8,p=1",
            "$scrypt$ln=1,r=4294967295,p=4",
            "$scrypt$ln=0,r=0,p=0",
            "$scrypt$ln=14,r=8",
            "$scrypt$v=1$ln=14,r=8,p=1",
            "$pbkdf2-sha256$i=2000001",
            "$pbkdf2-sha256$i=999",
            "$pbkdf2-sha256$i=4096,l=20",
            "$pbkdf2$i=4096",
            "$pbkdf2-sha1$i=4096",
        ] {
            assert!(!is_supported_hash(&format!("{bad}${REST}")), "{bad}");
        }
        let cost = |cost: &str| BCRYPT_VECTOR.replace("$05$", cost);
        assert!(is_supported_hash(&cost("$04$")) && is_supported_hash(&cost("$14$")));
        for bad in [&cost("$15$"), &cost("$03$"), &cost("$31$"), &cost("$xx$"), &BCRYPT_VECTOR[..59], "$2", "$2b$05$"] {
            assert!(!is_supported_hash(bad), "{bad}");
        }
        assert!(!is_supported_hash(&BCRYPT_VECTOR.replace("$2a$", "$2x$")));
    }

    #[test]
    fn current_is_only_what_is_made_here() {
        let own = hash("correct horse", &[2; 16], &mut Memory::new()).unwrap();
        assert!(is_current(&own));
        for (from, to) in
            [("m=19456", "m=19457"), ("t=2", "t=3"), ("p=1", "p=2"), ("argon2id", "argon2i"), ("v=19", "v=16")]
        {
            assert!(!is_current(&own.replace(from, to)), "{to}");
        }
    }

    #[test]
    fn what_was_hashed_before_in_the_same_memory_does_not_matter() {
        let mut memory = Memory::new();
        for password in ["correct horse", "battery staple", ""] {
            let made = hash(password, &[2; 16], &mut memory).unwrap();
            let elsewhere = hasher().hash_password_with_salt(password.as_bytes(), &[2; 16]).unwrap();
            assert_eq!(made, elsewhere.to_string());
            let stored = Stored::parse(&made).unwrap();
            assert!(matches!(stored, Stored::Own(_)));
            assert!(!stored.is_of(&Secret::new("Correct horse"), &mut memory));
            assert!(stored.is_of(&Secret::new(password), &mut memory));
        }
    }
}

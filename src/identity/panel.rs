use std::fmt;

use aes::Aes128;
use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use chrono::TimeDelta;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use super::{AccountId, Keys, Secret, SessionId};

/// The credential of a panel session: 32 hexadecimal digits, as the clients of that surface expect it.
///
/// They are one block of AES-128 over the account's number and eight random bytes, so that nobody who lacks the key can
/// make one (128 bits), and whoever has it can read off which session is meant, without an index.
#[derive(Clone, PartialEq, Eq)]
pub struct PanelHash {
    pub account: AccountId,
    random: [u8; 8],
}

impl PanelHash {
    /// How long a panel session lives.
    pub const LIFETIME: TimeDelta = TimeDelta::hours(24);

    pub fn new(account: AccountId, random: [u8; 8]) -> Self {
        PanelHash { account, random }
    }

    /// The hash in `text`. Whether it was ever handed out, only its session tells; `None` for anything but 32 small
    /// hexadecimal digits.
    pub fn parse(keys: &Keys, text: &str) -> Option<Self> {
        let mut block: [u8; 16] = HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()?;
        let mut cells = Array::from(block);
        cipher(keys).decrypt_block(&mut cells);
        block.copy_from_slice(&cells);
        let (account, random) = block.split_first_chunk::<8>()?;
        Some(PanelHash { account: AccountId(u64::from_be_bytes(*account)), random: random.try_into().ok()? })
    }

    /// As it is handed out.
    pub fn show(&self, keys: &Keys) -> Secret {
        let mut block = [0; 16];
        block[..8].copy_from_slice(&self.account.0.to_be_bytes());
        block[8..].copy_from_slice(&self.random);
        let mut cells = Array::from(block);
        cipher(keys).encrypt_block(&mut cells);
        Secret::new(HEXLOWER.encode(&cells))
    }

    /// The name of its session, from which nobody gets back to the hash.
    pub fn session(&self, keys: &Keys) -> SessionId {
        let derived = keys.derive("panel-session", &[&self.account.to_string(), &HEXLOWER.encode(&self.random)]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&derived[..16]);
        SessionId::from_bytes(bytes)
    }
}

impl fmt::Debug for PanelHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PanelHash({})", self.account)
    }
}

fn cipher(keys: &Keys) -> Aes128 {
    let derived = keys.derive("panel", &["hash"]);
    let mut key = Zeroizing::new([0; 16]);
    key.copy_from_slice(&derived[..16]);
    Aes128::new(&Array::from(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_leads_to_its_session_and_a_changed_one_to_no_other_account_s() {
        let keys = Keys::from_master([1; 32]);
        let hash = PanelHash::new(AccountId(7), [2; 8]);
        let text = hash.show(&keys).expose().to_owned();
        assert!(text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{text}");
        let read = PanelHash::parse(&keys, &text).unwrap();
        assert_eq!((&read, read.session(&keys)), (&hash, hash.session(&keys)));
        for place in 0..32 {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
            let other = PanelHash::parse(&keys, std::str::from_utf8(&bytes).unwrap()).unwrap();
            assert!(other.account != hash.account && other.session(&keys) != hash.session(&keys), "{place}");
        }
    }

    #[test]
    fn nothing_of_the_account_stands_in_the_hash_and_another_key_reads_another_one() {
        let (keys, others) = (Keys::from_master([1; 32]), Keys::from_master([2; 32]));
        let [one, two] = [[0; 8], [1; 8]].map(|random| PanelHash::new(AccountId(7), random).show(&keys));
        let shared = one.expose().bytes().zip(two.expose().bytes()).filter(|(a, b)| a == b).count();
        assert!(shared < 16, "{shared} digits in common");
        assert_ne!(PanelHash::parse(&others, one.expose()).unwrap().account, AccountId(7));
    }

    #[test]
    fn only_32_small_hexadecimal_digits_can_be_a_hash() {
        let keys = Keys::from_master([1; 32]);
        let text = PanelHash::new(AccountId(7), [2; 8]).show(&keys).expose().to_owned();
        for bad in
            ["", &text[1..], &format!("{text}0"), &text.to_uppercase(), &format!("{} ", &text[1..]), &"g".repeat(32)]
        {
            let same = bad == text;
            assert!(same || PanelHash::parse(&keys, bad).is_none(), "{bad}");
        }
    }
}

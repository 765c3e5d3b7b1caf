use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};

use crate::identity::TokenAlgorithm;

/// A fresh key pair to sign access tokens with, as PKCS #8 in PEM.
pub fn fresh_pair(algorithm: TokenAlgorithm) -> Result<String, String> {
    let failed = |_| "the generator refuses".to_owned();
    let der = match algorithm {
        TokenAlgorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec())
            .map_err(failed)?,
        TokenAlgorithm::RS256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
            der.as_ref().to_vec()
        }
        TokenAlgorithm::EdDSA => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec())
            .map_err(failed)?,
    };
    Ok(pem::encode(&pem::Pem::new("PRIVATE KEY", der)))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::identity::{AccessTokens, AccountId, Bearer, SessionId, SigningKey};

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::hours(hours)
    }

    fn key(kid: &str, algorithm: TokenAlgorithm, signs_from: DateTime<Utc>) -> SigningKey {
        let private_pem = fresh_pair(algorithm).unwrap();
        let (made_at, kid) = (at(0), kid.to_owned());
        SigningKey { kid, algorithm, private_pem, made_at, signs_from, stops_at: None, ends_at: None }
    }

    fn holding(algorithm: TokenAlgorithm, audience: &str, keys: &[SigningKey]) -> AccessTokens {
        let tokens = AccessTokens::new(algorithm, "issuer".into(), audience.into());
        tokens.hold(keys).unwrap();
        tokens
    }

    fn bearer() -> Bearer {
        Bearer { account: AccountId(7), session: SessionId::from_bytes([1; 16]) }
    }

    fn kid_of(token: &str) -> String {
        jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
    }

    #[test]
    fn a_fresh_key_of_each_algorithm_signs_what_it_verifies() {
        for algorithm in TokenAlgorithm::ALL {
            let keys = [key("one", algorithm, at(0))];
            let tokens = holding(algorithm, "audience", &keys);
            let token = tokens.mint(&bearer(), at(0), at(10)).unwrap();
            assert_eq!(tokens.verify(token.expose(), at(0)), Some(bearer()), "{algorithm:?}");
            assert_eq!(tokens.verify(token.expose(), at(10)), None, "{algorithm:?}");
            assert_eq!(holding(algorithm, "another", &keys).verify(token.expose(), at(0)), None, "{algorithm:?}");
        }
    }

    #[test]
    fn the_old_key_signs_during_the_overlap_and_verifies_until_its_tokens_are_over() {
        let mut old = key("old", TokenAlgorithm::ES256, at(0));
        (old.stops_at, old.ends_at) = (Some(at(2)), Some(at(12)));
        // A changed algorithm changes over in the same way.
        for algorithm in [TokenAlgorithm::ES256, TokenAlgorithm::EdDSA] {
            let tokens = holding(algorithm, "audience", &[key("new", algorithm, at(2)), old.clone()]);
            let before = tokens.mint(&bearer(), at(1), at(11)).unwrap();
            let after = tokens.mint(&bearer(), at(2), at(13)).unwrap();
            assert_eq!((kid_of(before.expose()), kid_of(after.expose())), ("old".to_owned(), "new".to_owned()));
            for token in [&before, &after] {
                assert_eq!(tokens.verify(token.expose(), at(10)), Some(bearer()));
            }
            assert_eq!([tokens.jwks(at(1)).keys.len(), tokens.jwks(at(11)).keys.len()], [2, 2]);
            assert_eq!(tokens.jwks(at(12)).keys.len(), 1);
            assert_eq!(tokens.verify(before.expose(), at(12)), None);
            assert_eq!(tokens.verify(after.expose(), at(12)), Some(bearer()));
        }
    }

    #[test]
    fn a_clock_behind_the_one_that_made_the_key_signs_all_the_same() {
        let mut old = key("old", TokenAlgorithm::ES256, at(1));
        old.stops_at = Some(at(3));
        let tokens =
            holding(TokenAlgorithm::ES256, "audience", &[key("new", TokenAlgorithm::ES256, at(3)), old.clone()]);
        let token = tokens.mint(&bearer(), at(0), at(10)).unwrap();
        assert_eq!(kid_of(token.expose()), "old");
        assert_eq!(tokens.verify(token.expose(), at(0)), Some(bearer()));
        let over = holding(TokenAlgorithm::ES256, "audience", &[old]);
        assert!(over.mint(&bearer(), at(3), at(10)).is_err(), "one that has stopped never signs again");
    }

    /// A24: a key's own algorithm is the only one that is accepted for it, whatever others the ring has.
    #[test]
    fn a_key_of_one_algorithm_takes_no_token_of_another() {
        let (es, ed) = (key("es", TokenAlgorithm::ES256, at(0)), key("ed", TokenAlgorithm::EdDSA, at(0)));
        let mut swapped = ed.clone();
        swapped.kid = "es".to_owned();
        let genuine = holding(TokenAlgorithm::ES256, "audience", &[es, ed]);
        let forged = holding(TokenAlgorithm::EdDSA, "audience", &[swapped]);
        let token = forged.mint(&bearer(), at(0), at(1)).unwrap();
        assert_eq!(kid_of(token.expose()), "es");
        assert_eq!(genuine.verify(token.expose(), at(0)), None);
        assert!(!genuine.names_unknown_key(token.expose()));
    }

    #[test]
    fn nothing_is_signed_without_a_key_and_a_bad_one_is_named() {
        let tokens = AccessTokens::new(TokenAlgorithm::ES256, "issuer".into(), "audience".into());
        assert!(tokens.mint(&bearer(), at(0), at(1)).is_err());
        let good = key("good", TokenAlgorithm::ES256, at(0));
        tokens.hold(std::slice::from_ref(&good)).unwrap();
        let mut bad = key("bad", TokenAlgorithm::EdDSA, at(0));
        bad.algorithm = TokenAlgorithm::RS256;
        assert_eq!(tokens.hold(&[good, bad]).unwrap_err().kid, "bad");
        assert!(tokens.mint(&bearer(), at(0), at(1)).is_ok());
    }
}

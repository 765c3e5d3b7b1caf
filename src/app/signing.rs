use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};

use crate::engine::ports::{Entropy, Store};
use crate::identity::{AccessTokens, Keys, SigningKey, TokenAlgorithm};

use super::StartError;

/// What the key is sealed with as associated data.
const CONTEXT: &str = "signing-key";

/// The signing key that all instances on one store share: the first instance to start makes it.
pub async fn access_tokens(
    store: &dyn Store,
    keys: &Keys,
    entropy: &dyn Entropy,
    algorithm: TokenAlgorithm,
    issuer: &str,
    audience: &str,
) -> Result<AccessTokens, StartError> {
    let name = format!("{CONTEXT}-{}", algorithm.as_str());
    let fresh = generate(algorithm, entropy)?;
    let plain = serde_json::to_vec(&fresh).map_err(|why| StartError::SigningKey(why.to_string()))?;
    let kept = store.keep(&name, &keys.seal(&plain, &[&name], entropy.bytes())).await?;
    let opened = keys.open(&kept, &[&name]).map_err(|why| StartError::MasterKey(why.to_string()))?;
    let key: SigningKey = serde_json::from_slice(&opened).map_err(|why| StartError::SigningKey(why.to_string()))?;
    AccessTokens::new(&key, issuer.to_owned(), audience.to_owned())
        .map_err(|why| StartError::SigningKey(why.to_string()))
}

fn generate(algorithm: TokenAlgorithm, entropy: &dyn Entropy) -> Result<SigningKey, StartError> {
    let failed = |what: &str| StartError::SigningKey(format!("no {what} key could be made"));
    let der = match algorithm {
        TokenAlgorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec())
            .map_err(|_| failed("P-256"))?,
        TokenAlgorithm::RS256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| failed("RSA"))?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| failed("RSA"))?;
            der.as_ref().to_vec()
        }
        TokenAlgorithm::EdDSA => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|document| document.as_ref().to_vec())
            .map_err(|_| failed("Ed25519"))?,
    };
    let kid = data_encoding::BASE64URL_NOPAD.encode(&entropy.bytes::<9>());
    Ok(SigningKey { kid, algorithm, private_pem: pem::encode(&pem::Pem::new("PRIVATE KEY", der)) })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::app::SystemEntropy;
    use crate::identity::{AccountId, Bearer, SessionId};

    #[test]
    fn a_fresh_key_of_each_algorithm_signs_what_it_verifies() {
        for algorithm in [TokenAlgorithm::ES256, TokenAlgorithm::RS256, TokenAlgorithm::EdDSA] {
            let key = generate(algorithm, &SystemEntropy).unwrap();
            let tokens = AccessTokens::new(&key, "issuer".into(), "audience".into()).unwrap();
            let bearer = Bearer { account: AccountId(7), session: SessionId::from_bytes([1; 16]) };
            let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
            let token = tokens.mint(&bearer, now, now + TimeDelta::hours(10)).unwrap();
            assert_eq!(tokens.verify(token.expose(), now), Some(bearer), "{algorithm:?}");
            assert_eq!(tokens.verify(token.expose(), now + TimeDelta::hours(10)), None, "{algorithm:?}");
            let other = AccessTokens::new(&key, "issuer".into(), "another".into()).unwrap();
            assert_eq!(other.verify(token.expose(), now), None, "{algorithm:?}");
        }
    }
}

/// Names whose values nobody may read in a log, in lower case. What a person is called is nobody else's business either.
const SECRET: [&str; 16] = [
    "otp",
    "secret",
    "code",
    "token",
    "password",
    "hash",
    "username",
    "login",
    "email",
    "phone",
    "access_token",
    "refresh_token",
    "mfa_token",
    "mfa_code",
    "api-key",
    "access-key",
];

/// A query string (without its `?`) with the values of secret parameters replaced by `***`.
///
/// Names are compared without case and after percent-decoding, repeatedly encoded ones included; everything else stays
/// byte for byte. A parameter that only looks secret is better blanked than a secret one shown.
pub fn redact_query(query: &str) -> String {
    let mut shown = String::with_capacity(query.len());
    let mut rest = query;
    // `;` once separated parameters as well, and some frameworks still take it so.
    while let Some(end) = rest.find(['&', ';']) {
        shown.push_str(&redact_pair(&rest[..end]));
        shown.push_str(&rest[end..=end]);
        rest = &rest[end + 1..];
    }
    shown.push_str(&redact_pair(rest));
    shown
}

/// A path whose parts with an `@` in them, which are people's addresses, are replaced by `***`, encoded ones included.
/// The rest stays byte for byte.
pub fn redact_path(path: &str) -> String {
    let shown: Vec<&str> = path.split('/').map(|part| if plain(part).contains('@') { "***" } else { part }).collect();
    shown.join("/")
}

fn redact_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret(name) => format!("{name}=***"),
        _ => pair.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = plain(name).trim().to_ascii_lowercase();
    // `filter[code]`, `codes[]` and the like: any word of the name counts.
    SECRET.contains(&name.as_str()) || name.split(['[', ']', '.']).any(|word| SECRET.contains(&word))
}

/// `%256ftp` reads `otp` only after two decodings; a proxy in front may have done the other one.
fn plain(text: &str) -> String {
    (0..3).fold(text.to_owned(), |text, _| decoded(&text))
}

/// Percent-decoding that leaves a broken escape as it stands.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1..at + 3).and_then(hex)) {
            (b'%', Some(value)) => {
                plain.push(value);
                at += 3;
            }
            (b'+', _) => {
                plain.push(b' ');
                at += 1;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_values_are_blanked_and_the_rest_is_kept() {
        for (query, shown) in [
            ("", ""),
            ("limit=10&offset=2", "limit=10&offset=2"),
            ("secret=ABC&otp=123456", "secret=***&otp=***"),
            ("OTP=123456&x=1", "OTP=***&x=1"),
            ("o%74p=123456", "o%74p=***"),
            ("%6F%54%70=123456", "%6F%54%70=***"),
            ("%256ftp=123456", "%256ftp=***"),
            ("a=1;code=9", "a=1;code=***"),
            ("access_token=x.y.z&password=p&token=t", "access_token=***&password=***&token=***"),
            ("data[code]=1&data%5Botp%5D=2", "data[code]=***&data%5Botp%5D=***"),
            ("otp", "otp"),
            ("otp=", "otp="),
            ("otp=1=2", "otp=***"),
            ("&&=&otp=1&", "&&=&otp=***&"),
            ("%=1&%zz=2&%6=3", "%=1&%zz=2&%6=3"),
            ("+otp+=1", "+otp+=***"),
            ("username=code&limit=1", "username=***&limit=1"),
            ("filter[provider]=code", "filter[provider]=code"),
            ("mfa_token=a&mfa_code=b&refresh_token=c", "mfa_token=***&mfa_code=***&refresh_token=***"),
            ("api-key=a&access%2Dkey=b&hash=c&login=d", "api-key=***&access%2Dkey=***&hash=***&login=***"),
            ("email=a@b.example&phone=%2B420", "email=***&phone=***"),
        ] {
            assert_eq!(redact_query(query), shown, "{query}");
        }
    }

    #[test]
    fn a_path_shows_nobodys_address() {
        for (path, shown) in [
            ("", ""),
            ("/", "/"),
            ("/u/ann/enable-2fa", "/u/ann/enable-2fa"),
            ("/u/ann@example.com/enable-2fa.json", "/u/***/enable-2fa.json"),
            ("/u/ann%40example.com/", "/u/***/"),
            ("/u/ann%2540example.com", "/u/***"),
            ("/%4", "/%4"),
        ] {
            assert_eq!(redact_path(path), shown, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken(text: String) {
            let _ = (redact_query(&text), redact_path(&text));
        }
    }
}

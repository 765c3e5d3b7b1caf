use std::error::Error;

use super::sane;

/// The deepest cause of an HTTP client's error, as a log may show it. The error itself names the URL, which may hold a
/// token; what lies under it does not.
pub fn cause(error: &dyn Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(Error::source) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "request failed".to_owned(), |cause| sane(&cause.to_string()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("for https://u:token@host/")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_cause_is_told_and_the_address_is_not() {
        let refused = std::io::Error::other("refused\r\nINFO all is well");
        assert_eq!(cause(&Outer(refused)), "refused\\r\\nINFO all is well");
        assert_eq!(cause(&std::fmt::Error), "request failed");
    }
}

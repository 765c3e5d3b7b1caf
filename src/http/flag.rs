use serde::{Deserialize, Deserializer};

/// `true` or `false`, also as text: some of the published clients send it so, and a form knows nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Flag;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Flag, E> {
                match text {
                    "true" => Ok(Flag(true)),
                    "false" => Ok(Flag(false)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_and_false_in_either_form_and_nothing_else() {
        let read = |text: &str| serde_json::from_str::<Flag>(text).ok().map(|flag| flag.0);
        assert_eq!(
            [read("true"), read("\"true\""), read("false"), read("\"false\"")],
            [Some(true), Some(true), Some(false), Some(false)]
        );
        for text in ["1", "null", "\"True\"", "\"\"", "[true]", "\"yes\""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

use crate::engine::FieldProblem;
use crate::identity::Secret;

use super::CommonPasswords;

/// Characters that a password may have.
pub(in crate::engine) const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// Shortest word of a name that a password is held against.
const WORD: usize = 3;

/// What a password must be for a person to choose it. There are no rules on which characters it is made of.
pub struct Strength {
    /// The least score of zxcvbn, 0 to 4: 3 means more than 10⁸ guesses.
    pub min_score: u8,
    pub common: CommonPasswords,
    /// What everybody knows here, such as the product's name.
    pub known: Vec<String>,
}

impl Default for Strength {
    fn default() -> Self {
        Strength { min_score: 3, common: CommonPasswords::built_in(), known: Vec::new() }
    }
}

impl Strength {
    pub(super) fn judge(&self, password: &Secret, inputs: &[String]) -> Result<(), FieldProblem> {
        let text = password.expose();
        if !LENGTH.contains(&text.chars().count()) {
            return Err(FieldProblem::PasswordLength);
        }
        if self.common.has(password) {
            return Err(FieldProblem::PasswordCommon);
        }
        let words: Vec<String> = self.known.iter().chain(inputs).flat_map(|input| words(input)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match u8::from(zxcvbn::zxcvbn(text, &words).score()) >= self.min_score {
            true => Ok(()),
            false => Err(FieldProblem::PasswordWeak),
        }
    }
}

/// What of a name somebody would try: the whole, what stands before the `@` without its dots, and each word.
fn words(input: &str) -> Vec<String> {
    let local = input.split('@').next().unwrap_or_default();
    let joined: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    let each = input.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
    let all = [input.to_owned(), local.to_owned(), joined].into_iter().chain(each);
    all.filter(|word| word.chars().count() >= WORD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str, inputs: &[&str]) -> Result<(), FieldProblem> {
        let strength = Strength { known: vec!["Stepgate".to_owned()], ..Strength::default() };
        let inputs: Vec<String> = inputs.iter().map(|input| (*input).to_owned()).collect();
        strength.judge(&Secret::new(password), &inputs)
    }

    #[test]
    fn its_length_is_counted_in_characters() {
        for bad in ["", "a1B2c3!", "žluťouč", &"x7 ".repeat(43)] {
            assert_eq!(judge(bad, &[]), Err(FieldProblem::PasswordLength), "{bad}");
        }
        assert_eq!(judge("жёлтый конь под дождём", &[]), Ok(()));
        let longest: String = "four unrelated typed words ".chars().cycle().take(128).collect();
        assert_eq!(judge(&longest, &[]), Ok(()));
    }

    #[test]
    fn a_common_one_is_common_in_any_case() {
        for bad in ["password", "PassWord1", "qwertyuiop", "ｐａｓｓｗｏｒｄ", "iloveyou"] {
            assert_eq!(judge(bad, &[]), Err(FieldProblem::PasswordCommon), "{bad}");
        }
    }

    #[test]
    fn a_weak_one_is_weak_however_it_is_composed() {
        for bad in ["aaaaaaaaaaaa", "Summer2024!", "abcdefghijkl", "19.11.1989"] {
            assert_eq!(judge(bad, &[]), Err(FieldProblem::PasswordWeak), "{bad}");
        }
        for good in ["four unrelated typed words", "kjhw8fqpzm", "correct horse battery staple"] {
            assert_eq!(judge(good, &[]), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_others_know_of_the_person_does_not_count() {
        let person = ["Zbigniewa.Krotochwil@example.com", "kvetoslavka77"];
        for bad in ["zbigniewakrotochwil", "Kvetoslavka77", "krotochwil1", "Stepgate1", "example.com"] {
            assert_eq!(judge(bad, &person), Err(FieldProblem::PasswordWeak), "{bad}");
        }
        for good in ["zbigniewakrotochwil", "Kvetoslavka77", "krotochwil1"] {
            assert_eq!(judge(good, &[]), Ok(()), "somebody else may have {good}");
        }
    }

    #[test]
    fn the_score_that_is_asked_for_is_the_operators() {
        let lenient = Strength { min_score: 0, ..Strength::default() };
        assert_eq!(lenient.judge(&Secret::new("aaaaaaaaaaaa"), &[]), Ok(()));
        assert_eq!(lenient.judge(&Secret::new("password1"), &[]), Err(FieldProblem::PasswordCommon));
    }
}

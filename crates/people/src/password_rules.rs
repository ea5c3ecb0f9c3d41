//! The rules of new passwords (NIST SP 800-63B): long enough, and not easy to guess. No character is demanded.

use auth::UserEmail;
use secrecy::SecretString;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::Score;

/// The minimum length in characters.
const MIN_LENGTH: usize = 12;
/// The maximum length in characters.
const MAX_LENGTH: usize = 256;
/// The maximum length before normalization, in bytes, so that nobody makes the server normalize much.
const MAX_BYTES: usize = 8 * MAX_LENGTH;
/// The minimum length of a word about the owner that a password must not contain. Shorter ones occur by chance.
const MIN_WORD: usize = 4;
/// The name of the program, which everybody would try.
const PRODUCT: &str = "novantra";

/// The reason that a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// It is too short.
    #[error("must have at least 12 characters")]
    TooShort,
    /// It is too long.
    #[error("must have at most 256 characters")]
    TooLong,
    /// It contains a word that an attacker knows.
    #[error("must not contain your name, your email address, the workspace or the name of this program")]
    ContainsOwnWord,
    /// It is one of the most common passwords, or made of them, of names, dates or patterns on the keyboard.
    #[error("is too easy to guess: use several words that have nothing to do with each other")]
    EasyToGuess,
}

/// The facts about the owner of a password that an attacker knows.
#[derive(Clone, Debug)]
pub struct PasswordOwner {
    /// The name.
    pub name: String,
    /// The email address.
    pub email: UserEmail,
    /// The slug of the workspace.
    pub workspace: String,
}

impl PasswordOwner {
    /// The words that a password must not contain, in lower case.
    fn words(&self) -> Vec<String> {
        let (local, _) = self.email.as_str().split_once('@').unwrap_or((self.email.as_str(), ""));
        let split =
            |text: &str| -> Vec<String> { text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect() };
        let whole = [self.email.as_str(), local, &self.workspace, PRODUCT].map(str::to_lowercase);
        let words = whole.into_iter().chain(split(&self.name)).chain(split(local));
        words.filter(|word| word.chars().count() >= MIN_WORD).collect()
    }
}

/// Returns the password as it is hashed, in normal form NFKC: the same characters typed on another keyboard are the same
/// password. `None` if it is longer than any password is.
pub(crate) fn normalized(text: &str) -> Option<SecretString> {
    (text.len() <= MAX_BYTES).then(|| SecretString::from(text.nfkc().collect::<String>()))
}

/// Checks a new password. It may take tens of milliseconds.
///
/// # Errors
/// The first rule that the password breaks.
pub fn check_new_password(text: &str, owner: &PasswordOwner) -> Result<SecretString, PasswordFault> {
    if text.len() > MAX_BYTES {
        return Err(PasswordFault::TooLong);
    }
    let password: String = text.nfkc().collect();
    match password.chars().count() {
        length if length < MIN_LENGTH => return Err(PasswordFault::TooShort),
        length if length > MAX_LENGTH => return Err(PasswordFault::TooLong),
        _ => {}
    }
    let (lower, words) = (password.to_lowercase(), owner.words());
    if words.iter().any(|word| lower.contains(word)) {
        return Err(PasswordFault::ContainsOwnWord);
    }
    let inputs: Vec<&str> = words.iter().map(String::as_str).collect();
    if zxcvbn::zxcvbn(&password, &inputs).score() < Score::Three {
        return Err(PasswordFault::EasyToGuess);
    }
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn owner() -> PasswordOwner {
        PasswordOwner {
            name: "Morgan Halloran".to_owned(),
            email: auth::parse_user_email("m.halloran@brackwater.example").unwrap(),
            workspace: "brackwater".to_owned(),
        }
    }

    #[test]
    fn a_password_has_12_to_256_characters_however_many_bytes_they_take() {
        let check = |text: &str| check_new_password(text, &owner()).map(drop);
        assert_eq!(check("kestrel-ven"), Err(PasswordFault::TooShort));
        assert_eq!(check("kestrel-venn"), Ok(()));
        assert_eq!(check("ключ-шторм-ива"), Ok(()));
        let long = "kestrel venn oblique ".repeat(20);
        assert_eq!(check(&long[..256]), Ok(()));
        assert_eq!(check(&long[..257]), Err(PasswordFault::TooLong));
        assert_eq!(check(&"a".repeat(100_000)), Err(PasswordFault::TooLong));
    }

    #[test]
    fn no_character_is_demanded_and_none_is_refused() {
        for text in
            ["plain lower case words", "  kestrel   venn   oblique  ", "🦅 kestrel 🌩 venn 🧭", "kestrel\tvenn\noblique"]
        {
            assert!(check_new_password(text, &owner()).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn passwords_that_are_easy_to_guess_are_refused() {
        for text in [
            "password1234",
            "passwordpassword",
            "P@ssw0rd12345",
            "123456789012",
            "qwertyuiop[]",
            "aaaaaaaaaaaaaaaa",
            "iloveyou2024!",
            "abcdefghijklmnop",
            "qwerty123456",
            "1q2w3e4r5t6y",
        ] {
            assert_eq!(check_new_password(text, &owner()).map(drop), Err(PasswordFault::EasyToGuess), "{text}");
        }
    }

    #[test]
    fn passwords_that_contain_what_an_attacker_knows_are_refused() {
        for text in [
            "kestrel-Halloran-venn",
            "MORGAN kestrel venn",
            "m.halloran@brackwater.example!",
            "kestrel Brackwater venn",
            "kestrel novantra venn",
        ] {
            assert_eq!(check_new_password(text, &owner()).map(drop), Err(PasswordFault::ContainsOwnWord), "{text}");
        }
    }

    #[test]
    fn the_same_characters_in_another_encoding_are_the_same_password() {
        let [composed, decomposed] = ["caf\u{e9} kestrel venn", "cafe\u{301} kestrel venn"];
        let checked = check_new_password(composed, &owner()).unwrap();
        assert_eq!(checked.expose_secret(), normalized(decomposed).unwrap().expose_secret());
        assert!(normalized(&"a".repeat(MAX_BYTES + 1)).is_none());
    }
}

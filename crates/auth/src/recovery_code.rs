//! Recovery codes: what replaces a lost second factor. Each works once.

use kernel::{Entropy, OrganizationId};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{opaque_token::TokenHash, random_text::base32, user::UserId};

/// The digits of a code: 80 random bits, which no attacker guesses even from the hashes.
const DIGITS: usize = 16;
/// The digits in a group of the displayed code.
const GROUP: usize = 4;

/// A recovery code. Its `Debug` output is redacted, so that it is never logged.
#[derive(Clone, Debug)]
pub struct RecoveryCode(SecretString);

impl RecoveryCode {
    /// The number of codes that are made at once.
    pub const COUNT: usize = 10;

    /// Generates [`Self::COUNT`] codes.
    #[must_use]
    pub fn generate_all(entropy: &dyn Entropy) -> Vec<Self> {
        std::iter::repeat_with(|| Self::generate(entropy)).take(Self::COUNT).collect()
    }

    fn generate(entropy: &dyn Entropy) -> Self {
        let mut bits = [0; 10];
        entropy.fill(&mut bits);
        Self(SecretString::from(base32(&bits, DIGITS)))
    }

    /// Parses a code as people type it: in any case, with or without hyphens and spaces. `None` if it is malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 4 * DIGITS {
            return None;
        }
        let digits: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| match c.to_ascii_lowercase() {
                // The alphabet has neither 0 nor 1, which are read for the letters that look like them.
                '0' => 'o',
                '1' => 'l',
                c => c,
            })
            .collect();
        let is_digit = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
        (digits.len() == DIGITS && digits.bytes().all(is_digit)).then(|| Self(SecretString::from(digits)))
    }

    /// The hash to store. It depends on the user, so that equal codes of two users have different hashes.
    #[must_use]
    pub fn hash(&self, organization: OrganizationId, user: UserId) -> TokenHash {
        let text = format!("novantra recovery code {organization} {user} {}", self.0.expose_secret());
        TokenHash(Sha256::digest(text).into())
    }

    /// The code in clear text, in groups of four digits, for the one page that shows it.
    #[must_use]
    pub fn expose(&self) -> String {
        let digits = self.0.expose_secret();
        let groups = (0..DIGITS / GROUP).filter_map(|group| digits.get(group * GROUP..(group + 1) * GROUP));
        groups.collect::<Vec<_>>().join("-")
    }
}

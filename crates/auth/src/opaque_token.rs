//! Opaque tokens of people: the cookie of a session, and links that work once. A token states its organization, so that
//! every lookup by a token names one. Stores keep only its hash.

use std::{borrow::Cow, fmt};

use kernel::{Entropy, OrganizationId, Ulid};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use crate::random_text::{BODY_LENGTH, base32, checked, is_checked, random_body};

/// The length of an organization's identifier, 128 bits, in base 32.
const ORGANIZATION_LENGTH: usize = 26;

/// The use of a token, which its prefix states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    /// The token identifies a session.
    Session,
    /// The token is part of a link that works once.
    Link,
}

impl TokenUse {
    const ALL: [Self; 2] = [Self::Session, Self::Link];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "nvses_",
            Self::Link => "nvlnk_",
        }
    }
}

/// A well-formed token. Its `Debug` output is redacted, so that it is never logged.
#[derive(Clone, Debug)]
pub struct OpaqueToken {
    organization: OrganizationId,
    text: SecretString,
}

/// The stored form of a token: its SHA-256 hash. A token has 256 random bits, so a slow hash would protect it no better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl OpaqueToken {
    /// Generates a new token of the organization.
    #[must_use]
    pub fn generate(token_use: TokenUse, organization: OrganizationId, entropy: &dyn Entropy) -> Self {
        let organization_text = base32(&organization.ulid().to_bytes(), ORGANIZATION_LENGTH);
        let body = format!("{organization_text}{}", random_body(entropy));
        let text = format!("{}{}", token_use.prefix(), checked(&body));
        Self { organization, text: SecretString::from(text) }
    }

    /// Parses a token of this use; `None` if it is malformed. The checksum detects cut and mistyped tokens without a
    /// lookup. White space around the token is dropped.
    #[must_use]
    pub fn parse(token_use: TokenUse, text: &str) -> Option<Self> {
        let text = text.trim();
        let rest = text.strip_prefix(token_use.prefix())?;
        is_checked(rest, ORGANIZATION_LENGTH + BODY_LENGTH).then_some(())?;
        let organization = ulid_of(rest.get(..ORGANIZATION_LENGTH)?)?;
        Some(Self { organization: OrganizationId::new(organization), text: SecretString::from(text) })
    }

    /// The organization that the token belongs to.
    #[must_use]
    pub const fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The token in clear text, for the one response that contains it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    /// The hash to look the token up by.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.expose()).into())
    }
}

/// Returns the text without the secret part of each token in it, for logs: also of one that is malformed, since a link that
/// was cut or got a full stop at its end still has most of the secret.
#[must_use]
pub fn without_tokens(text: &str) -> Cow<'_, str> {
    let mut redacted = Cow::Borrowed(text);
    for prefix in TokenUse::ALL.map(TokenUse::prefix) {
        if redacted.contains(prefix) {
            let mut parts = redacted.split(prefix);
            let mut kept = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let rest = part.trim_start_matches(|character: char| character.is_ascii_alphanumeric());
                kept.push_str(prefix);
                kept.push('…');
                kept.push_str(rest);
            }
            redacted = Cow::Owned(kept);
        }
    }
    redacted
}

/// Reads 128 bits from 26 digits in base 32. The last digit has only three of them; its other bits must be zero, so that
/// an identifier has one spelling.
fn ulid_of(digits: &str) -> Option<Ulid> {
    let value = |digit: u8| match digit {
        b'a'..=b'z' => Some(u128::from(digit - b'a')),
        b'2'..=b'7' => Some(u128::from(digit - b'2') + 26),
        _ => None,
    };
    let (last, first) = digits.as_bytes().split_last()?;
    let high = first.iter().try_fold(0_u128, |bits, digit| Some(bits << 5 | value(*digit)?))?;
    let low = value(*last)?;
    (low & 0b11 == 0).then_some(Ulid(high << 3 | low >> 2))
}

impl TokenHash {
    /// The hash in lower-case hexadecimal.
    #[must_use]
    pub fn to_hex(self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Reads a hash in hexadecimal; `None` if it is malformed.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(())?;
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

//! Tokens of sessions and links, and recovery codes.

use auth::{OpaqueToken, RecoveryCode, TokenHash, TokenUse, TotpSecret, without_tokens};
use kernel::{Entropy, Id, OrganizationId, Timestamp};
use ulid::Ulid;

struct Bytes(u8);

impl Entropy for Bytes {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }

    fn ulid(&self, _: Timestamp) -> Ulid {
        Ulid::nil()
    }
}

const ORGANIZATION: OrganizationId = OrganizationId::new(Ulid(0x0102_0304_0506_0708_090a_0b0c_0d0e_0fff));

fn token(token_use: TokenUse, seed: u8) -> OpaqueToken {
    OpaqueToken::generate(token_use, ORGANIZATION, &Bytes(seed))
}

#[test]
fn a_token_is_read_back_with_its_organization() {
    for (token_use, prefix) in [(TokenUse::Session, "nvses_"), (TokenUse::Link, "nvlnk_")] {
        let token = token(token_use, 7);
        assert!(token.expose().starts_with(prefix) && token.expose().len() == prefix.len() + 26 + 52 + 7);
        let parsed = OpaqueToken::parse(token_use, &format!(" {}\n", token.expose())).unwrap();
        assert_eq!((parsed.organization(), parsed.hash()), (ORGANIZATION, token.hash()));
    }
    for organization in [Ulid::nil(), Ulid::max()].map(Id::new) {
        let token = OpaqueToken::generate(TokenUse::Link, organization, &Bytes(1));
        assert_eq!(OpaqueToken::parse(TokenUse::Link, token.expose()).unwrap().organization(), organization);
    }
}

#[test]
fn a_token_is_not_valid_for_another_use_or_with_any_altered_character() {
    let token = token(TokenUse::Session, 7);
    assert!(OpaqueToken::parse(TokenUse::Link, token.expose()).is_none());
    assert!(OpaqueToken::parse(TokenUse::Link, &token.expose().replace("nvses_", "nvlnk_")).is_some());
    let text = token.expose();
    for index in 0..text.len() {
        for other in ["a", "7", "A", "é", ""] {
            let altered = format!("{}{other}{}", &text[..index], &text[index + 1..]);
            let parsed = OpaqueToken::parse(TokenUse::Session, &altered);
            assert!(altered == text || parsed.is_none(), "{altered}");
        }
    }
}

#[test]
fn tokens_differ_by_their_random_bits_and_are_not_in_debug_output() {
    let (one, other) = (token(TokenUse::Session, 1), token(TokenUse::Session, 2));
    assert_ne!(one.hash(), other.hash());
    let debug = format!("{one:?} {:?}", one.hash());
    assert!(!debug.contains(&one.expose()[40..]) && !debug.contains(&one.hash().to_hex()), "{debug}");
}

#[test]
fn a_hash_is_read_back_from_its_text() {
    let hash = token(TokenUse::Session, 1).hash();
    assert_eq!(TokenHash::from_hex(&hash.to_hex()), Some(hash));
    for bad in ["", &hash.to_hex()[1..], &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
        assert_eq!(TokenHash::from_hex(bad), None, "{bad:?}");
    }
}

#[test]
fn a_recovery_code_is_read_as_people_type_it() {
    let codes = RecoveryCode::generate_all(&Bytes(0b1010_1110));
    assert_eq!(codes.len(), RecoveryCode::COUNT);
    let (organization, user) = (ORGANIZATION, Id::new(Ulid(1)));
    let shown = codes[0].expose();
    assert!(shown.len() == 19 && shown.split('-').all(|group| group.len() == 4), "{shown}");
    let hash = |text: &str| RecoveryCode::parse(text).map(|code| code.hash(organization, user));
    let expected = Some(codes[0].hash(organization, user));
    for typed in [shown.clone(), shown.replace('-', ""), shown.to_uppercase(), shown.replace('-', " ") + "\n"] {
        assert_eq!(hash(&typed), expected, "{typed}");
    }
    for bad in ["", &shown[1..], &format!("{shown}a"), "!!!!-!!!!-!!!!-!!!!", &"a".repeat(1000)] {
        assert_eq!(hash(bad), None, "{bad}");
    }
}

#[test]
fn equal_recovery_codes_of_two_users_have_different_hashes() {
    let code = &RecoveryCode::generate_all(&Bytes(1))[0];
    let hashes = [
        code.hash(ORGANIZATION, Id::new(Ulid(1))),
        code.hash(ORGANIZATION, Id::new(Ulid(2))),
        code.hash(Id::new(Ulid(9)), Id::new(Ulid(1))),
    ];
    assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2]);
}

#[test]
fn a_secret_for_an_app_is_shown_in_base_32_and_as_a_uri() {
    let secret = TotpSecret::new(b"12345678901234567890".to_vec());
    assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(
        secret.to_uri("m@b.example (brackwater)"),
        "otpauth://totp/Novantra:m%40b.example%20%28brackwater%29?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=Novantra&algorithm=SHA1&digits=6&period=30"
    );
    assert!(!format!("{secret:?}").contains("GEZD"));
}

#[test]
fn a_text_for_logs_has_no_secret_part_of_a_token_even_of_a_malformed_one() {
    for token_use in [TokenUse::Session, TokenUse::Link] {
        let token = OpaqueToken::generate(token_use, ORGANIZATION, &Bytes(7));
        let (prefix, secret) = token.expose().split_once('_').unwrap();
        for (text, expected) in [
            (format!("/app/setup/{}/", token.expose()), format!("/app/setup/{prefix}_…/")),
            (format!("/a/{prefix}_{}.", &secret[..40]), format!("/a/{prefix}_….")),
            (format!("{0}{0} x", token.expose()), format!("{prefix}_…{prefix}_… x")),
            (format!("{} {}", token.expose(), token.expose()), format!("{prefix}_… {prefix}_…")),
        ] {
            assert_eq!(without_tokens(&text), expected);
        }
    }
    assert_eq!(without_tokens("/app/setup/nothing"), "/app/setup/nothing");
}

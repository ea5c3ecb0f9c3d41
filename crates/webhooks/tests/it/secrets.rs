use webhooks::{EncryptedSecret, WebhookSecret};

use crate::harness::{CountingEntropy, NOW};

#[test]
fn a_generated_secret_is_32_random_bytes() {
    let secret = WebhookSecret::generate(&CountingEntropy::default());
    let expected: Vec<u8> = (1..=32).collect();
    assert_eq!(secret.expose().as_slice(), expected);
}

#[test]
fn the_text_of_a_secret_is_its_prefix_and_its_bytes_in_base64() {
    let secret = WebhookSecret::from_bytes(&[0xff; 32]).unwrap();
    assert_eq!(secret.expose_text(), "whsec_//////////////////////////////////////////8=");
}

#[test]
fn a_secret_has_exactly_32_bytes() {
    assert_eq!(WebhookSecret::from_bytes(&[7; 32]).unwrap().expose(), &[7; 32]);
    assert!(WebhookSecret::from_bytes(&[7; 31]).is_none());
    assert!(WebhookSecret::from_bytes(&[7; 33]).is_none());
}

#[test]
fn the_debug_output_of_a_secret_does_not_reveal_it() {
    let plain = format!("{:?}", WebhookSecret::from_bytes(&[171; 32]).unwrap());
    assert!(plain.starts_with("WebhookSecret") && !plain.contains("171"), "{plain}");
    let encrypted = format!("{:?}", EncryptedSecret { ciphertext: vec![171], expires_at: Some(NOW) });
    assert!(encrypted.contains("expires_at: Some(") && !encrypted.contains("171"), "{encrypted}");
}

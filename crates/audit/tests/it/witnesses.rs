//! The texts that logs and witnesses exchange.

use audit::{
    AddCheckpoint, Cosignature, Hash, TreeHead, WitnessAnswer, WitnessRefusal, parse_cosignatures, parse_witnessed_size,
};

use crate::notes::{TestVerifier, cosignature, head, log_key, signed, witness_key};

#[test]
fn a_request_has_the_old_size_the_proof_and_the_note() {
    let request = AddCheckpoint { old_size: 5, hashes: vec![Hash::ZERO; 2], head: signed(&head(7)) };
    let zero = "A".repeat(43);
    assert_eq!(request.to_string(), format!("old 5\n{zero}=\n{zero}=\n\n{}", request.head));
    assert_eq!(request.to_string().parse(), Ok(request.clone()));
    let first = AddCheckpoint { old_size: 0, hashes: Vec::new(), ..request.clone() };
    assert_eq!(first.to_string().parse(), Ok(first));
    for text in [
        request.to_string().replace("old 5", "old 05"),
        request.to_string().replace("old 5\n", ""),
        request.to_string().replace("AA=\n\n", "AA=\n"),
        request.to_string().replace("AAA=", "AA=="),
        AddCheckpoint { hashes: vec![Hash::ZERO; 64], ..request }.to_string(),
    ] {
        assert!(text.parse::<AddCheckpoint>().is_err(), "{text}");
    }
}

#[test]
fn the_lines_of_a_witness_are_added_to_the_note() {
    let mut note = signed(&head(7));
    let body = format!("{}\n{}\n", cosignature(4, 11, &note), cosignature(5, 12, &note));
    parse_cosignatures(&body).unwrap().into_iter().for_each(|line| note.add(line));
    let witnesses = [witness_key(4), witness_key(6)];
    let verified = TreeHead::verify(&note, &log_key(1), &witnesses, &TestVerifier).unwrap();
    let times: Vec<_> =
        verified.cosignatures.iter().map(|signature| (signature.key.public_key[0], signature.signed_at)).collect();
    assert_eq!(times, [(4, Some(11))]);
    for body in ["", "\n", "— w AAAA\n", body.trim_end(), &body.repeat(33)] {
        assert!(parse_cosignatures(body).is_err(), "{body:?}");
    }
}

#[test]
fn the_size_in_a_conflict_is_a_decimal_line() {
    assert_eq!(parse_witnessed_size("20852163\n"), Some(20_852_163));
    for body in ["", "1", "01\n", "1\n\n", "-1\n", "+1\n", "99999999999999999999\n"] {
        assert_eq!(parse_witnessed_size(body), None, "{body:?}");
    }
}

/// The example of `tlog-cosignature` § Ed25519 signed message has these lines.
#[test]
fn a_cosignature_signs_the_time_and_the_text() {
    let text = head(7).text();
    let cosignature = Cosignature { signed_at: 1_679_315_147, signature: audit::Signature([7; 64]) };
    assert_eq!(cosignature.message(&text), format!("cosignature/v1\ntime 1679315147\n{text}"));
    assert_eq!(Cosignature::from_bytes(&cosignature.to_bytes()), Some(cosignature));
    assert_eq!(Cosignature::from_bytes(&cosignature.to_bytes()[1..]), None);
    assert_eq!(Cosignature::from_bytes(&[0xff; 72]), None);
}

#[test]
fn an_answer_counts_only_with_the_valid_signature_of_the_witness() {
    let request = AddCheckpoint { old_size: 5, hashes: vec![Hash::ZERO], head: signed(&head(7)) };
    let read = |status, body: &str| request.read_answer((status, body.as_bytes()), &witness_key(4), &TestVerifier);
    let own = cosignature(4, 11, &request.head);
    let others = format!("{}\n{own}\n", cosignature(5, 12, &request.head));
    let mut note = request.head.clone();
    note.add(own.clone());
    assert_eq!(read(200, &others), Ok(WitnessAnswer::Cosigned { note, signed_at: 11 }), "others are left out");
    let of_another_head = cosignature(4, 11, &signed(&head(8)));
    assert_eq!(read(200, &format!("{of_another_head}\n")), Err(WitnessRefusal::BadSignature));
    let unsigned = read(200, &format!("{}\n", cosignature(5, 12, &request.head)));
    assert_eq!(unsigned, Err(WitnessRefusal::Unsigned(witness_key(4).to_string())));
    for body in ["", "nonsense\n", &own.to_string()] {
        assert!(matches!(read(200, body), Err(WitnessRefusal::Malformed(_))), "{body:?}");
    }
    let not_text = request.read_answer((200, &[0xff, b'\n']), &witness_key(4), &TestVerifier);
    assert!(matches!(not_text, Err(WitnessRefusal::Malformed(_))));
}

#[test]
fn each_refusal_has_its_own_reason() {
    let request = AddCheckpoint { old_size: 5, hashes: vec![Hash::ZERO], head: signed(&head(7)) };
    let read = |status, body: &str| request.read_answer((status, body.as_bytes()), &witness_key(4), &TestVerifier);
    let origin = head(7).origin.to_string();
    assert_eq!(read(409, "20852163\n"), Ok(WitnessAnswer::OtherSize(20_852_163)));
    for body in ["", "x", "5"] {
        assert!(matches!(read(409, body), Err(WitnessRefusal::Malformed(_))), "{body:?}");
    }
    assert_eq!(read(403, "any"), Err(WitnessRefusal::UnknownKey(origin.clone())));
    assert_eq!(read(404, "any"), Err(WitnessRefusal::UnknownLog(origin)));
    assert_eq!(read(422, ""), Err(WitnessRefusal::NotContinued { old_size: 5, size: 7 }));
    for status in [201, 302, 400, 500] {
        assert_eq!(read(status, "1\n"), Err(WitnessRefusal::Status(status)));
    }
}

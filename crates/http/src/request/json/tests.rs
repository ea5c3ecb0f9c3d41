use super::{parsed_size::MAX_PARSED_BYTES, *};

#[test]
fn a_document_without_duplicates_is_read_as_serde_json_reads_it() {
    for text in [
        r#"{"a":1,"b":[true,null,-2,3.5,18446744073709551615,"x\n"],"c":{"a":{}}}"#,
        "[]",
        "\"text\"",
        "1e3",
        "{\"a\":",
        "[1,]",
        "",
    ] {
        let plain = serde_json::from_str::<Value>(text).map_err(|error| format!("the body is not JSON: {error}"));
        assert_eq!(read(text.as_bytes()), plain, "{text}");
    }
}

#[test]
fn half_of_a_surrogate_pair_is_read_as_a_noncharacter_wherever_it_is() {
    for (text, wanted) in [
        (r#""\ud800""#, "\u{ffff}"),
        (r#""a\uDC00b""#, "a\u{ffff}b"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud83d\ud83d\ude00""#, "\u{ffff}😀"),
        (r#""\ude00\ud83d""#, "\u{ffff}\u{ffff}"),
        (r#""\\ud800\ud800\n""#, "\\ud800\u{ffff}\n"),
        (r#""\ud83d\u0041é\ud83d""#, "\u{ffff}Aé\u{ffff}"),
    ] {
        assert_eq!(read(text.as_bytes()), Ok(Value::from(wanted)), "{text}");
    }
    for text in [r#""\ud83d\u""#, r#""\ud83d"#, r#""\ud8é""#, r#""\ud800"}"#, r#"\ud800"#, r#""\ud800\"#] {
        assert!(read(text.as_bytes()).unwrap_err().starts_with("the body is not JSON"), "{text}");
    }
}

#[test]
fn a_duplicate_member_at_any_depth_is_reported_with_its_position() {
    let refused = read(br#"{"a":[{"title":"T","title":"U"}]}"#).unwrap_err();
    assert_eq!(refused, "\"title\" is repeated at line 1 column 26");
    let long = format!("{{\"{0}\":1,\"{0}\":2}}", "n".repeat(5000));
    assert!(read(long.as_bytes()).unwrap_err().len() < 120);
}

#[test]
fn a_document_whose_values_take_many_times_its_size_is_refused() {
    let repeated = |value: &str| format!("[{}]", vec![value; MAX_PARSED_BYTES / 64].join(","));
    for value in ["0", "[]", "{}", "{\"\":0}", "[0]", "\"\"", "{\"a\":{\"b\":{}}}"] {
        let refused = read(repeated(value).as_bytes()).unwrap_err();
        assert!(refused.starts_with("the values of the body take more than 6 MiB of memory"), "{refused}");
    }
    let many_members: Vec<String> = (0..100_000).map(|number| format!("\"{number}\":0")).collect();
    assert!(read(format!("{{{}}}", many_members.join(",")).as_bytes()).is_err());
}

#[test]
fn the_measured_memory_of_a_document_covers_what_it_takes() {
    for (text, bytes) in [
        ("0", 0..1),
        ("[0,0]", 64..300),
        ("\"0123456789\"", 10..100),
        ("{\"a\":0}", 600..1000),
        ("[{\"a\":0},{\"a\":0}]", 1200..2000),
    ] {
        let (_, measured) = read_measured(text.as_bytes()).unwrap();
        assert!(bytes.contains(&measured), "{text}: {measured}");
    }
}

#[test]
fn a_full_batch_of_findings_is_parsed() {
    let text = |length: usize| "x".repeat(length);
    let finding = |number: usize| {
        let members = (0..20).map(|member| (format!("member{member}"), Value::from(text(80))));
        let tags: Vec<Value> = (0..20).map(|tag| Value::from(format!("tag {tag} of {number}"))).collect();
        members.chain([("tags".to_owned(), Value::from(tags))]).collect::<Map<_, _>>()
    };
    let findings: Vec<Value> = (0..450).map(|number| Value::from(finding(number))).collect();
    let body = Value::from(findings).to_string();
    assert!(body.len() > 900 * 1024, "{}", body.len());
    read(body.as_bytes()).unwrap();
}

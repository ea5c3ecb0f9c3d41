use evidence::{ContentType, FileName, Sha256};

#[test]
fn a_file_name_is_one_line_without_a_path() {
    for name in ["report.csv", "Prüfbericht 2026 (final).pdf", ".env", "a", &"x".repeat(255)] {
        assert!(FileName::parse(name).is_ok(), "{name}");
    }
    for name in ["", " ", ".", "..", " .. ", "a/b", "a\\b", "a\nb", "a\u{202e}b", "a\u{0}", &"x".repeat(256)] {
        assert!(FileName::parse(name).is_err(), "{name:?}");
    }
}

#[test]
fn a_refused_file_name_is_refused_with_the_rule_that_it_breaks() {
    for (names, rule) in [
        (&["a/b", "a\\b", "../a"][..], "must not have a path"),
        (
            &[
                "a\u{0}",
                "a\nb",
                "a\u{202e}b",
                "a\u{2066}b",
                "a\u{200f}b",
                "a\u{200e}b",
                "a\u{61c}",
                "a\u{e0041}b",
                "\u{feff}a",
                "a\u{200b}b",
                "a\u{ad}b",
                "a\u{200d}b",
                "a\u{fe0f}b",
                "\u{200d}ä",
                "ä\u{200d}\u{200d}ä",
                "a\u{3164}b",
                "a\u{2028}b",
            ],
            "must not have control characters",
        ),
        (&["a.txt:evil", "a<b", "a>b", "a|b", "a?", "a*", "\"a\""], "must not have the characters"),
        (&[" a", "a ", "\u{a0}a", "a\u{3000}"], "must not begin or end with a space"),
        (&["a.", "..", "a.txt."], "must not end with a dot"),
        (
            &[
                "NUL",
                "con.txt",
                "Com1",
                "COM\u{b9}.txt",
                "lpt\u{b3}",
                "CONIN$",
                "conout$.log",
                "aux .txt",
                "prn.tar.gz",
            ],
            "must not be a name that Windows reserves",
        ),
        (&["", "\u{301}"], "must have 1 to 255 characters"),
    ] {
        for name in names {
            let error = FileName::parse(name).unwrap_err().to_string();
            assert!(error.starts_with(rule), "{name:?}: {error}");
        }
    }
    for name in
        ["COM.txt", "COM10", "COM0.txt", "console", "NULL", "com\u{b9}\u{b9}", "CONIN", "a$b", "~a", "a;b,c&d'e"]
    {
        assert!(FileName::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn a_file_name_may_have_the_joiners_of_its_script_and_of_emoji() {
    for name in [
        "می\u{200c}خواهم.pdf",
        "क\u{94d}\u{200d}ष.txt",
        "\u{1f469}\u{200d}\u{1f4bb}.png",
        "\u{2764}\u{fe0f}.png",
        "\u{2764}\u{fe0f}\u{200d}\u{1f525}.png",
    ] {
        assert!(FileName::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn a_content_type_is_a_media_type_with_parameters() {
    for name in ["text/csv", "text/csv; charset=utf-8", "text/csv ;charset=utf-8", "application/vnd.ms-excel", "a/b+c"]
    {
        assert!(ContentType::parse(name).is_ok(), "{name}");
    }
    for name in ["", "text", "text/", "/csv", "text/csv/x", "te xt/csv", "text/csv;\u{7}", "text/csv; x=é", "text/ csv"]
    {
        assert!(ContentType::parse(name).is_err(), "{name:?}");
    }
    assert!(ContentType::parse(&format!("text/{}", "x".repeat(196))).is_err(), "it is too long");
}

#[test]
fn a_hash_has_64_lower_case_hexadecimal_digits() {
    assert!(Sha256::parse(&"0af9".repeat(16)).is_ok());
    for text in ["0af9".repeat(15), "0AF9".repeat(16), "0ag9".repeat(16), "0af9".repeat(17)] {
        assert!(Sha256::parse(&text).is_err(), "{text}");
    }
}

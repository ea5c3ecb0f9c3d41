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

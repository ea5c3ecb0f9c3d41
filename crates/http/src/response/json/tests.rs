//! Tests that the output equals that of `serde_json`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::{text::STRIDE, *};

fn written(value: &impl Serialize) -> String {
    let mut out = b"before ".to_vec();
    write(&mut out, value).unwrap();
    String::from_utf8(out.split_off(7)).unwrap()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sample<'a> {
    some_text: &'a str,
    displayed: AsText<&'a str>,
    absent: Option<u8>,
    word: SampleEnum,
    wrapped: SampleEnum,
    pair: (i64, f64),
    unit: (),
    letter: char,
    none: [u8; 0],
    map: BTreeMap<&'a str, bool>,
}

#[derive(Serialize)]
enum SampleEnum {
    Unit,
    Newtype(u64),
}

fn sample(text: &str) -> Sample<'_> {
    Sample {
        some_text: text,
        displayed: AsText(text),
        absent: None,
        word: SampleEnum::Unit,
        wrapped: SampleEnum::Newtype(u64::MAX),
        pair: (i64::MIN, 0.1),
        unit: (),
        letter: '"',
        none: [],
        map: [("a", true), (text, false)].into(),
    }
}

#[test]
fn every_byte_is_escaped_as_serde_json_escapes_it_at_every_position() {
    for byte in 0..=0x7f_u8 {
        for before in [0, 1, STRIDE - 1, STRIDE, 2 * STRIDE + 5] {
            let text = format!("{}{}é{}", "x".repeat(before), char::from(byte), "y".repeat(STRIDE));
            assert_eq!(written(&text), serde_json::to_string(&text).unwrap(), "{text:?}");
        }
    }
}

#[test]
fn a_map_key_that_is_not_a_string_is_rejected() {
    assert!(write(&mut Vec::new(), &BTreeMap::from([(1, 2)])).is_err());
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[\\s\\S]{0,40}", inner, 0..4)
                .prop_map(|members| Value::from(serde_json::Map::from_iter(members))),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_written_as_serde_json_writes_it(value in values(), text in "[\\s\\S]{0,100}") {
        prop_assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        prop_assert_eq!(written(&sample(&text)), serde_json::to_string(&sample(&text)).unwrap());
    }
}

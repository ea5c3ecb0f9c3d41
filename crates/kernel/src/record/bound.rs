//! The bounds within which the value of a column is plausible, beyond the rule of its type.

use std::borrow::Cow;

use super::{Record, column::Column, column_type::Bound, value::ScalarValue};

/// Returns the columns whose values are not within their bounds, with messages for the client.
pub(super) fn implausible<R: Record>(record: &R) -> Vec<(&'static Column, Cow<'static, str>)> {
    if R::COLUMNS.iter().all(|column| column.bound.is_none()) {
        return Vec::new();
    }
    let values = record.values();
    let value_of = |name: &str| {
        let index = R::COLUMNS.iter().position(|column| column.name == name)?;
        values.get(index).copied()
    };
    let columns = R::COLUMNS.iter().zip(&values);
    columns.filter_map(|(column, value)| Some((column, fault(column.bound?, *value, value_of)?))).collect()
}

fn fault<'r>(
    bound: Bound,
    value: ScalarValue<'r>,
    value_of: impl Fn(&str) -> Option<ScalarValue<'r>>,
) -> Option<Cow<'static, str>> {
    let time = |value| if let ScalarValue::Timestamp(time) = value { Some(time) } else { None };
    match bound {
        Bound::After(other, description) => {
            let is_fault = time(value)? <= time(value_of(other)?)?;
            is_fault.then(|| format!("must be after {description}").into())
        }
        Bound::NotBefore(other, description) => {
            let is_fault = time(value)? < time(value_of(other)?)?;
            is_fault.then(|| format!("must not be before {description}").into())
        }
        Bound::Within(min, max) => {
            let is_within = match value {
                ScalarValue::Integer(number) => (min..=max).contains(&number),
                ScalarValue::Text(decimal) => is_decimal_within(decimal, min, max),
                _ => true,
            };
            (!is_within).then(|| match max {
                i64::MAX => format!("must be at least {min}").into(),
                _ => format!("must be from {min} to {max}").into(),
            })
        }
    }
}

/// Whether a decimal, such as `9.8`, is at least `min` and at most `max`, exactly.
fn is_decimal_within(decimal: &str, min: i64, max: i64) -> bool {
    let (is_negative, unsigned) = decimal.strip_prefix('-').map_or((false, decimal), |unsigned| (true, unsigned));
    let (integer, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let has_fraction = fraction.bytes().any(|digit| digit != b'0');
    // A number of more digits than an integer can have is beyond every bound.
    let Ok(integer) = integer.trim_start_matches('0').parse::<i64>().or_else(|error| match error.kind() {
        std::num::IntErrorKind::Empty => Ok(0),
        _ => Err(error),
    }) else {
        return false;
    };
    if is_negative {
        -integer > min || (-integer == min && !has_fraction)
    } else {
        integer >= min && (integer < max || (integer == max && !has_fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_compared_exactly() {
        for decimal in ["0", "0.0", "-0", "-0.00", "10", "10.000", "0010.0", "9.99999999999999999999", "00"] {
            assert!(is_decimal_within(decimal, 0, 10), "{decimal}");
        }
        for decimal in ["-0.1", "-1", "10.1", "10.00000000000000000000000000001", "11", "99999999999999999999999999"] {
            assert!(!is_decimal_within(decimal, 0, 10), "{decimal}");
        }
        assert!(is_decimal_within("-5.0", -5, 5) && !is_decimal_within("-5.1", -5, 5));
    }
}

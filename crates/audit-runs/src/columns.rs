//! A column of numbers: each byte of all numbers, from the lowest to the highest that any of them has, in a plane of its
//! own, since neighbours in a plane are alike.
//!
//! The first byte is the number of planes, plus 16 if a minimum follows that is added to each number. So a column of
//! equal numbers takes two or three bytes. Not the number of values: readers have it from elsewhere, and check it.

use crate::{
    bytes::{Reader, put_varint},
    fault::{RunFault, ensure},
};

const WITH_MINIMUM: u8 = 16;

pub(crate) fn put_column(out: &mut Vec<u8>, values: &[u64]) {
    let maximum = values.iter().copied().max().unwrap_or(0);
    let mut minimum = values.iter().copied().min().unwrap_or(0);
    let planes = planes_of(maximum - minimum);
    if planes == planes_of(maximum) {
        minimum = 0;
        out.push(planes);
    } else {
        out.push(planes | WITH_MINIMUM);
        put_varint(out, minimum);
    }
    for plane in 0..planes {
        out.extend(values.iter().map(|value| ((value - minimum) >> (8 * plane)) as u8));
    }
}

fn planes_of(value: u64) -> u8 {
    (u64::BITS - value.leading_zeros()).div_ceil(8) as u8
}

/// Reads a column. The caller has checked that so many values are allowed.
pub(crate) fn read_column(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, RunFault> {
    let form = reader.byte()?;
    let minimum = if form & WITH_MINIMUM == 0 { 0 } else { reader.varint()? };
    let planes = form & !WITH_MINIMUM;
    ensure(planes <= 8, "a column has no such form")?;
    let mut values = vec![0; count];
    for plane in 0..planes {
        let bytes = reader.take(count)?;
        for (value, byte) in values.iter_mut().zip(bytes) {
            *value |= u64::from(*byte) << (8 * plane);
        }
    }
    if minimum != 0 {
        values.iter_mut().for_each(|value| *value = value.wrapping_add(minimum));
    }
    Ok(values)
}

//! A column of numbers: each byte of all numbers, from the lowest to the highest that any of them has, in a plane of its
//! own, since neighbours in a plane are alike.
//!
//! The first byte is the number of planes, plus 16 if a minimum follows that is added to each number, plus 32 for each of
//! the lowest planes that are among the random bytes: no compressor can shrink these, and they would spoil its statistics
//! of the others. The number of values is not stored: readers have it from elsewhere, and check it.

use crate::{
    bytes::{Reader, put_varint},
    fault::{RunFault, ensure},
    frame::Content,
};

const PLANES: u8 = 0x0f;
const WITH_MINIMUM: u8 = 0x10;
const RANDOM_SHIFT: u32 = 5;
const MAX_RANDOM: u8 = 7;

/// Fewer values don't show that they are random.
const MIN_RANDOM_VALUES: usize = 32;

pub(crate) fn put_column(content: &mut Content, values: &[u64]) {
    let maximum = values.iter().copied().max().unwrap_or(0);
    let mut minimum = values.iter().copied().min().unwrap_or(0);
    let planes = planes_of(maximum - minimum);
    let with_minimum = planes < planes_of(maximum);
    if !with_minimum {
        minimum = 0;
    }
    let plane = |plane: u8| values.iter().map(move |value| ((value - minimum) >> (8 * plane)) as u8);
    let random = (0..planes.min(MAX_RANDOM)).take_while(|number| is_random(plane(*number))).count() as u8;
    let minimum_flag = if with_minimum { WITH_MINIMUM } else { 0 };
    content.plain.push(planes | minimum_flag | (random << RANDOM_SHIFT));
    if with_minimum {
        put_varint(&mut content.plain, minimum);
    }
    (0..random).for_each(|number| content.random.extend(plane(number)));
    (random..planes).for_each(|number| content.plain.extend(plane(number)));
}

fn planes_of(value: u64) -> u8 {
    (u64::BITS - value.leading_zeros()).div_ceil(8) as u8
}

/// Whether the bytes have more than about 7 bits of entropy: if two of them are equal no more than twice as often as of
/// bytes by chance.
fn is_random(bytes: impl Iterator<Item = u8>) -> bool {
    let mut counts = [0_usize; 256];
    bytes.for_each(|byte| counts[usize::from(byte)] += 1);
    let total: usize = counts.iter().sum();
    let squares: usize = counts.iter().map(|count| count * count).sum();
    total >= MIN_RANDOM_VALUES && squares - total <= total * (total - 1) / 128
}

/// Reads a column. The caller has checked that so many values are allowed.
pub(crate) fn read_column(plain: &mut Reader<'_>, random: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, RunFault> {
    let form = plain.byte()?;
    let minimum = if form & WITH_MINIMUM == 0 { 0 } else { plain.varint()? };
    let (planes, random_planes) = (form & PLANES, form >> RANDOM_SHIFT);
    ensure(planes <= 8 && random_planes <= planes, "a column has no such form")?;
    ensure(count > 0 || form == 0, "a column has no values for its form")?;
    let mut values = vec![0; count];
    for plane in 0..planes {
        let bytes = if plane < random_planes { random.take(count)? } else { plain.take(count)? };
        for (value, byte) in values.iter_mut().zip(bytes) {
            *value |= u64::from(*byte) << (8 * plane);
        }
    }
    if minimum != 0 {
        values.iter_mut().for_each(|value| *value = value.wrapping_add(minimum));
    }
    Ok(values)
}

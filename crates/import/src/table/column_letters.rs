//! The names of columns in spreadsheets.

/// The letters of the column with this index: `A` to `Z`, `AA` and so on.
#[must_use]
pub fn column_letters(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// The index of the column with these letters; `None` if they are none.
pub(super) fn column_index(letters: &str) -> Option<usize> {
    if !(1..=3).contains(&letters.len()) || !letters.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return None;
    }
    let number = letters.bytes().fold(0, |number, letter| number * 26 + usize::from(letter - b'A') + 1);
    Some(number - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_after_z_have_several_letters() {
        let names: Vec<String> = [0, 25, 26, 51, 52, 701, 702, 16_383].into_iter().map(column_letters).collect();
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "XFD"]);
        for index in [0, 25, 26, 51, 52, 701, 702, 16_383] {
            assert_eq!(column_index(&column_letters(index)), Some(index));
        }
        for letters in ["", "a", "A1", "ABCD", "Ä"] {
            assert_eq!(column_index(letters), None, "{letters}");
        }
    }
}

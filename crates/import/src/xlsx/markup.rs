//! The markup of a part, which is measured as it is unpacked: the length of each piece that the reader of workbooks takes
//! at once, and the number of the elements that it keeps in memory.
//!
//! The reader does not check that elements are nested well, so it could be led to read further than this sees. A part
//! whose elements are not is therefore refused.

/// The longest tag, comment, or text between two tags, and the longest content of a cell or a shared text, in bytes.
const MAX_LENGTH: u64 = 4 * 1024 * 1024;

/// The deepest nesting of elements.
const MAX_DEPTH: usize = 256;

/// The elements that the reader keeps, with the most of each in one part.
const KEPT: [(&[u8], u64); 10] = [
    (b"si", 2_000_000),
    (b"mergeCell", 100_000),
    (b"definedName", 100_000),
    (b"Relationship", 100_000),
    (b"sheet", 1000),
    (b"xf", 200_000),
    (b"font", 200_000),
    (b"fill", 200_000),
    (b"border", 200_000),
    (b"numFmt", 200_000),
];

/// The elements whose whole content the reader takes at once.
const WHOLE: [&[u8]; 5] = [b"si", b"is", b"t", b"v", b"f"];

/// The elements with texts of which every format of cells gets a copy.
const COPIED: [&[u8]; 2] = [b"name", b"numFmt"];

/// The maximum size of those copies, in bytes.
const MAX_COPIES: u64 = 128 * 1024 * 1024;

/// The part of the markup that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// Behind `<`.
    Open,
    /// Behind `<!`.
    Declaration,
    /// In a tag, possibly within these quotes.
    Tag(Option<u8>),
    /// In `<!-- -->`, `<![CDATA[ ]]>` or `<? ?>`, which ends with these bytes.
    Until(&'static [u8]),
}

/// The measures of one part.
pub(super) struct Markup {
    state: State,
    /// The bytes of the current tag, comment or text, if it is no text.
    current: Vec<u8>,
    /// The number of these bytes.
    length: u64,
    /// The names of the open elements.
    open: Vec<Vec<u8>>,
    /// The outermost element whose whole content is taken at once: its depth, and the length of the content so far.
    whole: Option<(usize, u64)>,
    counts: [u64; KEPT.len()],
    longest_copy: u64,
}

impl Markup {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Text,
            current: Vec::new(),
            length: 0,
            open: Vec::new(),
            whole: None,
            counts: [0; KEPT.len()],
            longest_copy: 0,
        }
    }

    /// Measures the next bytes of the part.
    ///
    /// # Errors
    /// The reason why the part is refused, after its name.
    pub(super) fn add(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some(first) = bytes.first().copied() {
            let taken = match self.state {
                State::Text => bytes.iter().position(|byte| *byte == b'<').unwrap_or(bytes.len()),
                State::Tag(None) => {
                    bytes.iter().position(|byte| matches!(byte, b'>' | b'"' | b'\'')).unwrap_or(bytes.len())
                }
                State::Tag(Some(quote)) => bytes.iter().position(|byte| *byte == quote).unwrap_or(bytes.len()),
                State::Until(end) => bytes.iter().position(|byte| Some(byte) == end.last()).unwrap_or(bytes.len()),
                State::Open | State::Declaration => 0,
            };
            let (kept, rest) = bytes.split_at(taken);
            self.measure(kept)?;
            bytes = rest;
            if taken > 0 && bytes.is_empty() {
                break;
            }
            let next = bytes.first().copied().unwrap_or(first);
            bytes = bytes.get(1..).unwrap_or_default();
            self.step(next)?;
        }
        Ok(())
    }

    /// Measures bytes that don't change the state.
    fn measure(&mut self, bytes: &[u8]) -> Result<(), String> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.length += length;
        if let Some((_, whole)) = &mut self.whole {
            *whole += length;
        }
        if self.length > MAX_LENGTH || self.whole.is_some_and(|(_, whole)| whole > MAX_LENGTH) {
            return Err(format!("has a text of more than {} MiB", MAX_LENGTH / 1024 / 1024));
        }
        if self.state != State::Text {
            self.current.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Takes a byte that may change the state.
    fn step(&mut self, byte: u8) -> Result<(), String> {
        self.measure(&[byte])?;
        self.state = match (self.state, byte) {
            (State::Text, _) => self.begin(State::Open),
            (State::Open, b'!') => State::Declaration,
            (State::Open, b'?') => self.begin(State::Until(b"?>")),
            (State::Declaration, b'-') => self.begin(State::Until(b"-->")),
            (State::Declaration, b'[') => self.begin(State::Until(b"]]>")),
            (State::Declaration, _) => return Err("has a DOCTYPE, which no workbook has".to_owned()),
            (State::Open | State::Tag(None), b'>') => {
                self.end_tag()?;
                self.begin(State::Text)
            }
            (State::Open | State::Tag(None), b'"' | b'\'') => State::Tag(Some(byte)),
            (State::Open | State::Tag(_), _) => State::Tag(None),
            (State::Until(end), _) if self.current.ends_with(end) => {
                if end == b"-->" && self.current.len() < b"--->".len() {
                    return Err("has a comment that is damaged".to_owned());
                }
                self.begin(State::Text)
            }
            (state @ State::Until(_), _) => state,
        };
        Ok(())
    }

    fn begin(&mut self, state: State) -> State {
        self.length = 0;
        self.current.clear();
        state
    }

    /// Ends the tag in `current`, which ends with `>`.
    fn end_tag(&mut self) -> Result<(), String> {
        let current = std::mem::take(&mut self.current);
        let tag = current.strip_suffix(b">").unwrap_or(&current);
        let result = match tag.strip_prefix(b"/") {
            Some(name) => {
                let end = name.iter().rposition(|byte| !is_space(*byte)).map_or(name.len(), |last| last + 1);
                self.close(name.get(..end).unwrap_or_default())
            }
            None => self.open(tag),
        };
        self.current = current;
        result
    }

    fn open(&mut self, tag: &[u8]) -> Result<(), String> {
        let (content, is_empty) = tag.strip_suffix(b"/").map_or((tag, false), |content| (content, true));
        let name = content.split(|byte| is_space(*byte)).next().unwrap_or_default();
        let local = name.iter().position(|byte| *byte == b':').map_or(name, |colon| &name[colon + 1..]);
        self.count(local, tag)?;
        if is_empty {
            return Ok(());
        }
        if self.open.len() == MAX_DEPTH {
            return Err(format!("is damaged: it has elements within more than {MAX_DEPTH} others"));
        }
        if self.whole.is_none() && WHOLE.contains(&local) {
            self.whole = Some((self.open.len(), 0));
        }
        self.open.push(name.to_vec());
        Ok(())
    }

    fn close(&mut self, name: &[u8]) -> Result<(), String> {
        if self.open.pop().is_none_or(|open| open != name) {
            let name = String::from_utf8_lossy(name.get(..name.len().min(40)).unwrap_or_default()).into_owned();
            return Err(format!("is damaged: the end of an element {name:?} is not behind its start"));
        }
        if self.whole.is_some_and(|(depth, _)| depth == self.open.len()) {
            self.whole = None;
        }
        Ok(())
    }

    fn count(&mut self, local: &[u8], tag: &[u8]) -> Result<(), String> {
        let index = KEPT.iter().position(|(name, _)| *name == local);
        if let Some((index, count)) = index.and_then(|index| Some((index, self.counts.get_mut(index)?))) {
            *count += 1;
            let most = KEPT[index].1;
            if *count > most {
                let name = String::from_utf8_lossy(local).into_owned();
                return Err(format!("has more than {most} elements {name:?}"));
            }
        }
        // The reader reserves memory for as many texts as the part states.
        if local == b"sst" && stated_counts(tag).any(|count| count > KEPT[0].1) {
            return Err(format!("states that it has more than {} texts", KEPT[0].1));
        }
        if COPIED.contains(&local) {
            self.longest_copy = self.longest_copy.max(u64::try_from(tag.len()).unwrap_or(u64::MAX));
        }
        let formats = KEPT.iter().position(|(name, _)| *name == b"xf").map_or(0, |index| self.counts[index]);
        if formats.saturating_mul(self.longest_copy) > MAX_COPIES {
            return Err("has too many formats of cells with too long names".to_owned());
        }
        Ok(())
    }
}

/// Whether the byte separates the parts of a tag.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The values of the attribute `uniqueCount` of a tag.
fn stated_counts(tag: &[u8]) -> impl Iterator<Item = u64> {
    const NAME: &[u8] = b"uniqueCount";
    let starts = tag.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME).map(|(start, _)| start);
    starts.filter_map(|start| {
        let value = tag.get(start + NAME.len()..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        let (quote, value) = value.split_first()?;
        let digits = value.split(|byte| byte == quote).next()?.iter().filter(|byte| byte.is_ascii_digit());
        Some(digits.fold(0_u64, |count, digit| count.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of a part that is measured in pieces of this size.
    fn error_in_pieces(part: &[u8], size: usize) -> Option<String> {
        let mut markup = Markup::new();
        part.chunks(size).find_map(|piece| markup.add(piece).err())
    }

    fn error(part: impl AsRef<[u8]>) -> Option<String> {
        let part = part.as_ref();
        let error = error_in_pieces(part, 64 * 1024);
        if part.len() < 10_000 {
            assert_eq!(error_in_pieces(part, 1), error, "in pieces of one byte");
        }
        error
    }

    #[test]
    fn tags_comments_and_instructions_end_where_they_do_for_the_reader() {
        for part in [
            "<?xml version='1.0'?><a><b c='>' d=\"/>\"/><!-- </a> <si> --><![CDATA[</a>]]>> & <x:e ></x:e ></a>",
            "text <a/> text",
            "<a b='\"'><c></c></a>",
            "<?x > ?><!-- - -- > --><a/>",
            "",
        ] {
            assert_eq!(error(part), None, "{part}");
        }
        for (part, expected) in [
            ("<!DOCTYPE a><a/>", "has a DOCTYPE"),
            ("<a><b></a></b>", "the end of an element \"a\" is not behind its start"),
            ("<c><is><t></c>", "the end of an element \"c\" is not behind its start"),
            ("<a></a></a>", "the end of an element \"a\""),
            ("<a><x:is></is></a>", "the end of an element \"is\""),
            ("<a></a\u{c}>", "the end of an element"),
            ("<!--->", "comment that is damaged"),
        ] {
            assert!(error(part).is_some_and(|error| error.contains(expected)), "{part}: {:?}", error(part));
        }
        assert!(error("<a>".repeat(257)).is_some_and(|error| error.contains("within more than 256")));
    }

    #[test]
    fn a_piece_that_the_reader_takes_at_once_has_a_limit_whatever_it_consists_of() {
        let long = "x".repeat(4 << 20);
        let runs = format!("<t>{}</t>", ">".repeat(1 << 20)).repeat(5);
        for part in [
            format!("<a>{long}x</a>"),
            format!("<a>{}</a>", ">".repeat(5 << 20)),
            format!("<a b='{long}'/>"),
            format!("<a><!--{long}>--></a>"),
            format!("<a><![CDATA[{long}>]]></a>"),
            format!("<c><is>{runs}</is></c>"),
            format!("<si>{runs}</si>"),
            format!("<si>{}", "<b/>".repeat(2 << 20)),
            format!("<v>{}</v>", "&amp;".repeat(1 << 20)),
        ] {
            assert_eq!(error(&part).as_deref(), Some("has a text of more than 4 MiB"), "{}", &part[..20]);
        }
        assert_eq!(error(format!("<a>{}</a>", "<c><v>1</v></c>".repeat(1 << 20))), None);
    }

    #[test]
    fn the_elements_that_the_reader_keeps_are_counted() {
        assert_eq!(error("<si/>".repeat(2_000_000)), None);
        let expected = "has more than 2000000 elements \"si\"";
        assert_eq!(error("<si/>".repeat(2_000_001)).as_deref(), Some(expected));
        assert_eq!(error("<x:si></x:si>".repeat(2_000_001)).as_deref(), Some(expected));
        assert!(error("<mergeCell ref='A1:B1'/>".repeat(100_001)).is_some());
        assert!(error("<sheet/>".repeat(1001)).is_some());
        let copies = |formats| {
            format!("<font><name val='{}'/></font>{}", "n".repeat(1 << 20), "<xf fontId='0'/>".repeat(formats))
        };
        assert_eq!(error(copies(120)), None);
        assert!(error(copies(130)).is_some_and(|error| error.contains("too many formats")));
    }

    #[test]
    fn the_stated_number_of_texts_is_limited_as_their_number_is() {
        assert_eq!(error("<sst count='9' uniqueCount='2000000'></sst>"), None);
        for count in ["2000001", "18446744073709551615", "99999999999999999999999", "+10000000000"] {
            for tag in [format!("<sst uniqueCount='{count}'/>"), format!("<x:sst a=\"1\" uniqueCount = \"{count}\">")] {
                assert!(error(&tag).is_some_and(|error| error.contains("states that it has more than")), "{tag}");
            }
        }
    }
}

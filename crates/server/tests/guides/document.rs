//! The fenced blocks of a guide with their lines: which of them are run, and which output is expected.

/// A guide, or a section of one.
pub(crate) struct Guide {
    /// The path, for messages.
    pub(crate) path: &'static str,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block of a guide.
pub(crate) struct Block {
    pub(crate) kind: Kind,
    /// The info string of its opening fence.
    pub(crate) info_string: String,
    /// The line of its opening fence, from 1.
    pub(crate) line: usize,
    pub(crate) text: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A script to run.
    Script,
    /// The output of the script before it.
    Expected,
    /// A block that is only shown to the reader.
    ReadOnly,
}

impl Guide {
    /// The blocks of a document, or of the section with this heading.
    ///
    /// # Errors
    /// If there is no block to run.
    pub(crate) fn parse(path: &'static str, document: &str, section: Option<&str>) -> Result<Self, String> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut in_section = section.is_none();
        let mut open = false;
        for (index, line) in document.lines().enumerate() {
            match (line.strip_prefix("```"), open) {
                (Some(""), true) => open = false,
                (Some(info_string), false) => {
                    open = true;
                    let kind = if in_section { Kind::from_info_string(info_string) } else { Kind::ReadOnly };
                    blocks.push(Block { kind, info_string: info_string.to_owned(), line: index + 1, text: Vec::new() });
                }
                (_, true) => blocks.last_mut().into_iter().for_each(|block| block.text.push(line.to_owned())),
                (None, false) => {
                    if let (Some(section), Some(heading)) = (section, line.strip_prefix("## ")) {
                        in_section = heading == section;
                    }
                }
            }
        }
        let guide = Self { path, blocks };
        if guide.scripts().next().is_some() { Ok(guide) } else { Err(format!("{path} has no block to run")) }
    }

    pub(crate) fn scripts(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.kind == Kind::Script)
    }

    /// The blocks with expected output, each with the line of its script.
    pub(crate) fn expectations(&self) -> impl Iterator<Item = (usize, &Block)> {
        let mut script = 0;
        self.blocks.iter().filter_map(move |block| match block.kind {
            Kind::Script => {
                script = block.line;
                None
            }
            Kind::Expected => Some((script, block)),
            Kind::ReadOnly => None,
        })
    }
}

impl Kind {
    fn from_info_string(info_string: &str) -> Self {
        match info_string {
            "sh" => Self::Script,
            "text expect" => Self::Expected,
            _ => Self::ReadOnly,
        }
    }
}

#[test]
fn blocks_are_classified_and_keep_their_line_numbers() {
    let document = "# A\n```sh\none\n```\n```text expect\nout\n```\n```json\n{}\n```\n";
    let guide = Guide::parse("a.md", document, None).unwrap();
    let found: Vec<_> = guide.blocks.iter().map(|block| (block.kind, block.line)).collect();
    assert_eq!(found, [(Kind::Script, 2), (Kind::Expected, 5), (Kind::ReadOnly, 8)]);
    assert_eq!(guide.expectations().map(|(script, block)| (script, block.text.len())).collect::<Vec<_>>(), [(2, 1)]);
}

#[test]
fn only_the_requested_section_is_run() {
    let document = "## One\n```sh\nfirst\n```\n## Two\n```sh\nsecond\n```\n### Still two\n```sh\nthird\n```\n";
    let guide = Guide::parse("a.md", document, Some("Two")).unwrap();
    assert_eq!(guide.scripts().map(|block| block.text[0].as_str()).collect::<Vec<_>>(), ["second", "third"]);
}

#[test]
fn a_guide_without_a_block_to_run_fails() {
    let read = Guide::parse("a.md", "```json\n{}\n```\n", None);
    assert_eq!(read.err().as_deref(), Some("a.md has no block to run"));
}

//! A sort of more lines than memory holds: sorted runs in a temporary file, which are merged.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, binary_heap::PeekMut},
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write},
};

/// The size of the lines of one run, in bytes.
const RUN_SIZE: usize = 16 * 1024 * 1024;

/// The size that stays in memory after the last line, in bytes.
const KEPT_SIZE: usize = 1024 * 1024;

/// The size of the buffer of a run, in bytes.
const BUFFER: usize = 16 * 1024;

/// A line with the key by which it is sorted.
type Entry = (Vec<u8>, Vec<u8>);

/// Lines that are sorted by their keys, then by themselves.
pub(super) struct ExternalSort {
    run_size: usize,
    kept_size: usize,
    entries: Vec<Entry>,
    size: usize,
    file: Option<File>,
    /// The start and the end of each run in the file.
    runs: Vec<(u64, u64)>,
    count: u64,
}

impl ExternalSort {
    pub(super) const fn new() -> Self {
        Self::with_sizes(RUN_SIZE, KEPT_SIZE)
    }

    const fn with_sizes(run_size: usize, kept_size: usize) -> Self {
        Self { run_size, kept_size, entries: Vec::new(), size: 0, file: None, runs: Vec::new(), count: 0 }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If the temporary file can't be written.
    pub(super) fn add(&mut self, key: Vec<u8>, line: Vec<u8>) -> io::Result<()> {
        self.size += key.len() + line.len();
        self.count += 1;
        self.entries.push((key, line));
        if self.size >= self.run_size { self.write_run() } else { Ok(()) }
    }

    /// The number of lines.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Ends the lines: more than a small rest of them leaves the memory.
    ///
    /// # Errors
    /// If the temporary file can't be written.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.size > self.kept_size { self.write_run() } else { Ok(()) }
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.entries.sort_unstable();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        let start = file.seek(SeekFrom::End(0))?;
        let mut out = BufWriter::with_capacity(BUFFER, &*file);
        for (key, line) in self.entries.drain(..) {
            for part in [&key, &line] {
                out.write_all(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes())?;
                out.write_all(part)?;
            }
        }
        out.flush()?;
        drop(out);
        let end = file.stream_position()?;
        self.runs.push((start, end));
        self.size = 0;
        Ok(())
    }

    /// Passes all lines in order to `write`.
    ///
    /// # Errors
    /// If the temporary file can't be read, or `write` fails.
    pub(super) fn for_each<E: From<io::Error>>(
        mut self,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.entries.sort_unstable();
        let mut runs: Vec<Run<'_>> = vec![Run::Memory(self.entries.into_iter())];
        if let Some(file) = &self.file {
            let slices = self.runs.iter().map(|(position, end)| Slice { file, position: *position, end: *end });
            runs.extend(slices.map(|slice| Run::File(BufReader::with_capacity(BUFFER, slice))));
        }
        let mut heads = BinaryHeap::new();
        for (index, run) in runs.iter_mut().enumerate() {
            heads.extend(run.next()?.map(|entry| Reverse((entry, index))));
        }
        while let Some(mut head) = heads.peek_mut() {
            let Reverse(((_, line), index)) = &*head;
            write(line)?;
            let index = *index;
            match runs[index].next()? {
                Some(entry) => *head = Reverse((entry, index)),
                None => drop(PeekMut::pop(head)),
            }
        }
        Ok(())
    }
}

/// The sorted lines of a run.
enum Run<'f> {
    Memory(std::vec::IntoIter<Entry>),
    File(BufReader<Slice<'f>>),
}

impl Run<'_> {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Self::Memory(entries) => Ok(entries.next()),
            Self::File(reader) => {
                let is_at_end = reader.fill_buf()?.is_empty();
                if is_at_end { Ok(None) } else { Ok(Some((read_part(reader)?, read_part(reader)?))) }
            }
        }
    }
}

fn read_part(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 8];
    reader.read_exact(&mut length)?;
    let mut part = Vec::new();
    reader.take(u64::from_be_bytes(length)).read_to_end(&mut part)?;
    Ok(part)
}

/// A part of a file, which others are read from, too.
struct Slice<'f> {
    file: &'f File,
    position: u64,
    end: u64,
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file;
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.take(self.end - self.position).read(buffer)?;
        self.position += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(run_size: usize, kept_size: usize, lines: &[(&str, &str)]) -> (String, usize) {
        let mut sort = ExternalSort::with_sizes(run_size, kept_size);
        for (key, line) in lines {
            sort.add(key.as_bytes().to_vec(), line.as_bytes().to_vec()).unwrap();
        }
        sort.finish().unwrap();
        let runs = sort.runs.len();
        let mut out = Vec::new();
        sort.for_each(|line| out.write_all(line)).unwrap();
        (String::from_utf8(out).unwrap(), runs)
    }

    #[test]
    fn lines_are_sorted_by_key_then_by_text_however_many_runs_they_take() {
        let lines = [("b", "2"), ("c", ""), ("a", "9"), ("b", "1"), ("", "0"), ("a", "8"), ("d", "7")];
        for (run_size, kept_size, runs) in [(1000, 1000, 0), (1000, 0, 1), (5, 1, 3), (1, 0, 7)] {
            assert_eq!(sorted(run_size, kept_size, &lines), ("0891".to_owned() + "27", runs), "{run_size}");
        }
    }

    #[test]
    fn no_lines_make_no_output() {
        assert_eq!(sorted(10, 0, &[]), (String::new(), 0));
    }
}

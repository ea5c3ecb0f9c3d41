//! Parser of server-sent events (WHATWG HTML § 9.2), limited to what the server sends: one line of data, breaks of
//! `\n`.

/// Maximum size of an event in bytes, far more than any record needs.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

const TOO_LONG: &str = "the server sent an event of more than 4 MiB";
const NOT_UTF8: &str = "the server sent an event that is not UTF-8";

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) data: String,
}

/// Splits a stream of bytes into events.
#[derive(Default)]
pub(super) struct Parser {
    buffer: String,
    /// The bytes of an incomplete character.
    partial: Vec<u8>,
}

impl Parser {
    /// Appends received bytes.
    ///
    /// # Errors
    /// If the bytes are not UTF-8, or an event exceeds 4 MiB.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        self.partial.extend_from_slice(bytes);
        let valid = match str::from_utf8(&self.partial) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(NOT_UTF8),
        };
        let rest = self.partial.split_off(valid);
        let text = String::from_utf8(std::mem::replace(&mut self.partial, rest)).map_err(|_| NOT_UTF8)?;
        self.buffer.push_str(&text);
        if self.buffer.len() > MAX_EVENT_BYTES && !self.buffer.contains("\n\n") {
            return Err(TOO_LONG);
        }
        Ok(())
    }

    /// Removes and returns the next complete event. Comments are skipped.
    pub(super) fn next(&mut self) -> Option<Event> {
        while let Some(end) = self.buffer.find("\n\n") {
            let rest = self.buffer.split_off(end + 2);
            let block = std::mem::replace(&mut self.buffer, rest);
            let event = parse_event(&block);
            if !event.data.is_empty() {
                return Some(event);
            }
        }
        None
    }
}

fn parse_event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "id" => event.id = value,
            "event" => event.name = value,
            "data" => event.data = value,
            _ => {}
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "retry: 3000\nevent: secret\ndata: {\"secret\":\"whsec_ü\"}\n\n:\n\nid: evt_1\nevent: finding.created\ndata: {}\n\n";

    #[test]
    fn events_parse_the_same_in_chunks_of_any_size() {
        for size in 1..STREAM.len() {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for chunk in STREAM.as_bytes().chunks(size) {
                parser.push(chunk).unwrap();
                events.extend(std::iter::from_fn(|| parser.next()));
            }
            let event =
                |id: &str, name: &str, data: &str| Event { id: id.into(), name: name.into(), data: data.into() };
            let secret = event("", "secret", "{\"secret\":\"whsec_ü\"}");
            assert_eq!(events, [secret, event("evt_1", "finding.created", "{}")], "in chunks of {size} bytes");
        }
    }

    #[test]
    fn an_event_without_end_and_bytes_that_are_not_utf8_are_refused() {
        let mut parser = Parser::default();
        let long = vec![b'x'; MAX_EVENT_BYTES];
        parser.push(&long).unwrap();
        assert_eq!(parser.push(b"x"), Err(TOO_LONG));
        assert_eq!(Parser::default().push(b"\xff"), Err(NOT_UTF8));
    }
}

//! Server-sent events, read from pieces of a stream (the HTML standard, "Server-sent events").

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// Puts pieces together.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    event: Event,
    lines: usize,
}

impl Reader {
    /// Takes a piece and gives the events that are complete with it.
    pub fn take(&mut self, piece: &[u8]) -> Vec<Event> {
        self.buffer.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if std::mem::take(&mut self.lines) > 0 {
                    events.push(event);
                }
            } else {
                self.field(line);
            }
        }
        events
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => value.clone_into(&mut self.event.id),
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if self.lines > 0 {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.lines += 1;
            }
            // Comments keep the connection open; nothing else has a meaning here.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_the_stream_is_cut() {
        let stream = b": hello\n\nid: 4\nevent: woken\ndata: {\"a\":\ndata: 1}\n\ndata: x\r\n\r\n";
        let wanted = vec![
            Event {
                id: "4".into(),
                name: "woken".into(),
                data: "{\"a\":\n1}".into(),
            },
            Event {
                data: "x".into(),
                ..Event::default()
            },
        ];
        for size in [1, 3, 7, stream.len()] {
            let mut reader = Reader::default();
            let read: Vec<Event> = stream
                .chunks(size)
                .flat_map(|piece| reader.take(piece))
                .collect();
            assert_eq!(read, wanted, "in pieces of {size}");
        }
    }
}

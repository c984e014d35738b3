//! Lines of SMTP: commands out, replies in.
//!
//! Replies are bounded (a server may not fill our memory), and nothing may stand in the buffer
//! when TLS begins: what came in plain text before the handshake could have been put there by
//! anybody on the way (the "STARTTLS response injection" class of defects).

use std::io;

use tokio::io::BufReader;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

/// As in Postfix (`line_length_limit`, `smtp_response_limit`).
const LONGEST_LINE: u64 = 2048;
const LONGEST_REPLY: usize = 100_000;

/// A plain or an encrypted connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A reply with all its lines, codes taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

impl Reply {
    pub(super) fn positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// The lines as one text, for people.
    pub(super) fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// The enhanced status code (RFC 3463) that it begins with, if its class agrees with the code.
    pub(super) fn enhanced(&self) -> Option<String> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let parts: Vec<&str> = word.split('.').collect();
        let [class, subject, detail] = parts.as_slice() else {
            return None;
        };
        let number =
            |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let agrees = class.parse() == Ok(self.code / 100);
        (agrees && number(subject) && number(detail)).then(|| word.to_owned())
    }
}

pub(super) struct Wire<S>(BufReader<S>);

impl<S: Stream> Wire<S> {
    pub(super) fn new(stream: S) -> Wire<S> {
        Wire(BufReader::new(stream))
    }

    /// The bare stream, for TLS to begin on.
    pub(super) fn into_stream(self) -> io::Result<S> {
        if self.0.buffer().is_empty() {
            Ok(self.0.into_inner())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the server sent more before TLS than it was asked for",
            ))
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.0.get_mut();
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    /// Sends one command (without line end) and reads the reply.
    pub(super) async fn command(&mut self, command: &str) -> io::Result<Reply> {
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.reply().await
    }

    pub(super) async fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        let mut bytes = 0;
        loop {
            let line = self.line().await?;
            bytes += line.len();
            let (code, last, text) =
                parse(&line).ok_or_else(|| malformed("it does not speak SMTP"))?;
            lines.push(text.to_owned());
            if last {
                return Ok(Reply { code, lines });
            }
            if bytes > LONGEST_REPLY {
                return Err(malformed("its reply is too long"));
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.0)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await?;
        if line.pop() != Some(b'\n') {
            return Err(if (line.len() as u64) < LONGEST_LINE - 1 {
                io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the server closed the connection",
                )
            } else {
                malformed("a line of its reply is too long")
            });
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// `250-text` or `250 text` or `250`: the code, whether it is the last line, the text.
fn parse(line: &str) -> Option<(u16, bool, &str)> {
    let digits = line.get(..3)?;
    let code = digits
        .parse()
        .ok()
        .filter(|code| (200..600).contains(code))?;
    match line.as_bytes().get(3) {
        None => Some((code, true, "")),
        Some(b' ') => Some((code, true, line.get(4..)?)),
        Some(b'-') => Some((code, false, line.get(4..)?)),
        Some(_) => None,
    }
}

/// The text as it goes over the wire: a dot at the beginning of a line is doubled (RFC 5321,
/// 4.5.2), lone line feeds and carriage returns become whole line ends (so that nobody can smuggle
/// a final dot), and the last line has an end. Without the final dot.
pub(super) fn transparent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 64 + 2);
    let mut at_start = true;
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' | b'\n' => {
                if byte == b'\r' && bytes.peek() == Some(&b'\n') {
                    bytes.next();
                }
                out.extend_from_slice(b"\r\n");
                at_start = true;
            }
            byte => {
                if at_start && byte == b'.' {
                    out.push(b'.');
                }
                out.push(byte);
                at_start = false;
            }
        }
    }
    if !at_start {
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn reply(bytes: &[u8]) -> io::Result<Reply> {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        server.write_all(bytes).await.unwrap();
        drop(server);
        Wire::new(client).reply().await
    }

    #[tokio::test]
    async fn replies_of_many_lines_are_one_reply() {
        let reply = reply(b"250-mail.example\r\n250-SIZE 100\r\n250 8BITMIME\r\n")
            .await
            .unwrap();
        assert_eq!((reply.code, reply.lines.len()), (250, 3));
        assert_eq!(reply.text(), "mail.example SIZE 100 8BITMIME");
    }

    #[tokio::test]
    async fn what_is_no_reply_is_an_error() {
        for bytes in [
            &b""[..],
            b"250 cut off",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"25\r\n",
            b"999 x\r\n",
            b"250_x\r\n",
            b"\r\n",
            &[b'2'; 5000],
            "2é0 x\r\n".as_bytes(),
        ] {
            assert!(reply(bytes).await.is_err());
        }
        assert!(reply(&b"250-endless\r\n".repeat(20_000)).await.is_err());
    }

    #[test]
    fn enhanced_codes_must_agree_with_the_code() {
        let reply = |code, text: &str| {
            Reply {
                code,
                lines: vec![text.to_owned()],
            }
            .enhanced()
        };
        assert_eq!(reply(550, "5.1.1 unknown").as_deref(), Some("5.1.1"));
        assert_eq!(reply(450, "4.7.100 later").as_deref(), Some("4.7.100"));
        assert_eq!(reply(550, "4.1.1 x"), None);
        assert_eq!(reply(550, "5.1 x"), None);
        assert_eq!(reply(550, "unknown"), None);
    }

    #[tokio::test]
    async fn tls_does_not_begin_behind_injected_plain_text() {
        let (client, mut server) = tokio::io::duplex(1024);
        server
            .write_all(b"220 go\r\n250 injected\r\n")
            .await
            .unwrap();
        let mut wire = Wire::new(client);
        wire.reply().await.unwrap();
        assert!(wire.into_stream().is_err());
    }

    #[test]
    fn dots_are_doubled_and_lone_line_ends_made_whole() {
        assert_eq!(transparent(b".a\r\n..\r\nb."), b"..a\r\n...\r\nb.\r\n");
        assert_eq!(transparent(b"a\n.\nb\r.\r\n"), b"a\r\n..\r\nb\r\n..\r\n");
        assert_eq!(transparent(b""), b"");
    }

    proptest! {
        #[test]
        fn no_text_can_end_the_message_early(text in proptest::collection::vec(prop_oneof![
            Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..64))
        {
            let mut wire = transparent(&text);
            wire.extend_from_slice(b".\r\n");
            let whole = [b"\r\n".as_slice(), &wire].concat();
            for end in [&b"\r\n.\r\n"[..], b"\n.\n", b"\n.\r\n", b"\r.\r"] {
                let first = whole.windows(end.len()).position(|window| window == end);
                prop_assert!(first.is_none_or(|at| at >= whole.len() - 5));
            }
        }
    }
}

//! Progress of long work, on standard error and only on a terminal.

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A turning sign with a text, for work whose length nobody knows.
#[must_use]
pub fn spinner(text: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Bytes on their way, of which the number is known.
#[must_use]
pub fn bytes(text: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg} {bar:30} {bytes}/{total_bytes}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_message(text.to_owned());
    bar
}

/// Rows on their way; how many, and what is done with them, is said while it goes.
#[must_use]
pub fn rows() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg:30} {bar:30} {human_pos}/{human_len}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar
}

/// A body that shows how much of it has left, then what the host does with it.
#[must_use]
pub fn upload(name: &str, bytes: Vec<u8>, then: &'static str) -> (ProgressBar, reqwest::Body) {
    let bar = self::bytes(&format!("uploading {name}"), bytes.len() as u64);
    let shown = bar.clone();
    let whole = Bytes::from(bytes);
    let name = name.to_owned();
    let pieces: Vec<Bytes> = (0..whole.len())
        .step_by(PIECE)
        .map(|start| whole.slice(start..whole.len().min(start + PIECE)))
        .collect();
    let last = pieces.len();
    let stream =
        futures::stream::iter(pieces.into_iter().enumerate().map(move |(place, piece)| {
            shown.inc(piece.len() as u64);
            if place + 1 == last {
                shown.set_style(ProgressStyle::default_spinner());
                shown.set_message(format!("{name}: {then}"));
                shown.enable_steady_tick(Duration::from_millis(100));
            }
            Ok::<_, std::io::Error>(piece)
        }));
    (bar, reqwest::Body::wrap_stream(stream))
}

/// Bytes that are handed over at a time.
const PIECE: usize = 64 * 1024;

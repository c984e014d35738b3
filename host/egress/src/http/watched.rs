//! Whether a request may have left.
//!
//! reqwest does not say how far a request came when it is given up. But hyper asks the body for
//! its shape and its frames only when it writes the request to a connection that stands, so a
//! body of our own tells: as long as nobody has asked it, nothing has left. Tests hold hyper to
//! this, for requests with and without body.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::progress::Progress;

/// A body that tells when it is asked for.
pub(crate) struct Watched {
    bytes: Option<Bytes>,
    progress: Arc<Progress>,
}

impl Watched {
    pub(crate) fn new(bytes: Bytes, progress: Arc<Progress>) -> Watched {
        Watched {
            bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
            progress,
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.progress.mark_sent();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.progress.mark_sent();
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

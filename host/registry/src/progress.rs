//! What is on its way, told to whoever wants to show it.

/// Hears what moves. Every `begin` has its `end`, also where something goes wrong between.
pub trait Progress: Send + Sync {
    /// Something begins to move; `total` bytes of it where that is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// So many bytes more have moved.
    fn advance(&self, bytes: u64);
    /// It has arrived, or has been given up.
    fn end(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _bytes: u64) {}
    fn end(&self) {}
}

/// Something under way; it ends when this is dropped.
pub(crate) struct Under<'a>(&'a dyn Progress);

impl<'a> Under<'a> {
    pub(crate) fn begin(progress: &'a dyn Progress, what: &str, total: Option<u64>) -> Under<'a> {
        progress.begin(what, total);
        Under(progress)
    }

    pub(crate) fn advance(&self, bytes: u64) {
        self.0.advance(bytes);
    }
}

impl Drop for Under<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

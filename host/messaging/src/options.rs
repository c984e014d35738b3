//! What an operator decides for the whole host. What a workspace decides is in `workspaces.rs`.

/// How messaging works on this host.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address under which the outside reaches this host, such as `https://jack.example.com`.
    pub public_url: String,
    /// The largest body of a provider's request, in bytes.
    pub inbound_body: usize,
    /// The largest file that a workspace keeps, in bytes.
    pub largest_file: usize,
    /// The most rows of a table.
    pub table_rows: i64,
    /// How many unreadable requests of a channel are kept for replay; the oldest go first.
    pub inbound_kept: usize,
    /// How many messages of a channel wait in memory; the rest waits in the database.
    pub queue_in_memory: usize,
    /// How many messages of a channel are under way at the same time, unless its workspace says
    /// otherwise.
    pub concurrency: usize,
    /// For how many milliseconds channels, settings and secrets are kept in memory: what another
    /// host changed is seen after so long. What this host changes is seen at once.
    pub cache: i64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            public_url: "http://localhost:8080".to_owned(),
            inbound_body: 1024 * 1024,
            largest_file: 20 * 1024 * 1024,
            table_rows: 100_000,
            inbound_kept: 1000,
            queue_in_memory: 10_000,
            concurrency: 8,
            cache: 2_000,
        }
    }
}

impl Options {
    /// Where the provider of a channel sends its requests.
    #[must_use]
    pub fn webhook(&self, channel: &str) -> String {
        format!("{}/hooks/{channel}", self.public_url.trim_end_matches('/'))
    }
}

//! `jackfield file ...`

use crate::cli::Session;
use crate::cli::client::Body;
use crate::cli::exit::Failure;
use crate::cli::progress;
use crate::cli::table::{As, Column, list, one, say};
use clap::Subcommand;
use reqwest::Method;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the files
    List,
    /// Uploads a file, in the place of one that has its name
    Put {
        /// Its name, such as price-list.pdf
        name: String,
        /// The file
        file: PathBuf,
        /// Its media type; left out, the host looks at the bytes
        #[arg(long = "type", value_name = "TYPE")]
        media: Option<String>,
    },
    /// Shows a file: its type, its size, its address on the web
    Show {
        /// Its name
        name: String,
    },
    /// Fetches a file
    Get {
        /// Its name
        name: String,
        /// Where it is written; standard output where left out
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Deletes a file that nothing names any more
    Delete {
        /// Its name
        name: String,
    },
}

const COLUMNS: &[Column] = &[
    ("name", "/name", As::Text),
    ("type", "/content-type", As::Text),
    ("bytes", "/size", As::Text),
    ("changed", "/updated-at", As::Time),
];

const DETAILS: &[Column] = &[
    ("name", "/name", As::Text),
    ("type", "/content-type", As::Text),
    ("bytes", "/size", As::Text),
    ("sha-256", "/digest", As::Text),
    ("address", "/url", As::Text),
    ("made", "/created-at", As::Time),
    ("changed", "/updated-at", As::Time),
];

pub(crate) async fn run(session: Session, command: Command) -> Result<(), Failure> {
    let Session { client, json } = session;
    match command {
        Command::List => {
            let items = client.list(&["v1", "files"], &[], usize::MAX).await?;
            list(json, &items, COLUMNS, "There are no files.");
        }
        Command::Put { name, file, media } => {
            let bytes = std::fs::read(&file).map_err(|error| {
                Failure::Usage(format!("{} cannot be read: {error}", file.display()))
            })?;
            let length = bytes.len() as u64;
            let media = media.unwrap_or_else(|| "application/octet-stream".to_owned());
            let (bar, body) = progress::upload(&name, bytes, "the host keeps it");
            let path = ["v1", "files", name.as_str()];
            let body = Body::Stream(media, length, body);
            let answer = client.call(Method::PUT, &path, &[], body).await;
            bar.finish_and_clear();
            let answer = answer?;
            let address = answer["url"].as_str().unwrap_or_default();
            say(json, &answer, &format!("file {name} is kept: {address}"));
        }
        Command::Show { name } => {
            let answer = client.get(&["v1", "files", &name], &[]).await?;
            one(json, &answer, DETAILS);
        }
        Command::Get { name, output } => {
            let path = ["v1", "files", name.as_str(), "content"];
            match output {
                None => client.download(&path, &[], &mut std::io::stdout()).await?,
                Some(file) => {
                    let known = client.get(&["v1", "files", &name], &[]).await?;
                    let length = known["size"].as_u64().unwrap_or_default();
                    let unwritten = |error| {
                        Failure::Failed(format!("{} cannot be written: {error}", file.display()))
                    };
                    let mut to = Shown {
                        to: std::fs::File::create(&file).map_err(unwritten)?,
                        bar: progress::bytes(&name, length),
                    };
                    let outcome = client.download(&path, &[], &mut to).await;
                    to.bar.finish_and_clear();
                    outcome?;
                }
            }
        }
        Command::Delete { name } => {
            let path = ["v1", "files", name.as_str()];
            let answer = client.call(Method::DELETE, &path, &[], Body::Empty).await?;
            say(json, &answer, &format!("file {name} is deleted"));
        }
    }
    Ok(())
}

/// A file that shows how much of it is written.
struct Shown {
    to: std::fs::File,
    bar: indicatif::ProgressBar,
}

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bar.inc(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

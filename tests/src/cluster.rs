//! Several hosts on one PostgreSQL database, as an operator runs them: each with a data folder of
//! its own, all with one secret key.

use crate::host::Host;
use crate::{Api, place, until};
use jackfield_postgres_peer as postgres;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The hosts. All are killed when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The hosts, in the order started.
    pub hosts: Vec<Host>,
    program: PathBuf,
    database: String,
    flags: Vec<String>,
    keys: tempfile::TempDir,
}

impl Cluster {
    /// So many hosts on a new database, with flags of `serve` besides the usual ones.
    pub async fn start(hosts: usize, flags: &[&str]) -> Cluster {
        Cluster::start_program(&place::program(), hosts, flags).await
    }

    /// The same with another build of the program.
    pub async fn start_program(program: &Path, hosts: usize, flags: &[&str]) -> Cluster {
        let database = postgres::shared()
            .database()
            .expect("a database can be made");
        let mut cluster = Cluster {
            hosts: Vec::new(),
            program: program.to_owned(),
            database,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            keys: tempfile::tempdir().expect("a temporary folder"),
        };
        for _ in 0..hosts {
            cluster.join().await;
        }
        cluster
    }

    /// The address of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// One more host.
    pub async fn join(&mut self) -> &mut Host {
        let mut flags = vec!["--database", self.database.as_str()];
        flags.extend(self.flags.iter().map(String::as_str));
        let host = Host::start_sharing(&self.program, &flags, self.keys.path()).await;
        self.hosts.push(host);
        self.hosts.last_mut().expect("it was just put there")
    }

    /// A first host on another database, such as one that was restored; those on the old one must
    /// not run any more.
    pub async fn move_to(&mut self, database: &str) -> &mut Host {
        self.hosts.clear();
        database.clone_into(&mut self.database);
        self.join().await
    }

    /// The API of a host.
    #[must_use]
    pub fn api(&self, host: usize) -> Api {
        self.hosts[host].api.clone()
    }

    /// The file of the key that all hosts share.
    #[must_use]
    pub fn secret_key(&self) -> PathBuf {
        self.keys.path().join("secret.key")
    }

    /// Waits until so many hosts share the buckets evenly, as the first of them that lives says.
    pub async fn balanced(&self, living: usize, api: &Api) {
        until("the hosts to share the buckets evenly", async || {
            let said = api.get("/v1/hosts").await.ok();
            let items = said.get("items")?.as_array()?.clone();
            let buckets: Vec<i64> = items
                .iter()
                .filter_map(|host| host.get("buckets").and_then(Value::as_i64))
                .collect();
            let all = said.get("buckets")?.as_i64()?;
            let fair = all / i64::try_from(living).ok()?;
            let even = buckets.len() == living
                && buckets.iter().sum::<i64>() == all
                && buckets
                    .iter()
                    .all(|count| (fair..=fair + 1).contains(count));
            even.then_some(())
        })
        .await;
    }
}

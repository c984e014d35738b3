//! The key that seals secrets, and the operator's key.

use super::{Findings, Local};
use crate::OPERATOR_KEY;
use crate::http::auth::EVERY;
use crate::http::key::Key;
use crate::options::Options;
use crate::start::SECRET_KEY;
use jackfield_messaging::SecretKey;
use jackfield_store::records::{ApiKey, Secret};
use jackfield_store::{Query, StoreExt};
use std::path::Path;

/// Looks at both.
pub(super) async fn look(local: &Local, options: Option<&Options>, findings: &mut Findings) {
    secret_key(local, options, findings).await;
    operator_key(local, findings).await;
}

async fn secret_key(local: &Local, options: Option<&Options>, findings: &mut Findings) {
    let named = options.and_then(|options| options.secret_key_file.clone());
    let path = named.unwrap_or_else(|| local.data.join(SECRET_KEY));
    let sealed: Vec<Secret> = match &local.database {
        Some(database) => database
            .store()
            .find(Query::all())
            .await
            .unwrap_or_default(),
        None => Vec::new(),
    };
    if !path.exists() {
        let said = format!("there is no {}", path.display());
        if sealed.is_empty() {
            findings.ok("secret key", format!("{said}; the next start makes it"));
        } else {
            findings.fail(
                "secret key",
                format!("{said}, and the database's secrets are sealed with it"),
                "put the copy that was kept beside the backups there; without it every secret must \
                 be set again",
            );
        }
        return;
    }
    if !private(&path, "secret key", findings) {
        return;
    }
    let key = match SecretKey::from_file(&path) {
        Ok(key) => key,
        Err(error) => {
            findings.fail("secret key", error.to_string(), "put the right file there");
            return;
        }
    };
    let shut = sealed.iter().filter(|secret| !key.opens(secret)).count();
    // One row is the database's mark of its key, no secret of anybody.
    let secrets = sealed.iter().filter(|one| one.workspace != EVERY).count();
    match (shut, secrets) {
        (0, 0) => findings.ok("secret key", "it can be read; no secret is sealed yet"),
        (0, all) => findings.ok("secret key", format!("it opens all {all} secrets")),
        (shut, _) => findings.fail(
            "secret key",
            format!("it is not this database's: {shut} sealed values do not open"),
            "put the key there with which they were sealed, or set them again",
        ),
    }
}

async fn operator_key(local: &Local, findings: &mut Findings) {
    let path = local.data.join(OPERATOR_KEY);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.ok("operator key", "it is not kept in the data folder");
            return;
        }
        Err(error) => {
            let said = format!("{}: {error}", path.display());
            findings.warn("operator key", said, "run this as the host's user");
            return;
        }
    };
    if !private(&path, "operator key", findings) {
        return;
    }
    let Some(database) = &local.database else {
        return;
    };
    let query = Query::<ApiKey>::all().equal("workspace", EVERY);
    let known = database.store().find(query).await.unwrap_or_default();
    let fits = Key::parse(&text).and_then(|key| known.into_iter().find(|known| key.fits(known)));
    match fits {
        Some(known) if known.revoked_at.is_none() => {
            findings.ok("operator key", "the database knows it");
        }
        Some(_) => findings.warn(
            "operator key",
            "it was revoked",
            format!("remove {}", path.display()),
        ),
        None => findings.warn(
            "operator key",
            "the database does not know it",
            "put the key there that belongs to this database, or remove the file",
        ),
    }
}

/// Whether only its owner can read a file; says so if not.
fn private(path: &Path, what: &'static str, findings: &mut Findings) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let mode = std::fs::metadata(path).map_or(0, |about| about.mode());
        if mode & 0o077 != 0 {
            findings.fail(
                what,
                format!(
                    "others can read {} (mode {:o})",
                    path.display(),
                    mode & 0o777
                ),
                format!(
                    "chmod 600 {}; whoever may have read it has the key",
                    path.display()
                ),
            );
            return false;
        }
    }
    true
}

//! Docker's own credentials: what `docker login HOST` left behind.
//!
//! They stand in `config.json`, or a helper program keeps them. They are read only when a registry
//! asks. What must hold: what a helper says is never shown, since it may be a password; a helper that
//! hangs does not hold us up.

use crate::Options;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The most of a `config.json` that is read.
const MOST: u64 = 1024 * 1024;
/// The key under which Docker keeps the credentials of its own registry.
const DOCKERS_OWN: &str = "https://index.docker.io/v1/";

/// What there is for a registry.
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// A user and a password.
    Password(String, String),
    /// A token that the registry's token service changes into another.
    Identity(String),
    /// There may be some, but they cannot be had; with the reason, for people.
    Unusable(String),
}

/// Finds the credentials of a registry, which is named as in `docker login HOST`.
pub(super) async fn find(host: &str, options: &Options) -> Credentials {
    let Some(folder) = options
        .docker_config
        .clone()
        .or_else(|| folder(|name| std::env::var_os(name)))
    else {
        return Credentials::None;
    };
    let key = match host {
        "docker.io" | "index.docker.io" => DOCKERS_OWN.to_owned(),
        host => host.to_owned(),
    };
    let (send, receive) = tokio::sync::oneshot::channel();
    // A thread of its own: a helper that hangs would hold up the end of the runtime.
    let asking = std::thread::Builder::new().spawn(move || {
        let _ = send.send(ask(&folder, &key));
    });
    if let Err(why) = asking {
        return Credentials::Unusable(format!("the credentials cannot be asked for: {why}"));
    }
    match tokio::time::timeout(options.limits.idle, receive).await {
        Ok(Ok(found)) => found,
        _ => Credentials::Unusable("the credential helper does not answer".to_owned()),
    }
}

/// Where Docker keeps its configuration.
fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    set("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".docker")))
}

fn ask(folder: &Path, key: &str) -> Credentials {
    let path = folder.join("config.json");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Credentials::None,
        Err(why) => {
            return Credentials::Unusable(format!("{} cannot be read: {why}", path.display()));
        }
    };
    match docker_credential::get_credential_from_reader(file.take(MOST), key) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Credentials::Password(user, password)
        }
        Ok(DockerCredential::IdentityToken(token)) => Credentials::Identity(token),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Credentials::None,
        Err(CredentialRetrievalError::HelperFailure { stdout, helper, .. }) => {
            // The protocol's way of saying that it has none.
            if stdout.starts_with("credentials not found") {
                return Credentials::None;
            }
            Credentials::Unusable(format!("the credential helper `{helper}` failed"))
        }
        Err(CredentialRetrievalError::HelperCommunicationError) => Credentials::Unusable(format!(
            "the credential helper that {} names cannot be run, or does not listen",
            path.display()
        )),
        Err(CredentialRetrievalError::MalformedHelperResponse) => {
            Credentials::Unusable("the credential helper's answer cannot be read".to_owned())
        }
        Err(
            CredentialRetrievalError::ConfigReadError
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::CredentialDecodingError
            | CredentialRetrievalError::CredentialMismatchError,
        ) => Credentials::Unusable(format!("{} cannot be understood", path.display())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_variables_else_the_one_at_home() {
        let both = |name: &str| Some(OsString::from(format!("/{name}")));
        assert_eq!(folder(both).unwrap(), Path::new("/DOCKER_CONFIG"));
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/me"));
        assert_eq!(folder(home).unwrap(), Path::new("/me/.docker"));
        let empty = |name: &str| Some(OsString::from(if name == "HOME" { "/me" } else { "" }));
        assert_eq!(folder(empty).unwrap(), Path::new("/me/.docker"));
        assert_eq!(folder(|_| None), None);
    }

    #[test]
    fn what_docker_writes_is_found_and_what_it_does_not_is_none() {
        let home = tempfile::tempdir().unwrap();
        assert!(matches!(ask(home.path(), "a.io"), Credentials::None));
        let config = r#"{"auths": {
            "a.io": {"auth": "YW5uOndvcmQ6d2l0aCBjb2xvbg=="},
            "b.io": {"identitytoken": "token"},
            "https://index.docker.io/v1/": {"auth": "YW5uOng="},
            "c.io": {"auth": "not base64!"}
        }}"#;
        std::fs::write(home.path().join("config.json"), config).unwrap();
        let Credentials::Password(user, password) = ask(home.path(), "a.io") else {
            panic!("a password was expected");
        };
        assert_eq!(
            (user.as_str(), password.as_str()),
            ("ann", "word:with colon")
        );
        assert!(matches!(ask(home.path(), "b.io"), Credentials::Identity(_)));
        assert!(matches!(
            ask(home.path(), DOCKERS_OWN),
            Credentials::Password(..)
        ));
        assert!(matches!(ask(home.path(), "c.io"), Credentials::Unusable(_)));
        assert!(matches!(ask(home.path(), "d.io"), Credentials::None));
        std::fs::write(home.path().join("config.json"), "{").unwrap();
        assert!(matches!(ask(home.path(), "a.io"), Credentials::Unusable(_)));
    }
}

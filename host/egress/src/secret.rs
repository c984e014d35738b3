//! A secret's value, and where values come from.
//!
//! The value leaves this type only through [`Secret::expose`], which is called where a request is
//! put together and nowhere else; it is wiped on drop and prints as `***`. The store of secrets is
//! behind [`Secrets`], because this crate knows no database and no encryption.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

/// A value that must not be seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(value.into()))
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Secret {
        Secret::new(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Secret {
        Secret::new(value)
    }
}

/// Why a secret could not be looked up, as opposed to there being none. Its text must hold no
/// secret.
pub type SecretsError = Box<dyn std::error::Error + Send + Sync>;

/// The secrets of one workspace, by name.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value, or `None` where there is no secret of that name.
    ///
    /// # Errors
    /// Where the store cannot be asked; the request is then refused as `unavailable`, which is
    /// transient.
    async fn resolve(&self, name: &str) -> Result<Option<Secret>, SecretsError>;
}

/// No secrets at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn resolve(&self, _name: &str) -> Result<Option<Secret>, SecretsError> {
        Ok(None)
    }
}

#[async_trait]
impl Secrets for HashMap<String, Secret> {
    async fn resolve(&self, name: &str) -> Result<Option<Secret>, SecretsError> {
        Ok(self.get(name).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hunter2-hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
    }
}

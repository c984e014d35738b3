//! The signature that may stand beside a component: the text of a minisign signature file.
//!
//! Whether it is right is not judged here: whoever installs knows the keys. Here it is only told
//! from what is no signature at all, so that an error page is not handed on as one.

use crate::Error;

/// How such a file is named: the component's name and this.
pub(crate) const ENDING: &str = ".minisig";

/// Takes the text for a signature if it can be one.
pub(crate) fn read(what: &str, bytes: Vec<u8>, most: u64) -> Result<String, Error> {
    if bytes.len() as u64 > most {
        return Err(Error::TooLarge {
            what: what.to_owned(),
            most,
        });
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.starts_with("untrusted comment:") => Ok(text),
        _ => Err(Error::Signature {
            what: what.to_owned(),
        }),
    }
}

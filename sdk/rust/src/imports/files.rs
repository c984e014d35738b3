//! The workspace's files.

use super::sys;
use crate::failure::CallError;

/// The bytes of a file, by its name. Errors: `not-found` (no such file: the message says which files
/// there are), `too-large` (more than 262,144 bytes).
pub fn read(name: &str) -> Result<Vec<u8>, CallError> {
    sys::files::read(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::Host;

    #[test]
    fn a_file_is_read_by_its_name() {
        let _host = Host::new()
            .file("hours.txt", "9 to 6")
            .file("large.bin", vec![0; 262_145])
            .install();
        assert_eq!(read("hours.txt").unwrap(), b"9 to 6");
        assert_eq!(read("none.txt").unwrap_err().code, "not-found");
        assert_eq!(read("large.bin").unwrap_err().code, "too-large");
    }
}

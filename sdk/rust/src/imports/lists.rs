//! The workspace's lists of contacts.

use super::sys;
use crate::failure::CallError;

/// Puts the contact on a list. Answers whether it was not on it yet. Errors: `not-found` (no
/// contact, or no such list: the message says which lists there are).
pub fn add(list: &str) -> Result<bool, CallError> {
    sys::lists::add(list)
}

/// Takes the contact off a list. Answers whether it was on it. Errors as of [`add`].
pub fn remove(list: &str) -> Result<bool, CallError> {
    sys::lists::remove(list)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::Host;
    use serde_json::json;

    #[test]
    fn the_answer_says_whether_something_changed() {
        let host = Host::new().contact(json!({})).on_list("news").install();
        assert!(add("vip").unwrap());
        assert!(!add("vip").unwrap());
        assert!(remove("news").unwrap());
        assert!(!remove("news").unwrap());
        assert_eq!(host.on_lists(), ["vip"]);
    }

    #[test]
    fn a_list_that_is_not_there_is_refused_with_those_that_are() {
        let _host = Host::new()
            .contact(json!({}))
            .lists(&["vip", "news"])
            .install();
        assert!(add("vip").unwrap());
        let refused = add("fax").unwrap_err();
        assert_eq!(refused.code, "not-found");
        assert!(refused.message.contains("vip, news"), "{}", refused.message);
        assert_eq!(remove("fax").unwrap_err().code, "not-found");
    }

    #[test]
    fn without_a_contact_nobody_is_on_a_list() {
        let _host = Host::new().install();
        assert_eq!(add("vip").unwrap_err().code, "not-found");
        assert_eq!(remove("vip").unwrap_err().code, "not-found");
    }
}

//! The import `lists`: which lists the contact is on.

use super::{CallError, some_contact};
use crate::testing::host::{Host, call_error, with};

pub(crate) fn add(list: &str) -> Result<bool, CallError> {
    with(|host| {
        known(host, list)?;
        let new = !host.on_lists.iter().any(|name| name == list);
        if new {
            host.on_lists.push(list.to_owned());
        }
        Ok(new)
    })
}

pub(crate) fn remove(list: &str) -> Result<bool, CallError> {
    with(|host| {
        known(host, list)?;
        let before = host.on_lists.len();
        host.on_lists.retain(|name| name != list);
        Ok(host.on_lists.len() < before)
    })
}

fn known(host: &mut Host, list: &str) -> Result<(), CallError> {
    some_contact(host)?;
    match &host.lists {
        Some(lists) if !lists.iter().any(|name| name == list) => Err(call_error(
            "not-found",
            &format!("there is no list `{list}`; there are: {}", lists.join(", ")),
        )),
        _ => Ok(()),
    }
}

//! Operating a host: stopping, backing up, asking the doctor, keeping for a while, and what an
//! operator's page says of all that.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backup;
mod doctor;
mod kept;
mod packaging;
mod page;
mod service;
mod stop;
mod support;

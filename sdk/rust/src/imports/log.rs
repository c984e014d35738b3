//! Lines for the run's timeline and the operator's log.

use super::sys;
pub use crate::bindings::step::jackfield::plugin::log::Level;

/// Writes one line.
pub fn write(level: Level, message: &str) {
    sys::log::write(level, message);
}

/// What helps to find a mistake.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// What an operator wants to read.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// What went differently than it should.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// What went wrong.
pub fn error(message: &str) {
    write(Level::Error, message);
}

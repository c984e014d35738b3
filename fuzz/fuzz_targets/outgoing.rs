//! libFuzzer's way into `jackfield_fuzz_targets::outgoing`, which says what is held.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| jackfield_fuzz_targets::outgoing(data));

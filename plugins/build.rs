//! The linker's part of every plugin: a shadow stack of 64 KiB instead of a megabyte.
//!
//! The stack is a part of the memory that a fresh sandbox has to make ready, so a small one makes
//! every activation cheaper. A build script says so rather than cargo's configuration, because that
//! is read from the folder in which cargo runs, and the plugins are built from several.

fn main() {
    println!("cargo::rerun-if-changed=../../build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=65536");
    }
}

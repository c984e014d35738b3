//! Embedded migrations are part of the build: a new file must trigger it.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}

//! `include_dir!` does not tell cargo which files it has read; this does, so that a change of one is
//! in the next build.

fn main() {
    for folder in ["templates", "../../wit", "../../sdk/rust"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}

//! `include_dir!` does not tell cargo which files it has read; this does, so that a change of one is
//! in the next build.

fn main() {
    for folder in [
        "templates",
        "../../wit",
        "../../sdk/rust",
        "../../sdk/c/include",
        "../../sdk/c/src",
        "../../sdk/c/wasm",
        "../../sdk/c/testing",
        "../../sdk/c/plugin.mk",
        "../../sdk/c/README.md",
        "../../sdk/python/jackfield_plugin",
        "../../sdk/js/src",
        "../../sdk/js/build.mjs",
        "../../sdk/js/package.json",
    ] {
        println!("cargo::rerun-if-changed={folder}");
    }
}

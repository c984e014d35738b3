//! The pages in `docs/steps` and `docs/connectors` are what the built-in plugins say of themselves, and
//! every code with which a case of a step fails stands there, or is one that every step can have.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use jackfield_tests::{Host, plugins, repository};

#[tokio::test]
async fn every_built_in_plugin_has_the_page_that_it_makes_of_itself() {
    let host = Host::start().await;
    for entry in std::fs::read_dir(plugins()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let example = repository().join(format!("plugins/steps/{name}/example.yaml"));
        let mut page = vec!["plugin".into(), "page".into(), name.clone()];
        if example.exists() {
            page.extend(["--example".to_owned(), example.to_str().unwrap().to_owned()]);
        }
        let made = host.cli(page).await.ok();
        let folder = match repository().join("plugins/steps").join(&name).exists() {
            true => "docs/steps",
            false => "docs/connectors",
        };
        let file = repository().join(folder).join(format!("{name}.md"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&file, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            made == kept,
            "{folder}/{name}.md is not what the plugin says; write it anew with\n    \
             UPDATE_SNAPSHOTS=1 and this test"
        );
    }
}

/// The codes of the failures that a file of cases expects.
fn failures(cases: &str) -> impl Iterator<Item = &str> {
    cases.split("failure: {").skip(1).filter_map(|rest| {
        let expected = rest.split('}').next()?;
        let (_, code) = expected.split_once("code: ")?;
        code.split(',').next()
    })
}

#[test]
fn every_code_with_which_a_step_fails_is_on_its_page() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    let common = read("docs/workflows.md");
    let mut seen = 0;
    for step in std::fs::read_dir(repository().join("plugins/steps")).unwrap() {
        let step = step.unwrap().path();
        let name = step.file_name().unwrap().to_str().unwrap();
        let page = read(&format!("docs/steps/{name}.md"));
        for cases in std::fs::read_dir(step.join("cases")).unwrap() {
            let cases = std::fs::read_to_string(cases.unwrap().path()).unwrap();
            for code in failures(&cases) {
                let stands = |code: &str| page.contains(&format!("| `{code}` |"));
                let one_of_many = code.split_once('-').map(|(first, _)| format!("{first}-*"));
                let known = stands(code)
                    || one_of_many.is_some_and(|many| stands(&many))
                    || common.contains(&format!("| `{code}` |"));
                assert!(
                    known,
                    "{name} fails as `{code}`: `failures` of its descriptor says nothing of it"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "the cases fail {seen} times");
}

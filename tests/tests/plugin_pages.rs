//! The pages in `docs/steps` and `docs/connectors` are what the built-in plugins say of themselves.

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

//! A URL with placeholders in its path or query.
//!
//! The URL is parsed before any value is known, with a harmless mark in place of each placeholder;
//! then it is clear what is host and what is path, and no value can change it: values are
//! percent-encoded into the place where their mark landed, and the result must still lead to the
//! same target.

use url::Url;

use crate::placeholder::{Escape, Filler, Part, Template};
use crate::target::{Target, canonical, read_url};
use crate::{Error, Place};

#[derive(Clone, Debug)]
pub(crate) struct UrlTemplate {
    url: Url,
    target: Target,
    marks: Vec<Mark>,
}

#[derive(Clone, Debug)]
struct Mark {
    text: String,
    name: String,
    place: Place,
}

impl UrlTemplate {
    pub(crate) fn read(text: &str) -> Result<UrlTemplate, Error> {
        let template = Template::strict(text, "the URL")?;
        let mut stem = "qsecret".to_owned();
        while text.to_ascii_lowercase().contains(&stem) {
            stem.push('q');
        }
        let mut marked = String::with_capacity(text.len());
        let mut named = Vec::new();
        for part in template.parts() {
            match part {
                Part::Text(text) => marked.push_str(&String::from_utf8_lossy(text)),
                Part::Secret(name) => {
                    let mark = format!("{stem}{}z", named.len());
                    marked.push_str(&mark);
                    named.push((mark, name.clone()));
                }
            }
        }
        let (url, target) = read_url(&marked)?;
        let marks = named
            .into_iter()
            .map(|(text, name)| {
                let place = if url.path().contains(&text) {
                    Place::Path
                } else if url.query().is_some_and(|query| query.contains(&text)) {
                    Place::Query
                } else {
                    return Err(Error::invalid(
                        "a secret may stand in the path or the query of a URL, nowhere else in it",
                    ));
                };
                Ok(Mark { text, name, place })
            })
            .collect::<Result<_, Error>>()?;
        Ok(UrlTemplate { url, target, marks })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The URL with the secrets in it.
    pub(crate) async fn fill(&self, filler: &mut Filler<'_>) -> Result<Url, Error> {
        if self.marks.is_empty() {
            return Ok(self.url.clone());
        }
        let mut url = self.url.clone();
        let path = self
            .fill_part(self.url.path(), Place::Path, Escape::Path, filler)
            .await?;
        url.set_path(&path);
        if let Some(query) = self.url.query() {
            let query = self
                .fill_part(query, Place::Query, Escape::Query, filler)
                .await?;
            url.set_query(Some(&query));
        }
        let (url, target) = canonical(url)?;
        if target != self.target {
            return Err(Error::invalid("a secret would change where the URL leads"));
        }
        Ok(url)
    }

    async fn fill_part(
        &self,
        part: &str,
        place: Place,
        escape: Escape,
        filler: &mut Filler<'_>,
    ) -> Result<String, Error> {
        let mut out = String::with_capacity(part.len());
        let mut rest = part;
        // Marks stand in the order in which they were made.
        for mark in self.marks.iter().filter(|mark| mark.place == place) {
            let Some((before, after)) = rest.split_once(&mark.text) else {
                continue;
            };
            let template = Template::secret(&mark.name);
            out.push_str(before);
            out.push_str(
                &filler
                    .fill_text(&template, place, escape, &self.target)
                    .await?,
            );
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{Grant, Secret};

    async fn filled(url: &str, value: &str) -> Result<String, Error> {
        let grant = Grant {
            hosts: vec!["*".parse().unwrap()],
            secrets: vec!["secret t in path,query".parse().unwrap()],
        };
        let secrets = HashMap::from([("t".to_owned(), Secret::new(value))]);
        let mut filler = Filler::new(&grant, &secrets);
        Ok(UrlTemplate::read(url)?.fill(&mut filler).await?.to_string())
    }

    #[tokio::test]
    async fn secrets_stand_in_path_and_query_percent_encoded() {
        let url = filled(
            "https://a.example/bot{{secret:t}}/x?k={{secret:t}}&z=1#f",
            "12:a/b&c?d#e f",
        )
        .await;
        assert_eq!(
            url.unwrap(),
            "https://a.example/bot12:a%2Fb%26c%3Fd%23e%20f/x?k=12%3Aa%2Fb%26c%3Fd%23e%20f&z=1"
        );
    }

    #[tokio::test]
    async fn no_secret_stands_anywhere_else() {
        for url in [
            "https://{{secret:t}}.example/",
            "https://{{secret:t}}/",
            "https://a.example:{{secret:t}}/",
            "https://u:{{secret:t}}@a.example/",
            "https://{{secret:t}}@a.example/",
            "{{secret:t}}://a.example/",
            "{{secret:t}}",
            "https://a.example/#{{secret:t}}",
            "https://a.example/{{secret:t}}/../b",
            "https://a.example/{{secret:}}",
        ] {
            assert_eq!(
                filled(url, "evil.example").await.unwrap_err().code(),
                "invalid",
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn a_value_cannot_change_where_the_url_leads() {
        for value in [
            "/../../evil",
            "@evil.example",
            "//evil.example/",
            "\\evil",
            "..",
            "?#",
            "qsecret0z",
        ] {
            let url = filled("https://a.example/x/{{secret:t}}/{{secret:t}}", value)
                .await
                .unwrap();
            assert!(url.starts_with("https://a.example/"), "{url}");
        }
    }

    #[tokio::test]
    async fn text_that_looks_like_a_mark_is_left_alone() {
        let url = filled("https://a.example/qsecret0z/{{secret:t}}?QSECRETQ0z", "v")
            .await
            .unwrap();
        assert_eq!(url, "https://a.example/qsecret0z/v?QSECRETQ0z");
    }
}

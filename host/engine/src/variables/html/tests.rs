//! A value never changes the structure of the HTML that it lands in.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::variables::ValueScope;

fn scope(value: impl Into<Value>) -> ValueScope {
    ValueScope {
        values: json!({"x": {"y": value.into()}}),
        now: jiff::Timestamp::UNIX_EPOCH,
        time_zone: jiff::tz::TimeZone::UTC,
    }
}

fn html(template: &str, value: &str) -> String {
    render_html(template, &scope(value), Unset::Empty)
        .unwrap()
        .text
}

#[test]
fn values_are_escaped_in_text_and_attributes() {
    assert_eq!(
        html("<p>Hi $x.y!</p>", "<b>&\"'"),
        "<p>Hi &lt;b&gt;&amp;&quot;&#x27;!</p>"
    );
    assert_eq!(
        html("<p title=\"a $x.y\">", "\" onclick=\"z"),
        "<p title=\"a &quot; onclick=&quot;z\">"
    );
    assert_eq!(
        html("<p title='$x.y'>", "' a='"),
        "<p title='&#x27; a=&#x27;'>"
    );
    assert_eq!(html("a < b $x.y", "<i>"), "a < b &lt;i&gt;");
}

#[test]
fn an_attribute_without_quotes_gets_them() {
    assert_eq!(
        html("<p title=$x.y id=a>", "a b=c>"),
        "<p title=\"a b=c&gt;\" id=a>"
    );
    assert_eq!(html("<p title=no-$x.y>", "x y"), "<p title=\"no-x y\">");
    assert_eq!(html("<p title = $x.y>", ""), "<p title = \"\">");
}

#[test]
fn an_address_keeps_its_scheme_or_loses_all() {
    assert_eq!(
        html("<a href=\"$x.y\">", "https://a.example/?b=1&c"),
        "<a href=\"https://a.example/?b=1&amp;c\">"
    );
    for bad in [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "vbscript:x",
        "data:text/html,x",
        "data:image/svg+xml,x",
    ] {
        let rendered = render_html("<a href=\"$x.y\">", &scope(bad), Unset::Empty).unwrap();
        assert_eq!(rendered.text, "<a href=\"#\">", "{bad:?}");
        assert_eq!(rendered.warnings[0].code, "unsafe-url");
    }
    assert_eq!(
        html("<a HREF=java$x.y>", "script:alert(1)"),
        "<a HREF=\"javascript%3Aalert%281%29\">"
    );
    assert_eq!(
        html("<a href=\"$x.y:alert(1)\">", "javascript"),
        "<a href=\"#\">"
    );
    assert_eq!(html("<a href=\"java&#115;cript:x\">", ""), "<a href=\"#\">");
    assert_eq!(
        html("<img src=\"$x.y\">", "data:image/png;base64,AA"),
        "<img src=\"data:image/png;base64,AA\">"
    );
    assert_eq!(html("<a href=\"/a/$x.y\">", "b:c"), "<a href=\"/a/b%3Ac\">");
}

#[test]
fn further_on_in_an_address_values_are_components() {
    assert_eq!(
        html(
            "<a href=\"https://a.example/?q=$x.y&amp;z=1\">",
            "a b&c=\"d\""
        ),
        "<a href=\"https://a.example/?q=a%20b%26c%3D%22d%22&amp;z=1\">"
    );
}

#[test]
fn no_value_enters_code_comments_or_names() {
    for template in [
        "<script>var a = '$x.y';</script>",
        "<style>a { color: $x.y }</style>",
        "<p onclick=\"$x.y\">",
        "<p style='color: $x.y'>",
        "<iframe srcdoc=\"$x.y\">",
        "<!-- $x.y -->",
        "<$x.y>",
        "<p $x.y=1>",
        "<p a$x.y>",
        "<a/$x.y>",
        "</$x.y>",
    ] {
        let rendered = render_html(template, &scope("evil"), Unset::Empty).unwrap();
        assert!(!rendered.text.contains("evil"), "{template}");
        assert_eq!(rendered.warnings[0].code, "unsafe-place", "{template}");
    }
}

#[test]
fn after_code_and_comments_text_is_text_again() {
    assert_eq!(
        html("<style>a{}</style>$x.y", "<"),
        "<style>a{}</style>&lt;"
    );
    assert_eq!(
        html("<SCRIPT>a</sCript >$x.y", "<"),
        "<SCRIPT>a</sCript >&lt;"
    );
    assert_eq!(html("<!-- a -- > b -->$x.y", "<"), "<!-- a -- > b -->&lt;");
    assert_eq!(html("<!doctype html>$x.y", "<"), "<!doctype html>&lt;");
    assert_eq!(
        html("<!--[if mso]><a href=\"$x.y\">$x.y</a><![endif]-->", "-->"),
        "<!--[if mso]><a href=\"--&gt;\">--&gt;</a><![endif]-->"
    );
}

#[test]
fn plain_text_reads_as_the_html_does() {
    let text = html_to_text(
        "<html><head><title>x</title><style>p{}</style></head><body>\n<h1>Hello&nbsp;Ann</h1>\
         <p>We called  <b>you</b>,\n but &lt;nobody&gt; answered.<br>Sorry!</p>\
         <ul><li>one<li>two<ol><li>a</li><li>b</li></ol></ul>\
         <table><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table>\
         <p><a href=\"https://a.example/x?a=1&amp;b=2\">Call back</a> or \
         <a href='mailto:a@b.example'>a@b.example</a> <img src=x alt=\"Logo &amp; Co\"></p>\
         <script>if (a < b) {}</script><!-- c --><hr>End",
    );
    assert_eq!(
        text,
        "Hello Ann\n\nWe called you, but <nobody> answered.\nSorry!\n\n- one\n- two\n  1. a\n  2. b\n\n\
         A B\nC\n\nCall back (https://a.example/x?a=1&b=2) or a@b.example Logo & Co\n\n---\n\nEnd"
    );
}

#[test]
fn plain_text_of_broken_html_is_what_can_be_read() {
    assert_eq!(html_to_text("a < b <p>c"), "a < b\n\nc");
    assert_eq!(html_to_text("a<p title=\"x>y\">b"), "a\n\nb");
    assert_eq!(html_to_text("a<p"), "a");
    assert_eq!(html_to_text("<pre>a\n  b</pre>c"), "a\n  b\n\nc");
    assert_eq!(html_to_text(""), "");
    assert_eq!(html_to_text(&"<a".repeat(200_000)), "");
    assert_eq!(html_to_text(&"<".repeat(10)), "<".repeat(10));
}

/// The text between tags and the attributes' values may hold the value, nothing else.
fn structure(html: &str) -> String {
    let mut writer = Writer::default();
    let mut out = String::new();
    for c in html.chars() {
        let before = writer.place;
        writer.literal(c);
        if writer.place != before {
            out.push_str(&format!("{:?}{}", writer.place, writer.tag));
        }
    }
    out
}

proptest! {
    #[test]
    fn a_value_never_changes_the_structure(
        value in "[<>\"'=/ a-z!&;:-]{0,30}",
        template in prop::sample::select(vec![
            "<p>$x.y</p><b>", "<p a=\"$x.y\" b=1><i>", "<p a='$x.y' b=1><i>", "<a href=\"$x.y\">t</a>",
            "<a href=\"/?a=$x.y&b=$x.y\">t</a>", "<!--[if mso]>$x.y<![endif]--><b>",
            "<script>$x.y</script><b>", "<!-- $x.y --><b>", "<title>$x.y</title><b>",
        ]),
    ) {
        let plain = structure(&html(template, "v"));
        prop_assert_eq!(structure(&html(template, &value)), plain);
    }

    #[test]
    fn any_html_is_taken(template in "[<>\"'=/ a-z!&;:$.{}-]{0,60}") {
        let rendered = html(&template, "v");
        let _ = html_to_text(&rendered);
        let _ = html_to_text(&template);
    }
}

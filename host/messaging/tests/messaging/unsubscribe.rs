//! Unsubscribe links: the page, the confirmation, one click, and links that are not ours.
use crate::support::{World, world};
use serde_json::json;

const ANN: &str = "+33612345678";

async fn token(world: &World) -> String {
    let id = world
        .send_as(ANN, "buy", json!({"unsubscribe": {"text": "No more: "}}))
        .await;
    world.state(&id, "accepted").await;
    let text = world.sent()[0].clone();
    let (_, token) = text
        .split_once("buy\nNo more: https://jack.example.com/u/")
        .unwrap();
    token.to_owned()
}

#[tokio::test]
async fn a_link_is_shown_on_get_and_acted_on_by_post_once() {
    let world = world(
        json!({}),
        json!({"text-limit": {"max": 1000, "unit": "characters"}}),
    )
    .await;
    let token = token(&world).await;
    let pages = world.messaging.unsubscribe();
    let page = pages.page(&token);
    assert_eq!(page.status, 200);
    assert!(page.html.contains("<form method=\"post\">") && page.html.contains(ANN));
    assert!(
        world
            .messaging
            .opt_outs()
            .of("w", ANN)
            .await
            .unwrap()
            .is_empty(),
        "scanners follow links"
    );
    for _ in 0..2 {
        assert_eq!(pages.confirm(&token).await.unwrap().status, 200);
    }
    assert_eq!(world.count("contact.opted-out"), 1);
    let all = world.messaging.opt_outs().of("w", ANN).await.unwrap();
    assert_eq!(
        (all.len(), all[0].source.as_str(), all[0].scope.as_str()),
        (1, "link", "account")
    );
    let id = world.send(ANN, "more").await;
    assert_eq!(world.state(&id, "suppressed").await["reason"], "opted-out");
    assert!(
        world
            .messaging
            .opt_outs()
            .clear("w", ANN, None)
            .await
            .unwrap()
    );
    let id = world.send(ANN, "more").await;
    world.state(&id, "accepted").await;
}

#[tokio::test]
async fn a_link_that_is_not_ours_does_nothing() {
    let world = world(
        json!({}),
        json!({"text-limit": {"max": 1000, "unit": "characters"}}),
    )
    .await;
    let token = token(&world).await;
    let pages = world.messaging.unsubscribe();
    let (said, signature) = token.split_once('.').unwrap();
    let other = format!("{}x.{signature}", &said[..said.len() - 1]);
    for forged in [
        "",
        ".",
        "a.b",
        &other,
        &token[..token.len() - 2],
        &"x".repeat(10_000),
    ] {
        assert_eq!(pages.page(forged).status, 400, "{forged:.40}");
        assert_eq!(pages.confirm(forged).await.unwrap().status, 400);
    }
    assert_eq!(world.count("contact.opted-out"), 0);
}

#[tokio::test]
async fn a_workspace_may_keep_opt_outs_to_the_channel() {
    let settings = json!({"opt-out-scope": "channel"});
    let world = world(
        settings,
        json!({"text-limit": {"max": 1000, "unit": "characters"}}),
    )
    .await;
    let token = token(&world).await;
    world.messaging.unsubscribe().confirm(&token).await.unwrap();
    let all = world.messaging.opt_outs().of("w", ANN).await.unwrap();
    assert_eq!(all[0].scope, world.channel);
}

//! `/v1/keys`: keys of the API. A key cannot make one that may do more than itself.

use crate::http::app::App;
use crate::http::auth::{Caller, EVERY};
use crate::http::extract::{At, Json as Body, Params};
use crate::http::idempotency::Withhold;
use crate::http::key::Key;
use crate::http::paging::{Page, PageParams};
use crate::http::problem::{Code, ErrorItem, Problem};
use crate::http::scopes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use jackfield_engine::schedule::Duration;
use jackfield_messaging::key_place;
use jackfield_store::records::ApiKey;
use jackfield_store::{Commit, Is, Query, StoreExt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_keys, create_key))
        .routes(routes!(revoke_key))
}

/// A key as it is listed: never its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Key)]
struct KeyBody {
    /// The public part.
    id: String,
    /// What it is for.
    name: String,
    /// `active`, `expired` or `revoked`.
    state: String,
    /// The workspace that it opens; `*` for an operator's key, `@` and its id for one of an
    /// organisation.
    workspace: String,
    /// What it may do.
    scopes: Vec<String>,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    expires_at: Option<i64>,
    /// Milliseconds since 1970.
    revoked_at: Option<i64>,
}

impl KeyBody {
    fn of(row: ApiKey, now: i64) -> KeyBody {
        let state = match (row.revoked_at, row.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(end)) if end <= now => "expired",
            _ => "active",
        };
        KeyBody {
            state: state.to_owned(),
            scopes: serde_json::from_value(row.scopes).unwrap_or_default(),
            id: row.id,
            name: row.name,
            workspace: row.workspace,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// The places of keys that a caller may see and revoke; none: everywhere.
async fn places(app: &App, caller: &Caller) -> Result<Option<Vec<String>>, Problem> {
    if caller.operator {
        return Ok(None);
    }
    let Some(organisation) = &caller.organisation else {
        return Ok(Some(vec![caller.workspace.clone()]));
    };
    let organisations = app.messaging.organisations();
    let workspaces = organisations.workspaces(organisation).await?;
    let mut places: Vec<String> = workspaces.into_iter().map(|row| row.id).collect();
    places.push(key_place(organisation));
    Ok(Some(places))
}

/// Lists the keys of the workspace; for a key of an organisation all of its own and of its
/// workspaces, for an operator's key all keys of the host.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys",
    params(PageParams),
    responses((status = 200, description = "A page of keys", body = Page<KeyBody>)),
    security(("key" = ["keys:admin"]))
)]
async fn list_keys(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<KeyBody>>, Problem> {
    const LIST: &str = "keys";
    let range = page.range(LIST)?;
    let mut query = Query::<ApiKey>::all().ascending("id");
    if let Some(places) = places(&app, &caller).await? {
        query = query.filter("workspace", Is::In, places);
    }
    if let Some(after) = &range.after {
        query = query.filter("id", Is::Greater, after.as_str());
    }
    let limit = i64::try_from(range.limit).unwrap_or(0) + 1;
    let rows = app.engine.store().find(query.limit(limit)).await?;
    let now = app.now();
    let page = Page::of(rows, &range, LIST, |row| row.id.clone());
    Ok(Json(page.map(|row| KeyBody::of(row, now))))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CreateKey {
    /// What it is for, at most 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do.
    #[schema(min_items = 1)]
    scopes: Vec<String>,
    /// How long it is good, such as `90d`; for ever when nothing is said.
    #[serde(default)]
    expires_in: Option<String>,
    /// An operator's key, which opens every workspace. Only an operator's key may make one.
    #[serde(default)]
    operator: bool,
    /// A key of this organisation, which opens each of its workspaces. An operator's key or one of
    /// the organisation may make one.
    organisation: Option<String>,
}

/// A new key.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedKey {
    /// The whole key. It is shown this once.
    key: String,
    #[serde(flatten)]
    about: KeyBody,
}

/// Makes a key. It is shown in this answer and never again.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys",
    request_body = CreateKey,
    responses((status = 201, description = "The key", body = CreatedKey)),
    security(("key" = ["keys:admin"]))
)]
async fn create_key(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CreateKey>,
) -> Result<(StatusCode, Extension<Withhold>, Json<CreatedKey>), Problem> {
    check(&caller, &body)?;
    let now = app.now();
    let expires_at = body
        .expires_in
        .as_deref()
        .map(|time| ends(time, now))
        .transpose()?;
    let workspace = place(&app, &caller, &body).await?;
    let key = Key::mint(&mut rand::rng());
    let row = ApiKey {
        id: key.id.clone(),
        workspace,
        name: body.name.trim().to_owned(),
        hash: key.hash(),
        scopes: body.scopes.into(),
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    let mut commit = Commit::control();
    commit.insert(&row);
    app.engine.store().commit(commit).await?;
    let created = CreatedKey {
        key: key.reveal(),
        about: KeyBody::of(row, now),
    };
    Ok((StatusCode::CREATED, Extension(Withhold), Json(created)))
}

/// What a new key opens.
async fn place(app: &App, caller: &Caller, body: &CreateKey) -> Result<String, Problem> {
    if body.operator {
        return Ok(EVERY.to_owned());
    }
    if let Some(organisation) = &body.organisation {
        if !caller.operator && caller.organisation.as_ref() != Some(organisation) {
            return Err(Problem::new(
                Code::OtherOrganisation,
                format!(
                    "The key `{}` is not one of the organisation `{organisation}`.",
                    caller.key
                ),
            ));
        }
        return Ok(key_place(
            &app.messaging.organisations().get(organisation).await?.id,
        ));
    }
    if caller.workspace.is_empty() {
        return Err(Problem::new(
            Code::InvalidHeader,
            "Say by the header Jackfield-Workspace of which workspace the key is to be, or by \
             `organisation` that it is to be one of the organisation.",
        ));
    }
    Ok(caller.workspace.clone())
}

fn check(caller: &Caller, body: &CreateKey) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let mut wrong = |path: String, message: String, suggestion: Option<String>| {
        errors.push(ErrorItem {
            path,
            message,
            suggestion,
            ..ErrorItem::default()
        });
    };
    if !(1..=100).contains(&body.name.trim().chars().count()) {
        wrong(
            "/name".to_owned(),
            "must have 1 to 100 characters".to_owned(),
            None,
        );
    }
    if body.scopes.is_empty() {
        wrong(
            "/scopes".to_owned(),
            "must name at least one scope".to_owned(),
            None,
        );
    }
    for (place, scope) in body.scopes.iter().enumerate() {
        if !scopes::known(scope) {
            let names = scopes::SCOPES.iter().map(|(name, _)| *name);
            wrong(
                format!("/scopes/{place}"),
                format!("there is no scope `{scope}`"),
                jackfield_engine::document::problem::nearest(scope, names),
            );
        }
    }
    if body.operator && body.organisation.is_some() {
        wrong(
            "/organisation".to_owned(),
            "an operator's key opens every organisation: leave one of the two out".to_owned(),
            None,
        );
    }
    if !errors.is_empty() {
        let detail = "The key cannot be made; nothing was changed.";
        return Err(Problem::new(Code::Invalid, detail).with_errors(errors));
    }
    if body.operator {
        caller.must_be_operator("An operator's key")?;
    }
    if let Some(more) = body
        .scopes
        .iter()
        .find(|scope| !scopes::allows(&caller.scopes, scope))
    {
        return Err(Problem::new(
            Code::MissingScope,
            format!(
                "The key `{}` lacks `{more}` itself and cannot give it.",
                caller.key
            ),
        ));
    }
    Ok(())
}

/// When a key ends that is good for this long.
fn ends(time: &str, now: i64) -> Result<i64, Problem> {
    let span = time
        .parse::<Duration>()
        .ok()
        .and_then(|span| i64::try_from(span.as_millis()).ok());
    span.filter(|span| *span > 0)
        .and_then(|span| now.checked_add(span))
        .ok_or_else(|| {
            Problem::new(
                Code::Invalid,
                "The key cannot be made; nothing was changed.",
            )
            .with_errors([ErrorItem {
                path: "/expires-in".to_owned(),
                message: format!("`{time}` is no length of time; write one such as `90d`"),
                ..ErrorItem::default()
            }])
        })
}

/// Takes a key back, at once on this host and within two seconds on others.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "The public part of the key")),
    responses((status = 204, description = "It is revoked")),
    security(("key" = ["keys:admin"]))
)]
async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    At(id): At<String>,
) -> Result<StatusCode, Problem> {
    let store = app.engine.store();
    let row = store
        .first(Query::<ApiKey>::all().equal("id", id.as_str()))
        .await?;
    let places = places(&app, &caller).await?;
    let row = row.filter(|row| {
        let places = places.as_ref();
        places.is_none_or(|places| places.contains(&row.workspace))
    });
    let Some(row) = row else {
        return Err(Problem::not_found("key", &id));
    };
    if row.revoked_at.is_none() {
        if row.workspace == EVERY && !other_operator(&app, &id).await? {
            return Err(Problem::new(
                Code::Conflict,
                "This is the last operator's key. Make another one before you revoke it.",
            ));
        }
        let mut commit = Commit::control();
        commit.put(&ApiKey {
            revoked_at: Some(app.now()),
            ..row
        });
        store.commit(commit).await?;
        app.access.forget();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Whether another operator's key still opens this host.
async fn other_operator(app: &App, id: &str) -> Result<bool, Problem> {
    let now = app.now();
    let keys = app
        .engine
        .store()
        .find(Query::<ApiKey>::all().equal("workspace", EVERY))
        .await?;
    Ok(keys.iter().any(|key| {
        key.id != id && key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now)
    }))
}

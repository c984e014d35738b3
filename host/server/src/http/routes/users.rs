//! `/v1/users` and `/v1/teams`: who talks to contacts.

use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, OptionalJson, Params};
use crate::http::paging::{Page, PageParams};
use crate::http::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::{Member, Presence, Role, TeamView, UserPatch, UserView};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, update_user, delete_user))
        .routes(routes!(put_presence))
        .routes(routes!(list_teams))
        .routes(routes!(get_team, put_team, delete_team))
}

/// What a user may do.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum UserRole {
    Owner,
    Manager,
    Agent,
}

impl From<UserRole> for Role {
    fn from(role: UserRole) -> Role {
        match role {
            UserRole::Owner => Role::Owner,
            UserRole::Manager => Role::Manager,
            UserRole::Agent => Role::Agent,
        }
    }
}

impl From<Role> for UserRole {
    fn from(role: Role) -> UserRole {
        match role {
            Role::Owner => UserRole::Owner,
            Role::Manager => UserRole::Manager,
            Role::Agent => UserRole::Agent,
        }
    }
}

/// Whether a user is there.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum UserPresence {
    /// Takes contacts.
    Online,
    /// There, and on a break.
    Away,
    /// Not there.
    Offline,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = User)]
struct UserBody {
    /// Made by the host.
    id: String,
    /// Mail address, in lower case.
    email: String,
    /// For people.
    name: String,
    /// What the user may do.
    role: UserRole,
    /// Whether the user is there, now.
    presence: UserPresence,
    /// Until when that holds; null for good. Milliseconds since 1970.
    until: Option<i64>,
    /// Whether the user is on a call.
    on_call: bool,
    /// How many open contacts the user takes from a queue at most; null for no limit.
    max_open: Option<u32>,
    /// Milliseconds since 1970.
    created_at: i64,
}

impl From<UserView> for UserBody {
    fn from(view: UserView) -> Self {
        UserBody {
            id: view.id,
            email: view.email,
            name: view.name,
            role: view.role.into(),
            presence: match view.presence {
                Presence::Online => UserPresence::Online,
                Presence::Away => UserPresence::Away,
                Presence::Offline => UserPresence::Offline,
            },
            until: view.until,
            on_call: view.on_call,
            max_open: view.max_open,
            created_at: view.created_at,
        }
    }
}

/// Lists the users of the workspace, by mail address.
#[utoipa::path(
    get, path = "/v1/users", tag = "users",
    params(PageParams),
    responses((status = 200, description = "A page of users", body = Page<UserBody>)),
    security(("key" = ["users:read"]))
)]
async fn list_users(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<UserBody>>, Problem> {
    const LIST: &str = "users";
    let range = page.range(LIST)?;
    let all = app.messaging.users().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |user| user.email.clone());
    Ok(Json(page.map(UserBody::from)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CreateUser {
    /// Mail address: one user's in the workspace.
    email: String,
    /// For people; the mail address where it is left out.
    name: Option<String>,
    /// `agent` where it is left out.
    role: Option<UserRole>,
    /// How many open contacts the user takes from a queue at most.
    max_open: Option<u32>,
}

/// Makes a user, who is offline at first.
#[utoipa::path(
    post, path = "/v1/users", tag = "users",
    request_body = CreateUser,
    responses((status = 201, description = "The user", body = UserBody)),
    security(("key" = ["users:write"]))
)]
async fn create_user(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CreateUser>,
) -> Result<(StatusCode, Json<UserBody>), Problem> {
    let patch = UserPatch {
        email: Some(body.email),
        name: body.name,
        role: body.role.map(Role::from),
        max_open: Some(body.max_open),
    };
    let users = app.messaging.users();
    let user = users.create(&caller.workspace, patch).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Shows a user.
#[utoipa::path(
    get, path = "/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id, mail address or name")),
    responses((status = 200, description = "The user", body = UserBody)),
    security(("key" = ["users:read"]))
)]
async fn get_user(
    State(app): State<App>,
    caller: Caller,
    At(user): At<String>,
) -> Result<Json<UserBody>, Problem> {
    let users = app.messaging.users();
    Ok(Json(users.get(&caller.workspace, &user).await?.into()))
}

/// Tells a null that is there from one that is not.
fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct UpdateUser {
    /// Mail address.
    email: Option<String>,
    /// For people.
    name: Option<String>,
    /// What the user may do.
    role: Option<UserRole>,
    /// How many open contacts the user takes from a queue at most; null for no limit.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    max_open: Option<Option<u32>>,
}

/// Changes a user: what is left out stays.
#[utoipa::path(
    patch, path = "/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id, mail address or name")),
    request_body = UpdateUser,
    responses((status = 200, description = "The user", body = UserBody)),
    security(("key" = ["users:write"]))
)]
async fn update_user(
    State(app): State<App>,
    caller: Caller,
    At(user): At<String>,
    Body(body): Body<UpdateUser>,
) -> Result<Json<UserBody>, Problem> {
    let patch = UserPatch {
        email: body.email,
        name: body.name,
        role: body.role.map(Role::from),
        max_open: body.max_open,
    };
    let users = app.messaging.users();
    let user = users.update(&caller.workspace, &user, patch).await?;
    Ok(Json(user.into()))
}

/// Deletes a user who has no open contact. The user leaves every team.
#[utoipa::path(
    delete, path = "/v1/users/{user}", tag = "users",
    params(("user" = String, Path, description = "Id, mail address or name")),
    responses((status = 204, description = "The user is deleted")),
    security(("key" = ["users:write"]))
)]
async fn delete_user(
    State(app): State<App>,
    caller: Caller,
    At(user): At<String>,
) -> Result<StatusCode, Problem> {
    let users = app.messaging.users();
    users.delete(&caller.workspace, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PutPresence {
    /// Whether the user is there.
    presence: UserPresence,
    /// Whether the user is on a call.
    #[serde(default)]
    on_call: bool,
    /// For how long, such as `8h`: then the user is offline. For good where it is left out.
    #[serde(rename = "for")]
    length: Option<String>,
}

/// Says whether a user is there. Contacts that wait go to whoever comes.
#[utoipa::path(
    put, path = "/v1/users/{user}/presence", tag = "users",
    params(("user" = String, Path, description = "Id, mail address or name")),
    request_body = PutPresence,
    responses((status = 200, description = "The user", body = UserBody)),
    security(("key" = ["users:write"]))
)]
async fn put_presence(
    State(app): State<App>,
    caller: Caller,
    At(user): At<String>,
    Body(body): Body<PutPresence>,
) -> Result<Json<UserBody>, Problem> {
    let presence = match body.presence {
        UserPresence::Online => Presence::Online,
        UserPresence::Away => Presence::Away,
        UserPresence::Offline => Presence::Offline,
    };
    let users = app.messaging.users();
    let length = body.length.as_deref();
    let user = users
        .present(&caller.workspace, &user, presence, body.on_call, length)
        .await?;
    Ok(Json(user.into()))
}

/// A user's place in a team.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schema(as = TeamMember)]
struct MemberBody {
    /// The user's id; id, mail address or name when it is put.
    user: String,
    /// The place in the order that `linear` follows; lower goes first.
    #[serde(default)]
    position: i64,
    /// 0 to 100: the higher, the less `weighted-random` chooses the user.
    #[serde(default)]
    penalty: u32,
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Team)]
struct TeamBody {
    /// Lower-case words with hyphens.
    name: String,
    /// For people.
    title: String,
    /// Its users.
    members: Vec<MemberBody>,
    /// How many contacts may wait for it; 0 for any number.
    max_waiting: u32,
    /// Milliseconds since 1970.
    created_at: i64,
}

impl From<TeamView> for TeamBody {
    fn from(view: TeamView) -> Self {
        let members = view.members.into_iter().map(|member| MemberBody {
            user: member.user,
            position: member.position,
            penalty: member.penalty,
        });
        TeamBody {
            name: view.name,
            title: view.title,
            members: members.collect(),
            max_waiting: view.max_waiting,
            created_at: view.created_at,
        }
    }
}

/// Lists the teams, by name.
#[utoipa::path(
    get, path = "/v1/teams", tag = "users",
    params(PageParams),
    responses((status = 200, description = "A page of teams", body = Page<TeamBody>)),
    security(("key" = ["users:read"]))
)]
async fn list_teams(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<TeamBody>>, Problem> {
    const LIST: &str = "teams";
    let range = page.range(LIST)?;
    let all = app.messaging.teams().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |team| team.name.clone());
    Ok(Json(page.map(TeamBody::from)))
}

/// Shows a team.
#[utoipa::path(
    get, path = "/v1/teams/{name}", tag = "users",
    params(("name" = String, Path, description = "The team's name")),
    responses((status = 200, description = "The team", body = TeamBody)),
    security(("key" = ["users:read"]))
)]
async fn get_team(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<TeamBody>, Problem> {
    let teams = app.messaging.teams();
    Ok(Json(teams.get(&caller.workspace, &name).await?.into()))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PutTeam {
    /// For people; left out, a new team is titled by its name and another keeps its title.
    title: Option<String>,
    /// All of its users; left out, they stay.
    members: Option<Vec<MemberBody>>,
    /// How many contacts may wait for it, up to 100,000; 0 for any number. Left out, it stays.
    max_waiting: Option<u32>,
}

/// Makes a team, or changes its title and its users.
#[utoipa::path(
    put, path = "/v1/teams/{name}", tag = "users",
    params(("name" = String, Path, description = "Lower-case words with hyphens")),
    request_body = Option<PutTeam>,
    responses(
        (status = 200, description = "It was changed", body = TeamBody),
        (status = 201, description = "It was made", body = TeamBody)
    ),
    security(("key" = ["users:write"]))
)]
async fn put_team(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    OptionalJson(body): OptionalJson<PutTeam>,
) -> Result<(StatusCode, Json<TeamBody>), Problem> {
    let members = body.members.map(|members| {
        let members = members.into_iter().map(|member| Member {
            user: member.user,
            position: member.position,
            penalty: member.penalty,
        });
        members.collect()
    });
    let teams = app.messaging.teams();
    let (team, made) = teams
        .put(
            &caller.workspace,
            &name,
            body.title,
            members,
            body.max_waiting,
        )
        .await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(team.into())))
}

/// Deletes a team. Its users stay.
#[utoipa::path(
    delete, path = "/v1/teams/{name}", tag = "users",
    params(("name" = String, Path, description = "The team's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["users:write"]))
)]
async fn delete_team(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    let teams = app.messaging.teams();
    teams.delete(&caller.workspace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

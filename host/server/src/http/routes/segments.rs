//! `/v1/segments`, and the search of contacts by a filter.
//!
//! A request looks at a bounded number of contacts. A page may so hold fewer than were wanted, even
//! none, and still have a `next`; a count is the sum over all pages.

use super::contacts::page as paged;
use crate::http::app::App;
use crate::http::auth::Caller;
use crate::http::extract::{At, Json as Body, Params};
use crate::http::paging::{Page, PageParams, Range, cursor};
use crate::http::problem::{Code, ErrorItem, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackfield_messaging::{Meant, NewSegment, SegmentView};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_segments))
        .routes(routes!(get_segment, put_segment, delete_segment))
        .routes(routes!(search_contacts))
        .routes(routes!(count_contacts))
}

/// A saved filter of contacts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Segment)]
struct SegmentBody {
    /// Lower-case words with hyphens.
    name: String,
    /// For people.
    title: String,
    /// For people.
    description: Option<String>,
    /// A condition over `contact.…`, as workflows have them.
    #[schema(value_type = Object)]
    filter: Value,
    /// In which dates are read; the workspace's where it is null.
    time_zone: Option<String>,
    /// It ships with Jackfield, and cannot be changed.
    built_in: bool,
    /// Milliseconds since 1970; null for one that ships with Jackfield.
    created_at: Option<i64>,
    /// Milliseconds since 1970; null for one that ships with Jackfield.
    updated_at: Option<i64>,
}

impl From<SegmentView> for SegmentBody {
    fn from(view: SegmentView) -> Self {
        SegmentBody {
            name: view.name,
            title: view.title,
            description: view.description,
            filter: view.filter,
            time_zone: view.time_zone,
            built_in: view.built_in,
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// Lists the segments, by name: the workspace's, and those that ship with Jackfield.
#[utoipa::path(
    get, path = "/v1/segments", tag = "segments",
    params(PageParams),
    responses((status = 200, description = "A page of segments", body = Page<SegmentBody>)),
    security(("key" = ["contacts:read"]))
)]
async fn list_segments(
    State(app): State<App>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<SegmentBody>>, Problem> {
    const LIST: &str = "segments";
    let range = page.range(LIST)?;
    let all = app.messaging.segments().all(&caller.workspace).await?;
    let page = Page::cut(all, &range, LIST, |segment| segment.name.clone());
    Ok(Json(page.map(SegmentBody::from)))
}

/// Shows a segment.
#[utoipa::path(
    get, path = "/v1/segments/{name}", tag = "segments",
    params(("name" = String, Path, description = "The segment's name")),
    responses((status = 200, description = "The segment", body = SegmentBody)),
    security(("key" = ["contacts:read"]))
)]
async fn get_segment(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<Json<SegmentBody>, Problem> {
    let segments = app.messaging.segments();
    Ok(Json(segments.get(&caller.workspace, &name).await?.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PutSegment {
    /// For people; left out, a new segment is titled by its name and another keeps its title.
    title: Option<String>,
    /// For people.
    description: Option<String>,
    /// A condition over `contact.…`, as workflows have them.
    #[schema(value_type = Object)]
    filter: Value,
    /// In which dates are read: a name of the IANA database. The workspace's where left out.
    time_zone: Option<String>,
}

/// Makes a segment, or replaces its filter.
#[utoipa::path(
    put, path = "/v1/segments/{name}", tag = "segments",
    params(("name" = String, Path, description = "Lower-case words with hyphens")),
    request_body = PutSegment,
    responses(
        (status = 200, description = "It was changed", body = SegmentBody),
        (status = 201, description = "It was made", body = SegmentBody)
    ),
    security(("key" = ["contacts:write"]))
)]
async fn put_segment(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
    Body(body): Body<PutSegment>,
) -> Result<(StatusCode, Json<SegmentBody>), Problem> {
    let new = NewSegment {
        title: body.title,
        description: body.description,
        filter: body.filter,
        time_zone: body.time_zone,
    };
    let segments = app.messaging.segments();
    let (segment, made) = segments.put(&caller.workspace, &name, new).await?;
    let status = if made {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(segment.into())))
}

/// Deletes a segment. Its contacts stay.
#[utoipa::path(
    delete, path = "/v1/segments/{name}", tag = "segments",
    params(("name" = String, Path, description = "The segment's name")),
    responses((status = 204, description = "It is deleted")),
    security(("key" = ["contacts:write"]))
)]
async fn delete_segment(
    State(app): State<App>,
    caller: Caller,
    At(name): At<String>,
) -> Result<StatusCode, Problem> {
    let segments = app.messaging.segments();
    segments.delete(&caller.workspace, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which contacts are meant: a segment, or a filter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SearchContacts {
    /// A segment's name.
    segment: Option<String>,
    /// A condition over `contact.…`, in the place of a segment.
    #[schema(value_type = Option<Object>)]
    filter: Option<Value>,
    /// In which dates of the filter are read; the workspace's where left out.
    time_zone: Option<String>,
    /// At most so many, 1 to 100; 50 when nothing is said.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl SearchContacts {
    fn read(self, list: &str) -> Result<(Meant, Range), Problem> {
        let params = PageParams {
            limit: self.limit,
            cursor: self.cursor,
        };
        let range = params.range(list)?;
        let meant = match (self.segment, self.filter, self.time_zone) {
            (Some(name), None, None) => Meant::Segment(name),
            (None, Some(filter), time_zone) => Meant::Filter { filter, time_zone },
            _ => {
                let detail = "Give `segment`, or `filter` with or without `time-zone`.";
                return Err(Problem::new(Code::Invalid, detail).with_errors([ErrorItem {
                    message: "either a segment or a filter".to_owned(),
                    ..ErrorItem::default()
                }]));
            }
        };
        Ok((meant, range))
    }
}

/// Lists the contacts that a filter means, newest first. Follow `next` to the end: a page may hold
/// fewer than were wanted.
#[utoipa::path(
    post, path = "/v1/contacts/search", tag = "contacts",
    request_body = SearchContacts,
    responses((status = 200, description = "A page of contacts", body = Page<Object>)),
    security(("key" = ["contacts:read"]))
)]
async fn search_contacts(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<SearchContacts>,
) -> Result<Json<Page<Value>>, Problem> {
    const LIST: &str = "contacts";
    let (meant, Range { limit, after }) = body.read(LIST)?;
    let segments = app.messaging.segments();
    let listed = segments
        .contacts(&caller.workspace, &meant, after.as_deref(), Some(limit))
        .await?;
    Ok(Json(paged(listed, LIST)))
}

/// How many contacts a filter means.
#[derive(Debug, Serialize, ToSchema)]
struct CountBody {
    /// Of those that this request looked at.
    count: u64,
    /// The `cursor` with which the rest is counted; null where all were looked at.
    next: Option<String>,
}

/// Counts the contacts that a filter means. Add up the counts until `next` is null.
#[utoipa::path(
    post, path = "/v1/contacts/count", tag = "contacts",
    request_body = SearchContacts,
    responses((status = 200, description = "A count", body = CountBody)),
    security(("key" = ["contacts:read"]))
)]
async fn count_contacts(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<SearchContacts>,
) -> Result<Json<CountBody>, Problem> {
    const LIST: &str = "contacts";
    let (meant, Range { after, .. }) = body.read(LIST)?;
    let segments = app.messaging.segments();
    let counted = segments
        .count(&caller.workspace, &meant, after.as_deref())
        .await?;
    Ok(Json(CountBody {
        count: counted.count,
        next: counted.next.map(|last| cursor(LIST, &last)),
    }))
}

//! Who calls, in which workspace, and whether the route's scope is theirs.
//!
//! A key opens one workspace; an operator's key (workspace `*`) opens all of them and says which
//! one by the header `Jackfield-Workspace` (`main` when it says nothing). The scope that a route
//! needs is read from the OpenAPI document (`Gate`), and a route under `/v1` without a declaration
//! is closed.
//!
//! Keys are looked up in the database, and remembered for `MEMORY` milliseconds: so long a revoked
//! key may still work on another host.

use super::key::Key;
use super::problem::{Code, Problem};
use super::scopes;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jackfield_engine::SharedClock;
use jackfield_store::records::{ApiKey, Workspace};
use jackfield_store::{Query, SharedStore, StoreExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The workspace that the first start makes.
pub const MAIN: &str = "main";

/// The workspace of an operator's key.
pub const EVERY: &str = "*";

/// The header by which an operator's key chooses a workspace.
pub const WORKSPACE_HEADER: &str = "jackfield-workspace";

/// How long a key and a workspace are remembered, in milliseconds.
const MEMORY: i64 = 2_000;

/// How many keys are remembered.
const REMEMBERED: usize = 10_000;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The public part of the key.
    pub key: String,
    /// The workspace in which the request acts.
    pub workspace: String,
    /// Whether the key is an operator's.
    pub operator: bool,
    /// What the key may do.
    pub scopes: Vec<String>,
}

impl Caller {
    /// Refuses all but an operator's key.
    ///
    /// # Errors
    /// `operator-only`.
    pub fn must_be_operator(&self, what: &str) -> Result<(), Problem> {
        if self.operator {
            return Ok(());
        }
        Err(Problem::new(
            Code::OperatorOnly,
            format!("{what} concerns the whole host and needs an operator's key."),
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Problem> {
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| Problem::internal("a route that asks who calls is not behind the gate"))
    }
}

struct Remembered<T> {
    value: T,
    until: i64,
}

/// Looks keys and workspaces up.
pub struct Access {
    store: SharedStore,
    clock: SharedClock,
    keys: Mutex<HashMap<String, Remembered<ApiKey>>>,
    workspaces: Mutex<HashMap<String, Remembered<()>>>,
}

impl Access {
    /// Looks keys up in this database.
    #[must_use]
    pub fn new(store: SharedStore, clock: SharedClock) -> Access {
        Access {
            store,
            clock,
            keys: Mutex::default(),
            workspaces: Mutex::default(),
        }
    }

    /// Forgets a key after it was changed.
    pub fn forget(&self, id: &str) {
        if let Ok(mut keys) = self.keys.lock() {
            keys.remove(id);
        }
    }

    /// Who sends these headers.
    ///
    /// # Errors
    /// 401 without a good key, 403 for another workspace, 404 for an unknown one.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let key = bearer(headers)?;
        let unknown = || {
            Problem::new(
                Code::InvalidKey,
                "There is no such key. `jackfield key list` shows which there are.",
            )
        };
        let record = self.key(&key.id).await?.ok_or_else(unknown)?;
        if !key.fits(&record) {
            return Err(unknown());
        }
        if record.revoked_at.is_some() {
            return Err(Problem::new(
                Code::RevokedKey,
                format!("The key `{}` was revoked. Ask for a new one.", record.id),
            ));
        }
        if record.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(Problem::new(
                Code::ExpiredKey,
                format!("The key `{}` has expired. Ask for a new one.", record.id),
            ));
        }
        let wanted = match headers.get(WORKSPACE_HEADER) {
            None => None,
            Some(value) => Some(value.to_str().map_err(|_| {
                Problem::new(
                    Code::InvalidHeader,
                    "Jackfield-Workspace must be a workspace's id.",
                )
            })?),
        };
        let operator = record.workspace == EVERY;
        let workspace = match (operator, wanted) {
            (true, wanted) => wanted.unwrap_or(MAIN).to_owned(),
            (false, Some(wanted)) if wanted != record.workspace => {
                return Err(Problem::new(
                    Code::OtherWorkspace,
                    format!(
                        "The key `{}` does not open the workspace `{wanted}`.",
                        record.id
                    ),
                ));
            }
            (false, _) => record.workspace.clone(),
        };
        self.must_exist(&workspace).await?;
        let scopes = record
            .scopes
            .as_array()
            .map(|list| {
                list.iter()
                    .filter_map(|s| s.as_str().map(str::to_owned))
                    .collect()
            })
            .unwrap_or_default();
        Ok(Caller {
            key: record.id,
            workspace,
            operator,
            scopes,
        })
    }

    async fn key(&self, id: &str) -> Result<Option<ApiKey>, Problem> {
        let now = self.clock.now();
        if let Ok(keys) = self.keys.lock()
            && let Some(found) = keys.get(id)
            && found.until > now
        {
            return Ok(Some(found.value.clone()));
        }
        let found = self
            .store
            .first(Query::<ApiKey>::all().equal("id", id))
            .await?;
        if let Some(record) = &found
            && let Ok(mut keys) = self.keys.lock()
        {
            if keys.len() >= REMEMBERED {
                keys.clear();
            }
            keys.insert(
                id.to_owned(),
                Remembered {
                    value: record.clone(),
                    until: now + MEMORY,
                },
            );
        }
        Ok(found)
    }

    async fn must_exist(&self, workspace: &str) -> Result<(), Problem> {
        let now = self.clock.now();
        if let Ok(known) = self.workspaces.lock()
            && known.get(workspace).is_some_and(|found| found.until > now)
        {
            return Ok(());
        }
        let query = Query::<Workspace>::all().equal("id", workspace);
        if self.store.first(query).await?.is_none() {
            return Err(Problem::new(
                Code::NotFound,
                format!("There is no workspace `{workspace}`. An operator can make it."),
            ));
        }
        if let Ok(mut known) = self.workspaces.lock() {
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(
                workspace.to_owned(),
                Remembered {
                    value: (),
                    until: now + MEMORY,
                },
            );
        }
        Ok(())
    }
}

fn bearer(headers: &HeaderMap) -> Result<Key, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(Problem::new(
            Code::Unauthenticated,
            "Send the header `Authorization: Bearer jf_...`. `jackfield key create` makes a key.",
        ));
    };
    value
        .to_str()
        .ok()
        .and_then(|text| {
            let (scheme, key) = text.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| Key::parse(key))
                .flatten()
        })
        .ok_or_else(|| {
            Problem::new(
                Code::InvalidKey,
                "The header Authorization must be `Bearer` and a key `jf_<id>_<secret>`.",
            )
        })
}

/// What each route needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: anybody may call it.
    Nothing,
    /// A key with all of these scopes.
    Scopes(Vec<String>),
}

/// The gate before the routes.
#[derive(Clone)]
pub struct Gate {
    access: Arc<Access>,
    needs: Arc<HashMap<(Method, String), Needs>>,
}

impl Gate {
    /// A gate that enforces what this OpenAPI document declares.
    #[must_use]
    pub fn new(access: Arc<Access>, needs: HashMap<(Method, String), Needs>) -> Gate {
        Gate {
            access,
            needs: Arc::new(needs),
        }
    }

    async fn admit(&self, path: &str, request: &mut Request) -> Result<(), Problem> {
        let method = match *request.method() {
            Method::HEAD => Method::GET,
            ref other => other.clone(),
        };
        match self.needs.get(&(method.clone(), path.to_owned())) {
            Some(Needs::Nothing) => Ok(()),
            Some(Needs::Scopes(wanted)) => {
                let caller = self.access.caller(request.headers()).await?;
                if let Some(missing) = wanted
                    .iter()
                    .find(|scope| !scopes::allows(&caller.scopes, scope))
                {
                    return Err(Problem::new(
                        Code::MissingScope,
                        format!("The key `{}` lacks the scope `{missing}`.", caller.key),
                    ));
                }
                tracing::Span::current().record("workspace", caller.workspace.as_str());
                request.extensions_mut().insert(caller);
                Ok(())
            }
            // A method that the route does not take is answered by the router with 405.
            None if self.needs.keys().any(|(_, known)| known == path) => Ok(()),
            None => Err(Problem::internal(format!(
                "{method} {path} declares no scope"
            ))),
        }
    }
}

/// The layer: lets a request pass, or answers it with a problem.
pub async fn gate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    if let Some(path) = path
        && let Err(problem) = gate.admit(&path, &mut request).await
    {
        return problem.into_response();
    }
    next.run(request).await
}

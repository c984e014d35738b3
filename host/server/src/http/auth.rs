//! Who calls, in which workspace, and whether the route's scope is theirs.
//!
//! A key opens one workspace; an operator's key (workspace `*`) opens all of them and says which
//! one by the header `Jackfield-Workspace` (`main` when it says nothing). The scope that a route
//! needs is read from the OpenAPI document (`Gate`), and a route under `/v1` without a declaration
//! is closed.
//!
//! Keys are looked up in the database, and remembered for `MEMORY` milliseconds: so long at most a
//! revoked key may still work on another host; on this one it ends at once.

use super::key::Key;
use super::problem::{Code, Problem};
use super::scopes;
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use jackfield_engine::SharedClock;
use jackfield_store::records::{ApiKey, Workspace};
use jackfield_store::{Query, SharedStore, StoreExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The workspace that the first start makes.
pub const MAIN: &str = "main";

/// The workspace of an operator's key.
pub const EVERY: &str = "*";

/// The header by which an operator's key chooses a workspace.
pub const WORKSPACE_HEADER: &str = "jackfield-workspace";

/// How long a key and a workspace are remembered, in milliseconds: what has ended on another host
/// ends here within a second.
const MEMORY: i64 = 900;

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
    pub scopes: Arc<[String]>,
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

/// What was read of the database, each for a while. Whoever reads takes a ticket first: what was
/// read before a change is not remembered after it.
struct Memory<T> {
    rows: HashMap<String, (i64, T)>,
    changes: u64,
}

impl<T: Clone> Memory<T> {
    /// What is remembered; else the ticket for what is read now.
    fn get(&self, name: &str, now: i64) -> Result<T, u64> {
        match self.rows.get(name) {
            Some((until, value)) if *until > now => Ok(value.clone()),
            _ => Err(self.changes),
        }
    }

    fn put(&mut self, name: &str, value: T, now: i64, ticket: u64) {
        if self.changes != ticket {
            return;
        }
        if self.rows.len() >= REMEMBERED {
            self.rows.clear();
        }
        self.rows.insert(name.to_owned(), (now + MEMORY, value));
    }

    fn forget(&mut self) {
        self.changes += 1;
        self.rows.clear();
    }
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Memory {
            rows: HashMap::new(),
            changes: 0,
        }
    }
}

fn lock<T>(memory: &Mutex<Memory<T>>) -> MutexGuard<'_, Memory<T>> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks keys and workspaces up.
pub struct Access {
    store: SharedStore,
    clock: SharedClock,
    keys: Mutex<Memory<Arc<Known>>>,
    workspaces: Mutex<Memory<()>>,
}

/// A key's record, with its scopes read.
struct Known {
    record: ApiKey,
    scopes: Arc<[String]>,
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

    /// Forgets what is remembered, after a key or a workspace was changed, here or on another host.
    pub fn forget(&self) {
        lock(&self.keys).forget();
        lock(&self.workspaces).forget();
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
        let known = self.key(&key.id).await?.ok_or_else(unknown)?;
        let record = &known.record;
        if !key.fits(record) {
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
        Ok(Caller {
            key: record.id.clone(),
            workspace,
            operator,
            scopes: known.scopes.clone(),
        })
    }

    async fn key(&self, id: &str) -> Result<Option<Arc<Known>>, Problem> {
        let now = self.clock.now();
        let ticket = match lock(&self.keys).get(id, now) {
            Ok(known) => return Ok(Some(known)),
            Err(ticket) => ticket,
        };
        let query = Query::<ApiKey>::all().equal("id", id);
        let Some(record) = self.store.first(query).await? else {
            return Ok(None);
        };
        let scopes = record.scopes.as_array().into_iter().flatten();
        let known = Arc::new(Known {
            scopes: scopes
                .filter_map(|scope| scope.as_str().map(str::to_owned))
                .collect(),
            record,
        });
        lock(&self.keys).put(id, known.clone(), now, ticket);
        Ok(Some(known))
    }

    async fn must_exist(&self, workspace: &str) -> Result<(), Problem> {
        let now = self.clock.now();
        let ticket = match lock(&self.workspaces).get(workspace, now) {
            Ok(()) => return Ok(()),
            Err(ticket) => ticket,
        };
        let query = Query::<Workspace>::all().equal("id", workspace);
        if self.store.first(query).await?.is_none() {
            return Err(Problem::new(
                Code::NotFound,
                format!("There is no workspace `{workspace}`. An operator can make it."),
            ));
        }
        lock(&self.workspaces).put(workspace, (), now, ticket);
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
    /// By path, then method: looked up for every request, without a copy of either.
    needs: Arc<HashMap<String, HashMap<Method, Needs>>>,
}

impl Gate {
    /// A gate that enforces what this OpenAPI document declares.
    #[must_use]
    pub fn new(access: Arc<Access>, needs: HashMap<(Method, String), Needs>) -> Gate {
        let mut by_path: HashMap<String, HashMap<Method, Needs>> = HashMap::new();
        for ((method, path), needs) in needs {
            by_path.entry(path).or_default().insert(method, needs);
        }
        Gate {
            access,
            needs: Arc::new(by_path),
        }
    }

    async fn admit(&self, path: &str, request: &mut Request) -> Result<(), Problem> {
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            other => other,
        };
        let of_path = self.needs.get(path);
        match of_path.and_then(|needs| needs.get(method)) {
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
            None if of_path.is_some() => Ok(()),
            None => Err(Problem::internal(format!(
                "{method} {path} declares no scope"
            ))),
        }
    }
}

/// The layer: lets a request pass, or answers it with a problem.
pub async fn gate<F: Future<Output = Response>>(
    gate: &Gate,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    if let Some(path) = path
        && let Err(problem) = gate.admit(path.as_str(), &mut request).await
    {
        return problem.into_response();
    }
    next(request).await
}

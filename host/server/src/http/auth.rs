//! Who calls, in which workspace, and whether the route's scope is theirs.
//!
//! A key opens one workspace; an operator's key (workspace `*`) opens all of them and says which
//! one by the header `Jackfield-Workspace` (`main` when it says nothing); a key of an organisation
//! opens each of its workspaces, and says which one by the same header. The scope that a route
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
use jackfield_messaging::{key_place, of_key_place};
use jackfield_store::records::{ApiKey, Workspace};
use jackfield_store::{Query, SharedStore, StoreExt};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The workspace that the first start makes.
pub const MAIN: &str = "main";

/// The workspace of an operator's key.
pub const EVERY: &str = "*";

/// The header by which an operator's key chooses a workspace.
pub const WORKSPACE_HEADER: &str = "jackfield-workspace";

/// Where a key of an organisation need not say in which workspace it acts.
const WITHOUT_WORKSPACE: [&str; 3] = ["/v1/organisations", "/v1/workspaces", "/v1/keys"];

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
    /// The workspace in which the request acts. Empty where a key of an organisation names none,
    /// which few routes take (`WITHOUT_WORKSPACE`).
    pub workspace: String,
    /// Whether the key is an operator's.
    pub operator: bool,
    /// The organisation that the key is of, if it is one's.
    pub organisation: Option<String>,
    /// What the key may do.
    pub scopes: Arc<[String]>,
}

impl Caller {
    /// On whose account it acts: the workspace's, or where it names none the organisation's.
    #[must_use]
    pub fn account(&self) -> Cow<'_, str> {
        match &self.organisation {
            Some(organisation) if self.workspace.is_empty() => key_place(organisation).into(),
            _ => self.workspace.as_str().into(),
        }
    }

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
    /// By workspace, the organisation that owns it.
    workspaces: Mutex<Memory<String>>,
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
        let organisation = of_key_place(&record.workspace);
        let closed = |wanted: &str| {
            Problem::new(
                Code::OtherWorkspace,
                format!(
                    "The key `{}` does not open the workspace `{wanted}`.",
                    record.id
                ),
            )
        };
        let workspace = if operator {
            wanted.unwrap_or(MAIN).to_owned()
        } else if let Some(own) = organisation {
            let wanted = wanted.unwrap_or_default();
            if !wanted.is_empty() && self.owner(wanted).await?.as_deref() != Some(own) {
                return Err(closed(wanted));
            }
            wanted.to_owned()
        } else if let Some(wanted) = wanted.filter(|wanted| *wanted != record.workspace) {
            return Err(closed(wanted));
        } else {
            record.workspace.clone()
        };
        if organisation.is_none() && self.owner(&workspace).await?.is_none() {
            return Err(Problem::new(
                Code::NotFound,
                format!("There is no workspace `{workspace}`. An operator can make it."),
            ));
        }
        Ok(Caller {
            key: record.id.clone(),
            workspace,
            operator,
            organisation: organisation.map(str::to_owned),
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

    /// The organisation that owns a workspace; none where there is no such workspace.
    async fn owner(&self, workspace: &str) -> Result<Option<String>, Problem> {
        let now = self.clock.now();
        let ticket = match lock(&self.workspaces).get(workspace, now) {
            Ok(owner) => return Ok(Some(owner)),
            Err(ticket) => ticket,
        };
        let query = Query::<Workspace>::all().equal("id", workspace);
        let Some(row) = self.store.first(query).await? else {
            return Ok(None);
        };
        let owner = row.organisation.clone();
        lock(&self.workspaces).put(workspace, owner, now, ticket);
        Ok(Some(row.organisation))
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
                if caller.workspace.is_empty() && !needs_no_workspace(path) {
                    return Err(Problem::new(
                        Code::InvalidHeader,
                        "A key of an organisation opens several workspaces: say by the header \
                         Jackfield-Workspace in which of them this is to be done.",
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

/// Whether a route, by its path, does without a workspace.
fn needs_no_workspace(path: &str) -> bool {
    WITHOUT_WORKSPACE.iter().any(|root| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
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

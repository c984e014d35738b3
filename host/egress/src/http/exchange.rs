//! One request from grant to answer, redirects included.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field};
use url::Url;

use super::plan::{Message, Plan};
use super::watched::Watched;
use super::{HttpRequest, HttpResponse, failure};
use crate::placeholder::{Escape, Filler};
use crate::progress::{Progress, Waiting};
use crate::scrub::Scrubber;
use crate::target::{Target, canonical};
use crate::{Caller, Error, Grant, Inner, Place, Secrets, meter, resolve};

const KIND: &str = "http";

pub(crate) async fn run(
    egress: &Inner,
    caller: &Caller,
    request: HttpRequest,
    secrets: &dyn Secrets,
) -> Result<HttpResponse, Error> {
    let started = Instant::now();
    let span = tracing::debug_span!(
        "egress.http",
        plugin = %caller.plugin,
        method = field::Empty,
        host = field::Empty,
        status = field::Empty,
        outcome = field::Empty,
    );
    let exchange = whole(egress, caller, request, secrets).instrument(span.clone());
    let result = Box::pin(exchange).await;
    span.record(
        "outcome",
        result.as_ref().map_or_else(Error::code, |_| "ok"),
    );
    meter::ended(KIND, &result, started.elapsed());
    result
}

/// Everything that [`run`] does before a request leaves.
pub(crate) async fn judge(
    egress: &Inner,
    caller: &Caller,
    request: HttpRequest,
    secrets: &dyn Secrets,
) -> Result<(), Error> {
    let plan = Plan::read(request, &egress.options.http, &caller.grant)?;
    let target = plan.url.target().clone();
    admit(egress, &caller.grant, &plan.method, &target)?;
    let mut filler = Filler::new(&caller.grant, secrets);
    let url = plan.url.fill(&mut filler).await?;
    let progress = Arc::new(Progress::default());
    build(
        &plan.method,
        &url,
        &target,
        &plan.message,
        &mut filler,
        &progress,
    )
    .await?;
    Ok(())
}

/// The exchange with its deadline; whatever comes out of it has been scrubbed.
async fn whole(
    egress: &Inner,
    caller: &Caller,
    request: HttpRequest,
    secrets: &dyn Secrets,
) -> Result<HttpResponse, Error> {
    let mut plan = Plan::read(request, &egress.options.http, &caller.grant)?;
    let (after, method) = (plan.timeout, plan.method.clone());
    let first = plan.url.target().clone();
    let span = Span::current();
    span.record("method", method.as_str());
    span.record("host", field::display(&first));
    // Before the wait for a turn: who may not call takes nobody's turn.
    admit(egress, &caller.grant, &method, &first)?;

    let mut filler = Filler::new(&caller.grant, secrets);
    let progress = Arc::new(Progress::default());
    let work = follow(egress, caller, &mut plan, &mut filler, &progress);
    let result = match tokio::time::timeout(after, work).await {
        Ok(result) => result,
        Err(_) => Err(out_of_time(&progress, caller, &first, after)),
    };
    let scrubber = filler.scrubber();
    match result {
        Ok(response) => Ok(scrubbed(response, &scrubber)),
        Err(error) => {
            let error = error.scrubbed(&scrubber);
            // What was asked first has been taken by its receiver, whatever became of the rest.
            let hide = progress.hops() > 0 && !error.maybe_sent();
            Err(if hide {
                Error::Redirected(Box::new(error))
            } else {
                error
            })
        }
    }
}

fn out_of_time(progress: &Progress, caller: &Caller, first: &Target, after: Duration) -> Error {
    match progress.waiting() {
        Waiting::Plugin => Error::Busy {
            what: format!("the plugin {}", caller.plugin),
            after,
        },
        Waiting::Host => Error::Busy {
            what: format!("the host {first}"),
            after,
        },
        Waiting::Nothing => Error::Timeout {
            host: first.to_string(),
            after,
            maybe_sent: progress.sent(),
        },
    }
}

/// Grant, whether it is this server itself, and where the host is an address, the address. Names are
/// judged when they are resolved.
fn admit(egress: &Inner, grant: &Grant, method: &Method, target: &Target) -> Result<(), Error> {
    grant.check_http(method.as_str(), target)?;
    if egress.own.iter().any(|own| own.same_place(target)) {
        return Err(Error::OwnAddress {
            host: target.to_string(),
        });
    }
    if let Some(address) = target.address() {
        egress
            .allow
            .check((address, target.port()).into())
            .map_err(|refusal| resolve::refused(refusal, target))?;
    }
    Ok(())
}

/// Whether a name leads to this server itself. None is looked up unless the port is this server's
/// own; one that cannot be looked up is told when it is connected to.
async fn admit_name(egress: &Inner, target: &Target) -> Result<(), Error> {
    let at_port = egress.own.iter().filter(|own| own.port() == target.port());
    let own: Vec<IpAddr> = at_port.filter_map(Target::address).collect();
    if own.is_empty() || target.address().is_some() {
        return Ok(());
    }
    let found = egress.resolver.resolve(&target.bare_host()).await;
    let found = found.unwrap_or_default().into_iter();
    if found
        .map(|one| one.to_canonical())
        .any(|one| own.contains(&one))
    {
        return Err(Error::OwnAddress {
            host: target.to_string(),
        });
    }
    Ok(())
}

async fn follow(
    egress: &Inner,
    caller: &Caller,
    plan: &mut Plan,
    filler: &mut Filler<'_>,
    progress: &Arc<Progress>,
) -> Result<HttpResponse, Error> {
    let _turn = progress
        .wait(Waiting::Plugin, egress.plugins.take(&caller.plugin))
        .await;
    let mut method = plan.method.clone();
    let mut target = plan.url.target().clone();
    let mut url = plan.url.fill(filler).await?;
    let mut redirects = 0;
    loop {
        admit(egress, &caller.grant, &method, &target)?;
        admit_name(egress, &target).await?;
        let request = build(&method, &url, &target, &plan.message, filler, progress).await?;
        let _turn = progress
            .wait(Waiting::Host, egress.hosts.take(&target.to_string()))
            .await;
        let response = egress
            .client(target.port())
            .execute(request)
            .await
            .map_err(|error| failure::of_request(error, &target, progress.sent()))?;
        let status = response.status();
        Span::current().record("status", status.as_u16());
        let location = response.headers().get(header::LOCATION).cloned();
        let location = match location {
            Some(location) if plan.max_redirects > 0 && is_redirect(status) => location,
            _ => {
                return read(
                    response,
                    &url,
                    &target,
                    egress.options.http.max_response_bytes,
                )
                .await;
            }
        };
        if redirects == plan.max_redirects {
            return Err(Error::TooManyRedirects {
                limit: plan.max_redirects,
            });
        }
        redirects += 1;
        progress.next_hop();
        drop(response);

        let (next_url, next_target) = read_location(&url, &location)?;
        if next_target != target {
            leave_origin(
                &next_url,
                &location,
                &next_target,
                filler,
                &mut plan.message,
            )?;
        }
        if becomes_get(status, &method) {
            method = Method::GET;
            plan.message.drop_body();
        }
        (url, target) = (next_url, next_target);
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => method == Method::POST,
        303 => method != Method::GET && method != Method::HEAD,
        _ => false,
    }
}

fn read_location(url: &Url, location: &HeaderValue) -> Result<(Url, Target), Error> {
    let text = location
        .to_str()
        .map_err(|_| Error::invalid("the server redirects to an address that is no ASCII text"))?;
    let next = url
        .join(text)
        .map_err(|why| Error::invalid(format!("the server redirects to no address: {why}")))?;
    canonical(next)
}

/// Another origin: credentials stay behind, and an address that holds a secret is not followed.
fn leave_origin(
    url: &Url,
    location: &HeaderValue,
    target: &Target,
    filler: &Filler<'_>,
    message: &mut Message,
) -> Result<(), Error> {
    let scrubber = filler.scrubber();
    if scrubber.finds(location.as_bytes()) || scrubber.finds(url.as_str()) {
        return Err(Error::Denied {
            what: format!("the server redirects to {target} with a secret in the address; that"),
            grant: None,
        });
    }
    message.leave_origin(|template, place| filler.may_fill(template, place, target));
    Ok(())
}

async fn build(
    method: &Method,
    url: &Url,
    target: &Target,
    message: &Message,
    filler: &mut Filler<'_>,
    progress: &Arc<Progress>,
) -> Result<reqwest::Request, Error> {
    let mut request = reqwest::Request::new(method.clone(), url.clone());
    let mut headers = HeaderMap::with_capacity(message.headers.len() + 2);
    for (name, template) in &message.headers {
        let value = filler
            .fill(template, Place::Header, Escape::None, target)
            .await?;
        let mut value = HeaderValue::from_maybe_shared(value).map_err(|_| {
            Error::invalid(format!(
                "the header {name} holds a line break or another control character"
            ))
        })?;
        let private = *name == header::AUTHORIZATION || *name == header::COOKIE;
        value.set_sensitive(private || template.has_secrets());
        headers.append(name, value);
    }
    if let Some((username, password)) = &message.basic {
        let (place, plain) = (Place::BasicAuth, Escape::None);
        let filled_name = filler.fill_text(username, place, plain, target).await?;
        let filled_password = filler.fill_text(password, place, plain, target).await?;
        if filled_name.contains(':') {
            return Err(Error::invalid(
                "a user name of basic-auth cannot hold a colon",
            ));
        }
        let encoded = BASE64_STANDARD.encode(format!("{filled_name}:{filled_password}"));
        let mut value = HeaderValue::try_from(format!("Basic {encoded}"))
            .map_err(|_| Error::invalid("basic-auth cannot be written as a header"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        if username.has_secrets() || password.has_secrets() {
            filler.hide(encoded);
        }
    }
    let body = match &message.body {
        None => Bytes::new(),
        Some(template) => {
            let escape = message.escape.unwrap_or(Escape::None);
            filler.fill(template, Place::Body, escape, target).await?
        }
    };
    // Where a body is usual, its absence is said; some servers answer 411 otherwise.
    if body.is_empty() && [Method::POST, Method::PUT, Method::PATCH].contains(method) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    meter::sent(KIND, body.len());
    *request.headers_mut() = headers;
    *request.body_mut() = Some(reqwest::Body::wrap(Watched::new(body, progress.clone())));
    Ok(request)
}

async fn read(
    mut response: reqwest::Response,
    url: &Url,
    target: &Target,
    limit: usize,
) -> Result<HttpResponse, Error> {
    let too_large = || Error::TooLarge {
        what: "the response",
        limit,
        maybe_sent: true,
    };
    let headers: Vec<(String, String)> = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let header_bytes: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    let room = limit.checked_sub(header_bytes).ok_or_else(too_large)?;
    let announced = response.content_length().unwrap_or(0);
    if announced > room as u64 {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| failure::of_request(error, target, true))?
    {
        if chunk.len() > room - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    meter::received(KIND, body.len());
    let status = response.status().as_u16();
    Ok(HttpResponse {
        status,
        headers,
        body: body.freeze(),
        url: url.to_string(),
    })
}

fn scrubbed(response: HttpResponse, scrubber: &Scrubber) -> HttpResponse {
    if scrubber.is_empty() {
        return response;
    }
    let clean = |text: String| scrubber.text(&text).into_owned();
    HttpResponse {
        status: response.status,
        headers: response
            .headers
            .into_iter()
            .map(|(name, value)| (clean(name), clean(value)))
            .collect(),
        body: scrubber.bytes(response.body),
        url: clean(response.url),
    }
}

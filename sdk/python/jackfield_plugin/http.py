"""HTTP requests to the outside, under the plugin's grant.

    answer = http.get("https://api.example.com/v1/me",
                      headers={"authorization": "Bearer {{secret:token}}"})
    if answer.ok:
        me = answer.json()

An answer of any status is a `Response`; a request that got none raises `CallError` (`denied`,
`address-refused`, `invalid`, `too-large`, `timeout`, `connect`, `tls`, `broken`,
`too-many-redirects`, `secret-missing`, `busy`). `{{secret:NAME}}` may stand in header values,
credentials, path, query and body: the host puts the value in.

Effect class: external-safe for GET, HEAD, PUT, DELETE and OPTIONS and for any request with an
`idempotency_header`; external-once for all others.
"""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack
from urllib.parse import urlencode

from . import _host
from .codec import Json, dumps
from .crossing import crosses

_http = _host.Interface("http")

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


@crosses
@dataclass(frozen=True)
class Credentials:
    """A user name and a password for HTTP Basic (RFC 7617)."""

    username: str
    password: str


@crosses
@dataclass(frozen=True)
class Request:
    """A request as it leaves."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    basic_auth: Credentials | None
    body: bytes | None
    timeout: int | None
    max_redirects: int | None
    idempotency_header: str | None

    def text(self) -> str:
        """The body as text."""
        return (self.body or b"").decode("utf-8", "replace")

    def json(self) -> Json:
        """The body as JSON."""
        return json.loads(self.body or b"")

    def header(self, name: str) -> str | None:
        """A header's first value; names in any case."""
        return _header(self.headers, name)


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    url: str = ""
    """After redirects."""

    @property
    def ok(self) -> bool:
        """200 to 299."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        """A header's first value; names in any case."""
        return _header(self.headers, name)

    def text(self) -> str:
        """The body as text, with replacement characters for what is no UTF-8."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Json:
        """The body as JSON. Raises `ValueError`."""
        return json.loads(self.body)

    def retry_after(self, now: int) -> int | None:
        """The wait that `Retry-After` asks for, in milliseconds from `now`: seconds or a date
        (RFC 9110, section 10.2.3)."""
        value = (self.header("retry-after") or "").strip()
        if re.fullmatch("[0-9]{1,9}", value):
            return int(value) * 1_000
        at = _date(value)
        return None if at is None else max(at - now, 0)


class Options(TypedDict, total=False):
    """What a request may have beside its method and its address."""

    headers: Headers
    json: Json
    """A body of JSON, which names its type."""
    form: Mapping[str, str] | Iterable[tuple[str, str]]
    """A body as forms send it, which names its type."""
    body: bytes | str
    """Any other body; its type is the headers'."""
    basic_auth: tuple[str, str]
    """A user name and a password (RFC 7617)."""
    timeout: int
    """Milliseconds for the whole exchange: 10,000 when left out, at most 120,000."""
    max_redirects: int
    """How many are followed: 3 when left out, at most 3."""
    idempotency_header: str
    """The header in which the receiver honours an idempotency key: the host puts the key there, and
    may then repeat the request after a crash."""


def request(method: str, url: str, **options: Unpack[Options]) -> Response:
    """Does a request."""
    headers = options.get("headers", ())
    body = options.get("body")
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    if "json" in options:
        pairs.append(("content-type", "application/json"))
        body = dumps(options["json"])
    elif "form" in options:
        form = options["form"]
        pairs.append(("content-type", "application/x-www-form-urlencoded"))
        # Placeholders keep their braces: the host encodes the value that it puts in.
        body = urlencode(list(form.items() if isinstance(form, Mapping) else form), safe="{}:")
    basic_auth = options.get("basic_auth")
    asked = Request(
        method=method,
        url=url,
        headers=pairs,
        basic_auth=None if basic_auth is None else Credentials(*basic_auth),
        body=body.encode("utf-8", "replace") if isinstance(body, str) else body,
        timeout=options.get("timeout"),
        max_redirects=options.get("max_redirects"),
        idempotency_header=options.get("idempotency_header"),
    )
    answer = _http.call("fetch", asked)
    return Response(answer.status, list(answer.headers), bytes(answer.body), answer.url)


def get(url: str, **options: Unpack[Options]) -> Response:
    """A GET request."""
    return request("GET", url, **options)


def post(url: str, **options: Unpack[Options]) -> Response:
    """A POST request."""
    return request("POST", url, **options)


def _header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    for key, value in headers:
        if key.lower() == name.lower():
            return value
    return None


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
_DATE = re.compile(
    r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII
)


def _date(text: str) -> int | None:
    """The instant of an IMF-fixdate (RFC 9110, section 5.6.7). The parsers of the standard library
    would bring the whole of `email` or the locales along."""
    found = _DATE.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
    month = _MONTHS.index(found[2]) // 3 + 1
    return calendar.timegm((year, month, day, hour, minute, second)) * 1_000

"""The state behind the imports: how a test sets it up, and what the plugin did, to look at
afterwards. Functions are answered in the contract's own terms (JSON texts, bytes, records), as the
host answers them."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import json
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from .. import _host
from ..codec import Json, dumps
from ..contacts import Operation
from ..crossing import hold
from ..crypto import Algorithm
from ..email import Accepted, Mail, Server
from ..failure import CallError
from ..http import Request, Response
from ..log import Level
from . import schemas

#: 2026-01-01T00:00:00Z.
NEW_YEAR = 1_767_225_600_000


def call_error(
    code: str, message: str, *, grant: str | None = None, detail: Json = None
) -> CallError:
    """A refused call, with the marks that the host gives to its code, for the functions of a test to
    raise."""
    return CallError(
        code,
        message,
        grant=grant,
        transient=code in ("timeout", "connect", "broken", "unavailable", "busy"),
        maybe_sent=code in ("timeout", "broken"),
        detail=detail,
    )


class Host:
    """The test host, in place inside `with`. What is not given is not there: no contact, no channel,
    no network; its clock stands at 2026-01-01T00:00:00Z until `advance`."""

    def __init__(
        self,
        *,
        now: int = NEW_YEAR,
        contact: Mapping[str, Json] | None = None,
        variables: Mapping[str, Json] | None = None,
        channels: Sequence[Mapping[str, Json]] = (),
        conversation: Mapping[str, Json] | None = None,
        lists: Sequence[str] | None = None,
        on_lists: Sequence[str] = (),
        templates: Mapping[str, Mapping[str, Json]] | None = None,
        secrets: Mapping[str, str | bytes] | None = None,
        files: Mapping[str, bytes] | None = None,
        next_open: int | None = None,
        condition: Callable[[Json], bool] | None = None,
        update: Callable[[str, str, Json], Json] | None = None,
        start: Callable[[str, Json], None] | None = None,
        http: Callable[[Request], Response] | Response | None = None,
        email: Callable[[Mail], Accepted] | None = None,
        email_check: Callable[[Server], str] | None = None,
    ) -> None:
        """`variables` are those under `vars`; the first of `channels` (`{"id", "name", "kind",
        "address-kind", ...}`) is that of the contact's last message; `conversation` is there
        already; `lists` are those that there are (without it every one that is named), `on_lists`
        those that the contact is on already; `files` are the workspace's; `templates` are as `templates.render` answers them;
        `next_open` is what `clock.next_open` answers; `condition` is what conditions come to;
        `update` gives a contact's changed field (field, operation, value); `start` is called before
        a workflow starts (its name, the options); `http`, `email` and `email_check` are what the
        outside answers. A function may raise `call_error(...)`."""
        self.now = now
        self.contact = dict(contact) if contact is not None else None
        """As it stands. Its tags change with what the plugin does; its fields do not."""
        self.conversation = dict(conversation) if conversation is not None else None
        """As it stands. Those that the plugin opens are `conversation-1`, ..."""
        self.on_lists = list(on_lists)
        """The lists that the contact is on."""
        self.variables: dict[str, Json] = dict(variables or {})
        self._channels = [dict(channel) for channel in channels]
        self._templates = dict(templates or {})
        self._secrets = {
            name: value.encode() if isinstance(value, str) else value
            for name, value in (secrets or {}).items()
        }
        self._files = dict(files or {})
        self._lists = lists
        self._next_open = next_open
        self._condition = condition
        self._update = update
        self._start = start
        self._opened = 0
        self._queued = 0
        self._places: set[str] = set()
        self._http = http
        self._mailed = email
        self._greeting = email_check
        self._before: _host.TestHost | None = None
        self.needs: Sequence[str] | None = None
        """What the plugin's project may call; none is not known. Set by `Run` and `Plugged`."""
        self.messages: list[dict[str, Json]] = []
        """Those put into the outbox, oldest first; their ids are `message-1`, `message-2`, ..."""
        self.requests: list[Request] = []
        """The HTTP requests."""
        self.mails: list[tuple[Server, Mail]] = []
        """The mails, each with the server that it was handed to."""
        self.tags: list[str] = []
        """The tags that `contacts.add_tags` was given."""
        self.retags: list[dict[str, Json]] = []
        """The changes of tags by `contacts.retag`: `{"add", "remove", "silent"?}`."""
        self.opt_outs: list[dict[str, Json]] = []
        """What was asked of `contacts.opt_out`: `{"scope", "channel"?, "in"?}`."""
        self.opted_out = False
        """The contact wants nothing more."""
        self.updates: list[tuple[str, str, Json]] = []
        """The changes of the contact: field, operation, value."""
        self.comments: list[str] = []
        """The comments; their ids are `comment-1`, `comment-2`, ..."""
        self.assigned: list[dict[str, Json]] = []
        """What was asked of `conversations.assign`, as it crosses: `{"team", "only-online"?, ...}`;
        the places in the queue are `place-1`, `place-2`, ..."""
        self.rows: list[tuple[str, dict[str, Json]]] = []
        """The rows that were added to tables, with the table's name; their ids are `row-1`, ..."""
        self.started: list[tuple[str, dict[str, Json]]] = []
        """The workflows that were started, each with its options; the runs' ids are `run-1`, ..."""
        self.logs: list[str] = []
        """The lines of the log, such as `warn: no answer`."""

    def __enter__(self) -> Self:
        self._before, _host.test_host = _host.test_host, self
        return self

    def __exit__(self, *_: object) -> None:
        _host.test_host = self._before

    def advance(self, milliseconds: int) -> None:
        """Lets time pass."""
        self.now += milliseconds

    def answer(self, interface: str, function: str, arguments: tuple[Any, ...]) -> Any:
        """Does what the function of the contract does."""
        if self.needs is not None and interface not in self.needs:
            raise AssertionError(
                f"the plugin calls `{interface}`, which `needs` in jackfield.toml does not name"
            )
        answer = getattr(self, f"_{interface}_{function}")
        hints = typing.get_type_hints(answer)
        for (name, hint), argument in zip(hints.items(), arguments, strict=False):
            hold(hint, argument, f"{interface}.{function}: {name}")
        return answer(*arguments)

    def _log_write(self, level: Level, message: str) -> None:
        self.logs.append(f"{level.name.lower()}: {message}")

    def _clock_now(self) -> int:
        return self.now

    def _clock_parse(self, text: str) -> int:
        """RFC 3339 in UTC, or a date with or without a time; enough for tests."""
        found = _TIME.fullmatch(text.strip())
        if found is None:
            raise call_error("invalid", f"`{text}` is no date and time")
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        if not (1 <= month <= 12 and 1 <= day <= 31):
            raise call_error("invalid", f"`{text}` is no date and time")
        return calendar.timegm((year, month, day, hour, minute, second)) * 1_000

    def _clock_duration(self, text: str) -> int:
        if re.fullmatch(r"([0-9]+[smhdw])+", text.strip()) is None:
            raise call_error("invalid", f"`{text}` is no duration such as `30s`, `15m`, `2h`, `1d`")
        parts = re.findall(r"([0-9]+)([smhdw])", text)
        return sum(int(number) * _UNITS[unit] for number, unit in parts)

    def _clock_next_open(self, hours: str, after: int) -> int:
        json.loads(hours)
        if self._next_open is None:
            raise call_error("not-found", "these hours are never open within 365 days")
        return max(self._next_open, after)

    def _random_bytes(self, length: int) -> bytes:
        """Always the same bytes: a test repeats itself."""
        return bytes(index % 256 for index in range(min(length, 1_024)))

    def _http_fetch(self, request: Request) -> Response:
        self.requests.append(request)
        if self._http is None:
            raise call_error("denied", f"no answer for {request.url}", grant=request.url)
        return self._http if isinstance(self._http, Response) else self._http(request)

    def _email_send(self, server: Server, mail: Mail) -> Accepted:
        self.mails.append((server, mail))
        if self._mailed is None:
            raise call_error("denied", "no mail server")
        return self._mailed(mail)

    def _email_check(self, server: Server) -> str:
        if self._greeting is None:
            raise call_error("denied", "no mail server")
        return self._greeting(server)

    def _crypto_hash(self, algorithm: Algorithm, data: bytes) -> bytes:
        return hashlib.new(algorithm.name.lower(), data).digest()

    def _crypto_hmac(self, algorithm: Algorithm, secret: str, data: bytes) -> bytes:
        return hmac.digest(self._secret(secret), data, algorithm.name.lower())

    def _crypto_verify(
        self, algorithm: Algorithm, secret: str, data: bytes, signature: bytes
    ) -> bool:
        return hmac.compare_digest(self._crypto_hmac(algorithm, secret, data), signature)

    def _crypto_sign(self, algorithm: str, secret: str, data: bytes) -> bytes:
        """Not what a server would take: bytes that the data and the secret make."""
        if algorithm != "rs256":
            raise call_error("invalid", f"there is no algorithm `{algorithm}`; there is: rs256")
        return hmac.digest(self._secret(secret), data, "sha256")

    def _crypto_equal(self, secret: str, candidate: bytes) -> bool:
        return hmac.compare_digest(self._secret(secret), candidate)

    def _secret(self, name: str) -> bytes:
        if name not in self._secrets:
            raise call_error("secret-missing", f"the secret `{name}` has no value")
        return self._secrets[name]

    def _templates_render(self, name: str, values: str | None) -> str:
        if name not in self._templates:
            raise call_error("not-found", f"there is no template `{name}`")
        return dumps(self._templates[name])

    def _conditions_evaluate(self, condition: str) -> bool:
        return self._condition is not None and self._condition(json.loads(condition))

    def _variables_get(self, path: str) -> str | None:
        value: Json = {"vars": self.variables, "contact": self.contact}
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return None if value is None else dumps(value)

    def _variables_set(self, name: str, value: str) -> None:
        if re.fullmatch("[a-z][a-z0-9_]{0,63}", name) is None:
            raise call_error("invalid", f"`{name}` is no name of a variable")
        self.variables[name] = json.loads(value)
        if self.variables[name] is None:
            del self.variables[name]

    def _contacts_get(self) -> str | None:
        return None if self.contact is None else dumps(self.contact)

    def _contacts_update(self, field: str, operation: Operation, value: str) -> str:
        self._some_contact()
        change = (field, operation.name.lower(), json.loads(value))
        answer = change[2] if self._update is None else self._update(*change)
        self.updates.append(change)
        return dumps(answer)

    def _contacts_add_tags(self, tags: list[str]) -> None:
        self._change_tags(tags, [])
        self.tags.extend(tags)

    def _contacts_retag(self, change: str) -> str:
        asked = json.loads(change)
        changed = self._change_tags(asked.get("add", []), asked.get("remove", []))
        self.retags.append(asked)
        return dumps(changed)

    def _contacts_opt_out(self, request: str) -> str:
        asked = json.loads(request)
        contact = self._some_contact()
        out = asked.get("in") is not True
        changed, self.opted_out = self.opted_out != out, out
        self.opt_outs.append(asked)
        scope = asked.get("scope", "account")
        return dumps({"address": contact.get("phone", ""), "scope": scope, "changed": changed})

    def _change_tags(self, add: list[str], remove: list[str]) -> dict[str, list[str]]:
        """Takes tags off the contact and puts others on it; answers with what was new."""
        contact = self._some_contact()
        before: list[str] = contact.get("tags") or []
        removed = [tag for tag in dict.fromkeys(remove) if tag in before]
        kept = [tag for tag in before if tag not in removed]
        added = [tag for tag in dict.fromkeys(add) if tag not in kept]
        if added or removed:
            contact["tags"] = [*kept, *added]
        return {"added": added, "removed": removed}

    def _some_contact(self) -> dict[str, Json]:
        """What needs a contact is refused without one."""
        if self.contact is None:
            raise call_error("not-found", "the run has no contact")
        return self.contact

    def _conversations_get(self) -> str | None:
        return None if self.conversation is None else dumps(self.conversation)

    def _conversations_open(self) -> str:
        self._some_contact()
        known = self.conversation
        if known is not None and known["state"] in ("open", "snoozed"):
            self.conversation = {**known, "state": "open"}
        else:
            self._opened += 1
            self.conversation = {
                "id": f"conversation-{self._opened}",
                "state": "open",
                "source": "workflow",
                "opened_at": _instant(self.now),
            }
        return dumps(self.conversation)

    def _conversations_close(self, note: str | None) -> str:
        self._some_contact()
        known = self.conversation
        if known is None or known["state"] == "closed":
            return "null"
        said: dict[str, Json] = {} if note is None else json.loads(note)
        if len(said.get("summary", "")) > 2_000:
            raise call_error("invalid", "a summary has at most 2,000 characters")
        end = {"state": "closed", "closed_at": _instant(self.now), "closed_by": "workflow"}
        self.conversation = {**known, **said, **end}
        return dumps(self.conversation)

    def _conversations_comment(self, text: str) -> str:
        self._some_contact()
        if not text.strip():
            raise call_error("invalid", "a comment has a text")
        if len(text) > 5_000:
            raise call_error("too-large", "a comment has at most 5,000 characters")
        self.comments.append(text)
        return f"comment-{len(self.comments)}"

    def _conversations_assign(self, request: str) -> str:
        self._some_contact()
        asked: dict[str, Json] = json.loads(request)
        named = [name for name in ("user", "team", "workspace", "nobody") if name in asked]
        if len(named) != 1:
            raise call_error("invalid", "name one of `user`, `team`, `workspace` and `nobody`")
        self.assigned.append(asked)
        if "user" in asked:
            user = asked["user"]
            return dumps({"assignee": {"id": user, "name": user, "email": user}})
        if "nobody" in asked:
            return dumps({"assignee": None})
        self._queued += 1
        place = f"place-{self._queued}"
        self._places.add(place)
        return dumps({"queued": place})

    def _conversations_leave_queue(self, id: str) -> bool:
        self._some_contact()
        waiting = id in self._places
        self._places.discard(id)
        return waiting

    def _lists_add(self, name: str) -> bool:
        self._some_list(name)
        new = name not in self.on_lists
        if new:
            self.on_lists.append(name)
        return new

    def _lists_remove(self, name: str) -> bool:
        self._some_list(name)
        was = name in self.on_lists
        self.on_lists = [other for other in self.on_lists if other != name]
        return was

    def _some_list(self, name: str) -> None:
        self._some_contact()
        if self._lists is not None and name not in self._lists:
            there = ", ".join(self._lists)
            raise call_error("not-found", f"there is no list `{name}`; there are: {there}")

    def _tables_append(self, table: str, row: str) -> str:
        cells = json.loads(row)
        if not isinstance(cells, dict) or not cells:
            raise call_error("invalid", "a row is an object with a column")
        self.rows.append((table, cells))
        return f"row-{len(self.rows)}"

    def _files_read(self, name: str) -> bytes:
        if name not in self._files:
            raise call_error("not-found", f"there is no file `{name}`")
        return self._files[name]

    def _workflows_start(self, workflow: str, options: str) -> str:
        asked: dict[str, Json] = json.loads(options)
        if self._start is not None:
            self._start(workflow, asked)
        self.started.append((workflow, asked))
        return f"run-{len(self.started)}"

    def _messages_channel(self, name: str) -> str:
        return dumps(self._channel(name))

    def _messages_send(self, message: str) -> str:
        said = json.loads(message)
        schemas.hold("an outgoing message", schemas.published("outgoing-message"), said)
        self._channel(said["channel"])
        self.messages.append(said)
        return f"message-{len(self.messages)}"

    def _channel(self, name: str) -> dict[str, Json]:
        for channel in self._channels:
            if name in (channel.get("name"), channel.get("id"), "last-interacted"):
                return channel
        raise call_error("not-found", f"there is no channel `{name}`")


_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?Z?)?", re.ASCII)
_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def _instant(at: int) -> str:
    """RFC 3339 of milliseconds since 1970."""
    moment = datetime.fromtimestamp(at // 1_000, UTC) + timedelta(milliseconds=at % 1_000)
    text = moment.isoformat(timespec="milliseconds" if at % 1_000 else "seconds")
    return text.replace("+00:00", "Z")

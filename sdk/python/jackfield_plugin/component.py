"""The bridge between a plugin and the classes that the build generates: in components alone.

The build makes a module of three lines that calls `step` or `connector` here; what it returns is
what `componentize-py` looks for. All that can be done once is done then, because the interpreter's
memory is kept as it stands when the build ends: the descriptor is a text already, the shapes of the
settings are made, and the collector is told to leave all of it alone, so that an activation touches
little of it.

What must hold: no exception leaves an activation but the contract's `failure`. One that the plugin
did not foresee becomes a permanent failure that says where it was raised; one in `send` after a request
has left says that the message may have been sent.
"""

from __future__ import annotations

# What Python's own modules import when it is first needed (`strptime`, and encodings that providers
# use), because after the build nothing can be imported any more.
import _strptime  # type: ignore[import-not-found]  # noqa: F401
import encodings.ascii
import encodings.cp1252
import encodings.idna
import encodings.latin_1
import encodings.utf_16  # noqa: F401
import gc
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any, TypeVar

from componentize_py_types import Err  # type: ignore[import-not-found]
from wit_world.imports import types as contract_types  # type: ignore[import-not-found]

from . import _host, codec
from .connector import Connector, WebhookRequest
from .failure import Failure, SendError
from .outcome import Done, Goto, Outcome, Wait
from .step import Event, Invocation, Step, Timer, Wake, from_host

_R = TypeVar("_R")

#: The finders of modules that stand in the interpreter itself.
_WITHOUT_FILES = [finder for finder in sys.meta_path if finder is not PathFinder]


def step(module: ModuleType) -> type:
    """The exports of the step of a module."""
    from wit_world.exports import step as contract  # type: ignore[import-not-found]

    plugin = _plugin(module, Step)
    described = codec.dumps(plugin.descriptor())

    def outcome(came: Outcome) -> Any:
        if isinstance(came, Done):
            output = None if came.output is None else codec.dumps(came.output)
            return contract.Outcome_Done(contract.Done(came.branch, output))
        if isinstance(came, Wait):
            events = [
                contract.Subscription(
                    to.event, to.about, None if to.when is None else codec.dumps(to.when), to.claim
                )
                for to in came.on
            ]
            state = codec.dumps(came.state)
            return contract.Outcome_Wait(contract.Wait(came.until, events, state))
        if isinstance(came, Goto):
            return contract.Outcome_Goto(came.step)
        return contract.Outcome_End(codec.as_utf8(came.reason))

    def invocation(run: Any) -> Invocation:
        return Invocation(
            run.run_id,
            run.workflow,
            run.step_id,
            run.visit,
            run.attempt,
            run.trigger,
            run.variables,
            run.contact,
        )

    class Export:
        """The contract's `step`."""

        def describe(self) -> str:
            return described

        def start(self, run: Any) -> Any:
            return _guarded(lambda: outcome(plugin.run(invocation(run), run.settings)))

        def resume(self, run: Any, state: str, wake: Any) -> Any:
            def act() -> Any:
                why: Wake = Timer()
                if isinstance(wake, contract.Wake_Event):
                    event = wake.value
                    why = Event(
                        event.id, event.name, from_host("an event's data", event.data), event.at
                    )
                return outcome(plugin.wake(invocation(run), run.settings, state, why))

            return _guarded(act)

    return _ready(Export)


def connector(module: ModuleType) -> type:
    """The exports of the connector of a module."""
    from wit_world.exports import connector as contract

    plugin = _plugin(module, Connector)
    described = codec.dumps(plugin.descriptor())

    class Export:
        """The contract's `connector`."""

        def describe(self) -> str:
            return described

        def check(self, channel: str) -> str:
            return _guarded(lambda: codec.dumps(plugin.run_check(channel)))

        def connect(self, channel: str, public_url: str) -> str:
            return _guarded(lambda: codec.dumps(plugin.run_connect(channel, public_url)))

        def send(self, channel: str, message: str, key: str) -> Any:
            def act() -> Any:
                receipt = plugin.run_send(channel, message, key)
                detail = None if receipt.detail is None else codec.dumps(receipt.detail)
                return contract.Receipt(codec.as_utf8(receipt.provider_id), receipt.status, detail)

            return _guarded(act, _not_sent)

        def receive(self, channel: str, request: Any) -> Any:
            def act() -> Any:
                asked = WebhookRequest(
                    request.method, request.url, list(request.headers), bytes(request.body)
                )
                received = plugin.run_receive(channel, asked)
                return contract.Received(
                    received.status,
                    list(received.headers),
                    received.body,
                    codec.dumps(list(received.events)),
                )

            return _guarded(act)

    return _ready(Export)


def _plugin(module: ModuleType, kind: type[Step[Any] | Connector[Any]]) -> Any:
    """The plugin of the project's sources, by the name that they must give it."""
    name = kind.kind
    plugin = getattr(module, name, None)
    if not isinstance(plugin, kind):
        raise ImportError(
            f"src/{module.__name__}.py has no `{name} = {kind.__name__}(...)`, and jackfield.toml "
            f'says kind = "{name}"'
        )
    return plugin


def _not_done(reason: str) -> Failure:
    return Failure.permanent("exception", reason)


def _not_sent(reason: str) -> Failure:
    """Of a connector's `send`: a mistake after the request has left is no proof that it failed."""
    return SendError.UNKNOWN.failure(reason, maybe_sent=_host.called_out)


def _guarded(act: Callable[[], _R], unforeseen: Callable[[str], Failure] = _not_done) -> _R:
    # There are no files any more: an import that would look for one has to fail as imports do.
    sys.meta_path[:] = _WITHOUT_FILES
    try:
        return act()
    except Failure as failure:
        raise _err(failure) from None
    except (Exception, SystemExit) as error:
        raise _err(unforeseen(_told(error))) from None


def _err(failure: Failure) -> Exception:
    record = contract_types.Failure(
        contract_types.FailureClass(failure.class_.value),
        codec.as_utf8(failure.code),
        codec.as_utf8(failure.message),
        None if failure.retry_after is None else max(0, int(failure.retry_after)),
        bool(failure.maybe_sent),
    )
    err: Exception = Err(record)
    return err


def _told(error: BaseException) -> str:
    """An exception that the plugin did not foresee, with the last line of its own sources."""
    text = type(error).__name__ + (f": {error}" if str(error) else "")
    if isinstance(error, ModuleNotFoundError):
        text += " (a component can import only while it is built: import it at the top of a module)"
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if "jackfield_plugin" not in file and file.startswith("/0/"):
            place = f" at {file.removeprefix('/0/')} line {trace.tb_lineno}"
        trace = trace.tb_next
    return text + place


class _Lines:
    """Standard output and error of a component: whole lines become lines of the log."""

    encoding = "utf-8"

    def __init__(self, write: Callable[[str], None] | None) -> None:
        self._write = write
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if self._write is not None:
                self._write(line)
        return len(text)

    def flush(self) -> None:
        """Lines are written when they are whole."""


def _ready(export: type) -> type:
    write = None
    if find_spec("wit_world.imports.log") is not None:
        from . import log

        write = log.info
    sys.stdout = sys.stderr = _Lines(write)
    gc.collect()
    gc.freeze()
    return export

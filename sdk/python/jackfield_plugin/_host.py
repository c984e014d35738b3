"""Where the imports lead: into the host, or to the test host of `testing`.

In a component the functions are those that the build generates from the project's own world, which
has the interfaces that `needs` in `jackfield.toml` names and no other. Natively there are none, and
no generated code is looked for.

What must hold: importing this package asks for no interface. A module such as `http` asks for its
own, when the plugin's sources import it; in a build whose world lacks it that ends the build, with
what to write into `jackfield.toml`.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any, Protocol

from .codec import Json, as_utf8
from .crossing import hold_record
from .failure import CallError

#: Whether this is a component, or one that is being made.
IN_COMPONENT = sys.platform == "wasi"


class TestHost(Protocol):
    """What stands in for the host in tests: every import, by interface and function."""

    def answer(self, interface: str, function: str, arguments: tuple[Any, ...]) -> Any:
        """Does what the function of the contract does."""


#: The test host in place, if any.
test_host: TestHost | None = None

#: Whether this activation has called the outside. A component begins each one with the memory that it
#: was built with, so this is never left over from another.
called_out = False


class Interface:
    """The functions of one import."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: Any = None
        if IN_COMPONENT:
            self._module = _generated(name)

    def call(self, function: str, *arguments: Any) -> Any:
        """Calls a function of the contract. Raises `CallError` where the host refuses."""
        arguments = tuple(
            as_utf8(argument) if isinstance(argument, str) else argument for argument in arguments
        )
        for argument in arguments:
            hold_record(argument)
        if self._name in ("http", "email"):
            global called_out
            called_out = True
        if self._module is not None:
            return _into_host(getattr(self._module, function), arguments)
        if test_host is None:
            raise RuntimeError(
                f"`{self._name}.{function}` has no host to go to: a test calls plugins inside "
                "`with Host(...):` of jackfield_plugin.testing"
            )
        return test_host.answer(self._name, function, arguments)


def read(text: str | None) -> Json:
    """JSON from the host; none where there is none."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise CallError("contract", f"the host's answer cannot be read: {error}") from None


def _generated(name: str) -> Any:
    try:
        return importlib.import_module(f"wit_world.imports.{name}")
    except ModuleNotFoundError:
        raise ImportError(
            f"the plugin imports `jackfield_plugin.{name}`, which `needs` in jackfield.toml does not "
            f'name: add "{name}" to it, so that whoever installs the plugin is asked for it on '
            "purpose, or leave the import out"
        ) from None


def _into_host(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        # The generated `Err(value)`; its module exists in components alone.
        refused = getattr(error, "value", None)
        if type(error).__name__ != "Err" or refused is None:
            raise
        raise CallError(
            refused.code,
            refused.message,
            grant=refused.grant,
            transient=refused.transient,
            maybe_sent=refused.maybe_sent,
            detail=read(refused.detail),
        ) from None

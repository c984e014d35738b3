"""The workspace's files."""

from __future__ import annotations

from typing import cast

from . import _host

_files = _host.Interface("files")


def read(name: str) -> bytes:
    """The bytes of a file, by its name. Local. Errors: `not-found` (no such file: the message says
    which files there are), `too-large` (more than 262,144 bytes)."""
    return cast(bytes, _files.call("read", name))

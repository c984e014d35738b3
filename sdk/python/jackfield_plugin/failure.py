"""Why an activation did not do what it was asked, as exceptions to raise.

The class decides what happens next, so each constructor's line says it. A refused host call raises
`CallError`; one that nobody catches becomes a failure by itself, with its code and its message, and
what may have reached the other side stays marked.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class FailureClass(Enum):
    """What happens after a failure. The numbers are the contract's order."""

    TRANSIENT = 0
    """Tried again with backoff, not before `retry_after`."""
    PERMANENT = 1
    """The failure branch is taken."""
    INVALID_CONFIG = 2
    """The failure branch is taken, and the operator is told which setting is wrong."""
    BLOCKED = 3
    """The failure branch is taken, and the operator is told what to put right outside."""


class CallError(Exception):
    """Why a host call did not do what it was asked.

    `code` is for programs (`denied`, `timeout`, ...), `message` for people; `grant` is the one that
    would allow a denied call; the same call may succeed later where it is `transient`, and may have
    reached the other side where it is `maybe_sent`; `detail` is more where the function says so.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        grant: str | None = None,
        transient: bool = False,
        maybe_sent: bool = False,
        detail: Any = None,
    ) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.grant = grant
        self.transient = transient
        self.maybe_sent = maybe_sent
        self.detail = detail


class Failure(Exception):
    """Ends the activation without what it was asked for. Made by the constructors of its classes."""

    def __init__(
        self,
        class_: FailureClass,
        code: str,
        message: str,
        *,
        retry_after: int | None = None,
        maybe_sent: bool = False,
    ) -> None:
        super().__init__(f"{message} ({class_.name.lower()}, {code})")
        self.class_ = class_
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.maybe_sent = maybe_sent

    @classmethod
    def transient(cls, code: str, message: str, *, retry_after: int | None = None) -> Failure:
        """May succeed later: tried again with backoff, not before so many milliseconds from now."""
        return cls(FailureClass.TRANSIENT, code, message, retry_after=retry_after)

    @classmethod
    def permanent(cls, code: str, message: str) -> Failure:
        """Will not succeed: the failure branch is taken."""
        return cls(FailureClass.PERMANENT, code, message)

    @classmethod
    def invalid_config(cls, setting: str, message: str) -> Failure:
        """A setting is wrong. `setting` is its path, such as `branches[2].when`."""
        return cls(FailureClass.INVALID_CONFIG, "invalid-config", f"setting `{setting}`: {message}")

    @classmethod
    def blocked(cls, code: str, message: str) -> Failure:
        """Something must be put right outside first (a credential, a grant, an account)."""
        return cls(FailureClass.BLOCKED, code, message)

    @classmethod
    def from_call(cls, error: CallError) -> Failure:
        """A refused host call: `denied` and `secret-missing` wait for the operator, what may pass is
        transient, the rest is permanent."""
        if error.code in ("denied", "secret-missing"):
            class_ = FailureClass.BLOCKED
        else:
            class_ = FailureClass.TRANSIENT if error.transient else FailureClass.PERMANENT
        message = error.message
        if error.grant is not None:
            message = f"{message} (the grant `{error.grant}` would allow it)"
        return cls(class_, error.code, message, maybe_sent=error.maybe_sent)


class SendError(Enum):
    """Why a connector's `send` did not send: `raise SendError.AUTH.failure("...")`. The host acts on
    these codes."""

    AUTH = "auth"
    """The credentials are wrong, expired or revoked: the channel is paused."""
    OUTSIDE_WINDOW = "outside-window"
    """The messaging window is closed; only a template is allowed."""
    RECIPIENT_INVALID = "recipient-invalid"
    """The address is unknown or not on this platform."""
    RECIPIENT_OPTED_OUT = "recipient-opted-out"
    """The contact has opted out at the provider: the host records it."""
    CONTENT_REJECTED = "content-rejected"
    """Too long, bad media, a template that does not match."""
    RATE_LIMITED = "rate-limited"
    """Too fast: the channel slows down, the message is tried again."""
    QUOTA = "quota"
    """No balance, or a monthly limit is used up."""
    POLICY = "policy"
    """The provider refuses by its rules, or has blocked the account."""
    TRANSIENT = "transient"
    """May pass: tried again."""
    UNSUPPORTED = "unsupported"
    """The channel cannot send such a message."""
    UNKNOWN = "unknown"
    """Anything else."""

    def failure(
        self, message: str, *, retry_after: int | None = None, maybe_sent: bool = False
    ) -> Failure:
        """The failure of this kind, with the class that belongs to it. `retry_after` is in
        milliseconds from now, for those that are tried again."""
        if self in (SendError.RATE_LIMITED, SendError.TRANSIENT):
            class_ = FailureClass.TRANSIENT
        elif self in (SendError.AUTH, SendError.QUOTA, SendError.POLICY):
            class_ = FailureClass.BLOCKED
        else:
            class_ = FailureClass.PERMANENT
        return Failure(class_, self.value, message, retry_after=retry_after, maybe_sent=maybe_sent)

    @classmethod
    def from_call(cls, error: CallError) -> Failure:
        """The failure of a request that got no answer from the provider. A `CallError` that leaves a
        connector's `check`, `connect` or `send` becomes this by itself."""
        if error.code == "secret-missing":
            kind = cls.AUTH
        elif error.code == "too-large":
            kind = cls.CONTENT_REJECTED
        elif error.transient or error.maybe_sent:
            kind = cls.TRANSIENT
        else:
            return Failure.from_call(error)
        return kind.failure(error.message, maybe_sent=error.maybe_sent)

"""Digests and signatures. Secrets are named, never seen. Local. Refusals: `denied`,
`secret-missing`."""

from __future__ import annotations

from enum import Enum
from typing import cast

from . import _host

_crypto = _host.Interface("crypto")


class Algorithm(Enum):
    """A hash function. The numbers are the contract's order."""

    MD5 = 0
    SHA1 = 1
    SHA256 = 2
    SHA384 = 3
    SHA512 = 4


def hash(algorithm: Algorithm, data: bytes) -> bytes:
    """The digest of data."""
    return cast(bytes, _crypto.call("hash", algorithm, data))


def hmac(algorithm: Algorithm, secret: str, data: bytes) -> bytes:
    """The HMAC (RFC 2104) of data under a secret."""
    return cast(bytes, _crypto.call("hmac", algorithm, secret, data))


def verify(algorithm: Algorithm, secret: str, data: bytes, signature: bytes) -> bool:
    """Whether `signature` is that HMAC, in constant time."""
    return cast(bool, _crypto.call("verify", algorithm, secret, data, signature))


def sign(algorithm: str, secret: str, data: bytes) -> bytes:
    """The signature of data under a private key, such as `rs256`: the secret is the key in PEM, or
    the JSON key of a Google service account; it needs the place `sign`. Refusals besides: `invalid`
    (no such algorithm, no such key)."""
    return cast(bytes, _crypto.call("sign", algorithm, secret, data))


def equal(secret: str, candidate: bytes) -> bool:
    """Whether `candidate` is the secret itself (a bearer token), in constant time."""
    return cast(bool, _crypto.call("equal", secret, candidate))

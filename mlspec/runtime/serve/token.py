"""The token that requests must carry, compared in constant time and kept as a digest only."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

# Probes of a platform carry no token; they learn that the server is there and nothing else.
OPEN = frozenset({"/healthz", "/readyz"})


class Token:
    """One bearer token. Digests are compared: they have one length, so neither length nor content shows in the time."""

    def __init__(self, value: bytes) -> None:
        self._digest = hashlib.sha256(value).digest()

    def admits(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a request with these headers may go on: one `Authorization: Bearer …` with the token, or an open path."""
        if path in OPEN:
            return True
        given = [value for name, value in headers if name == b"authorization"]
        scheme, _, value = (given[0] if len(given) == 1 else b"").partition(b" ")
        # The digest is compared in every case: a request without a token takes as long as one with a wrong one.
        same = hmac.compare_digest(hashlib.sha256(value.strip(b" ")).digest(), self._digest)
        return same and scheme.lower() == b"bearer"

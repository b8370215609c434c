"""The digest of a file of code: the compiler writes it into a plan, the lock holds it, and the runtime runs nothing that differs."""

from __future__ import annotations

import hashlib

_MARK = b"\xef\xbb\xbf"


def code_digest(data: bytes) -> str:
    """SHA-256 of a file's text in hex: a byte order mark and the line ends of a checkout do not count."""
    return hashlib.sha256(code_text(data)).hexdigest()


def code_text(data: bytes) -> bytes:
    """The bytes that the digest is of, and that are run."""
    return data.removeprefix(_MARK).replace(b"\r\n", b"\n")

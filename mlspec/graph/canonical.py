"""Canonical JSON and its digest: the one spelling that plans, keys and digests are made of."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_text(value: Any) -> str:
    """JSON with sorted keys and no spaces; floats by `repr`; NaN and infinities raise ValueError."""
    return _encoder.encode(value)


def canonical_bytes(value: Any) -> bytes:
    """Canonical JSON in UTF-8."""
    return canonical_text(value).encode()


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()

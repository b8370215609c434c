"""Telling people: an alert goes to each of its channels, once when it begins and once when it ends."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.secrets import resolve_secret

DEADLINE = 5.0
PAUSES = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to tell. It holds numbers and names of the spec only, never a value of a request."""

    monitor: str
    check: str
    status: str
    text: str
    at: str
    value: float | None
    bound: float | None
    worst: str
    n: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How telling a channel went."""

    channel: str
    check: str
    delivered: bool
    attempts: int
    problem: str = ""


def notify(
    alerts: Sequence[tuple[Alert, Sequence[str]]], channels: Mapping[str, Mapping[str, Any]], project_root: Path,
    pause: Callable[[float], None] = time.sleep,
) -> list[Delivery]:  # fmt: skip
    """Send every alert to its channels. A channel that cannot be reached is reported and stops nothing."""
    return [_deliver(alert, name, channels[name], project_root, pause) for alert, names in alerts for name in names]


def _deliver(alert: Alert, name: str, channel: Mapping[str, Any], root: Path, pause: Callable[[float], None]) -> Delivery:
    kind = channel["kind"]
    if kind == "log":
        return _log(alert, name, channel, root)
    if kind in ("webhook", "slack"):
        return _post(alert, name, channel, pause)
    raise StageError(
        "MLS901", f"the channel `{name}` is of a kind that is not built yet", name, expected="log, webhook, slack", found=str(kind),
        help="use `log()` or `webhook(…)`",
    )  # fmt: skip


def _log(alert: Alert, name: str, channel: Mapping[str, Any], root: Path) -> Delivery:
    """A line on stdout, and in a file where the channel names one."""
    line = json.dumps(asdict(alert), ensure_ascii=True)
    path = channel.get("path")
    if path is None:
        sys.stdout.write(f"{alert.at} {alert.monitor}.{alert.check} {alert.status}: {alert.text}\n")
        sys.stdout.flush()
        return Delivery(name, alert.check, True, 1)
    target = root / str(path)
    files.make_folder(target.parent)
    descriptor = files.open_append(target)
    try:
        files.append(descriptor, target, line.encode() + b"\n")
    finally:
        os.close(descriptor)
    return Delivery(name, alert.check, True, 1)


def _post(alert: Alert, name: str, channel: Mapping[str, Any], pause: Callable[[float], None]) -> Delivery:
    """POST the alert as JSON, three times at most. The address is a secret: no message repeats it."""
    address = _address(name, channel)
    body = (
        {"text": f"{alert.monitor}.{alert.check} {alert.status}: {alert.text}"} if channel["kind"] == "slack" else asdict(alert)
    )
    data = json.dumps(body, ensure_ascii=True).encode()
    problem = ""
    for attempt, wait in enumerate((*PAUSES, None), 1):
        problem = _send(address, data)
        if not problem:
            return Delivery(name, alert.check, True, attempt)
        if wait is None or problem.startswith("refused"):
            return Delivery(name, alert.check, False, attempt, problem)
        pause(wait)
    return Delivery(name, alert.check, False, len(PAUSES) + 1, problem)


def _address(name: str, channel: Mapping[str, Any]) -> str:
    """The URL of a channel: plain text, or a secret handle."""
    given = next(value for key, value in channel.items() if key != "kind")
    url = given if isinstance(given, str) else resolve_secret(name, given).decode()
    parts = urllib.parse.urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise StageError(
            "MLS801", f"the address of the channel `{name}` is no https address", name, expected="https://…", found=parts.scheme or "none",
            help="give an https address; http only to this machine",
        )  # fmt: skip
    return url


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An alert goes where the spec says, not where an answer points."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


def _send(url: str, data: bytes) -> str:
    """Empty after a 2xx, else what went wrong; `refused …` when sending again cannot help."""
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method="POST")  # noqa: S310 - scheme is checked
    opener = urllib.request.build_opener(_NoRedirect(), urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=DEADLINE) as answer:
            answer.read(1024)
        return ""
    except urllib.error.HTTPError as error:
        return f"status {error.code}" if error.code >= 500 or error.code == 429 else f"refused with status {error.code}"
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return type(reason).__name__ if isinstance(reason, Exception) else "no connection"

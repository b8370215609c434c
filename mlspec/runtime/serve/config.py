"""The serve config: what the `serve` block of a spec says, as the server reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mlspec.runtime.errors import StageError

OUTPUTS = ("probability", "decision", "prediction")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may cost: sizes in bytes, times in seconds."""

    body: int = 1024 * 1024
    records: int = 1000
    headers: int = 16 * 1024
    receipt: float = 10.0
    handler: float = 10.0
    concurrency: int = 64
    connections: int = 1024
    grace: float = 30.0
    drain_delay: float = 1.0


@dataclass(frozen=True, slots=True)
class LogField:
    """One declared field of the request log."""

    name: str
    expression: Any


@dataclass(frozen=True, slots=True)
class LogConfig:
    """The `log` block: which fields are kept, of which share of requests, for how long."""

    name: str
    keep: float
    sample: float | None
    fields: tuple[LogField, ...]
    day_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """One `serve` block."""

    name: str
    output: str = "probability"
    port: int = 8080
    spec_digest: str = ""
    model: str = ""
    gates: str | None = None
    request: tuple[str, ...] | None = None
    fallback: str | None = None
    slo: tuple[Mapping[str, Any], ...] = ()
    token: Mapping[str, Any] | None = None
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    log: LogConfig | None = None


def _known(data: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    unknown = sorted(set(data) - set(names))
    if unknown:
        raise StageError(
            "MLS805", f"the serve config has a field `{unknown[0]}` that no server reads", where,
            expected=", ".join(names), found=unknown[0], help="compile the spec again with this version of mlspec",
        )  # fmt: skip


def _limits(data: Mapping[str, Any], where: str) -> Limits:
    names = [item.name for item in fields(Limits)]
    _known(data, names, where)
    return Limits(**data)


def _log(data: Mapping[str, Any] | None, where: str) -> LogConfig | None:
    if data is None:
        return None
    _known(data, ("name", "keep", "sample", "fields", "day_bytes"), where)
    rows = tuple(LogField(row["name"], row["expression"]) for row in data["fields"])
    extra = {"day_bytes": int(data["day_bytes"])} if "day_bytes" in data else {}
    return LogConfig(data["name"], float(data["keep"]), data.get("sample"), rows, **extra)


def read_config(data: Mapping[str, Any]) -> ServeConfig:
    """The config from its JSON form; an unknown field or output is an error, never ignored."""
    name = str(data.get("name", "serve"))
    _known(data, [item.name for item in fields(ServeConfig)], name)
    output = data.get("output", "probability")
    if output not in OUTPUTS:
        raise StageError(
            "MLS805", f"`{output}` is no output of a server", f"{name}.output", expected=", ".join(OUTPUTS), found=str(output),
            help="set `output` to one of them",
        )  # fmt: skip
    request = data.get("request")
    return ServeConfig(
        name=name, output=output, port=int(data.get("port", 8080)), spec_digest=data.get("spec_digest", ""),
        model=data.get("model", ""), gates=data.get("gates"), request=tuple(request) if request is not None else None, fallback=data.get("fallback"),
        slo=tuple(data.get("slo", ())), token=data.get("token"), workers=int(data.get("workers", 1)), limits=_limits(data.get("limits", {}), f"{name}.limits"),
        secrets=dict(data.get("secrets", {})), log=_log(data.get("log"), f"{name}.log"),
    )  # fmt: skip

"""What must hold of times in a spec: a cron line that some day fits, a zone that exists, lengths that leave time for a run."""

from __future__ import annotations

from mlspec.spec.findings import Findings, nearest
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.values import Made, Value

_SHORTEST = 60.0


def check_times(block: Block, scope: Scope) -> None:
    """The times of a schedule (209), and that somebody hears of a deadline that passes (106)."""
    made = block.make("at")
    if made is not None and made.name == "cron":
        _check_cron(made, scope.findings)
    elif made is not None:
        _check_length(f"the interval of `{block.name}`", made.args.get("length"), scope.findings)
    check_lengths(block, scope)
    if block.get("deadline") is not None and block.get("on_failure") is None and not _broken_channel(block, scope):
        channel = next((each.name for each in scope.spec.of_kind("channel")), "")
        scope.findings.add(
            "MLS106", block.span_of("deadline"), kind="schedule", block=block.name, name="on_failure",
            wanted="the channel that is told when the deadline passes", fix=f"on_failure = {channel}" if channel else "",
        )  # fmt: skip


def _broken_channel(block: Block, scope: Scope) -> bool:
    """Whether the block names a channel that is reported already."""
    return any(
        found.span is not None and block.span.start <= found.span.start < block.span.end for found in scope.findings.found
    )


def check_lengths(block: Block, scope: Scope) -> None:
    """209: `refresh = 0s`, a deadline at the very start."""
    for field in ("deadline", "refresh"):
        _check_length(f"`{field}` of `{block.name}`", block.fields.get(field), scope.findings)


def _check_length(what: str, value: Value | None, findings: Findings) -> None:
    if value is not None and value.item is not None and float(value.item) < _SHORTEST:
        findings.add("MLS209", value.span, what=what, got=f"`{_text(value)}`", wanted="`1min` or more")


def _check_cron(made: Made, findings: Findings) -> None:
    from mlspec.spec.cron import CronError, canonical

    times, zone = made.args.get("times"), made.args.get("zone")
    if times is not None:
        try:
            canonical(str(times.item))
        except CronError as error:
            findings.add(
                "MLS209", times.span, what=f"{error.what} of `cron(…)`", got=error.got, wanted=error.wanted, hint=error.hint
            )
    if zone is not None and not zone_known(str(zone.item)):
        near = nearest(str(zone.item), _zones())
        findings.add(
            "MLS209", zone.span, what="the zone of `cron(…)`", got=f"`{_text(zone)}`",
            wanted='a name of the time zone database, such as `"UTC"` or `"Europe/Berlin"`', hint=f'did you mean `"{near}"`?' if near else "",
        )  # fmt: skip


def zone_known(name: str) -> bool:
    """Whether the time zone database has a zone of this name; a machine without the database knows UTC."""
    if name == "UTC":
        return True
    from zoneinfo import ZoneInfo

    if not name.isascii() or not name.replace("/", "").replace("_", "").replace("-", "").replace("+", "").isalnum():
        return False
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a folder of zones, a path, an unknown name
        return False
    return True


def _zones() -> list[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


def _text(value: Value) -> str:
    return value.span.text if value.span is not None else str(value.item)

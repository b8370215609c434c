"""What a running plan shows: a live picture on a terminal, plain lines elsewhere, nothing when nobody looks."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from mlspec.graph import Graph
from mlspec_local.events import Event
from mlspec_local.words import Paint, clean, cut, duration, memory

if TYPE_CHECKING:
    from mlspec_local.live import LivePicture


class Display(Protocol):
    """Shows events; used as a context manager around a run."""

    def show(self, event: Event) -> None: ...

    def __enter__(self) -> Display: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def display_for(progress: str, graph: Graph) -> Display:
    """The display for `rich`, `plain` or `none`."""
    if progress == "rich":
        return LiveDisplay(graph)
    return PlainDisplay() if progress == "plain" else Silent()


class Silent:
    """Shows nothing."""

    def show(self, event: Event) -> None:
        """Nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to end."""


class PlainDisplay(Silent):
    """One line for each stage that starts or ends, on stderr: for logs and pipes."""

    def show(self, event: Event) -> None:
        """Print the line of the event, if it has one."""
        line = line_of(event, Paint(False))
        if line:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


class LiveDisplay(Silent):
    """The live picture. rich is imported when the first stage starts, and not when everything is reused."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._picture: LivePicture | None = None
        self._to_run = 0

    def show(self, event: Event) -> None:
        """Update the picture; before there is one, warnings go to stderr as lines."""
        if event.kind == "planned":
            self._to_run = event.data["run"]
        if event.kind == "started" and self._picture is None:
            from mlspec_local.live import LivePicture

            self._picture = LivePicture(self._graph, self._to_run)
        if self._picture is not None:
            self._picture.show(event)
        elif line := line_of(event, Paint(True)):
            sys.stderr.write(line + "\n")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._picture is not None:
            self._picture.close()


def line_of(event: Event, paint: Paint) -> str:
    """The event as one line; empty for what is not worth one."""
    data = event.data
    if event.kind == "planned" and data["run"]:
        return f"{data['run']} stages to run, {data['reused']} reused"
    if event.kind == "started":
        again = f" (attempt {data['attempt']})" if data["attempt"] > 1 else ""
        return f"{paint('dim', '  start')} {event.stage}{again}"
    if event.kind == "finished":
        cost = f"{duration(data['seconds'])}, {memory(data['peak_memory'])}"
        return f"{paint('green', '   done')} {event.stage} {paint('dim', cost)}"
    if event.kind == "failed":
        error = data["error"]
        return f"{paint('red', ' FAILED')} {event.stage} [{error['code']}] {cut(clean(str(error['message'])), 160)}"
    if event.kind == "retried":
        return f"{paint('yellow', '  retry')} {event.stage}: {cut(clean(str(data['error']['message'])), 160)}"
    if event.kind == "not-run":
        return f"{paint('yellow', 'not run')} {event.stage}: `{data['because']}` failed"
    if event.kind == "warning":
        return f"{paint('yellow', 'warning')} {clean(str(data['message']))}"
    return ""

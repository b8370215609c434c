"""The live picture of a run, drawn with rich: the stages that run, how far they are, what the whole run has done."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mlspec.graph import Graph
from mlspec_local.display import line_of
from mlspec_local.events import Event
from mlspec_local.words import Paint, clean, cut, duration

_BAR = 24
_TIME = len("99 min 59 s")


@dataclass
class _Running:
    started: float
    done: float = 0.0
    total: float | None = None
    note: str = ""


class LivePicture:
    """Lines of what ended scroll up; below them, redrawn, one line for each stage that runs and one for the run."""

    def __init__(self, graph: Graph, to_run: int) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._width = max((len(name) for name in graph.stages), default=0)
        self._to_run, self._ended = to_run, 0
        self._running: dict[str, _Running] = {}
        self._started = time.monotonic()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=8, transient=True)
        self._live.start()

    def show(self, event: Event) -> None:
        """Take in one event."""
        if event.kind == "started":
            self._running[event.stage] = _Running(time.monotonic())
        elif event.kind == "progress" and event.stage in self._running:
            running = self._running[event.stage]
            running.done, running.total, running.note = event.data["done"], event.data["total"], event.data["note"]
        elif event.kind in ("finished", "failed", "retried", "not-run"):
            self._running.pop(event.stage, None)
            self._ended += event.kind != "retried"
        if event.kind != "started" and (line := line_of(event, Paint(True))):
            self._live.console.print(Text.from_ansi(line), soft_wrap=True)

    def close(self) -> None:
        """Remove the picture; the lines stay."""
        self._live.stop()

    def _draw(self) -> Table:
        now = time.monotonic()
        grid = Table.grid(padding=(0, 1))
        for width in (1, self._width, _BAR):
            grid.add_column(min_width=width, no_wrap=True)
        grid.add_column(justify="right", min_width=_TIME, no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        # What a stage says is cut first: a column of the others that shrinks would move all of its line.
        known = 1 + self._width + _BAR + _TIME + 4
        room = max(self._console.width - known, 8)
        for name, running in self._running.items():
            bar = _bar(running.done, running.total) if running.total else Text("")
            elapsed = duration(now - running.started)
            grid.add_row(self._spinner, Text(name, "bold"), bar, Text(elapsed, "cyan"), Text(cut(_note(running), room), "dim"))
        count = Text(f"{self._ended} of {self._to_run} stages", "dim")
        whole = Text(duration(now - self._started), "cyan")
        grid.add_row(Text(" "), Text("run"), _bar(self._ended, self._to_run), whole, count)
        return grid


def _bar(done: float, total: float) -> ProgressBar:
    return ProgressBar(total=max(total, 1), completed=done, width=_BAR, complete_style="cyan")


def _note(running: _Running) -> str:
    count = f"{running.done:g}/{running.total:g}" if running.total else (f"{running.done:g}" if running.done else "")
    return cut(" ".join(part for part in (count, clean(running.note)) if part), 60)

"""Stage functions that misbehave, to stand in for `write`: what they do is the text of their config."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from mlspec.runtime import write
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError


def run(context: StageContext) -> None:
    """Do what the first word of the text says, then write as usual."""
    word, _, rest = str(context.config["text"]).partition(" ")
    _ACTIONS.get(word, lambda context, rest: None)(context, rest)
    write.run(context)


def _sleep(context: StageContext, rest: str) -> None:
    (context.project_root / f"{context.stage_id}.pid").write_text(str(os.getpid()))
    time.sleep(float(rest.partition(" ")[0]))


def _spawn(context: StageContext, rest: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (context.project_root / f"{context.stage_id}.pid").write_text(str(child.pid))


def _refuse(context: StageContext, rest: str) -> None:
    raise StageError("MLS805", "3 rows are out of range", "people.age", expected="16..100", found="-1", help="fix the data")


def _break(context: StageContext, rest: str) -> None:
    raise KeyError("no such thing")


def _die(context: StageContext, rest: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _flaky(context: StageContext, rest: str) -> None:
    mark = context.project_root / "tried"
    if not mark.exists():
        mark.write_text("once")
        raise StageError("MLS801", "the server did not answer", "people")


def _silent(context: StageContext, rest: str) -> None:
    os._exit(0)


def _progress(context: StageContext, rest: str) -> None:
    for done in range(5):
        context.progress(done + 1, 5, f"step {done}")
        time.sleep(0.12)


def _exhaust(context: StageContext, rest: str) -> None:
    bytearray(1 << 34)


def _gate(context: StageContext, rest: str) -> None:
    raise StageError("MLS815", "gate `useful` failed", "release.useful", expected=">= 0.9", found="0.8")


_ACTIONS: dict[str, Callable[[StageContext, str], None]] = {
    "sleep": _sleep, "spawn": _spawn, "refuse": _refuse, "break": _break, "die": _die, "flaky": _flaky, "silent": _silent,
    "progress": _progress, "exhaust": _exhaust, "gate": _gate,
}  # fmt: skip

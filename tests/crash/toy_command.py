"""The toy project as a command, slowed down so that it can be killed: `python -m tests.crash.toy_command`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlspec_local import run_plan

from mlspec.backend import RunRequest
from mlspec.runtime import files
from tests.crash.toy import toy_graph


def _slow(name: str, path: str, action: Callable[[], Any]) -> Any:
    time.sleep(0.002)
    return action()


if __name__ == "__main__":
    files.operations = _slow
    sys.exit(run_plan(RunRequest(toy_graph(), Path(), jobs=2)).exit_code)

"""`python -m mlspec_kfp.runner PIPELINE OUTPUTS`: one pipeline under kfp's SubprocessRunner, in the folder it is started in."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """0 when every task succeeded, 1 when one failed."""
    path, outputs = arguments
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from kfp.components import load_component_from_file
    from kfp.local import SubprocessRunner, init

    # The name of an image says nothing to a runner that uses none.
    warnings.filterwarnings("ignore", message=".*non-Python base image.*", category=RuntimeWarning)
    init(runner=SubprocessRunner(use_venv=False), pipeline_root=outputs, raise_on_error=True)
    pipeline = load_component_from_file(path)
    try:
        pipeline()
    except RuntimeError as error:
        print(error)  # noqa: T201 - the log of the run is this process' output
        return 1
    return 0


def _end_with_parent() -> None:
    """Standard input ends when whoever started us is gone, however it went: then the task at work must not outlive us."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

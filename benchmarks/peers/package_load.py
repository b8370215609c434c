"""How long a fresh process waits for a package, imports and digests included: `python package_load.py FOLDER`. It prints its seconds, and those of its CPU."""

from __future__ import annotations

import sys
import time
from pathlib import Path


def main() -> None:
    """Load it once."""
    began, cpu = time.perf_counter(), time.process_time()
    from mlspec.runtime.package.model import load_package

    load_package(Path(sys.argv[1]))
    sys.stdout.write(f"{time.perf_counter() - began} {time.process_time() - cpu}\n")


if __name__ == "__main__":
    main()

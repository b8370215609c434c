"""The child of test_doc_hostile.py: pages of untrusted specs, under the hook that refuses what a compiler must not do.

    python -m tests.unit.doc_hostile OUT FILE…    `doc`, and `graph` as a page, on each file; prints one line of JSON

Nothing may be written but below OUT, and nothing of a spec imported, run or asked for.
"""

from __future__ import annotations

import copy  # noqa: F401 - asks for a module of Jython when it is first imported, which the hook would take for the spec's
import json
import resource
import sys
from pathlib import Path

from tests.unit import hostile


def main(arguments: list[str]) -> None:
    out, *files = arguments
    resource.setrlimit(resource.RLIMIT_AS, (hostile.MEMORY, hostile.MEMORY))
    hostile.CACHE = f"{out}/"  # the one place that may be written
    Path(out).mkdir(exist_ok=True)
    sys.addaudithook(hostile.hook)
    results = []
    for number, path in enumerate(files):
        results.append(hostile.ask(["doc", path, "-o", f"{out}/{number}", "--run", "none"]))
        results.append(hostile.ask(["graph", path, "--format", "html"]))
    print(json.dumps({"violations": hostile.violations, "results": results}))


if __name__ == "__main__":
    main(sys.argv[1:])

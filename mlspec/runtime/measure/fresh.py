"""A package in a process of its own: the time until it may answer, and what it answers to rows that are known.

Run as `python -m mlspec.runtime.measure.fresh PACKAGE ROWS`, where ROWS is a JSON list of requests. It prints one line of JSON.
"""

import time

BEGIN = time.perf_counter()

import hashlib  # noqa: E402  (the clock runs before anything that a package needs is loaded)
import json  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402


def digest_of_scores(score: Any) -> str:
    """The digest of scores, bit for bit."""
    return hashlib.sha256(score.astype("<f8").tobytes()).hexdigest()


def main(folder: str, rows: str) -> dict[str, Any]:
    """Load, then answer the rows one by one as a server reads them."""
    from mlspec.runtime.package import load_package

    package = load_package(Path(folder))
    load = time.perf_counter() - BEGIN

    from dataclasses import replace

    import numpy as np

    from mlspec.runtime.serve.schema import RequestSchema

    # Held-out rows may hold a value that no fitting row had, whatever the policy for requests is.
    package.transform = replace(package.transform, unknown="encode")
    records = json.loads(Path(rows).read_bytes())
    schema = RequestSchema(package.columns, max(1, len(records)))
    scores, decisions, seconds = [], [], []
    for record in records:
        begin = time.perf_counter()
        found = package.score(schema.read(record)[0])
        seconds.append(time.perf_counter() - begin)
        scores.append(found.score)
        decisions += found.decision
    package.close()
    every = np.concatenate(scores) if scores else np.zeros(0)
    return {
        "load": load, "answer": statistics.median(seconds) if seconds else None, "rows": len(records), "scores": digest_of_scores(every),
        "decisions": hashlib.sha256(json.dumps(decisions, default=str).encode()).hexdigest(),
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2])) + "\n")

"""Command line of the fuzzer; exits 1 at the first finding and leaves its input beside the report."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz.check import check_bytes, check_text
from tests.fuzz.mutate import corpus, mutate_bytes, mutate_text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--inputs", type=int, default=0, help="stop after this many inputs (default: by time)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="where the input of a finding is written")
    options = parser.parse_args()
    return run(options.seconds, options.inputs, options.seed, options.keep)


def run(seconds: float, inputs: int, seed: int, keep: Path) -> int:
    """Runs until the time or the number of inputs is used up."""
    rng = random.Random(seed)
    seeds = corpus()
    counts: Counter[str] = Counter()
    slowest = 0.0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds and (not inputs or counts.total() < inputs):
        text = rng.choice(seeds)
        data: str | bytes = mutate_text(text, rng) if rng.random() < 0.8 else mutate_bytes(text.encode(), rng)
        began = time.process_time()
        try:
            counts[check_text(data) if isinstance(data, str) else check_bytes(data)] += 1
        except Exception:
            traceback.print_exc()
            keep.mkdir(parents=True, exist_ok=True)
            path = keep / f"finding-{seed}-{counts.total()}"
            path.write_bytes(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
            print(f"fuzz: FAILED at input {counts.total()} (seed {seed}); the input is {path}", file=sys.stderr)
            return 1
        slowest = max(slowest, time.process_time() - began)
    shown = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
    spent = time.perf_counter() - start
    print(
        f"fuzz: {counts.total():,} inputs in {spent:.0f} s (seed {seed}), 0 findings; {shown}; slowest {slowest * 1e3:.0f} ms"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

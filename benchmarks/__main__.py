"""`python -m benchmarks NAME…`: one JSON line per figure; exits 0 whether the goal is met or not."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.figures import FIGURES
from benchmarks.page import Reading, reading, write


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to measure")
    parser.add_argument("--list", action="store_true", help="name every figure with its peer, goal and what it needs")
    parser.add_argument("--all", action="store_true", help="measure every figure")
    parser.add_argument("-n", type=int, metavar="RUNS", help="how often each side runs (default: by figure)")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put what was measured into this page; other rows stay")
    return parser


def listing() -> str:
    """What `--list` prints."""
    return "\n".join(
        f"{name:18} {row.about}\n{'':18} peer: {row.peer}; goal: {row.goal}; needs: {row.needs}"
        for name, row in FIGURES.items()
    )


def main() -> None:
    """List, or measure the named figures."""
    parser = arguments()
    chosen = parser.parse_args()
    if chosen.list:
        print(listing())
        return
    names = list(FIGURES) if chosen.all else chosen.names
    if unknown := [name for name in names if name not in FIGURES]:
        parser.error(f"no figure named {', '.join(unknown)}; --list names them")
    if not names:
        parser.error("name a figure, or --all, or --list")
    if chosen.n is not None and chosen.n < 1:
        parser.error("-n takes a number of at least 1")
    readings: list[Reading] = []
    for name in names:
        for figure in FIGURES[name].measure(chosen.n):
            print(json.dumps(figure.to_json()), flush=True)
            readings.append(reading(figure))
            if chosen.write is not None:
                write(chosen.write, readings)


if __name__ == "__main__":
    main()

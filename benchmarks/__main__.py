"""`python -m benchmarks NAME…`: one JSON line per figure; exits 0 whether the goal is met or not."""

from __future__ import annotations

import argparse
import json

from benchmarks.figures import FIGURES


def main() -> None:
    """List, or run the named figures."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to measure")
    parser.add_argument("--list", action="store_true", help="name every figure with its peer, goal and what it needs")
    parser.add_argument("--all", action="store_true", help="measure every figure")
    chosen = parser.parse_args()
    if chosen.list:
        for name, figure in FIGURES.items():
            print(f"{name:24} {figure.about}\n{'':24} peer: {figure.peer}; goal: {figure.goal}; needs: {figure.needs}")
        return
    names = list(FIGURES) if chosen.all else chosen.names
    if unknown := [name for name in names if name not in FIGURES]:
        parser.error(f"no figure named {', '.join(unknown)}; --list names them")
    if not names:
        parser.error("name a figure, or --all, or --list")
    for name in names:
        for figure in FIGURES[name].measure():
            print(json.dumps(figure.to_json()), flush=True)


if __name__ == "__main__":
    main()

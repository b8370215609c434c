"""The audit log of a project: runs that judged, releases that were served, overrides; and whether anybody changed it.

`list` (the default) prints the records, `verify` checks the chain, its head, the runs that point into it, and `--head`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.loading import style
from mlspec.cli.terminal import clean, err, out

if TYPE_CHECKING:
    from mlspec.runtime.audit.chain import Chain

FORMATS = ("text", "json")
_DIGEST = re.compile(r"(?:[0-9]+:)?[0-9a-f]{64}")


def arguments(parser: argparse.ArgumentParser) -> None:
    """`list` or `verify`, `--head`."""
    parser.add_argument("action", nargs="?", choices=("list", "verify"), default="list", help="what to do (default: list)")
    parser.add_argument(
        "--head",
        metavar="DIGEST",
        help="of `verify`: the digest of a record that was kept elsewhere; it must still be in the log",
    )


def run(options: argparse.Namespace) -> int:
    """Read the chain, print it or what is wrong with it; exit 1 when anything is."""
    from mlspec.driver import Project
    from mlspec.runtime.audit import log
    from mlspec.runtime.errors import StageError

    root = Project.of(Path("x")).root
    if options.head is not None and options.action != "verify":
        raise exits.CommandError(
            "`--head` goes with `verify`", expected="mlspec audit verify --head DIGEST", found="mlspec audit --head"
        )
    if options.head is not None and not _DIGEST.fullmatch(options.head):
        raise exits.CommandError("`--head` is no digest of a record", expected="64 hex digits, as `mlspec audit verify` prints them",
                                 found=options.head)  # fmt: skip
    try:
        chain = log.read(root)
        problems = [*chain.problems, *(_beside(root, chain, options.head) if options.action == "verify" else ())]
    except StageError as error:
        raise exits.CommandError(
            error.message, exits.INPUT_OUTPUT, expected=error.expected, found=error.found, help=error.help
        ) from error
    if options.format == "json":
        out(json.dumps(_document(chain, problems), indent=2, ensure_ascii=False) + "\n")
    elif options.action == "list":
        _list(options, chain)
    else:
        _verified(options, chain, problems)
    return exits.FOUND if problems else exits.OK


def _beside(root: Path, chain: Chain, head: str | None) -> list[str]:
    """What else points into the log: a digest kept elsewhere, and the runs of the project."""
    from mlspec.runtime.errors import StageError
    from mlspec.runtime.runs import SUMMARY, read_summary, run_folders
    from mlspec.runtime.store import Store

    found = []
    if head is not None and not chain.holds(head.rpartition(":")[2]):
        found.append(
            f"no record has the digest {head.rpartition(':')[2][:16]}… that was kept: the log was cut short, or begun anew"
        )
    for folder in run_folders(Store(root)):
        if not (folder / SUMMARY).is_file():
            continue
        try:
            summary = read_summary(folder)
        except StageError as error:
            found.append(f"what run {folder.name} was recorded under is lost: {error.message}")
            continue
        digest = (summary.get("audit") or {}).get("digest")
        if digest is not None and not chain.holds(str(digest)):
            found.append(f"run {folder.name} was recorded as {str(digest)[:16]}…, which the log has not")
    return found


def _document(chain: Chain, problems: list[str]) -> dict[str, Any]:
    return {
        "format": 1, "sound": not problems, "head": {"count": chain.head.count, "digest": chain.head.digest},
        "problems": problems, "notes": list(chain.notes), "records": [dict(record) for record in chain.records],
    }  # fmt: skip


def _list(options: argparse.Namespace, chain: Chain) -> None:
    paint = style(options)
    if not chain.records:
        out("nothing is on record yet: runs with gates, servers and overrides are\n")
    for record in chain.records:
        event = str(record.get("event"))
        colour = "red" if event == "override" else "bold"
        out(f"{record['n']:>5}  {clean(str(record.get('at')))}  {paint(colour, event.ljust(8))}  {clean(said(record))}\n")
        if options.verbose:
            out(f"       {paint('dim', str(record['digest']))}\n")
    for problem in chain.problems:
        err(f"{paint('red', 'broken')}: {problem}\n")
    for note in chain.notes:
        err(f"note: {note}\n")


def said(record: Mapping[str, Any]) -> str:
    """A record in one line."""
    event = record.get("event")
    if event == "run":
        verdicts = record.get("verdicts", {})
        told = [
            f"{name} {'passed' if each.get('passed') else 'failed ' + ', '.join(each.get('failed', ()))}"
            for name, each in verdicts.items()
        ]
        env = f" under env {record['env']}" if record.get("env") else ""
        return f"{record.get('spec')} run {record.get('run')}{env}: {'; '.join(told)}"
    if event == "override":
        return (
            f"{record.get('actor')} releases {record.get('spec')} run {record.get('run')} until {record.get('expires')} although "
            f"{', '.join(record.get('failed', ()))} failed: {record.get('reason')}"
        )
    if event == "revoke":
        return f"{record.get('actor')} ends override {record.get('of')}: {record.get('reason')}"
    if event in ("promote", "rollback"):
        before = f"version {record.get('before')}" if record.get("before") else "nothing"
        why = f": {record['reason']}" if record.get("reason") else ""
        return (
            f"{record.get('actor')} moves {record.get('registered')}@{record.get('alias')} from {before} to version {record.get('after')}, "
            f"package {str(record.get('package'))[:12]}{why}"
        )
    if event == "not_moved":
        return f"the registry refused record {record.get('of')}: {record.get('registered')}@{record.get('alias')} may not have moved ({record.get('why')})"
    if event == "waivers":
        names = [
            f"{each.get('finding')} by {each.get('owner')} until {each.get('expires')}" for each in record.get("waivers", ())
        ]
        return f"{record.get('spec')} run {record.get('run')} with what is waived: {'; '.join(names)}"
    how = f", by override {record['override']}" if record.get("override") else "" if record.get("released") else ", UNRELEASED"
    return (
        f"{record.get('spec')}#{record.get('block')}: package {str(record.get('package'))[:12]} of run {record.get('run')}{how}"
    )


def _verified(options: argparse.Namespace, chain: Chain, problems: list[str]) -> None:
    paint = style(options)
    for problem in problems:
        out(f"{paint('red', 'broken')}: {problem}\n")
    for note in chain.notes:
        out(f"note: {note}\n")
    count = chain.head.count
    if chain.sound:
        text = "the chain of records in itself is unbroken" if problems else paint("green", "unbroken")
        out(f"{text}: {count} record{'' if count == 1 else 's'}\n")
    if count and not problems and not options.quiet:
        out(f"head {count}:{chain.head.digest}\n")

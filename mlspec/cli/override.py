"""Release a package that its gates refused: in the name of an approver, with a reason and a last day, on record.

It holds for exactly this spec, this package and the gates that failed. `mlspec serve` and `mlspec score` then take the package, and say so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.cli import exits
from mlspec.cli.failures import exit_code_of, stage_diagnostics
from mlspec.cli.loading import checked, choose, say, split_name, style
from mlspec.cli.options import add_spec
from mlspec.cli.terminal import clean, out

if TYPE_CHECKING:
    from mlspec.driver import Compilation
    from mlspec.spec.model import Block

_MOST_REASON = 2000


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC[#gates], `--actor`, `--reason`, `--expires`, `--run`, `--revoke`."""
    add_spec(parser, named=True)
    parser.add_argument("--actor", required=True, metavar="NAME", help="the approver who signs")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why it is acceptable; a sentence that holds in a year")
    parser.add_argument("--expires", metavar="DATE", help="the last day on which it holds, such as 2027-01-31, in UTC")
    parser.add_argument("--run", metavar="N", help="the run whose verdict failed (default: the newest of this spec)")
    parser.add_argument("--revoke", type=int, metavar="RECORD", help="end an override, by its number in `mlspec audit`")


def run(options: argparse.Namespace) -> int:
    """Check who signs what, append the record, mark the pages of the run."""
    from mlspec.runtime.errors import StageError

    path, name = split_name(options.spec)
    found = checked(options, path)
    if found is None or found.spec is None:
        return exits.FOUND
    block = choose(found, "gates", name)
    try:
        faults = [*_faults_of_signer(options, found), *([] if options.revoke else _faults_of_end(options, found))]
        if faults:
            raise _refused(block, *faults[0])
        return _revoke(options, found, block) if options.revoke else _override(options, found, block)
    except StageError as error:
        say(options, stage_diagnostics(found.spec, [error.to_json()]), [str(found.path)])
        return exit_code_of([error.code])


def _refused(block: Block, why: str, expected: str, given: str, help: str = "") -> Exception:
    from mlspec.runtime.errors import StageError

    return StageError(
        "MLS821", f"`{block.name}` cannot be overridden: {why}", block.name, expected=expected, found=given, help=help
    )


def _faults_of_signer(options: argparse.Namespace, found: Compilation) -> Iterator[tuple[str, str, str, str]]:
    """Who may not sign, and reasons that say nothing or too much."""
    from mlspec.policy.waivers import approvers_of
    from mlspec.runtime.audit.overrides import LEAST_REASON
    from mlspec.spec.checks.secrets import looks_secret
    from mlspec.spec.findings import listing

    assert found.spec is not None
    signers = found.policy.signers("override", approvers_of(found.spec))
    if options.actor not in signers:
        yield (f"`{options.actor}` is no approver", f"one of {listing(signers)}" if signers else "an approver; nobody is one yet",
               options.actor, "`approvers` in `[policy]` of mlspec.toml, or of the `spec` block, name who may")  # fmt: skip
    reason = " ".join(options.reason.split())
    if len(reason) < LEAST_REASON or len(reason.split()) < 2:
        yield (
            "the reason says nothing",
            f"{LEAST_REASON} characters or more",
            reason or "nothing",
            "say what was weighed and what will end it",
        )
    if len(reason) > _MOST_REASON or not reason.isprintable():
        yield (
            "the reason is no text to keep",
            f"plain text of at most {_MOST_REASON:,} characters",
            f"{len(reason):,} characters",
            "",
        )
    if looks_secret(reason):
        yield (
            "the reason seems to hold a secret, and the log is kept for ever",
            "no password, key or token",
            "a text that looks like one",
            "",
        )


def _faults_of_end(options: argparse.Namespace, found: Compilation) -> Iterator[tuple[str, str, str, str]]:
    """Last days that are over or too far away. The day goes on record as YYYY-MM-DD, however it was spelled: it is compared as text."""
    from datetime import date

    from mlspec.policy.waivers import days_between
    from mlspec.runtime.audit.log import today

    try:
        options.expires = date.fromisoformat(options.expires or "").isoformat()
    except ValueError:
        yield "it has no last day", "--expires DATE, such as 2027-01-31", options.expires or "nothing", ""
        return
    days, most = days_between(today(), options.expires), found.policy.get("policy.override_days")
    if days < 0:
        yield "its last day is over", f"{today()} or later", options.expires, ""
    if days > most:
        yield (f"it would hold for {days} days", f"at most {most} days", options.expires,
               "an override can be given again; `override_days` in mlspec.toml sets the most")  # fmt: skip


def _override(options: argparse.Namespace, found: Compilation, block: Block) -> int:
    from mlspec.runtime.audit import log
    from mlspec.runtime.audit.overrides import OVERRIDE, body_of, sentence
    from mlspec.runtime.audit.stamp import stamp

    root = found.project.root
    log.read_sound(root)
    folder, summary = _failed_run(options, found, block)
    body = body_of(summary, block.name, options.actor, " ".join(options.reason.split()), options.expires)
    head = log.append(root, OVERRIDE, body)
    record: dict[str, Any] = {"n": head.count, "digest": head.digest, **body}
    pages = stamp(folder, summary, record)
    if options.format == "json":
        out(json.dumps({"format": 1, "record": record, "pages": [str(page) for page in pages]}, indent=2) + "\n")
        return exits.OK
    paint = style(options)
    out(f"{paint('red', clean(sentence(record)))}\n")
    for name, text in body["failed"].items():
        out(f"  {block.name}.{name}: {clean(text)}\n")
    for model, digest in body["packages"].items():
        out(f"  {model}: package {digest[:12]}, of run {summary['run']}\n")
    if not options.quiet:
        out(f"record {head.count} of the audit log; keep its digest elsewhere: {head.digest}\n")
    return exits.OK


def _failed_run(options: argparse.Namespace, found: Compilation, block: Block) -> tuple[Path, Mapping[str, Any]]:
    """The run that is overridden: of this very spec, released nothing, and failed."""
    from mlspec.runtime.runs import summaries

    for folder, summary in summaries(found.project.root):
        if options.run is not None and folder.name != options.run.zfill(6):
            continue
        if summary.get("spec_digest") != found.spec_digest:
            if options.run is None:
                continue
            raise _refused(block, f"run {folder.name} is of another text of this spec", "a run of the spec as it is", f"run {folder.name}",
                           "check out the spec that it ran, or run this one")  # fmt: skip
        verdict = summary.get("verdicts", {}).get(block.name)
        fault = _fault_of_run(summary, verdict, block)
        if fault:
            raise _refused(block, f"run {folder.name} {fault}", "a run whose gates refused a package", f"run {folder.name}")
        return folder, summary
    raise _refused(
        block,
        "there is no such run of this spec",
        "a run of the spec as it is",
        options.run or "none",
        "`mlspec run` makes one",
    )


def _fault_of_run(summary: Mapping[str, Any], verdict: Mapping[str, Any] | None, block: Block) -> str:
    if summary.get("guarded", bool(summary.get("env"))):
        return "ran under an env that changes what models depend on: its packages are for trying out"
    if verdict is None:
        return f"has no verdict of `{block.name}`"
    if verdict.get("passed") is True:
        return "passed: there is nothing to override"
    return "" if verdict.get("packages") else "judged no package"


def _revoke(options: argparse.Namespace, found: Compilation, block: Block) -> int:
    """End an override of these very gates, and mark the pages of its runs with what still stands."""
    from mlspec.runtime.audit import log
    from mlspec.runtime.audit.overrides import REVOKED, standing
    from mlspec.runtime.audit.stamp import stamp_standing
    from mlspec.runtime.runs import summaries

    root = found.project.root
    records = log.read_sound(root).records
    known = {record["n"]: record for record in standing(records, log.today())}
    own = {number: record for number, record in known.items() if _is_of(record, found, block)}
    if options.revoke not in own:
        other = known.get(options.revoke)
        whose = "no override that stands" if other is None else f"an override of `{other['gates']}` of {other['spec']}"
        raise _refused(block, f"record {options.revoke} is {whose}", ", ".join(map(str, own)) or "none stands", str(options.revoke),
                       "`mlspec audit` lists the records; name the spec and the gates that it is of")  # fmt: skip
    head = log.append(root, REVOKED, {"of": options.revoke, "actor": options.actor, "reason": " ".join(options.reason.split())})
    records = log.read_sound(root).records
    for folder, summary in summaries(root):
        if summary.get("spec_digest") == own[options.revoke]["spec_digest"]:
            stamp_standing(folder, summary, records, log.today())
    if options.format == "json":
        out(json.dumps({"format": 1, "revoked": options.revoke, "record": head.count, "digest": head.digest}, indent=2) + "\n")
    else:
        out(
            f"override {options.revoke} is revoked (record {head.count}): a server that runs keeps answering until it is started again\n"
        )
    return exits.OK


def _is_of(record: Mapping[str, Any], found: Compilation, block: Block) -> bool:
    """Whether an override is of these gates of this spec, as it is or as it was: who may sign for others may not end it."""
    assert found.spec is not None
    return (record.get("spec"), record.get("gates")) == (found.spec.name, block.name)

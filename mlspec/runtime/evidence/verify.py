"""Check an evidence pack: every byte against its digest, every claim against its files, the chain of the log from its beginning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.audit.chain import read_chain
from mlspec.runtime.evidence.pack import FORMAT, INDEX

MOST = 64 * 1024 * 1024


def verify_pack(folder: Path) -> tuple[Mapping[str, Any], list[str]]:
    """The index of a pack and what is wrong with it; no index that can be read is an empty one with a problem."""
    index, problem = _index(folder)
    if problem:
        return {}, [problem]
    held, problems = _files(folder, index)
    return index, [*problems, *_claims(index), *_artifacts(index, held), *_verdicts(index, held), *_audit(index, held)]


def _index(folder: Path) -> tuple[Mapping[str, Any], str]:
    path = folder / INDEX
    if not path.is_file():
        return {}, f"there is no `{INDEX}`: this is no evidence pack"
    try:
        index = json.loads(files.read_bytes(path))
        body = {name: item for name, item in index.items() if name != "digest"}
        sound = index["digest"] == digest_of(body) and index["format"] == FORMAT
        shapes = all(isinstance(index[name], kind) for name, kind in (("files", dict), ("claims", list), ("artifacts", list)))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return {}, f"`{INDEX}` is not as it was written"
    return (index, "") if sound and shapes else ({}, f"`{INDEX}` is not as it was written")


def _files(folder: Path, index: Mapping[str, Any]) -> tuple[dict[str, bytes], list[str]]:
    """The files that are as they were written, and what is said of the others."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()} - {INDEX}
    problems = [f"`{path}` is missing" for path in sorted(set(index["files"]) - there)]
    problems += [f"`{path}` is not in the index" for path in sorted(there - set(index["files"]))]
    held = {}
    for path in sorted(there & set(index["files"])):
        one = folder / path
        data = b"" if one.is_symlink() or one.stat().st_size > MOST else files.read_bytes(one)
        if hashlib.sha256(data).hexdigest() == index["files"][path]:
            held[path] = data
        else:
            problems.append(f"`{path}` is not as it was written")
    return held, problems


def _claims(index: Mapping[str, Any]) -> Iterator[str]:
    for claim in index["claims"]:
        for link in claim["links"]:
            if index["files"].get(link["file"]) != link["digest"]:
                yield f"the claim `{claim['id']}` links to `{link['file']}`, whose digest is another"


def _artifacts(index: Mapping[str, Any], held: Mapping[str, bytes]) -> Iterator[str]:
    """The digest of an artifact is that of its files, and the files that were copied are those."""
    for one in index["artifacts"]:
        if digest_of(one["files"]) != one["digest"]:
            yield f"the files of `{one['stage']}/{one['output']}` do not give its digest"
        for name in one["copied"]:
            path = f"{one['folder']}/{name}"
            if path in held and hashlib.sha256(held[path]).hexdigest() != one["files"].get(name):
                yield f"`{path}` is not the file of the artifact {one['digest'][:12]}"


def _verdicts(index: Mapping[str, Any], held: Mapping[str, bytes]) -> Iterator[str]:
    """What a verdict says of a package is said of the package in the pack; the run's summary names these artifacts."""
    packages = {one["digest"] for one in index["artifacts"] if one["output"] == "package"}
    summary = json.loads(held["summary.json"]) if "summary.json" in held else {}
    written = {item["digest"] for state in summary.get("stages", {}).values() for item in (state.get("outputs") or {}).values()}
    for one in index["artifacts"]:
        if summary and one["digest"] not in written:
            yield f"the run did not write `{one['stage']}/{one['output']}` with the digest {one['digest'][:12]}"
        path = f"{one['folder']}/verdict.json"
        if one["output"] == "verdict" and path in held:
            for name, digest in json.loads(held[path])["packages"].items():
                if digest not in packages:
                    yield f"`{one['stage']}` judged the package `{name}` {digest[:12]}, which is not in the pack"
    body = {name: item for name, item in summary.items() if name != "check"}
    if summary and summary.get("check") != digest_of(body):
        yield "`summary.json` is not as mlspec wrote it"


def _audit(index: Mapping[str, Any], held: Mapping[str, bytes]) -> Iterator[str]:
    told = next((claim.get("record") for claim in index["claims"] if claim["id"] == "audit"), None)
    if told is None or "audit/audit.jsonl" not in held:
        return
    chain = read_chain(held["audit/audit.jsonl"], held.get("audit/audit.head"))
    yield from chain.problems
    if not chain.holds(str(told)):
        yield f"the log has no record {str(told)[:12]} of this run"

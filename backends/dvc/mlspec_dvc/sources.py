"""What an `extract` stage depends on outside the plan: files, or the folder of a pattern or of a database."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from mlspec.backend import Finding
from mlspec.graph import Stage, code_files
from mlspec.graph.kinds import LOOKED_UP
from mlspec.graph.leaves import BESIDE
from mlspec_dvc.layout import OWN

TARGET = "dvc"
_MAGIC = re.compile(r"[*?[]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_RESERVED = re.compile(r"(?:\.git|\.dvc|\.dvcignore|dvc\.yaml|dvc\.lock|.*\.dvc)\Z", re.IGNORECASE)


@dataclass
class Data:
    """The paths that a stage depends on, of data and of the code of externs, from the project root; `always` when DVC cannot know whether they changed."""

    paths: list[str] = field(default_factory=list)
    always: bool = False
    findings: list[Finding] = field(default_factory=list)


def data_of(stage: Stage, own: str | None) -> Data:
    """The dependencies of a stage on data. `own` is the folder that the files are written to, None when that is not known."""
    found = Data()
    if stage.kind in LOOKED_UP:
        found.always = True
        found.findings.append(Finding("MLS702", stage.block, {
            "target": TARGET, "what": f"a look at the alias `{shown(str(stage.config.get('alias')))}` of the registry",
            "how": "it is looked up on every `dvc repro`; what reads it runs again when it names another package"}))  # fmt: skip
    for path in code_files(stage.config):
        found.paths.append(path)
        if problem := problem_of(path) or _overlap(path, own):
            found.findings.append(Finding("MLS706", stage.block, {
                "target": TARGET, "name": shown(path), "why": problem,
                "wanted": "a plain path inside the project, outside what the pipeline writes"}))  # fmt: skip
    if stage.kind != "extract":
        return found
    where = f"{stage.block}.from"
    for path in (*stage.config.get("paths", ()), *filter(None, [stage.config.get("images")])):
        problem = problem_of(str(path)) or _overlap(str(path), own)
        if problem:
            found.findings.append(Finding("MLS706", where, {
                "target": TARGET, "name": shown(str(path)), "why": problem,
                "wanted": "a plain path inside the project, outside what the pipeline writes"}))  # fmt: skip
        else:
            _depend(found, stage, str(path), where, own)
    found.paths = list(dict.fromkeys(found.paths))
    return found


def _depend(found: Data, stage: Stage, path: str, where: str, own: str | None) -> None:
    if _MAGIC.search(path):
        folder = "/".join(_before_magic(path))
        if _holds(folder, own):
            found.findings.append(Finding("MLS701", where, {
                "target": TARGET, "what": f"a pattern over the folder that it writes to itself (`{shown(path)}`)",
                "wanted": "a pattern in a folder that holds data only, as `data/*.csv`"}))  # fmt: skip
        else:
            found.paths.append(folder)
    elif stage.config.get("format") in BESIDE:
        folder = path.rpartition("/")[0]
        if _holds(folder, own):
            found.paths.append(path)
            found.always = True
            found.findings.append(Finding("MLS702", where, {
                "target": TARGET, "what": f"a look at the log beside `{shown(path)}`",
                "how": "the rows are extracted on every `dvc repro`; in a folder of its own they are not"}))  # fmt: skip
        else:
            found.paths.append(folder)
    else:
        found.paths.append(path)


def _before_magic(path: str) -> Iterator[str]:
    for part in path.split("/"):
        if _MAGIC.search(part):
            return
        yield part


def _holds(folder: str, own: str | None) -> bool:
    """Whether the folder is, or holds, what the pipeline writes to."""
    if folder in ("", "."):
        return True
    return own is not None and (own == folder or own.startswith(f"{folder}/"))


def _overlap(path: str, own: str | None) -> str:
    """Why the path cannot be a source because the pipeline writes there."""
    if own is None:
        return ""
    inside = path.removeprefix(f"{own}/") if own else path
    written = (own == "" or path.startswith(f"{own}/")) and inside.split("/")[0] in OWN
    return "the pipeline writes there itself" if written else ""


def problem_of(path: str) -> str:
    """Why DVC, a YAML reader or a terminal would take the path for something else; empty when it is plain."""
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts:
        return "it does not lie inside the project"
    if any(unicodedata.category(character) in _FORBIDDEN for character in path):
        return "it holds a control character, a line separator or an invisible one"
    if "${" in path:
        return "DVC would fill in `${…}`"
    if "\\" in path:
        return "DVC takes `\\` for an escape"
    if any(_RESERVED.match(part) for part in parts):
        return "DVC and git use this name themselves"
    if any(part != part.strip() for part in parts):
        return "a part of it begins or ends with a space"
    if _SCHEME.match(parts[0]):
        return "DVC takes the start for a protocol"
    return ""


def shown(text: str) -> str:
    """The text for a message: whatever could act on a terminal is escaped."""
    return "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in text)[
        :120
    ]

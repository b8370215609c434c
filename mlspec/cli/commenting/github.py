"""A pull request at GitHub, told from the event of the run that made the report, and never from the report.

The report was made by a run that the pull request may have changed: which pull request it is about, and whether it changed the workflow
that made it, is asked of GitHub.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mlspec.cli import exits
from mlspec.cli.commenting.report import MAX_BYTES, ReportError, read_report
from mlspec.cli.commenting.sticky import Body, body_of, notice
from mlspec.cli.commenting.wire import Wire

MEMBER = "diff.json"
MAX_PAGES = 30
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_MAKERS = (".github/workflows/", ".github/actions/")


class Run:
    """The run that made the report, as the event of GitHub describes it."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        try:
            run = event["workflow_run"]
            self.id = int(run["id"])
            self.event = str(run["event"])
            self.commit = str(run["head_sha"])
            self.branch = str(run["head_branch"])
            head = run["head_repository"] or {"full_name": "", "owner": {"login": ""}}  # of a fork that is gone
            self.head = str(head["full_name"])
            self.owner = str(head["owner"]["login"])
            self.repository = str(event["repository"]["full_name"])
            self.numbers = [int(item["number"]) for item in run.get("pull_requests") or ()]
        except (KeyError, TypeError, ValueError):
            raise exits.CommandError(
                "the event is not that of a finished workflow run", expected="`on: workflow_run`", help="docs/pull-requests.md"
            ) from None
        if not _REPOSITORY.fullmatch(self.repository) or not _COMMIT.fullmatch(self.commit):
            raise exits.CommandError("the event names no repository and commit", found=f"{self.repository} {self.commit}"[:200])

    @classmethod
    def read(cls, path: str) -> Run:
        """From the file of the event."""
        try:
            event = json.loads(Path(path).read_bytes())
        except (ValueError, RecursionError):
            event = None  # a file that is no JSON is no event either
        return cls(event if isinstance(event, dict) else {})


class GitHub:
    """The comments of one pull request; `author` is the account that the token belongs to."""

    def __init__(self, wire: Wire, run: Run, author: str) -> None:
        self.wire = wire
        self.run = run
        self.author = author
        self.number = 0
        self._repository = f"/repos/{run.repository}"

    def find(self) -> bool:
        """Whether one open pull request stands at the commit of the run: it is the one that is meant."""
        if not self.run.head:
            return False
        head = quote(f"{self.run.owner}:{self.run.branch}", safe="")
        found = [
            int(item["number"])
            for item in self._pages(f"/pulls?state=open&head={head}")
            if item["head"]["sha"] == self.run.commit and (item["head"]["repo"] or {}).get("full_name") == self.run.head
        ]
        if len(found) > 1:
            found = [number for number in found if self.run.numbers == [number]]
        self.number = found[0] if found else 0
        return bool(found)

    def body(self, artifact: str, server: str) -> Body | None:
        """What to say; None where the run left nothing, as one that was cancelled."""
        foot = f"<sub>Made by [the run]({server}/{self.run.repository}/actions/runs/{self.run.id}) of `{self.run.commit[:10]}`.</sub>"
        names, all_known = self._touched()
        if not all_known or any(name.startswith(_MAKERS) for name in names):
            return notice("this pull request changes the workflows of this repository, or too many files to tell, so what its run "
                          "reports is not shown here. `mlspec diff` shows it.", foot,
                          any(name.endswith(".mlspec") for name in names))  # fmt: skip
        data = self._report(artifact)
        if data is None:
            return None
        try:
            return body_of(read_report(data), foot)
        except ReportError:
            return notice("the run left a report that cannot be read. `mlspec diff` shows what changed.", foot)

    def _touched(self) -> tuple[set[str], bool]:
        """The files that the pull request touches, and whether these are all: GitHub lists so many and no more."""
        listed = list(self._pages(f"/pulls/{self.number}/files?"))
        names = {str(item.get(key) or "") for item in listed for key in ("filename", "previous_filename")}
        return names, len(listed) < MAX_PAGES * 100

    def _report(self, name: str) -> bytes | None:
        """The one file of the run's artifact, as far as it may be long."""
        listed = self.wire.ask(
            "GET", f"{self._repository}/actions/runs/{self.run.id}/artifacts?per_page=100&name={quote(name, safe='')}"
        )
        found = [item for item in listed["artifacts"] if item["name"] == name and not item["expired"]]
        if not found:
            return None
        if int(found[0]["size_in_bytes"]) > MAX_BYTES:
            return b""
        packed = self.wire.fetch(f"{self._repository}/actions/artifacts/{int(found[0]['id'])}/zip", MAX_BYTES)
        return _unpacked(packed)

    def own(self) -> list[tuple[int, str]]:
        """The comments of the token's account."""
        listed = self._pages(f"/issues/{self.number}/comments?")
        return [(int(item["id"]), str(item["body"])) for item in listed if (item["user"] or {}).get("login") == self.author]

    def write(self, text: str) -> None:
        """A new comment."""
        self.wire.ask("POST", f"{self._repository}/issues/{self.number}/comments", {"body": text})

    def edit(self, comment: int, text: str) -> None:
        """Another text for a comment."""
        self.wire.ask("PATCH", f"{self._repository}/issues/comments/{comment}", {"body": text})

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        for page in range(1, MAX_PAGES + 1):
            joined = "" if path.endswith("?") else "&"
            items = self.wire.ask("GET", f"{self._repository}{path}{joined}per_page=100&page={page}")
            yield from items
            if len(items) < 100:
                return


def _unpacked(packed: bytes) -> bytes:
    """The report in a zip file: nothing is written, no other member is looked at, and no more is unpacked than may be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive, archive.open(MEMBER) as member:
            return member.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        return b""

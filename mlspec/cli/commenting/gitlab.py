"""The notes of a merge request at GitLab, from the variables of its pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.cli import exits
from mlspec.cli.commenting.wire import Wire

MAX_PAGES = 30


class GitLab:
    """The notes of one merge request."""

    def __init__(self, wire: Wire, project: str, number: str) -> None:
        if not project.isdigit() or not number.isdigit():
            raise exits.CommandError("this is no pipeline of a merge request", expected="CI_PROJECT_ID and CI_MERGE_REQUEST_IID",
                                     found=f"{project} {number}".strip(), help="run the job in merge request pipelines")  # fmt: skip
        self.wire = wire
        self._notes = f"/projects/{project}/merge_requests/{number}/notes"

    def own(self) -> list[tuple[int, str]]:
        """The notes of the token's account."""
        me = int(self.wire.ask("GET", "/user")["id"])
        found: list[tuple[int, str]] = []
        for page in range(1, MAX_PAGES + 1):
            items: list[Mapping[str, Any]] = self.wire.ask("GET", f"{self._notes}?sort=asc&per_page=100&page={page}")
            found += [
                (int(item["id"]), str(item["body"])) for item in items if not item["system"] and item["author"]["id"] == me
            ]
            if len(items) < 100:
                break
        return found

    def write(self, text: str) -> None:
        """A new note."""
        self.wire.ask("POST", self._notes, {"body": text})

    def edit(self, comment: int, text: str) -> None:
        """Another text for a note."""
        self.wire.ask("PUT", f"{self._notes}/{comment}", {"body": text})

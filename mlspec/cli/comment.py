"""Keep one comment of a pull request up to date with what a diff found.

The report is a file that `mlspec diff --format json` wrote; at GitHub it may be left out: then it is the artifact of the run that
ended. It is verified and written anew, so that whoever made it cannot put words of their own into the comment.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.terminal import err, out

if TYPE_CHECKING:
    from mlspec.cli.commenting.sticky import Body

FORMATS = ("text",)


def arguments(parser: argparse.ArgumentParser) -> None:
    """REPORT and where to."""
    parser.add_argument("report", metavar="REPORT", nargs="?", help="a file that `mlspec diff --format json` wrote")
    parser.add_argument(
        "--to",
        choices=("github", "gitlab", "print"),
        default="print",
        help="where the comment goes; `print` shows it (default)",
    )
    parser.add_argument(
        "--artifact",
        metavar="NAME",
        default="mlspec-diff",
        help="github: the artifact that holds the report (default: mlspec-diff)",
    )
    parser.add_argument(
        "--author",
        metavar="LOGIN",
        default="github-actions[bot]",
        help="github: the account of the token (default: github-actions[bot])",
    )


def run(options: argparse.Namespace) -> int:
    """Verify the report, write the comment or edit it, and say what was done."""
    said = {"github": _github, "gitlab": _gitlab, "print": _print}[options.to](options)
    if said and not options.quiet:
        err(f"{said}\n")
    return exits.OK


def _print(options: argparse.Namespace) -> str:
    out(_read(options, "").text)
    return ""


def _github(options: argparse.Namespace) -> str:
    from mlspec.cli.commenting.github import GitHub, Run
    from mlspec.cli.commenting.sticky import keep
    from mlspec.cli.commenting.wire import Wire, patiently

    run = Run.read(_needed("GITHUB_EVENT_PATH"))
    if run.event != "pull_request":
        return f"the run is of `{run.event}`, not of a pull request"
    headers = {"Authorization": f"Bearer {_needed('GITHUB_TOKEN')}", "Accept": "application/vnd.github+json",
               "X-GitHub-Api-Version": "2022-11-28"}  # fmt: skip
    host = GitHub(Wire(os.environ.get("GITHUB_API_URL") or "https://api.github.com", headers), run, options.author)

    def act() -> str:
        if not host.find():
            return "no one open pull request stands at the commit of the run"
        body = host.body(options.artifact, os.environ.get("GITHUB_SERVER_URL") or "https://github.com")
        return "the run left no report" if body is None else keep(host, body)

    return patiently(act)


def _gitlab(options: argparse.Namespace) -> str:
    from mlspec.cli.commenting.gitlab import GitLab
    from mlspec.cli.commenting.sticky import keep
    from mlspec.cli.commenting.wire import Wire, patiently

    wire = Wire(_needed("CI_API_V4_URL"), {"PRIVATE-TOKEN": _needed("MLSPEC_COMMENT_TOKEN")})
    host = GitLab(wire, _needed("CI_PROJECT_ID"), _needed("CI_MERGE_REQUEST_IID"))
    commit = os.environ.get("CI_COMMIT_SHA", "")
    body = _read(options, f"<sub>Made by the pipeline of `{commit[:10]}`.</sub>" if commit.isalnum() else "")
    return patiently(lambda: keep(host, body))


def _read(options: argparse.Namespace, foot: str) -> Body:
    from mlspec.cli.commenting.report import MAX_BYTES, ReportError, read_report
    from mlspec.cli.commenting.sticky import body_of

    if options.report is None:
        raise exits.CommandError("which report?", expected="a file that `mlspec diff --format json` wrote")
    with Path(options.report).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return body_of(read_report(data), foot)
    except ReportError as error:
        raise exits.CommandError(f"{options.report}: {error}", exits.NOT_COMPARED,
                                 help="`mlspec diff --format json` writes it; the same version must read it") from None  # fmt: skip


def _needed(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise exits.CommandError(
            f"the variable {name} is not set",
            help="the command runs in a job of GitHub Actions or GitLab CI: docs/pull-requests.md",
        )
    return value

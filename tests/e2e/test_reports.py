"""The reports of a run, opened in a real browser: they show something, log no error, and ask no other host for anything."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("census")]

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1200,2400",
]  # fmt: skip
STAGES = ("eda-explore", "run-report")


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser; without it the tests are skipped, and fail where CI says that it must be there."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        say = "no chromium: apt-get install -y chromium"
        pytest.fail(say) if os.environ.get("CI") == "true" else pytest.skip(say)
    return found


def report(project: Project, stage: str) -> Path:
    """The page of a stage in the newest run that has it."""
    return max(project.folder.glob(f".mlspec/runs/*/reports/{stage}/index.html"))


def browse(chromium: str, page: Path, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Load a page with a fresh profile."""
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


class Loaded(HTMLParser):
    """What a page would fetch: every src, stylesheet and embedded object."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (name in {"src", "srcset", "data", "poster"} or (name == "href" and tag in {"link", "image", "use"})):
                self.fetched.append(value)


def pixels(png: bytes) -> bytes:
    """The decompressed bytes of a PNG, filters left in."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    return zlib.decompress(data)


@pytest.mark.parametrize("stage", STAGES)
def test_a_report_fetches_nothing(census: Project, stage: str) -> None:
    text = report(census, stage).read_text(encoding="utf-8")
    assert [value for value in Loaded(text).fetched if not value.startswith(("data:", "#"))] == []
    assert not re.findall(r"(?:@import|url\()\s*['\"]?(?!data:|#)[^)'\"]+", text)


@pytest.mark.parametrize("stage", STAGES)
def test_a_report_opens_in_a_browser(census: Project, stage: str, chromium: str, tmp_path: Path) -> None:
    page = report(census, stage)
    shown = browse(chromium, page, tmp_path / "profile", "--enable-logging=stderr", "--dump-dom")
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert "<main" in shown.stdout and "<svg" in shown.stdout
    # Chromium marks a page's own messages, violations of its content policy among them, with CONSOLE.
    assert [line for line in shown.stderr.splitlines() if "CONSOLE" in line] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_report_is_not_blank(census: Project, stage: str, chromium: str, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    shown = browse(chromium, report(census, stage), tmp_path / "profile", f"--screenshot={picture}")
    assert picture.is_file(), shown.stderr[-2000:]
    assert len(set(pixels(picture.read_bytes()))) > 64, "a blank page has two or three values"

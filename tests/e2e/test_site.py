"""The site and the pages of `graph` and `diff` in a real browser: clicked, typed in, on a small screen, in the dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlspec.cli import main
from mlspec.doc.site import BUILT
from tests.support.browser import Browser
from tests.support.project import Project
from tests.support.stored_run import store_run
from tests.unit.test_doc import findings, project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("census")]
CASES = Path(__file__).parents[1] / "cases"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the case with a run, with the pages of a graph and a diff beside it."""
    folder = tmp_path_factory.mktemp("site")
    spec = project(folder)
    (folder / "people.csv").write_text("code\n")
    store_run(spec, findings())
    assert main(["doc", str(spec), "-o", str(folder / "out"), "-q"]) == 0
    return folder / "out"


def chosen(browser: Browser) -> list[str]:
    """The names that are highlighted, the chosen one first."""
    found: list[str] = browser.evaluate("[...document.querySelectorAll('.node.self, .node.on')].map((n) => n.dataset.name)")
    first = browser.evaluate("document.querySelector('.node.self')?.dataset.name ?? null")
    return ([first] if first else []) + [name for name in found if name != first]


def focused(browser: Browser) -> Any:
    return browser.evaluate("document.activeElement.dataset.name ?? document.activeElement.tagName")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 500])
def test_every_page_opens_fetches_nothing_and_fits(browser: Browser, pages: Path, width: int, dark: bool) -> None:
    for name in BUILT:
        browser.said.clear()
        browser.asked.clear()
        browser.open(pages / name, width=width, dark=dark)
        assert browser.said == [], name
        assert [url for url in browser.asked if url not in ((pages / name).as_uri(), "about:blank")] == []
        assert browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, name
        assert browser.evaluate("getComputedStyle(document.body).colorScheme") is not None
        ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in ground.strip("rgb()").split(",")[:3]) < 200) == dark, "the style follows the scheme"


def test_a_click_shows_what_a_column_becomes(browser: Browser, pages: Path) -> None:
    browser.open(pages / "lineage.html")
    assert chosen(browser) == []
    browser.click('.node[data-name="people.age"]')
    found = chosen(browser)
    assert found[0] == "people.age"
    assert {"inputs.age", "tune", "release.useful", "api", "api.decisions.score"} <= set(found)
    assert not {"inputs.city", "people.sex", "by_time"} & set(found)
    said = browser.evaluate("document.querySelector('.said').innerText")
    assert "Made from: nothing" in said
    assert "inputs.age" in said
    browser.click('.node[data-name="people.age"]')
    assert chosen(browser) == []


def test_upstream_and_downstream_of_a_model(browser: Browser, pages: Path) -> None:
    browser.open(pages / "lineage.html")
    browser.click('.node[data-name="tune"]')
    found = set(chosen(browser))
    assert {"people.age", "people.left", "inputs.city", "release.fair", "monthly"} <= found
    assert not {"base", "people.code", "inputs.sex"} & found


def test_the_keyboard_walks_along_the_lines(browser: Browser, pages: Path) -> None:
    browser.open(pages / "lineage.html")
    browser.evaluate("document.querySelector('.node[data-name=\"people.age\"]').focus()")
    browser.press("ArrowRight")
    assert focused(browser) == "inputs.age"
    browser.press("ArrowRight")
    assert focused(browser) in ("tune", "base")
    browser.press("ArrowLeft")
    assert str(focused(browser)).startswith(("inputs.", "people.", "by_time"))
    browser.press("Home")
    assert focused(browser) == "people.code"
    browser.press("ArrowDown")
    assert focused(browser) != "people.code"
    browser.press("Enter")
    assert chosen(browser)[0] == focused(browser)
    browser.press("Escape")
    assert chosen(browser) == []
    assert browser.evaluate("document.querySelectorAll('.node[tabindex=\"0\"]').length") == 1, "one stop for the Tab key"


def test_the_search_box_finds_and_chooses(browser: Browser, pages: Path) -> None:
    browser.open(pages / "lineage.html")
    browser.evaluate("document.querySelector('.node').focus()")
    browser.press("/")
    for letter in "city":
        browser.press(letter)
    assert browser.evaluate("document.querySelector('.found').textContent") == "2 found"
    assert browser.evaluate("[...document.querySelectorAll('.hit')].map((n) => n.dataset.name)") == [
        "people.city",
        "inputs.city",
    ]
    browser.press("Enter")
    assert chosen(browser)[0] == "people.city"
    browser.press("Enter")
    assert chosen(browser)[0] == "inputs.city"
    browser.press("Escape")
    assert chosen(browser) == []
    assert browser.evaluate("document.querySelector('[data-find]').value") == ""


def test_zoom_changes_the_size_and_fit_brings_it_back(browser: Browser, pages: Path) -> None:
    browser.open(pages / "stages.html", width=700)
    width = "Number(document.querySelector('svg.network').getAttribute('width'))"
    first = browser.evaluate(width)
    browser.click('[data-do="in"]')
    assert browser.evaluate(width) == pytest.approx(first * 1.25)
    browser.click('[data-do="out"]')
    browser.click('[data-do="out"]')
    assert browser.evaluate(width) == pytest.approx(first / 1.25)
    browser.click('[data-do="fit"]')
    assert browser.evaluate(width) <= browser.evaluate("document.querySelector('.canvas').clientWidth")


def test_a_link_from_another_page_chooses_its_column(browser: Browser, pages: Path) -> None:
    browser.open(pages / "data.html")
    link = str(
        browser.evaluate(
            "[...document.querySelectorAll('a')].find((a) => a.getAttribute('href').startsWith('lineage.html#')).href"
        )
    )
    browser.open(pages / "lineage.html", anchor=link.partition("#")[2])
    assert chosen(browser)[0] == "people.age"


def test_without_a_script_a_node_is_a_link_to_its_row(browser: Browser, pages: Path, tmp_path: Path) -> None:
    text = (pages / "lineage.html").read_text()
    bare = tmp_path / "lineage.html"
    bare.write_text(text[: text.index("<script>")] + "</body></html>")
    browser.open(bare)
    assert browser.evaluate("getComputedStyle(document.querySelector('.tools')).display") == "none"
    browser.click('.node[data-name="people.age"]')
    assert browser.evaluate("location.hash") == "#row-a-people-age"
    assert browser.evaluate("document.getElementById(location.hash.slice(1)).innerText").startswith("people.age")


def test_script_that_is_not_ours_is_refused(browser: Browser, pages: Path, tmp_path: Path) -> None:
    """If text ever became markup, the page's own policy would still stop it."""
    hurt = tmp_path / "index.html"
    hurt.write_text(
        (pages / "index.html")
        .read_text()
        .replace("</main>", "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\"></main>")
    )
    browser.said.clear()
    browser.open(hurt)
    assert browser.evaluate("document.title") != "taken"
    assert any("Content Security Policy" in line for line in browser.said)
    browser.said.clear()


def test_the_page_of_a_diff_leads_from_a_change_to_its_line(browser: Browser, tmp_path: Path, capsys: Capture) -> None:
    case = CASES / "diff" / "gates_weakened"
    main(["diff", str(case / "old.mlspec"), str(case / "new.mlspec"), "--format", "html"])
    page = tmp_path / "diff.html"
    page.write_text(capsys.readouterr().out)
    browser.said.clear()
    for width in (1200, 500):
        browser.open(page, width=width)
        assert browser.said == []
        assert browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    browser.open(page)
    browser.click(".change a[href*='-new-']")
    line = browser.evaluate("document.getElementById(location.hash.slice(1))?.textContent ?? null")
    assert line is not None and line.isdigit()
    browser.click(".sides a.to")
    assert str(browser.evaluate("document.getElementById(location.hash.slice(1)).className")).startswith("card change")


def test_the_site_of_a_real_run(browser: Browser, census: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = census.mlspec("doc", census.spec, "--env", "dev", "-o", out)
    assert said.code == 0, said.text
    again = census.mlspec("doc", census.spec, "--env", "dev", "-o", tmp_path / "again")
    assert again.code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }
    for name in BUILT:
        browser.said.clear()
        browser.open(out / name)
        assert browser.said == [], name
    browser.open(out / "lifecycle.html")
    assert browser.evaluate("document.querySelectorAll('.answer').length") == 20
    assert "relationship" in browser.evaluate("document.querySelector('#q-predictive').parentElement.innerText")
    shutil.rmtree(tmp_path / "again")

"""`mlspec doc`: what its pages say as goldens, and what is so of every page: whole, self-contained, the same again, and silent about persons."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from mlspec.cli import main
from mlspec.doc.questions import QUESTIONS, STAGES, answered_all
from mlspec.doc.site import BUILT, build_site
from mlspec.doc.stored import read_stored
from mlspec.doc.subject import Subject
from mlspec.driver import Compilation
from mlspec.source import SourceFile
from mlspec.spec import schema
from mlspec.spec.values import Value
from mlspec.syntax import parse
from tests.support.golden import compare as golden
from tests.support.page_text import Reader, text_of
from tests.support.stored_run import Findings, store_run
from tests.targets.hostile import strings

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "doc"
SPECS = [*sorted((ROOT / "specs").glob("*.mlspec")), *sorted((CASES).glob("*/spec.mlspec"))]
ALWAYS = {"sources", "missing-values"}
Capture = pytest.CaptureFixture[str]


def project(folder: Path, case: str = "spoken") -> Path:
    """A case's spec in a project of its own."""
    (folder / "mlspec.toml").touch()
    return Path(shutil.copy(CASES / case / "spec.mlspec", folder / "spec.mlspec"))


def findings() -> Findings:
    found: Findings = json.loads((CASES / "spoken" / "findings.json").read_text())
    return found


def subject(spec: Path) -> Subject:
    """The subject of a spec and its newest run."""
    found = Compilation(spec)
    return Subject(found, read_stored(found.project.root, found.graph, None, None))


def site(folder: Path, case: str = "spoken", *, run: bool = False) -> dict[str, str]:
    spec = project(folder, case)
    if run:
        store_run(spec, findings())
    return build_site(subject(spec))


def as_text(pages: dict[str, str]) -> str:
    """All pages but the text of the spec, as one reads them; keys and digests, which versions of stages change, by their first letters."""
    parts = [f"== {name}\n{text_of(page)}" for name, page in pages.items() if name != "spec.html"]
    return re.sub(r"\b[0-9a-f]{12,64}\b", "<digest>", "\n".join(parts))


@pytest.mark.parametrize(("case", "run"), [("bare", False), ("spoken", False), ("spoken", True)], ids=["bare", "spoken", "run"])
def test_a_site_reads_as_its_golden_text(case: str, run: bool, tmp_path: Path) -> None:
    golden(CASES / case / ("expected_run.txt" if run else "expected.txt"), as_text(site(tmp_path, case, run=run)))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_page_is_whole_and_needs_nothing_else(path: Path) -> None:
    found = Compilation(path)
    pages = build_site(Subject(found, None))
    assert list(pages) == list(BUILT)
    check_whole(pages)


def check_whole(pages: dict[str, str]) -> None:
    """Well-formed, no id twice, every link leads somewhere, nothing is fetched, and the content policy names exactly what is there."""
    read = {name: Reader(page) for name, page in pages.items()}
    for name, page in read.items():
        assert page.faults == []
        assert page.fetched == []
        assert len(set(page.ids)) == len(page.ids), [each for each in page.ids if page.ids.count(each) > 1]
        for link in page.links:
            file, _, anchor = link.partition("#")
            assert not file or file in read, f"{name}: {link}"
            assert not anchor or anchor in read[file or name].ids, f"{name}: {link}"
        policy = page.meta["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        for kind in ("style", "script"):
            digests = {f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in page.texts[kind]}
            allowed = next(rule for rule in policy.split("; ") if rule.startswith(f"{kind}-src "))
            assert set(allowed.split()[1:]) == (digests or {"'none'"})
        assert not re.findall(r"@import|url\(", "".join(page.texts["style"]))
        assert not re.findall(r"fetch\(|XMLHttpRequest|WebSocket|innerHTML|eval\(", "".join(page.texts["script"]))


def test_pages_with_a_run_are_whole(tmp_path: Path) -> None:
    check_whole(site(tmp_path, run=True))


def test_the_same_spec_and_run_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    spec = project(tmp_path)
    store_run(spec, findings())
    outputs: list[dict[str, bytes]] = []
    for place, named in ((tmp_path, "spec.mlspec"), (tmp_path.parent, str(spec)), (tmp_path, "./spec.mlspec")):
        monkeypatch.chdir(place)
        folder = tmp_path / f"out{len(outputs)}"
        assert main(["doc", named, "-o", str(folder)]) == 0
        outputs.append({path.name: path.read_bytes() for path in folder.iterdir()})
    capsys.readouterr()
    assert outputs[0] == outputs[1] == outputs[2]
    assert set(outputs[0]) == set(BUILT)
    assert str(tmp_path).encode() not in b"".join(outputs[0].values()), "a page names a place of this machine"


def test_what_is_written_twice_is_left_as_it_is(tmp_path: Path, capsys: Capture) -> None:
    spec = project(tmp_path)
    assert main(["doc", str(spec), "-o", str(tmp_path / "out"), "--run", "none"]) == 0
    before = {path: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    (tmp_path / "out" / "card.html").write_text("an old page")
    assert main(["doc", str(spec), "-o", str(tmp_path / "out"), "--run", "none", "--format", "json"]) == 0
    after = {path: path.stat().st_ino for path in (tmp_path / "out").iterdir()}
    assert {path.name for path in after if after[path] != before[path]} == {"card.html"}
    printed = capsys.readouterr().out.split("\n", 1)[1]
    assert json.loads(printed)["files"] == list(BUILT)


def test_a_link_among_the_pages_is_replaced_and_what_it_leads_to_is_kept(tmp_path: Path, capsys: Capture) -> None:
    spec, out = project(tmp_path), tmp_path / "out"
    out.mkdir()
    kept = tmp_path / "letter.html"
    kept.write_text("mine")
    (out / "index.html").symlink_to(kept)
    (out / "card.html").symlink_to(tmp_path / "nothing.html")
    assert main(["doc", str(spec), "-o", str(out), "--run", "none"]) == 0
    assert kept.read_text() == "mine"
    assert not (tmp_path / "nothing.html").exists()
    assert not any(path.is_symlink() for path in out.iterdir())
    page = (out / "index.html").read_bytes()
    kept.write_bytes(page)
    (out / "index.html").unlink()
    (out / "index.html").symlink_to(kept)  # the same bytes, and still a link
    assert main(["doc", str(spec), "-o", str(out), "--run", "none"]) == 0
    assert not (out / "index.html").is_symlink()
    capsys.readouterr()


@pytest.mark.parametrize("named", ["taken", "taken/below"])
def test_a_file_where_the_folder_should_be_is_said_with_a_way_out(named: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "taken").write_text("mine")
    assert main(["doc", str(project(tmp_path)), "-o", str(tmp_path / named), "--run", "none"]) == 2
    said = capsys.readouterr().err
    assert "is no folder that pages can be written into" in said
    assert "name another folder: `-o " in said
    assert (tmp_path / "taken").read_text() == "mine"


# Persons


def test_small_groups_and_names_of_persons_stay_out(tmp_path: Path) -> None:
    pages = "".join(site(tmp_path, run=True).values())
    assert "ada.lovelace" not in pages, "a value of a column that names persons"
    assert "row 4711" not in pages, "an example row of a check"
    assert "&lt;b&gt;few" not in pages, "the name of a group of seven"
    assert "42.9%" not in pages and "37%" not in pages, "what only seven rows say"
    assert "2,393" not in pages, "the next smallest group: with the total it would tell the seven"
    assert "2,600" in pages, "a large group is shown"
    assert "secret model" not in pages, "the machine's own name"


@pytest.mark.parametrize(("reason", "shown"), [
    ("a group of `sex` is smaller than min_group 100: `m` has 33, `zed` has 9", "a group of `sex` is smaller than min_group 100"),
    ("a group of `sex` has no value: `zed`: all rows\nhave one label; `m`: no rows", "a group of `sex` has no value"),
    ("all rows have the same label", "all rows have the same label"),
])  # fmt: skip
def test_the_reason_of_a_gate_names_no_group(reason: str, shown: str, tmp_path: Path) -> None:
    found = findings()
    gate = found["release-verdict"]["verdict"]["verdict.json"]["gates"][2]
    gate.update(value=None, reason=reason, groups={"f": {"value": None, "n": 400}, "zed": {"value": None, "n": 9}})
    spec = project(tmp_path)
    store_run(spec, found)
    pages = build_site(subject(spec))
    assert shown in text_of(pages["gates.html"])
    assert not re.search(r"\bzed\b|has 33|has 9", "".join(pages.values()))


# A value of a column whose count is below the floor is withheld, and so is the next where the total would tell it.
@pytest.mark.parametrize(("top", "shown"), [
    ([("Ulm", 14000), ("Köln", 970), ("Zrare", 24), ("Yrare", 6)], "Ulm 14,000, Köln 970, 2 values of few rows withheld"),
    ([("Ulm", 14900), ("Köln", 93), ("Zrare", 7)], "Ulm 14,900, 2 values of few rows withheld"),
    ([("Zrare", 24)], "1 value of few rows withheld"),
    ([("Ulm", 15000)], "Ulm 15,000"),
])  # fmt: skip
def test_values_of_few_rows_stay_out_of_the_data_sheet(top: list[tuple[str, int]], shown: str, tmp_path: Path) -> None:
    found = findings()
    statistics = found["eda-explore"]["statistics"]["statistics.json"]
    statistics["min_cell"] = 1
    statistics["columns"]["city"]["top"] = [{"value": value, "count": count} for value, count in top]
    spec = project(tmp_path)
    store_run(spec, found)
    pages = build_site(subject(spec))
    assert shown in text_of(pages["data.html"])
    assert "cells of fewer than 25 rows are withheld" in text_of(pages["data.html"])
    assert not re.search("Zrare|Yrare", "".join(pages.values()))


@pytest.mark.parametrize(("counts", "hidden"), [
    ([100, 50, 3], [False, True, True]), ([100, 50, 0], [False] * 3), ([3, 4, 90], [True, True, True]), ([30, 15, 10], [False, True, True]),
    ([19, 5], [True, True]), ([20, 20], [False, False]), ([], []),
])  # fmt: skip
def test_the_total_gives_no_small_cell_away(counts: list[int], hidden: list[bool]) -> None:
    from mlspec.doc.privacy import withheld

    found = withheld(counts, 20)
    assert found == hidden
    few = sum(count for count, hides in zip(counts, found, strict=True) if hides)
    assert few == 0 or few >= 20 or all(hides or not count for count, hides in zip(counts, found, strict=True))


TESTED = """
## Rows of nobody.
test on_rows {
  given people = [
    row(code: "Grace Hopper", age: 61),  # as she was in Ghent
    rows(7, city: "Leuven"),
  ]
  fit people = [row(age: 62, city: "Bruges")]
  given release = [row(useful: 0.74)]
  old := inputs.visits >= 0.0
}
"""


def test_literal_rows_of_tests_stay_out_and_no_line_moves(tmp_path: Path) -> None:
    spec = project(tmp_path)
    before = spec.read_text()
    spec.write_text(before + TESTED)
    pages = build_site(Subject(Compilation(spec), None))
    whole = "".join(pages.values())
    for word in ("Grace", "Ghent", "Leuven", "Bruges", "rows(7"):
        assert word not in whole
    assert "row(useful: 0.74)" in text_of(pages["spec.html"]), "what gates compare tells of nobody"
    assert "[ rows, not shown here ]" in pages["spec.html"]
    place = before.count("\n") + TESTED[: TESTED.index("  old :=")].count("\n") + 1
    (line,) = re.findall(r'<li id="f0-(\d+)">(?:(?!</li>).)*old := inputs.visits', pages["spec.html"])
    assert int(line) == place


# Questions


def test_the_table_of_questions_is_sound() -> None:
    assert len({question.id for question in QUESTIONS}) == len(QUESTIONS) == 20
    assert list(dict.fromkeys(question.stage for question in QUESTIONS)) == list(STAGES)
    for question in QUESTIONS:
        kind, _, field = question.block.partition(".")
        row = schema.kind(kind)
        assert row is not None, question.id
        assert not field or field in row.fields or field in row.blocks, question.id
        assert question.words.endswith("?")


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_every_example_is_of_the_language_and_has_the_block(question: Any) -> None:
    text = "\n".join(line for line in question.example.split("\n") if line.strip() != "…")
    tree, found = parse(SourceFile("example.mlspec", f"mlspec 2026.1\n\n{text}\n"))
    assert tree is not None
    assert [item.message for item in found if item.severity == "error"] == []
    assert question.block.partition(".")[0] in text.replace("\n", " ").split()
    assert question.block.rpartition(".")[2] in text


@pytest.mark.parametrize(("case", "run", "open_"), [
    ("bare", False, {question.id for question in QUESTIONS} - {"sources", "reproduction"}), ("spoken", False, set[str]()), ("spoken", True, set[str]()),
])  # fmt: skip
def test_which_questions_are_open(case: str, run: bool, open_: set[str], tmp_path: Path) -> None:
    spec = project(tmp_path, case)
    if run:
        store_run(spec, findings())
    answers = answered_all(subject(spec))
    assert {answer.question.id for answer in answers if answer.state == "open"} == open_
    waiting = {answer.question.id for answer in answers if answer.state == "waits"}
    assert waiting == ({"quality-seen", "predictive"} if case == "spoken" and not run else set())


def test_a_server_without_a_reason_is_no_answer_to_why(tmp_path: Path) -> None:
    spec = project(tmp_path)
    text = "\n".join(line for line in spec.read_text().split("\n") if not line.startswith("## "))
    spec.write_text(text)
    found = next(answer for answer in answered_all(subject(spec)) if answer.question.id == "batch-or-real-time")
    assert found.state == "open"
    page = build_site(subject(spec))["lifecycle.html"]
    part = text_of(page[page.index('id="q-batch-or-real-time"') - 200 : page.index('id="monitoring"')])
    assert "answers requests one by one" in part
    assert "Not answered by this spec" in part


def test_answers_cite_lines_and_artifacts(tmp_path: Path) -> None:
    spec = project(tmp_path)
    store_run(spec, findings())
    for answer in answered_all(subject(spec)):
        assert answer.cites, answer.question.id
        for cite in answer.cites:
            if cite.href.startswith("spec.html"):
                line = int(cite.text.rpartition(":")[2])
                assert 0 < line <= spec.read_text().count("\n"), cite
            else:
                assert re.fullmatch(r"\w+\.\w+ [0-9a-f]{12}", cite.text), cite


def test_strength_is_the_share_of_variance_between_cells(tmp_path: Path) -> None:
    from mlspec.doc.predictive import strongest

    spec = project(tmp_path)
    store_run(spec, findings())
    found = strongest(subject(spec))
    assert found is not None
    shares = {row.column: row.share for row in found.rows}
    visits = (5000 * (0.5 - 0.2) ** 2 + 10000 * (0.05 - 0.2) ** 2) / 15000 / (0.2 * 0.8)
    assert shares == {"visits": pytest.approx(visits), "age": pytest.approx(0.0025 / 0.16)}
    assert [row.column for row in found.rows] == ["visits", "age"]


# Runs


def test_a_changed_artifact_ends_it_and_nothing_is_written(tmp_path: Path, capsys: Capture) -> None:
    spec = project(tmp_path)
    store_run(spec, findings())
    verdict = next(path for path in (tmp_path / ".mlspec/store/artifacts").glob("*/verdict.json"))
    verdict.write_text(verdict.read_text().replace('"passed": false', '"passed": true '))
    assert main(["doc", str(spec), "-o", str(tmp_path / "out")]) == 1
    assert "MLS808" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["doc", str(spec), "-o", str(tmp_path / "out"), "--run", "none"]) == 0


def test_a_changed_summary_ends_it(tmp_path: Path, capsys: Capture) -> None:
    spec = project(tmp_path)
    summary = store_run(spec, findings()) / "summary.json"
    summary.write_text(summary.read_text().replace('"passed":false', '"passed":true'))
    assert main(["doc", str(spec), "-o", str(tmp_path / "out")]) == 1
    assert "MLS808" in capsys.readouterr().err


def test_the_run_can_be_chosen(tmp_path: Path, capsys: Capture) -> None:
    spec = project(tmp_path)
    store_run(spec, findings(), 1)
    store_run(spec, findings(), 2, env="dev")
    for asked, number in (
        ([], "000001"),
        (["--run", "2"], "000002"),
        (["--run", "000001"], "000001"),
        (["--run", "none"], None),
    ):
        assert main(["doc", str(spec), "-o", str(tmp_path / "out"), "--format", "json", *asked]) == 0
        assert json.loads(capsys.readouterr().out)["run"] == number
    assert main(["doc", str(spec), "-o", str(tmp_path / "out"), "--run", "7"]) == 1
    assert "there is no run `7`" in capsys.readouterr().err


def test_a_run_of_an_earlier_text_says_so(tmp_path: Path) -> None:
    spec = project(tmp_path)
    store_run(spec, findings())
    assert "has changed since run" not in build_site(subject(spec))["index.html"]
    spec.write_text(spec.read_text().replace(">= 0.75", ">= 0.70"))
    assert "has changed since run 000001" in build_site(subject(spec))["index.html"]


def test_a_spec_with_errors_has_no_site(tmp_path: Path, capsys: Capture) -> None:
    spec = project(tmp_path)
    spec.write_text(spec.read_text().replace("frame = people", "frame = peoples"))
    assert main(["doc", str(spec), "-o", str(tmp_path / "out")]) == 1
    assert "MLS101" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# Hostile text


def put_everywhere(value: Any, text: str) -> Any:
    """A JSON value in which every text that the runtime took from data or people is another one."""
    if isinstance(value, dict):
        return {
            (text if key == "<b>few</b>" else key): put_everywhere(item, text) if key != "groups" or item else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [put_everywhere(item, text) for item in value]
    return (
        text
        if value in ("<script>alert(1)</script>", "Ulm", "<b>few</b>", "bootstrap", "f", "m")
        or str(value).startswith("0.31 is")
        else value
    )


def structures(folder: Path, text: str) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """The tags of every page when `text` stands wherever people or data put text."""
    folder.mkdir()
    spec = project(folder)
    store_run(spec, put_everywhere(findings(), text))
    made = subject(spec)
    card, settings = made.first("card"), made.spec.settings
    assert card is not None
    for field in ("risks", "users", "regulation"):
        card.fields[field] = Value((text,), card.fields[field].span)
    card.fields["data"] = Value(text, card.fields["data"].span)
    settings.fields["owner"] = Value(text, settings.fields["owner"].span)
    settings.doc = text
    for block in made.spec.blocks.values():
        block.doc = text
        for item in (*block.columns.values(), *block.definitions.values()):
            item.doc = text
    pages = build_site(made)
    check_whole(pages)
    return {name: Reader(page).tags for name, page in pages.items()}


@pytest.mark.parametrize(
    "text",
    [
        *strings(24, 3),
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style>",
        "-->",
        "&lt;b&gt;",
        "]]>",
        "' onclick='x",
    ],
)
def test_no_text_becomes_markup(text: str, tmp_path: Path) -> None:
    if not text.strip():
        pytest.skip("a doc of nothing is no doc")
    assert structures(tmp_path / "hostile", text) == structures(tmp_path / "plain", "plain")


def test_no_control_character_reaches_a_page(tmp_path: Path) -> None:
    spec = project(tmp_path)
    made = subject(spec)
    made.spec.settings.doc = "\x00\x1b[31m\u202e\u200b\ufeff\x85\u2028\ud800"
    page = build_site(made)["index.html"]
    assert not re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2028\ufeff\ud800]", page)
    assert "\\u{202e}" in page
    page.encode()


# Exceptions


def test_an_override_on_record_stands_where_the_verdict_does(tmp_path: Path, capsys: Capture) -> None:
    from mlspec.runtime.audit import log, overrides
    from mlspec.runtime.runs import read_summary

    spec = project(tmp_path)
    summary = read_summary(store_run(spec, findings()))
    body = overrides.body_of(summary, "release", "team-risk", "the old model is worse <b>by far</b>", "2030-01-31")
    log.append(tmp_path, overrides.OVERRIDE, body)
    page = build_site(subject(spec))["gates.html"]
    assert "released by override: 1 of 3 gates did not pass" in text_of(page)
    assert "RELEASED BY OVERRIDE of team-risk until 2030-01-31: fair of release failed." in text_of(page)
    assert "by far</b>" not in page
    path = log.log_path(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"2030-01-31", b"2039-01-31"))
    assert main(["doc", str(spec), "-o", str(tmp_path / "out")]) == 1
    assert "MLS822" in capsys.readouterr().err


def test_waivers_are_listed_with_who_answers_for_them(tmp_path: Path) -> None:
    spec = project(tmp_path)
    waiver = 'waive later {\n  finding = "MLS504"\n  at = release\n  reason = "sex is held for audits alone"\n  owner = "team-risk"\n  expires = 2040-03-31\n}\n'
    spec.write_text(f"{spec.read_text()}\n{waiver}")
    page = text_of(build_site(subject(spec))["index.html"])
    assert "later | MLS504 at release | sex is held for audits alone | team-risk | 2040-03-31 | line" in page

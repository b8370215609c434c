"""Metamorphic injection: no text of a spec, wherever it stands, changes what any reader sees in the generated files."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlspec_kfp.names import slug

from mlspec.graph import Graph, Resources, Schedule, Stage, plan_digest, read_plan
from mlspec.registry import load_backend
from tests.targets.kfp_graphs import everything, options

NASTY = [
    "${x}", "$(id)", "`id`", "{{$.inputs.parameters['x']}}", "{{$}}", "{{workflow.name}}", "{{inputs.parameters.x}}", "{% if x %}", "{{ ds }}",
    "' || 'a' == 'a", '" || "a" == "a', "no'; touch x; #", "\\'\";touch x;#", "\n- a: b", "\n  image: evil", ": ", "a: b", "&a x", "*a", "!!python/object:x",
    "!!binary x", "--- x", "\n---\nplatforms: {}", "...", "# comment", " #", "- x", "? x", "| x", "> x", "@x", "%YAML 1.1", "{a: b}", "[a, b]", "'", '"', "''", "\\",
    "\\n", "\t", "\r\n", "\r", "\x85", "\u2028", "\u2029", "\u00a0", "\ufeff", "\u202e", "\x00", "\x1b[31m", "\x7f", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "yes", "no", "on", "off", "null", "~", "true", "NaN", ".inf", "1e3", "0x1f", "0o17", "1_000", "1:30", "2026-01-01", "=", "<<", "kfp.dsl.executor_main", "python3",
    "comp-x", "exec-x", "system.Model", "../../etc/passwd", "FROM evil", "\nRUN id", "\\\nRUN id", "x" * 5000, "", " ", "a\tb", "a  b", "a: |", "a: >-\n  b", "%s", "%(x)s", "{0}", "{x!r}",
]  # fmt: skip
ALPHABET = "ab0 :#-?&*!|>%@`'\"{}[],\\/\n\r\t$()<>=~^;.\x00\x07\x1b\x7f\x85\xa0\u2028\u2029\u202e\ufeffé\U0001f600"
MANY, MOST = 300, 2_000


def hostile(count: int) -> Iterator[str]:
    """The known ones, then joins and random texts, the same on every machine."""
    draw = random.Random(20260101)
    yield from NASTY[:count]
    for _ in range(count - len(NASTY)):
        if draw.random() < 0.5:
            yield draw.choice(NASTY) + draw.choice(["", " ", "\n", "x"]) + draw.choice(NASTY)
        else:
            yield "".join(draw.choice(ALPHABET) for _ in range(draw.randint(1, 40)))


def files(graph: Graph) -> dict[str, str]:
    """The files with the digest of the plan taken out: it is there to differ. The plan must still say what the graph says."""
    emitted = load_backend("kfp").emit(graph, options(allow_oversize="true"))
    digest = plan_digest(graph)
    found = {name: text.replace(digest, "DIGEST") for name, text in emitted.files.items()}
    assert plan_digest(read_plan(found.pop("plan.json"))) == digest
    return found


def structure(value: Any) -> Any:
    """What a reader built, as plain JSON."""
    return json.loads(json.dumps(value))


def readings(text: str) -> list[Any]:
    """What YAML 1.1, YAML 1.2 and KFP's own messages make of pipeline.yaml."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from ruamel.yaml import YAML

    old = [structure(document) for document in yaml.safe_load_all(text)]
    new = [structure(document) for document in YAML(typ="safe", pure=True).load_all(io.StringIO(text))]
    assert old == new
    message = json_format.MessageToDict(json_format.ParseDict(old[0], pipeline_spec_pb2.PipelineSpec()))
    return [old, message]


def hold(strings: Iterator[str]) -> int:
    """Put each string into every place where a plan takes any text; the number of files that were compared."""
    plain = files(everything())
    compared = 0
    for words in strings:
        assert files(everything(words=words)) == plain, ascii(words)
        compared += len(plain)
    return compared


def test_text_of_a_plan_is_in_no_generated_file() -> None:
    assert hold(hostile(MANY)) == MANY * 6


@pytest.mark.slow
def test_text_of_a_plan_is_in_no_generated_file_2000() -> None:
    assert hold(hostile(MOST)) == MOST * 6


@pytest.mark.parametrize("words", NASTY[::6], ids=ascii)
def test_all_readers_see_the_same_as_without_it(words: str) -> None:
    plain = readings(load_backend("kfp").emit(everything(), options()).files["pipeline.yaml"])
    graph = everything(words=words)
    text = load_backend("kfp").emit(graph, options()).files["pipeline.yaml"]
    assert readings(text.replace(plan_digest(graph), plan_digest(everything()))) == plain


PLACES = ("spec", "input", "variable", "model", "schedule")


def named(place: str, name: str) -> Graph:
    """A graph that has the string where a name stands."""
    first = Stage("src", "write", "src", {}, {}, {"file": "json"}, resources=Resources(retry=1))
    config = {"secrets": {"s": {"kind": "env", "variable": name}}} if place == "variable" else {}
    second = Stage("two", "write", "two", config, {name if place == "input" else "x": "src/file"}, {"file": "json"})
    stages = [first, second]
    if place == "model":
        stages.append(Stage("rows", "extract", "rows", {}, {}, {"rows": "table"}))
        stages.append(Stage("parts", "split", "parts", {}, {"rows": "rows/rows"}, {"parts": "table"}))
        stages.append(Stage("values", "features", "values", {}, {"rows": "rows/rows"}, {"values": "table"}))
        inputs = {"rows": "rows/rows", "parts": "parts/parts", "values": "values/values"}
        config = {"models": [name], "plots": ["roc"]}
        stages.append(Stage("judged", "evaluate", "two", config, inputs, {"predictions": "table", "metrics": "metrics"}))
    schedules = [Schedule(name, "two", ("src",), every=60.0)] if place == "schedule" else []
    return Graph.of(stages, spec=name if place == "spec" else "demo", schedules=schedules)


WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
STANDS_IN = "plainname"


@pytest.mark.parametrize("place", PLACES)
def test_a_name_is_a_plain_word_or_refused_at_its_block(place: str) -> None:
    plain = _documents(named(place, STANDS_IN))
    taken = 0
    for name in [*hostile(MANY), "a", "_a", "A_b", "a.b", "a-b", "model_2"]:
        graph = named(place, name)
        emitted = load_backend("kfp").emit(graph, options())
        if emitted.findings:
            assert not emitted.files and {finding.code for finding in emitted.findings} == {"MLS706"}, ascii(name)
            assert {finding.where for finding in emitted.findings} <= {"two", name}
            words = [str(value) for finding in emitted.findings for value in finding.data.values()]
            assert all(word.isascii() and word.isprintable() for word in words)
        else:
            assert WORD.match(name), ascii(name)
            _same(plain, _documents(graph), {name, name.replace(".", "--"), slug(name)})
            taken += 1
    assert taken >= 10


def _documents(graph: Graph) -> list[Any]:
    """Every document of every YAML file, as each reader sees it."""
    found = load_backend("kfp").emit(graph, options()).files
    texts = [text.replace(plan_digest(graph), "") for name, text in sorted(found.items()) if name.endswith(".yaml")]
    return [readings(text) for text in texts]


def _same(plain: Any, found: Any, names: set[str]) -> None:
    """Equal, but for the name where the other one stands."""
    if isinstance(plain, dict):
        assert isinstance(found, dict) and len(found) == len(plain)
        for key, item in plain.items():
            (other,) = {key.replace(STANDS_IN, name) for name in names} & {*found}
            _same(item, found[other], names)
    elif isinstance(plain, list):
        assert isinstance(found, list) and len(found) == len(plain)
        for one, other in zip(plain, found, strict=True):
            _same(one, other, names)
    elif isinstance(plain, str):
        assert found in _mixed(plain, names)
    else:
        assert found == plain


def _mixed(text: str, names: set[str]) -> set[str]:
    """An argument names an input as the plan does, and its port as KFP does."""
    return {text.replace(STANDS_IN, first, 1).replace(STANDS_IN, second) for first in names for second in names}


SPEC = (Path(__file__).parent / "kfp" / "shop.mlspec").read_text()
SPEC_PLACES = ('"team-shop"', '"visits.csv"', '"desk"', '"no"')


@pytest.mark.parametrize("place", SPEC_PLACES)
def test_strings_of_a_spec(place: str, tmp_path: Path) -> None:
    """The same from the text of a spec: what the language takes changes no file but the plan."""
    plain, taken = _compiled(SPEC, tmp_path), 0
    for words in hostile(120):
        written = (
            json.dumps(words.encode("utf-8", "replace").decode(), ensure_ascii=False)
            .replace("\\u", "\\u{")
            .replace("\\u{", "\\u")
        )
        if "\\u" in written or "\\r" in written or "\\b" in written or "\\f" in written or "\\/" in written:
            continue  # escapes that the language does not have
        found = _compiled(SPEC.replace(place, written), tmp_path)
        if found is not None:
            assert found == plain, ascii(words)
            taken += 1
    assert taken >= 20


def _compiled(text: str, folder: Path) -> dict[str, str] | None:
    import mlspec
    from mlspec.api import CompileError

    path = folder / "shop.mlspec"
    path.write_text(text, newline="")
    (folder / "mlspec.toml").write_text("")
    try:
        return files(mlspec.load(path).graph)
    except CompileError:
        return None

"""A package that its gates refused is served by an override alone, loudly, and not a day longer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlspec.runtime.audit import log
from mlspec.runtime.audit.overrides import body_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.runs import write_summary
from mlspec.runtime.serve.app import Service, build_app
from mlspec.runtime.serve.config import read_config
from mlspec.runtime.serve.release import find_release
from mlspec.runtime.store import Store
from tests.runtime.fake_package import FakePackage
from tests.runtime.serve_process import GOOD

BLOCK = {"name": "api", "model": "plain", "gates": "release"}
REASON = "the old model is worse on every slice"


def a_failed_run(root: Path, number: int = 1, **changes: Any) -> dict[str, Any]:
    """A run whose gates refused a package; its summary."""
    store = Store(root)
    store.prepare()
    work = store.temporary / "package"
    work.mkdir()
    (work / "package.json").write_text("{}")
    digest = store.publish(work, "model").digest
    folder = root / ".mlspec" / "runs" / f"{number:06d}"
    folder.mkdir(parents=True)
    gates = [{"name": "useful", "passed": False, "status": "failed", "value": 0.8, "unit": "float"}]
    summary = {
        "format": 1, "run": folder.name, "spec": "demo", "spec_digest": "s1", "env": None, "exit_code": 1, "stages": {}, "reports": {},
        "verdicts": {"release": {"passed": False, "gates": gates, "packages": {"plain": digest}}}, **changes,
    }  # fmt: skip
    write_summary(folder, summary)
    return summary


def overridden(root: Path, summary: dict[str, Any], expires: str = "2999-12-31", **changes: Any) -> int:
    return log.append(root, "override", body_of(summary, "release", "ml-risk", REASON, expires) | changes).count


def refused(root: Path) -> str:
    with pytest.raises(StageError) as error:
        find_release(root, "s1", BLOCK)
    assert error.value.code == "MLS813"
    return str(error.value.found)


def test_a_failed_run_is_released_by_an_override_and_by_nothing_else(tmp_path: Path) -> None:
    summary = a_failed_run(tmp_path)
    assert refused(tmp_path) == "run 000001 failed useful"
    number = overridden(tmp_path, summary)
    release = find_release(tmp_path, "s1", BLOCK)
    assert release.override is not None
    assert (release.override["n"], release.override["actor"], release.run) == (number, "ml-risk", "000001")


@pytest.mark.parametrize(
    ("expires", "changes", "found"),
    [
        ("2020-01-01", {}, "run 000001 failed useful; override 1 of ml-risk expired after 2020-01-01"),
        ("2999-12-31", {"spec_digest": "s2"}, "run 000001 failed useful"),
        ("2999-12-31", {"gates": "other"}, "run 000001 failed useful"),
        ("2999-12-31", {"packages": {"plain": "0" * 64}}, "run 000001 failed useful"),
        ("2999-12-31", {"failed": {"other": "0.1"}}, "run 000001 failed useful"),
    ],
)
def test_an_override_of_something_else_releases_nothing(
    tmp_path: Path, expires: str, changes: dict[str, Any], found: str
) -> None:
    overridden(tmp_path, a_failed_run(tmp_path), expires, **changes)
    assert refused(tmp_path) == found


def test_a_revoked_override_releases_nothing(tmp_path: Path) -> None:
    number = overridden(tmp_path, a_failed_run(tmp_path))
    log.append(tmp_path, "revoke", {"of": number, "actor": "head", "reason": "it was measured again"})
    assert refused(tmp_path) == "run 000001 failed useful; override 1 of ml-risk was revoked by head"


@pytest.mark.parametrize("changes", [{"guarded": True}, {"env": "dev"}])
def test_no_override_releases_what_an_env_changed(tmp_path: Path, changes: dict[str, Any]) -> None:
    overridden(tmp_path, a_failed_run(tmp_path, **changes))
    assert "which changes what models depend on" in refused(tmp_path)


def test_no_override_counts_while_the_log_is_broken(tmp_path: Path) -> None:
    overridden(tmp_path, a_failed_run(tmp_path), "2020-01-01")
    path = log.log_path(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"2020-01-01", b"2999-12-31"))
    assert "the audit log is broken" in refused(tmp_path)


def test_an_override_counts_once_the_head_does_and_a_torn_line_costs_nothing(tmp_path: Path) -> None:
    """A whole record behind the head may be a killed writer's, who told nobody that it is on record, or anybody's."""
    summary = a_failed_run(tmp_path)
    log.append(tmp_path, "run", {})
    head = log.log_path(tmp_path).with_name(log.HEAD)
    named = head.read_bytes()
    overridden(tmp_path, summary)
    head.write_bytes(named)
    assert "record 2 is whole, and its writer was killed before the head named it" in refused(tmp_path)
    log.append(tmp_path, "run", {})
    with log.log_path(tmp_path).open("ab") as file:
        file.write(b'{"half')
    release = find_release(tmp_path, "s1", BLOCK)
    assert release.override is not None and release.override["n"] == 2


def test_the_end_of_an_override_counts_before_the_head_does(tmp_path: Path) -> None:
    number = overridden(tmp_path, a_failed_run(tmp_path))
    head = log.log_path(tmp_path).with_name(log.HEAD)
    named = head.read_bytes()
    log.append(tmp_path, "revoke", {"of": number, "actor": "head", "reason": "it was measured again"})
    head.write_bytes(named)
    assert "was revoked by head" in refused(tmp_path)


def served(folder: Path, expires: str) -> Service:
    record = {"n": 2, "digest": "d" * 64, "actor": "ml-risk", "reason": REASON, "expires": expires, "gates": "release",
              "failed": {"useful": "0.8"}, "run": "000001"}  # fmt: skip
    return Service(FakePackage(folder), read_config({"name": "api"}), None, "RELEASED BY OVERRIDE of ml-risk", record)


def asked(service: Service, path: str, body: Any = None) -> httpx.Response:
    """The answer of the application to a GET, or to a POST of JSON."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=build_app(service, True))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await (client.get(path) if body is None else client.post(path, json=body))

    return asyncio.run(ask())


def test_a_server_says_by_whose_override_it_answers(tmp_path: Path) -> None:
    service = served(tmp_path, "2999-12-31")
    facts = asked(service, "/model").json()
    assert facts["released"] is True
    assert facts["banner"].startswith("RELEASED BY OVERRIDE")
    assert (facts["override"]["actor"], facts["override"]["expires"], facts["override"]["n"]) == ("ml-risk", "2999-12-31", 2)
    assert asked(service, "/readyz").status_code == 200
    assert asked(service, "/predict", GOOD).status_code == 200


@pytest.mark.parametrize("expires", ["2020-01-01", "29991231", "2999-W52-2", "for ever"])
def test_after_the_last_day_nothing_is_answered(tmp_path: Path, expires: str) -> None:
    """A last day that is not spelled as mlspec spells days is over."""
    service = served(tmp_path, expires)
    answer = asked(service, "/predict", GOOD)
    assert (answer.status_code, answer.json()["code"]) == (503, "MLS821")
    ready = asked(service, "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "override expired")
    assert asked(service, "/healthz").status_code == 200

"""Every package that a key names comes with the extra that the table says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mlspec.catalogue.frameworks import FRAMEWORKS
from mlspec.graph.extras import EXTRA_OF, extras_of
from mlspec.graph.kinds import _ENGINE_PACKAGES, _ESTIMATOR_PACKAGES, KINDS, SAMPLER_PACKAGES

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BROUGHT = {
    extra: {re.split(r"[\[<>=~! ;]", line, maxsplit=1)[0] for line in lines}
    for extra, lines in {**PROJECT["optional-dependencies"], "local": [*PROJECT["optional-dependencies"]["local"], *PROJECT["dependencies"]]}.items()
}  # fmt: skip
# What a distribution is called where it is installed without what nobody needs of it.
SAME = {"tensorflow": "tensorflow-cpu", "xgboost": "xgboost-cpu"}
NAMED = {
    *(package for kind in KINDS.values() for package in kind.packages),
    *(package for packages in SAMPLER_PACKAGES.values() for package in packages),
    *_ESTIMATOR_PACKAGES.values(),
    *_ENGINE_PACKAGES.values(),
    *(package for framework in FRAMEWORKS.values() for package in framework.packages),
    *EXTRA_OF,
}


@pytest.mark.parametrize("package", sorted(NAMED))
def test_the_extra_brings_the_package(package: str) -> None:
    (extra,) = extras_of([package])
    assert SAME.get(package, package) in BROUGHT[extra]


def test_extras_are_said_once_in_order() -> None:
    assert extras_of(["torch", "numpy", "optuna", "scipy"]) == ["hpo", "local", "torch"]
    assert extras_of([]) == ["local"]

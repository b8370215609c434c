"""The image that tasks run in: a Dockerfile without a word of the spec, and the versions of everything in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import mlspec
from mlspec.graph import Graph, code_files
from mlspec.graph.extras import extras_of
from mlspec.graph.keys import packages_needed
from mlspec.graph.versions import installed_versions
from mlspec_kfp.settings import Settings
from mlspec_kfp.trainer import spread

USER = 10001

_DISTRIBUTIONS = {"tensorflow": "tensorflow-cpu", "xgboost": "xgboost-cpu"}
"""The distribution that brings a package, where its name is another."""


def requirements(graph: Graph) -> str:
    """What the image installs: the packages that keys speak of, in the versions that are installed where this is compiled."""
    needed = sorted({*packages_needed(graph), *_clients(graph)})
    pinned = installed_versions(needed)
    extras = sorted({"local", *extras_of(needed)})
    lines = [f"mlspec-lang[{','.join(extras)}]=={mlspec.__version__}"]
    return "\n".join([*lines, *(_pin(name, pinned.get(name)) for name in needed)]) + "\n"


def _clients(graph: Graph) -> Iterable[str]:
    """What tasks talk to clusters by; no result depends on it, so no key names it."""
    if spread(graph):
        yield "kubernetes"
    named = [stage.config.get(field) for stage in graph for field in ("strategy", "workers")]
    if any(isinstance(made, Mapping) and made.get("name") == "ray" for made in named):
        yield "ray"


def _pin(name: str, version: str | None) -> str:
    distribution = _DISTRIBUTIONS.get(name, name)
    if version is None:
        return f"# {distribution} is not installed where this was compiled, so nothing pins it"
    # What stands behind a plus names a build, such as torch's for the CPU, that the index may not have.
    return f"{distribution}=={version.partition('+')[0]}"


def dockerfile(graph: Graph, settings: Settings, plan_digest: str) -> str:
    """A build from a pinned base, without root, whose entry point is the stage command."""
    base = [f"FROM {settings.base}"] if settings.base else ["ARG BASE", "FROM ${BASE}"]
    lines = [
        "# Written by mlspec for this plan; compile again instead of editing. Build it where it lies: docker build .",
        *(
            []
            if settings.base
            else ["# BASE is an image with Python, by digest: --build-arg BASE=python@sha256:…".replace("…", "...")]
        ),
        *base,
        "# A wheel beside this file is taken before the index is asked.",
        "COPY requirements.txt *.whl /build/",
        "RUN python3 -m pip install --no-cache-dir --find-links /build --requirement /build/requirements.txt",
        f"RUN install -d -m 0755 -o {USER} -g {USER} {settings.root}",
        f"COPY --chmod=0444 plan.json {settings.plan}",
        *_data(graph, settings),
        f"USER {USER}:{USER}",
        f"WORKDIR {settings.root}",
        "ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1",
        f"LABEL mlspec.plan={plan_digest}",
        'ENTRYPOINT ["python3", "-m", "mlspec.runtime"]',
    ]
    return "\n".join(lines) + "\n"


def _data(graph: Graph, settings: Settings) -> Iterable[str]:
    """Without a volume the files that sources read and the code of externs are in the image; they are put into `project/` beside
    the Dockerfile. In a volume they lie as in the project.
    """
    reads = any((stage.kind == "extract" and stage.config.get("paths")) or code_files(stage.config) for stage in graph)
    return [f"COPY --chown={USER}:{USER} project/ {settings.root}/"] if reads and not settings.volume else []

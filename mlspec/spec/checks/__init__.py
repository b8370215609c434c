"""What the checks of one block cannot see: leakage, privacy, gates and serving, over the whole spec.

A check is a function from a spec to findings. They run only on a spec without errors, each on its own, and stand in one tuple.
"""

from __future__ import annotations

from mlspec.diagnostics import Diagnostic
from mlspec.spec.checks import (
    alerts,
    compared,
    compression,
    computed,
    externs,
    few_rows,
    frameworks,
    gates,
    impossible,
    leakage,
    monitoring,
    parts,
    pictures,
    privacy,
    questions,
    rankings,
    registries,
    same_rows,
    secrets,
    serving,
    texts,
    unbuilt,
)
from mlspec.spec.findings import Findings
from mlspec.spec.model import Spec

CHECKS = (
    *unbuilt.CHECKS,
    *impossible.CHECKS,
    *same_rows.CHECKS,
    *leakage.CHECKS,
    *computed.CHECKS,
    *parts.CHECKS,
    *rankings.CHECKS,
    *privacy.CHECKS,
    *registries.CHECKS,
    *secrets.CHECKS,
    *gates.CHECKS,
    *few_rows.CHECKS,
    *questions.CHECKS,
    *compared.CHECKS,
    *compression.CHECKS,
    *pictures.CHECKS,
    *frameworks.CHECKS,
    *texts.CHECKS,
    *serving.CHECKS,
    *monitoring.CHECKS,
    *alerts.CHECKS,
    *externs.CHECKS,
)


def run_checks(spec: Spec) -> list[Diagnostic]:
    """The findings of every check, in the order of the checks."""
    findings = Findings()
    for check in CHECKS:
        check(spec, findings)
    return findings.found

"""The whole site: file name to text, the same bytes for the same spec and run."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from mlspec.doc.subject import Subject
from mlspec.page.frame import Page

BUILT = {
    "index.html": "overview:overview_page", "lifecycle.html": "lifecycle:lifecycle_page", "card.html": "card:card_page", "data.html": "data:data_page",
    "features.html": "features:features_page", "gates.html": "gates:gates_page", "lineage.html": "lineage:lineage_page",
    "stages.html": "stages:stages_page", "fields.html": "fields:fields_page", "spec.html": "text:text_page",
}  # fmt: skip
"""Each file and the function that makes it."""


def build_site(subject: Subject) -> dict[str, str]:
    """Every page of a spec."""
    return {file: _builder(place)(subject).render() for file, place in BUILT.items()}


def _builder(place: str) -> Callable[[Subject], Page]:
    module, _, name = place.partition(":")
    found: Callable[[Subject], Page] = getattr(import_module(f"mlspec.doc.pages.{module}"), name)
    return found

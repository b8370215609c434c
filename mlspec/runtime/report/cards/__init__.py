"""The card in the formats of others: for the Hugging Face hub, for Google's Model Card Toolkit, and data sheets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlspec.runtime.report.cards.datasheet import datasheet
from mlspec.runtime.report.cards.hugging_face import hugging_face_card
from mlspec.runtime.report.cards.toolkit import toolkit_card
from mlspec.runtime.report.evidence import Evidence


def card_files(config: Mapping[str, Any], evidence: Evidence, body: str) -> dict[str, str]:
    """The files beside the card by name: `README.md` for a model's repository, `model_card.json`, and a data sheet for each source."""
    found = {
        "README.md": hugging_face_card(config, evidence, body),
        "model_card.json": json.dumps(toolkit_card(config, evidence), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    }
    sheets = {f"data_{source['name']}.md": datasheet(config, source, evidence) for source in config.get("sources") or ()}
    return found | sheets

"""Pages of HTML that need nothing but themselves: elements with escaped text, one frame, one style, and drawn graphs."""

from __future__ import annotations

from mlspec.page.frame import Page, anchor
from mlspec.page.html import Html, el, join

__all__ = ["Html", "Page", "anchor", "el", "join"]

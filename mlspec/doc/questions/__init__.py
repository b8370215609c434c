"""The questions that each stage of the life cycle raises: one table, and what answers each from a spec and its run."""

from __future__ import annotations

from mlspec.doc.questions.answer import Answer, Answered, Question
from mlspec.doc.questions.table import QUESTIONS, STAGES, answered_all

__all__ = ["QUESTIONS", "STAGES", "Answer", "Answered", "Question", "answered_all"]

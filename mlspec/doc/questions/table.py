"""The table of questions, in the order of the life cycle."""

from __future__ import annotations

from functools import lru_cache

from mlspec.doc.questions import of_data, of_learning, of_release
from mlspec.doc.questions.answer import Answered, Question, answered
from mlspec.doc.subject import Subject

STAGES = {
    "extraction": "Data extraction", "analysis": "Data analysis", "preparation": "Data preparation", "development": "Model development",
    "optimisation": "Optimisation", "training": "Training", "evaluation": "Evaluation", "validation": "Validation", "serving": "Serving",
    "monitoring": "Monitoring",
}  # fmt: skip
"""The stages of the life cycle by id, with their titles."""

_SOURCE = 'source people {\n  from = csv("data/people.csv")\n  age: int @range(0..120)\n}'
_TAGS = "source people {\n  …\n  age: int @pii(quasi)\n  sex: category @protected\n}"
_CHECKS = "source people {\n  …\n  volume := rows() >= 10_000\n  known_age := null_rate(age) <= 2%\n}"
_EXPLORE = "explore eda = report(by_time.train, sections: [missing, target_rate], min_cell: 20)"
_MISSING = 'features inputs {\n  …\n  missing = fill(number: median, category: "missing", flag: true)\n}'
_MODELS = (
    "search tune {\n  …\n  family linear {\n    estimator = sklearn.LogisticRegression\n    C = loguniform(1e-3, 1e2)\n  }\n}"
)
_BASELINE = "model majority {\n  estimator = sklearn.DummyClassifier\n  …\n}\n\ngates release {\n  …\n  beats_majority := lower(accuracy(candidate) - accuracy(majority)) >= 5pp\n}"
_SEED = 'spec demo {\n  owner = "team-a"\n  seed = 7\n}'
_RESOURCES = "search tune {\n  …\n  cpu = 4\n  memory = 8GiB\n  time_limit = 2h\n}"
_RETRY = "search tune {\n  …\n  retry = 2\n}"
_GATES = "gates release {\n  candidate = tune.best\n  part = by_time.holdout\n  useful := lower(auc(candidate)) >= 0.80\n}"
_SPLIT = "split by_time {\n  frame = people\n  on = people.seen_at\n  train := 2025-01-01..2025-09-30\n  holdout := 2025-10-15..2025-12-31\n}"
_WORST = "gates release {\n  …\n  every_region := worst(auc(candidate), by: people.region) >= 0.70\n  fast := p95(latency(candidate, load: 50rps, cpu: 1)) <= 20ms\n}"
_REGULATION = 'card {\n  intended_use = "…"\n  regulation = ["EU AI Act, Annex III", "GDPR, Article 22"]\n}'
_SERVE = "serve api {\n  model = tune.best\n  gate = release\n}"
_WHY = "## Answers while the customer waits: a decision is needed within the call.\nserve api {\n  model = tune.best\n  gate = release\n}"
_MONITOR = "monitor watch {\n  of = api\n  reference = by_time.holdout\n  input_drift := worst(psi(inputs)) <= 0.20 @for(2h) @notify(console)\n}"
_LOG = "serve api {\n  …\n  log decisions {\n    keep = 30d\n    score := round(score, 3)\n  }\n}"

QUESTIONS = (
    Question("extraction", "sources", "Which sources are needed?", of_data.sources, "source", "Sources are declared by", _SOURCE),
    Question("extraction", "personal-data", "How is personal data handled?", of_data.personal, "source",
             "Which columns tell of persons, and so what may be done with them, is said by tags in", _TAGS),
    Question("analysis", "quality-metrics", "Which quality metrics matter?", of_data.quality, "source",
             "What must hold of the data is said by checks in", _CHECKS),
    Question("analysis", "quality-seen", "How do they look?", of_data.quality_seen, "explore",
             "It is known after a run; distributions and missing values are described by", _EXPLORE),
    Question("preparation", "missing-values", "How are missing values handled?", of_data.missing, "features.missing",
             "What stands for a missing value is said by", _MISSING),
    Question("preparation", "predictive", "Which features predict most?", of_data.predictive, "explore",
             "How much single columns tell of the label is described, after a run, by the section `target_rate` of", _EXPLORE),
    Question("development", "algorithms", "Which algorithms were considered?", of_learning.algorithms, "search",
             "Algorithms are declared by `model` and by the families of", _MODELS),
    Question("development", "reproduction", "How is the result reproduced?", of_learning.reproduction, "spec.seed",
             "The number that every random choice derives from is", _SEED),
    Question("optimisation", "hyperparameters", "Which hyperparameters mattered?", of_learning.hyperparameters, "search",
             "Hyperparameters are looked for, and their importance is worked out, by", _MODELS),
    Question("optimisation", "complexity", "What did complexity cost?", of_learning.complexity, "gates",
             "What a simple model reaches, and what a complex one has to add, is said by a baseline and", _BASELINE),
    Question("training", "infrastructure", "What infrastructure does training need?", of_learning.infrastructure, "search",
             "Cores, memory and limits are fields of `model` and", _RESOURCES),
    Question("training", "interruption", "What happens on interruption?", of_learning.interruption, "search.retry",
             "How often a stage that died starts again is said by", _RETRY),
    Question("evaluation", "metrics", "Which metrics capture performance?", of_release.metrics, "gates",
             "The metrics that count are those of", _GATES),
    Question("evaluation", "unbiased", "What keeps the evaluation unbiased?", of_release.unbiased, "split",
             "Rows that no model has seen are kept apart by", _SPLIT),
    Question("validation", "robustness", "How robust is it at the edges?", of_release.robustness, "gates",
             "The worst group, the spread between groups and the speed under load are judged by", _WORST),
    Question("validation", "regulation", "Which regulation applies?", of_release.regulation, "card.regulation",
             "The rules that the system falls under are said by", _REGULATION),
    Question("serving", "versions", "How are versions of deployed models managed?", of_release.versions, "serve",
             "What is deployed, and which gates it must have passed, is said by", _SERVE),
    Question("serving", "batch-or-real-time", "Why batch or real time?", of_release.batch_or_real_time, "serve",
             "Real time is declared by `serve`, batch by `score`; the reason is the `##` line above", _WHY),
    Question("monitoring", "degradation", "What signals degradation?", of_release.degradation, "monitor",
             "Drift, quality and performance are watched by", _MONITOR),
    Question("monitoring", "logs", "What do the logs hold?", of_release.logs, "serve.log",
             "What is written down of every request is said by", _LOG),
)  # fmt: skip


@lru_cache(maxsize=1)
def answered_all(subject: Subject) -> tuple[Answered, ...]:
    """Every question with its answer, in the order of the life cycle."""
    return tuple(answered(question, subject) for question in QUESTIONS)

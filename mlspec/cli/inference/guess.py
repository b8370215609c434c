"""What columns probably are: the label, keys, categories, numbers; and what had better be left out."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

from mlspec.cli.inference.profile import Data, Profile

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
_LABELS = ("target", "label", "outcome", "class", "y", "churn", "churned", "default", "defaulted", "survived", "species", "fraud",
           "is_fraud", "converted", "clicked", "income", "price", "sale_price", "quality", "score", "left", "response")  # fmt: skip
_KEYWORDS = frozenset(
    ("and", "or", "not", "in", "if", "then", "else", "true", "false", "null", "mlspec", "use", "as", "set", "extern")
)
_PROTECTED = re.compile(r"(^|_)(sex|gender|race|ethnic\w*|religion|nationality|disability)($|_)", re.IGNORECASE)
_PERSONAL = re.compile(
    r"(^|_)(email|e_mail|phone|ssn|first_name|last_name|full_name|address|iban|passport)($|_)", re.IGNORECASE
)
_KEY_NAME = re.compile(r"(^|_)(id|key|uuid|no|number|index)\Z", re.IGNORECASE)
_NAMES_THINGS = re.compile(r"(^|_)(id|uuid)\Z", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"-?[0-9.]*,[0-9]+\Z|-?[0-9]+\Z")
_YES = ("yes", "true", "1", "y", "t", ">50k", "positive", "pos", "bad", "churned", "default", "survived", "left", "malignant", "spam",
        "fraud", "ja", "oui", "si")  # fmt: skip
_CLASS_NAMES = frozenset(("target", "label", "class", "y", "species", "category", "kind", "type"))
CLOSED, OPEN, CLASSES = 8, 30, 20


@dataclass(frozen=True, slots=True)
class Guess:
    """One column: its role (label, key, feature, text, skip), the declared type, and why when it is left out."""

    profile: Profile
    role: str
    type: str
    values: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Guesses:
    """All columns that can be declared, the task, the positive value, and what had to be left out with the reason."""

    columns: tuple[Guess, ...]
    label: Guess
    task: str
    positive: Any
    left_out: tuple[tuple[str, str], ...]

    @property
    def key(self) -> Guess | None:
        """The column that tells rows apart."""
        return next((column for column in self.columns if column.role == "key"), None)


class NoLabelError(Exception):
    """The file has no column that could be a label."""


def guess(data: Data, label: str | None = None) -> Guesses:
    """What every column is; `label` says the label, else it is guessed by name and then by place: the last that could be one."""
    usable, left_out = _usable(data)
    chosen = _label(usable, label)
    task = _task(chosen)
    columns = tuple(_label_guess(chosen, task) if item is chosen else _column(item, data.rows) for item in usable)
    found = next(column for column in columns if column.role == "label")
    return Guesses(_one_key(columns), found, task, _positive(found, task), tuple(left_out))


def _usable(data: Data) -> tuple[list[Profile], list[tuple[str, str]]]:
    usable: list[Profile] = []
    left_out: list[tuple[str, str]] = []
    seen: set[str] = set()
    for column in data.columns:
        if column.nulls == column.rows:
            left_out.append((column.name, "it has no value"))
            continue
        name = _free(_spelled(column.name, len(seen) + 1), seen)
        seen.add(name.lower())
        usable.append(column if name == column.name else replace(column, name=name, named=column.name))
    return usable, left_out


def _spelled(name: str, place: int) -> str:
    """A name of the language near what the file calls the column: `Größe (cm)` is `Grosse_cm`."""
    if _NAME.match(name) and name not in _KEYWORDS:
        return name
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    found = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:60]
    if not found or not found[0].isalpha() or found in _KEYWORDS:
        found = f"column_{found or place}"
    return found


def _free(name: str, seen: set[str]) -> str:
    """The name, with a number behind it where another column has it already."""
    return next(free for free in (name, *(f"{name}_{number}" for number in range(2, 100_000))) if free.lower() not in seen)


def _label(columns: list[Profile], wanted: str | None) -> Profile:
    if wanted is not None:
        named = next((column for column in columns if wanted in (column.name, column.named)), None)
        if named is None:
            raise NoLabelError(f"there is no column `{wanted}` that could be the label")
        return named
    fitting = [column for column in columns if not column.nulls and _could_be_label(column)]
    by_name = [column for name in _LABELS for column in fitting if column.name.lower() == name]
    if not fitting:
        raise NoLabelError("no column without nulls could be the label")
    return (by_name or fitting[::-1])[0]


def _could_be_label(column: Profile) -> bool:
    if column.distinct < 2:
        return False
    if column.type in ("int", "float"):
        return not (column.type == "int" and column.distinct == column.rows)
    return column.type == "bool" or (column.type == "string" and column.distinct <= 20)


def _task(column: Profile) -> str:
    if column.type == "bool":
        return "binary"
    if column.type == "string" or _codes_classes(column):
        return "binary" if column.distinct == 2 else "multiclass"
    return "regression"


def _codes_classes(column: Profile) -> bool:
    """Whether whole numbers stand for classes: 0 and 1 do, and so do 0, 1, 2, … of few values where the name says so."""
    if column.type != "int" or column.nulls or not 2 <= column.distinct <= CLASSES:
        return False
    counted = column.low in (0, 1) and column.high - column.low == column.distinct - 1
    return counted and (column.distinct == 2 or column.name.lower() in _CLASS_NAMES)


def _label_guess(column: Profile, task: str) -> Guess:
    if column.type == "string":
        return Guess(column, "label", "category", tuple(sorted(value for value, _ in column.top)))
    if task != "regression" and column.type == "int":
        return Guess(column, "label", "category", tuple(sorted((value for value, _ in column.top), key=int)))
    return Guess(column, "label", column.type)


def _positive(label: Guess, task: str) -> Any:
    """Of two classes the one that sounds like an event, else the rarer one."""
    if task != "binary" or label.type == "bool":
        return None
    by_name = next((value for value, _ in label.profile.top if value.lower() in _YES), None)
    return by_name or label.profile.top[-1][0]


def _column(column: Profile, rows: int) -> Guess:
    if column.type == "string":
        return _textual(column, rows)
    if column.type in ("date", "timestamp"):
        return Guess(column, "skip", column.type, why="a point in time: derive what matters, such as `month(…)`")
    if _is_key(column, rows):
        return Guess(column, "key", column.type)
    if column.distinct < 2:
        return Guess(column, "skip", column.type, why="it has one value only")
    if column.type == "int" and _NAMES_THINGS.search(column.name):
        return Guess(column, "skip", "int", why=_repeated(column))
    return Guess(column, "feature", column.type)


def _repeated(column: Profile) -> str:
    return f"it names what rows are about; if rows that share it belong together, give the split `group = {column.name}`"


def _textual(column: Profile, rows: int) -> Guess:
    if is_personal(column.name):
        return Guess(column, "skip", "string", why="it looks like personal data")
    if column.top and all(_DECIMAL_COMMA.match(value) for value, _ in column.top):
        return Guess(column, "skip", "string", why="its numbers have a decimal comma: write them with a point")
    if _is_key(column, rows):
        return Guess(column, "key", "string")
    if column.distinct < 2:
        return Guess(column, "skip", "category", why="it has one value only")
    if column.distinct <= CLOSED:
        return Guess(column, "feature", "category", tuple(sorted(value for value, _ in column.top)))
    if column.distinct <= max(OPEN, rows // 20):
        return Guess(column, "feature", "category")
    if _NAMES_THINGS.search(column.name):
        return Guess(column, "skip", "string", why=_repeated(column))
    why = "nearly every row has a value of its own"
    return Guess(column, "skip", "string", why=f"{why}; for its words: `tfidf(…)`" if _is_prose(column) else why)


def _is_prose(column: Profile) -> bool:
    """Whether the values are of three words and more, mostly."""
    return sum(value.count(" ") for value, _ in column.top) >= 2 * len(column.top) > 0


def _is_key(column: Profile, rows: int) -> bool:
    unique = column.nulls == 0 and rows > 1 and column.distinct >= rows * 0.97
    named = _KEY_NAME.search(column.name) is not None
    if not unique or column.type not in ("int", "string"):
        return False
    counts_rows = column.type == "int" and column.low in (0, 1) and column.high <= rows
    return named or (column.type == "string" and not _is_prose(column)) or counts_rows


def _one_key(columns: tuple[Guess, ...]) -> tuple[Guess, ...]:
    """Only the first key stays one; a second unique column is no feature either."""
    seen, found = False, []
    for column in columns:
        if column.role == "key" and seen:
            column = Guess(column.profile, "skip", column.type, why="it tells rows apart as the key does")  # noqa: PLW2901
        seen = seen or column.role == "key"
        found.append(column)
    return tuple(found)


def is_personal(name: str) -> bool:
    """Whether a column's name says that it tells who a person is."""
    return _PERSONAL.search(name) is not None


def is_protected(name: str) -> bool:
    """Whether a column's name says a protected characteristic."""
    return _PROTECTED.search(name) is not None


def widened(low: Any, high: Any, whole: bool) -> tuple[Any, Any]:
    """A range a tenth wider than what was seen, in round numbers, that does not leave the side of zero it is on."""
    span = float(high) - float(low)
    step = 10.0 ** math.floor(math.log10(span)) / 10 if span > 0 else max(abs(float(high)), 1.0) / 10
    step = max(step, 1.0) if whole else step
    margin = span / 10 or step
    lower = math.floor((float(low) - margin) / step + 1e-9) * step
    upper = math.ceil((float(high) + margin) / step - 1e-9) * step
    lower, upper = (max(lower, 0.0) if low >= 0 else lower), (min(upper, 0.0) if high <= 0 else upper)
    if whole:
        return int(lower), int(upper)
    return float(f"{lower:.6g}"), float(f"{upper:.6g}")

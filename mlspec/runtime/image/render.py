"""Features that are images: from encoded bytes to the pixels that their expression asks for. One function for tables and requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.image.decode import Unreadable, pillow, read

if TYPE_CHECKING:
    from PIL import Image

Render = Callable[[bytes], bytes]


def is_image(feature: Mapping[str, Any]) -> bool:
    """Whether a feature is an image."""
    return str(feature["type"]).removesuffix("?") == "image"


def column_of_form(form: Any) -> str:
    """The image column that an expression starts from."""
    while form[0] == "call":
        form = form[2][0]
    return str(form[1])


def normalised_by(form: Any) -> str | None:
    """By what an expression normalises pixels at last: `image`, `imagenet` or nothing."""
    return str(form[3].get("by", "image")) if form[0] == "call" and form[1] == "normalise" else None


def renderer(feature: Mapping[str, Any], columns: Sequence[Mapping[str, Any]], where: str) -> Render:
    """The function from encoded bytes to the pixels of a feature, channel by channel, eight bits each.

    What is normalised is stored as it was before: numbers are made of it where they are read.
    """
    pillow()
    name = column_of_form(feature["value"])
    column = next(column for column in columns if column["name"] == name)
    change, shape = _changes(feature["value"]), tuple(feature["shape"])

    def render(data: bytes) -> bytes:
        try:
            picture = read(data, column)
        except Unreadable as error:
            raise unreadable_image(name, str(error), where) from error
        pixels = np.asarray(change(picture))
        planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        if planes.shape != shape:
            raise AssertionError(f"{planes.shape} pixels where {shape} are declared")
        return planes.tobytes()

    return render


def unreadable_image(column: str, why: str, where: str) -> StageError:
    """MLS802 for an image that cannot be read, without a word of what it shows."""
    return StageError(
        "MLS802", f"an image of `{column}` cannot be read", where, expected="a whole image of the declared channels and size", found=why,
        help="send another file, or declare what the files are: `image(channels: …, size: …)`",
    )  # fmt: skip


def _changes(form: Any) -> Callable[[Image.Image], Image.Image]:
    """What an expression does to a picture, innermost first."""
    steps: list[Callable[[Image.Image], Image.Image]] = []
    while form[0] == "call":
        if form[1] != "normalise":
            steps.insert(0, _CHANGES[form[1]](form[3]))
        form = form[2][0]

    def apply(picture: Image.Image) -> Image.Image:
        for step in steps:
            picture = step(picture)
        return picture

    return apply


def _resize(options: Mapping[str, Any]) -> Callable[[Image.Image], Image.Image]:
    size = int(options["size"])

    def change(picture: Image.Image) -> Image.Image:
        from PIL import Image

        return picture.resize((size, size), Image.Resampling.BILINEAR)

    return change


def _crop(options: Mapping[str, Any]) -> Callable[[Image.Image], Image.Image]:
    size = int(options["size"])

    def change(picture: Image.Image) -> Image.Image:
        left, top = (picture.width - size) // 2, (picture.height - size) // 2
        return picture.crop((left, top, left + size, top + size))

    return change


def _grey(options: Mapping[str, Any]) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.convert("L")


_CHANGES: Mapping[str, Callable[[Mapping[str, Any]], Callable[[Image.Image], Image.Image]]] = {
    "resize": _resize, "crop": _crop, "grey": _grey,
}  # fmt: skip

"""Encoded images to pixels, with limits: what is no picture, or a larger one than was declared, is refused before it is unpacked."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mlspec.runtime.errors import StageError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MAX_BYTES = 64 << 20
MAX_PIXELS = 1 << 26
# Each scan of a progressive JPEG goes over the whole picture again: encoders write some ten, and thirty bytes are enough for one more.
MAX_SCANS = 64
_SCAN = b"\xff\xda"
# What is read as one channel and as three; a picture without colour has three equal ones.
_MODES = {1: frozenset({"1", "L", "I;16", "I;16B", "I;16L"}), 3: frozenset({"RGB", "P", "L", "1", "CMYK", "YCbCr"})}


class Unreadable(Exception):
    """Bytes that are no image as it was declared; says why, and nothing of what they hold."""


def read(data: bytes, column: Mapping[str, Any]) -> Image.Image:
    """The picture that bytes encode, turned as its camera says, in mode `L` or `RGB`; `column` declares channels and the longest side."""
    Image, ImageOps = pillow()
    if len(data) > MAX_BYTES:
        raise Unreadable(f"{len(data):,} bytes, more than {MAX_BYTES:,}")
    if not data:
        raise Unreadable("an empty file")
    Image.MAX_IMAGE_PIXELS = None  # what is too large is refused below, from its head alone; Pillow would only warn
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception as error:  # decoders of broken heads raise whatever they stumble over
        raise Unreadable(f"no image of the formats {', '.join(FORMATS)}") from error
    with picture:
        _refuse_shape(picture, column)
        if picture.format == "JPEG" and data.count(_SCAN) > MAX_SCANS:
            raise Unreadable(f"{data.count(_SCAN):,} scans of one picture, more than {MAX_SCANS:,}")
        try:
            picture.load()
            return _plain(ImageOps.exif_transpose(picture), int(column["channels"]))
        except Exception as error:
            raise Unreadable(f"a broken {picture.format} file") from error


def claimed(data: bytes, column: Mapping[str, Any]) -> int:
    """How many pixels would be unpacked of a file, from its head alone; 0 for what is refused for its head."""
    Image, _ = pillow()
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            return int(picture.width * picture.height) if max(picture.size) <= int(column["longest"]) else 0
    except Exception:  # why it is none, `read` says
        return 0


def pillow() -> tuple[Any, Any]:
    """The library's modules; StageError MLS812 where it is not installed."""
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError as error:
        raise StageError("MLS812", "images need the library `Pillow`, which is not installed", expected="Pillow", found=f"no module `{error.name}`",
                         help="install it: pip install 'mlspec-lang[images]'") from error  # fmt: skip
    return Image, ImageOps


def _refuse_shape(picture: Image.Image, column: Mapping[str, Any]) -> None:
    longest, channels = int(column["longest"]), int(column["channels"])
    width, height = picture.size
    if max(width, height) > longest:
        raise Unreadable(f"{width:,} x {height:,} pixels, more than {longest:,}")
    if width * height > MAX_PIXELS or not width * height:
        raise Unreadable(f"{width:,} x {height:,} pixels, more than {MAX_PIXELS:,} in all")
    if getattr(picture, "is_animated", False):
        raise Unreadable("several pictures in one file")
    if picture.mode not in _MODES[channels] or "transparency" in picture.info:
        clear = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
        found = "a picture with transparency" if clear else f"a picture of mode {picture.mode}"
        raise Unreadable(f"{found}, not of {'one channel' if channels == 1 else 'three channels'}")


def _plain(picture: Image.Image, channels: int) -> Image.Image:
    """Eight bits a channel; of sixteen the upper half."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    return picture.convert("L" if channels == 1 else "RGB")

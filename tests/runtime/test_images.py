"""Images: what is refused, what pixels become, and that requests, tables and trainings see the same."""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlspec.runtime.errors import StageError
from mlspec.runtime.image.augment import changes_of, random_of
from mlspec.runtime.image.decode import Unreadable, read
from mlspec.runtime.image.pixels import numbers_of, pixels_of
from mlspec.runtime.image.render import normalised_by, renderer
from mlspec.runtime.image.text import bytes_of_text, example_text, image_of_text, thumbnail

GREY = {"name": "pixels", "type": "image", "channels": 1, "longest": 16}
COLOUR = {**GREY, "channels": 3}


def encoded(pixels: Any, form: str = "PNG", **options: Any) -> bytes:
    """An image file."""
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype=np.uint8)).save(stream, form, **options)
    return stream.getvalue()


RAMP = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
PICTURE = encoded(RAMP)
FLAG = np.stack([RAMP, RAMP[::-1], np.full((8, 8), 200, dtype=np.uint8)], axis=2)


def huge(side: int) -> bytes:
    """A small file that says it is a large picture."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


REFUSED = {
    "empty": (b"", "an empty file"),
    "text": (b"GIF89a no", "no image of the formats"),
    "gif": (encoded(RAMP, "GIF"), "no image of the formats"),
    "cut": (encoded(np.random.default_rng(0).integers(0, 255, (16, 16)))[:-60], "a broken PNG file"),
    "bomb": (huge(60_000), "60,000 x 60,000 pixels, more than 16"),
    "large": (encoded(np.zeros((17, 4))), "4 x 17 pixels, more than 16"),
    "colour": (encoded(FLAG), "a picture of mode RGB, not of one channel"),
    "clear": (encoded(np.dstack([FLAG, RAMP])), "a picture with transparency"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_as_declared_says_why(name: str) -> None:
    data, why = REFUSED[name]
    with pytest.raises(Unreadable, match="^" + why.replace("(", r"\(")):
        read(data, GREY)


def test_several_pictures_in_one_file_are_refused() -> None:
    stream = io.BytesIO()
    frames = [Image.fromarray(RAMP), Image.fromarray(RAMP[::-1])]
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(Unreadable, match="several pictures"):
        read(stream.getvalue(), GREY)


def test_scans_without_end_are_refused_before_any_is_unpacked() -> None:
    """A progressive JPEG of few bytes may have its whole picture gone over any number of times."""
    whole = encoded(RAMP, "JPEG", progressive=True)
    assert read(whole, GREY).mode == "L"
    start = whole.rfind(b"\xff\xda")
    with pytest.raises(Unreadable, match="scans of one picture, more than 64"):
        read(whole[:-2] + whole[start:-2] * 100 + whole[-2:], GREY)


def test_no_bit_of_a_file_makes_a_traceback() -> None:
    """Every byte changed in turn: a picture, or a reason."""
    whole = encoded(RAMP)
    for place in range(0, len(whole), 3):
        broken = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        try:
            assert read(broken, GREY).mode == "L"
        except Unreadable as error:
            assert str(error)


def test_channels_depth_and_the_turn_of_a_camera() -> None:
    assert np.asarray(read(encoded(RAMP), COLOUR)).tolist() == np.repeat(RAMP[:, :, None], 3, axis=2).tolist()
    deep = io.BytesIO()
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(deep, "PNG")
    assert np.asarray(read(deep.getvalue(), GREY)).tolist() == RAMP.tolist()
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera lay on its side
    picture = read(encoded(np.zeros((4, 8)), "JPEG", exif=turned), GREY)
    assert picture.size == (4, 8)


def feature(form: Any, *shape: int) -> dict[str, Any]:
    """A feature as a config has it."""
    return {"name": "x", "type": "image", "value": form, "shape": list(shape), "fitted": []}


def call(name: str, inner: Any, **options: Any) -> list[Any]:
    """A call in the form of expressions."""
    return ["call", name, [inner], options]


COLUMN = ["col", "pixels", "image"]


def test_what_expressions_make_of_a_picture() -> None:
    def rendered(form: Any, data: bytes, *shape: int) -> Any:
        made = renderer(feature(form, *shape), [COLOUR], "f.x")(data)
        return np.frombuffer(made, dtype=np.uint8).reshape(shape)

    middle = rendered(call("crop", COLUMN, size=2), encoded(FLAG), 3, 2, 2)
    assert middle.tolist() == FLAG[3:5, 3:5].transpose(2, 0, 1).tolist()
    framed = rendered(call("crop", COLUMN, size=10), encoded(FLAG), 3, 10, 10)
    assert framed[:, 1:9, 1:9].tolist() == FLAG.transpose(2, 0, 1).tolist() and framed[:, 0].sum() == 0
    grey = rendered(call("grey", call("resize", COLUMN, size=8)), encoded(FLAG), 1, 8, 8)
    assert abs(int(grey[0, 0, 0]) - (0.299 * FLAG[0, 0, 0] + 0.587 * FLAG[0, 0, 1] + 0.114 * FLAG[0, 0, 2])) < 1
    small = rendered(call("normalise", call("resize", COLUMN, size=1), by="image"), encoded(FLAG), 3, 1, 1)
    assert abs(int(small[0, 0, 0]) - RAMP.mean()) <= 8  # of all pixels, not of one
    with pytest.raises(StageError) as told:
        rendered(call("crop", COLUMN, size=2), b"no picture", 3, 2, 2)
    assert (told.value.code, told.value.where) == ("MLS802", "f.x")


@pytest.mark.parametrize("by", [None, "image", "imagenet"])
def test_numbers_are_the_same_bits_whatever_rows_are_beside(by: str | None) -> None:
    raw = np.random.default_rng(1).integers(0, 256, (37, 3 * 9 * 9)).astype(np.uint8)
    whole = numbers_of(raw, (3, 9, 9), by)
    for size in (1, 2, 16):
        parts = [numbers_of(raw[start : start + size], (3, 9, 9), by) for start in range(0, 37, size)]
        assert np.array_equal(np.concatenate(parts).view(np.int64), whole.view(np.int64))
    if by == "image":
        np.testing.assert_allclose([whole.mean(axis=1), whole.std(axis=1)], [np.zeros(37), np.ones(37)], atol=1e-9)
    elif by is None:
        np.testing.assert_array_equal(whole, raw / 255.0)
    else:
        np.testing.assert_allclose(whole[:, 0], (raw[:, 0] / 255.0 - 0.485) / 0.229)


def test_a_picture_without_any_difference_is_zero() -> None:
    assert not numbers_of(np.full((2, 4), 77, dtype=np.uint8), (1, 2, 2), "image").any()


def test_pixels_of_a_table_and_of_a_request_are_one() -> None:
    import pyarrow as pa

    rows = [bytes(range(start, start + 12)) for start in (0, 7, 30)]
    column = pa.chunked_array([pa.array(rows[:1], pa.binary(12)), pa.array([b"0" * 12, *rows[1:]], pa.binary(12)).slice(1)])
    ours, theirs = pixels_of(rows, (3, 2, 2), None), pixels_of(column, (3, 2, 2), None)
    assert ours.raw.tolist() == theirs.raw.tolist() == [list(row) for row in rows]
    assert normalised_by(call("normalise", COLUMN, by="imagenet")) == "imagenet"
    assert normalised_by(COLUMN) is None


CHANGES = [
    {"name": "flip", "horizontal": True, "vertical": False}, {"name": "rotate", "limit": 20.0}, {"name": "shift", "limit": 0.25},
    {"name": "brightness", "limit": 0.3}, {"name": "noise", "scale": 0.05},
]  # fmt: skip


@pytest.mark.parametrize("config", CHANGES, ids=lambda config: config["name"])
def test_a_change_is_drawn_by_seed_and_row_alone(config: dict[str, Any]) -> None:
    change = changes_of([config])
    assert change is not None
    planes = FLAG.transpose(2, 0, 1)
    made = [np.asarray(change(planes, random_of(5, row)), dtype=np.float64) for row in range(12)]
    again = [np.asarray(change(planes, random_of(5, row)), dtype=np.float64) for row in reversed(range(12))][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(made, again, strict=True))
    assert len({one.tobytes() for one in made}) > (1 if config["name"] == "flip" else 6)
    assert all(one.shape == planes.shape and one.min() >= 0 and one.max() <= 255 for one in made)


def test_changes_do_what_they_are_called() -> None:
    planes = FLAG.transpose(2, 0, 1)
    flipped = changes_of([{"name": "flip", "horizontal": True, "vertical": True}])
    still = changes_of([{"name": "rotate", "limit": 0.0}, {"name": "shift", "limit": 0.0}, {"name": "noise", "scale": 0.0}])
    assert flipped is not None and still is not None and changes_of([]) is None
    seen = {flipped(planes, random_of(1, row)).tobytes() for row in range(60)}
    ways = [planes, planes[:, :, ::-1], planes[:, ::-1], planes[:, ::-1, ::-1]]
    assert seen == {np.ascontiguousarray(way).tobytes() for way in ways}
    np.testing.assert_allclose(still(planes, random_of(1, 1)), planes)


def test_text_of_requests() -> None:
    data = encoded(RAMP)
    assert image_of_text(base64.b64encode(data).decode(), GREY) == data
    for wrong in ("no base64!", 5, None, "AAAA"):
        with pytest.raises(Unreadable):
            image_of_text(wrong, GREY)
    for column in (GREY, COLOUR, {**GREY, "longest": 3}):
        picture = read(bytes_of_text(example_text(column)), column)
        assert (
            picture.size == (min(8, int(str(column["longest"]))),) * 2 and len(set(np.asarray(picture).ravel().tolist())) == 1
        )
    small = base64.b64decode(thumbnail(data, GREY).removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(small)).size == (96, 96)


def test_a_request_is_refused_without_a_word_of_it() -> None:
    from mlspec.runtime.serve.schema import RequestRefused, RequestSchema

    schema = RequestSchema([GREY], 10)
    good = base64.b64encode(encoded(RAMP)).decode()
    assert schema.read({"pixels": good})[0] == [{"pixels": encoded(RAMP)}]
    assert json.dumps(schema.json_schema()).count("base64") == 1
    for wrong in (good[:40], base64.b64encode(huge(60_000)).decode(), 7):
        with pytest.raises(RequestRefused) as told:
            schema.read({"pixels": wrong})
        assert told.value.errors[0]["where"] == "pixels" and str(wrong) not in str(told.value.errors)


def test_a_batch_has_no_more_pixels_than_one_picture_may(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlspec.runtime.serve import schema

    asked = schema.RequestSchema([GREY], 10)
    whole, broken = (base64.b64encode(data).decode() for data in (PICTURE, REFUSED["cut"][0]))
    wide = base64.b64encode(huge(60_000)).decode()
    monkeypatch.setattr(schema, "MAX_PIXELS", 3 * 64)
    assert len(asked.read({"records": [{"pixels": whole}] * 3})[0]) == 3
    for too_many in ([whole] * 4, [broken]):
        with pytest.raises(schema.RequestRefused) as told:
            asked.read({"records": [{"pixels": text} for text in too_many]})
        assert told.value.errors[0]["expected"] == "at most 192 pixels in all images of a request"
    with pytest.raises(schema.RequestRefused) as told:
        asked.read({"records": [{"pixels": wide}, 7, {}]})
    assert [error["where"] for error in told.value.errors] == ["records[0].pixels", "records[1]", "records[2].pixels"]


def test_without_pillow_the_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(StageError) as told:
        read(PICTURE, GREY)
    assert told.value.code == "MLS812" and "mlspec-lang[images]" in str(told.value.help)


def test_worst_rows_are_shown_as_pictures_unless_they_are_of_persons() -> None:
    from mlspec.runtime.evaluate.outcomes import outcomes_of
    from mlspec.runtime.evaluate.worst_rows import MASKED, worst_rows

    y = np.array([0, 1, 2, 0, 1, 2, 0])
    scores = np.eye(3)[[0, 1, 2, 1, 1, 1, 1]] * 0.8 + 0.2 / 3
    rows = outcomes_of(y, scores, scores.argmax(axis=1), task="multiclass", classes=["a", "b", "c"])
    losses = np.array([0.1, 0.1, 0.1, 2.0, 0.1, 3.0, 2.5])
    data = [encoded(np.full((8, 8), 30 * place)) for place in range(7)]

    def found(*tags: str, min_cell: int = 1) -> dict[str, Any]:
        column = {**GREY, "tags": list(tags)}
        return worst_rows(rows, losses, np.arange(7), [(column, data)], min_cell=min_cell, names={0: "a", 1: "b", 2: "c"})

    shown = found()
    assert [row["row"] for row in shown["kinds"][0]["rows"]] == [5, 6, 3]
    assert shown["kinds"][0]["rows"][0]["values"] == [{"picture": thumbnail(data[5], GREY)}]
    assert [(pair["label"], pair["decision"], pair["n"]) for pair in shown["confused"]] == [("a", "b", 2), ("c", "b", 1)]
    assert shown["confused"][0]["pictures"] == [thumbnail(data[6], GREY), thumbnail(data[3], GREY)]
    assert shown["confused"][0]["share"] == 2 / 3
    assert [pair["n"] for pair in found(min_cell=2)["confused"]] == [2]
    for tag in ("pii.direct", "pii.quasi", "protected"):
        hidden = found(tag)
        assert "confused" not in hidden and hidden["masked"] == ["pixels"]
        assert {value for row in hidden["kinds"][0]["rows"] for value in row["values"]} == {MASKED}

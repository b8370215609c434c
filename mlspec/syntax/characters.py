"""What a name with letters of other scripts was probably meant to be."""

from __future__ import annotations

# Letters of other scripts that look like ASCII ones, as they come in pasted or hostile text.
_CYRILLIC = "0430 0435 043e 0440 0441 0445 0443 0456 0458 0455 0501 051b 0410 0412 0415 041a 041c 041d 041e 0420 0421 0422 0425"
_GREEK = "03bf 03b1 03bd 03c1 0391 0392 0395 039a 039f"
_POINTS = [int(point, 16) for point in f"{_CYRILLIC} {_GREEK}".split()]
_LOOKALIKES = dict(zip(_POINTS, "aeopcxyijsdqABEKMHOPCTXoavpABEKO", strict=True))


def ascii_name(name: str) -> str:
    """The ASCII name that `name` looks like, or "" where it looks like none."""
    from unicodedata import normalize

    plain = "".join(_LOOKALIKES.get(ord(char), char) for char in name)
    plain = "".join(char for char in normalize("NFKD", plain) if char.isascii() and (char.isalnum() or char == "_"))
    return plain if plain[:1].isalpha() else ""

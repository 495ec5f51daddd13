from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ratchet.errors import SpecError
from ratchet.spec.loading import parse_spec
from ratchet.spec.model import ModelSpec
from tests.factories.lives import life
from tests.factories.models import PARCELS

__all__ = ["life"]

SOUND = (PARCELS / "spec.yaml").read_text()

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the sound spec with one piece of text in place of another, or something else altogether."""

    def write(old: str = "", new: str = "", *, text: str | bytes = SOUND) -> Path:
        path = tmp_path / "spec.yaml"
        assert not old or old in SOUND
        path.write_bytes(text if isinstance(text, bytes) else text.replace(old, new, 1).encode())
        return path

    return write


def load(path: Path) -> ModelSpec:
    return parse_spec(path, "parcels")


def refusal(path: Path) -> str:
    """What is said of a file that is refused, its folder left out."""
    with pytest.raises(SpecError) as error:
        load(path)
    return str(error.value.args[0]).replace(f"{path.parent}/", "")


def line_of(text: str) -> int:
    """The line of the sound spec on which a text begins."""
    return SOUND[: SOUND.index(text)].count("\n") + 1

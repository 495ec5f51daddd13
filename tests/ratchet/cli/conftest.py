from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ratchet.cli import main
from tests.factories.lives import life
from tests.factories.models import Model

__all__ = ["life"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Ratchet = Callable[..., Answer]


@pytest.fixture
def ratchet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ratchet:
    """Run the command as a shell would, for the project of a model."""

    def run(model: Model, *arguments: str) -> Answer:
        monkeypatch.setenv("RATCHET_HOME", model.project.home)
        monkeypatch.setenv("RATCHET_MODELS", str(model.project.models_path))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", model.project.tracking_uri)
        monkeypatch.setenv("COLUMNS", "240")
        monkeypatch.setattr(sys, "argv", ["ratchet", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        seen = capsys.readouterr()
        return Answer(code=int(stopped.value.code or 0), out=seen.out, err=seen.err)

    return run


def assert_told(answer: Answer, *words: str) -> None:
    """The command failed with one message on the error stream, and no stack trace."""
    assert answer.code == 1
    assert answer.out == ""
    assert answer.err.startswith("E-")
    assert "Traceback" not in answer.err
    for word in words:
        assert word in answer.err

"""A foreign model tried in a process of its own, before this one runs it: bounded in time and memory.

Not guarded: a model that answers these rows in time may be slow or large on others, and no request has a deadline.
Loops are refused beforehand (`parse_onnx`), and the gate bounds the time of test examples.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.errors import ModelError, RatchetError

if TYPE_CHECKING:
    from ratchet.packaging.card import Row
    from ratchet.spec.features import Role

TRIAL_SECONDS = 60.0
# Of address space, libraries included: a model of the largest size that is taken needs a few copies of itself.
TRIAL_BYTES = 4_000_000_000
# float32 keeps seven digits, and a matrix is summed in another order than a row.
ROW_TOLERANCE = 1e-5

_MODEL, _REQUEST = "model.onnx", "request.json"
# Nothing else of the environment: no addresses, no credentials.
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT")


def try_model(
    data: bytes,
    rows: Sequence[Row],
    roles: Mapping[str, Role],
    *,
    output: str,
    column: int,
    seconds: float = TRIAL_SECONDS,
    max_bytes: int = TRIAL_BYTES,
) -> tuple[float, ...]:
    """Return a model's scores of some rows, each a probability, and the same for a row by itself.

    Parameters
    ----------
    roles : mapping of str to role
        The features, in the order of the model's inputs or of its matrix.

    Raises
    ------
    ModelError
        If it answers no probability, does not end in time, dies, or answers a row otherwise beside others.
    """
    request = {
        "columns": {name: [_as_fed(row[name], role) for row in rows] for name, role in roles.items()},
        "texts": [name for name, role in roles.items() if role == "categorical"],
        "output": output,
        "column": column,
        "max_bytes": max_bytes,
    }
    with tempfile.TemporaryDirectory(prefix="ratchet-onnx-") as folder:
        Path(folder, _MODEL).write_bytes(data)
        Path(folder, _REQUEST).write_text(json.dumps(request))
        answer = _ask(folder, seconds)
    if "refused" in answer:
        raise ModelError(str(answer["refused"]))
    together, alone = np.array(answer["together"]), np.array(answer["alone"])
    wrong = [number for number, score in enumerate(together, 1) if not 0 <= score <= 1]
    if wrong:
        raise ModelError(
            f"The model must answer a probability for every row. It does not for {len(wrong)} of {len(together)} "
            f"tried: row {wrong[0]} gets {together[wrong[0] - 1]:g}{_hint(rows[wrong[0] - 1])}."
        )
    if not np.allclose(together, alone, rtol=0, atol=ROW_TOLERANCE):
        raise ModelError("The model's answer to a row depends on the rows beside it, or on chance. It must on neither.")
    return tuple(together.tolist())


def _as_fed(value: float | str | None, role: Role) -> float | str:
    return (math.nan if role == "numeric" else "") if value is None else value


def _hint(row: Row) -> str:
    if any(value is not None for value in row.values()):
        return ""
    return ", in which everything is missing: let the model impute, as a value may be missing any day"


def _ask(folder: str, seconds: float) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(  # our own module, by the interpreter that runs this one
            [sys.executable, "-P", "-m", "ratchet.packaging.onnx_trial", folder],
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"The model did not answer within {seconds:g} seconds; it was stopped.") from None
    if done.returncode:
        raise ModelError(
            f"The model brought down the process it was tried in (exit {done.returncode}): it needs more memory than "
            "is given, or onnxruntime cannot run it."
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _main(folder: Path) -> None:
    import resource

    request = json.loads((folder / _REQUEST).read_text())
    resource.setrlimit(resource.RLIMIT_AS, (request["max_bytes"],) * 2)
    try:
        answer = _scores((folder / _MODEL).read_bytes(), request)
    except RatchetError as error:
        answer = {"refused": error.args[0]}
    except MemoryError:
        answer = {"refused": f"The model needs more than {request['max_bytes']} bytes of memory."}
    sys.stdout.write(json.dumps(answer))


def _scores(data: bytes, request: Mapping[str, Any]) -> dict[str, Any]:
    from ratchet.packaging.onnx_session import OnnxSession

    columns = {
        name: np.array(values, dtype=object if name in request["texts"] else np.float64)
        for name, values in request["columns"].items()
    }
    session = OnnxSession(data, list(columns), output=request["output"], column=request["column"])
    n = len(next(iter(columns.values())))
    alone = [session.scores({name: of[i : i + 1] for name, of in columns.items()})[0] for i in range(n)]
    return {"together": session.scores(columns).tolist(), "alone": alone}


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

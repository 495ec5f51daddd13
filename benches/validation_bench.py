"""What the validation of one day costs, as a task of that day pays it. Shown, not judged."""

from __future__ import annotations

from benches.flights_like import MODELS_PATH, make_flights
from benches.measuring import Row, figure_row, take
from ratchet.validation.expectations import load_expectations
from ratchet.validation.frame import validate_frame
from ratchet.validation.library import import_great_expectations

N_EXAMPLES, N_COLUMNS, N_EXPECTATIONS = 1000, 16, 48


def run() -> list[Row]:
    """Return the rows of the import, of the first validation of a process, and of a later one."""
    frame = make_flights(N_EXAMPLES)
    expectations = load_expectations(MODELS_PATH / "flights" / "expectations.yaml")

    def validate() -> None:
        result = validate_frame(frame, expectations, environment="serving", entity="flight_id")
        seen = (result.verdict, result.n_expectations, frame.width)
        if seen != ("pass", N_EXPECTATIONS, N_COLUMNS):
            raise ValueError(f"The bench must pass {N_EXPECTATIONS} expectations of {N_COLUMNS} columns. Got {seen}.")

    name = f"validate_frame, {N_EXAMPLES} rows x {N_COLUMNS} columns, {N_EXPECTATIONS} expectations"
    imported = take(import_great_expectations, times=1, warm_up=False)
    first = take(validate, times=1, warm_up=False)
    return [
        figure_row("import of Great Expectations, once a process", imported.cpu, unit="CPU s"),
        figure_row(f"{name}, first in its process", first.cpu, unit="CPU s"),
        figure_row(f"{name}, later", take(validate, times=3, warm_up=False).cpu, unit="CPU s"),
    ]

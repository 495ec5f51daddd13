"""From the bytes of a request to records of predictions, and from those to the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl
from numpy.typing import NDArray

from ratchet.features.derived import derive_features
from ratchet.packaging.telling import as_rows, tell
from ratchet.project import Project
from ratchet.serving.champion import ChampionWatch, Served
from ratchet.serving.prediction_log import PredictionLog, Record
from ratchet.serving.refusals import NoChampionError
from ratchet.serving.requests import RequestReader
from ratchet.spans.pseudonyms import Protection
from ratchet.spans.records import SCHEMA_VERSION, SPAN
from ratchet.spec.functions import load_functions
from ratchet.spec.model import ModelSpec

Clock = Callable[[], datetime]
# Of a record; what is null is not answered.
_ANSWERED = ("prediction_id", "score", "is_expected", "predicted", "scores")


class Scorer:
    """Answers requests for one model: parse, derive, score, put on record, and only then answer."""

    def __init__(
        self, project: Project, spec: ModelSpec, *, champions: ChampionWatch, log: PredictionLog, clock: Clock
    ) -> None:
        self._spec = spec
        self._champions, self._log, self._clock = champions, log, clock
        self._reader = RequestReader(spec)
        self._protection = Protection.of(project, spec)
        self._functions = load_functions(project.model_path(spec.name), spec.features.functions)

    def score(self, body: bytes, request_id: str) -> bytes:
        """Return the answer as JSON; it is in the log by then.

        Raises
        ------
        RefusedError
            If there is no champion, or the request is wrong.
        PredictionsError
            If the model answers no probability.
        StoreError
            If the answer can not be put on record.
        """
        served = self.require_champion()
        examples = self._derive(self._protection.apply(self._reader.parse(body)))
        at = self._clock().astimezone(UTC)
        records = self._records(served, examples, served.loaded.predict(examples), request_id, at)
        self._log.append(records, at=at)
        return _answer(served, records, request_id)

    def require_champion(self) -> Served:
        """Return the champion that is served now, or raise NoChampionError."""
        served = self._champions.served
        if served is None:
            raise NoChampionError(f"{self._spec.name} has no champion that can be served. Try again later.")
        return served

    def _derive(self, examples: pl.DataFrame) -> pl.DataFrame:
        source, columns = self._spec.source, self._spec.features.columns
        derived = [name for name, column in columns.items() if column.derived]
        hidden = self._spec.hidden_columns()
        return derive_features(examples, self._functions, entity=source.entity, expected=derived, hidden=hidden)

    def _records(
        self, served: Served, examples: pl.DataFrame, answered: NDArray[Any], request_id: str, at: datetime
    ) -> list[Record]:
        spec, told = self._spec, as_rows(tell(answered, served.loaded.card))
        columns = dict.fromkeys((spec.source.time, *spec.delivered_columns(), *spec.features.columns))
        inputs = examples.select(list(columns)).to_dicts()
        rows = zip(examples[SPAN], examples[spec.source.entity], told, inputs, strict=True)
        return [
            {
                "schema_version": SCHEMA_VERSION,
                "prediction_id": f"{request_id}-{position}",
                "model": spec.name,
                "model_version": served.version.version,
                "model_digest": served.version.digest,
                "span": span,
                "entity": entity,
                "origin": "service",
                "arm": "champion",
                "propensity": 1.0,
                **said,
                "inputs": orjson.dumps(values, option=orjson.OPT_UTC_Z).decode(),
                "scored_at": at,
            }
            for position, (span, entity, said, values) in enumerate(rows)
        ]


def _answer(served: Served, records: Sequence[Record], request_id: str) -> bytes:
    return orjson.dumps(
        {
            "request_id": request_id,
            "model": records[0]["model"],
            "model_version": served.version.version,
            "model_digest": served.version.digest,
            **_form_of(served),
            # In the order of the examples.
            "predictions": [
                {key: record[key] for key in _ANSWERED if record.get(key) is not None} for record in records
            ],
        }
    )


def _form_of(served: Served) -> dict[str, Any]:
    """Return what the predictions are read by: the threshold, or the classes in the order of their scores."""
    card = served.loaded.card
    threshold = {} if card.threshold is None else {"threshold": card.threshold}
    return threshold | ({"classes": card.form.classes} if card.form.classes else {})

"""Asks Great Expectations on its own pandas engine: every expectation that it knows, at the price of a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ratchet.validation.answers import Answer, answer_of_result, failure_format
from ratchet.validation.library import import_great_expectations
from ratchet.validation.pandas_edge import to_pandas

if TYPE_CHECKING:
    import polars as pl
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.expectations.expectation import Expectation as NativeExpectation


def ask_pandas(
    frame: pl.DataFrame | pl.LazyFrame, natives: Sequence[NativeExpectation], *, entity: str
) -> list[Answer]:
    """Return one answer an expectation, in their order; only the columns that they need are held."""
    answers: dict[int, Answer] = {}
    names = frame.collect_schema()
    # The plain frame is for expectations that compare columns, see pandas_edge.
    for masked in (True, False):
        positions = [i for i, native in enumerate(natives) if _compares_columns(native) is not masked]
        if positions:
            columns = _columns(list(names), [natives[i] for i in positions], entity)
            batch = _batch(frame.lazy().select(columns).collect(), columns, masked)
            answers.update(_ask_batch(batch, {i: natives[i] for i in positions}, entity))
    return [answers[i] for i in range(len(natives))]


def _compares_columns(native: NativeExpectation) -> bool:
    return native.expectation_type.startswith(
        ("expect_column_pair_", "expect_multicolumn_", "expect_compound_", "expect_select_column_")
    )


def _columns(present: Sequence[str], natives: Sequence[NativeExpectation], entity: str) -> list[str]:
    """Return the columns to convert: all of them where the table as a whole, or an order, is judged."""
    kwargs = [native.configuration.kwargs for native in natives]
    is_whole = any("table_column" in native.expectation_type for native in natives)
    if is_whole or any("column_index" in given for given in kwargs):
        return list(present)
    named = {given[key] for given in kwargs for key in ("column", "column_A", "column_B") if key in given}
    named.update(*(given.get("column_list", ()) for given in kwargs))
    return [name for name in present if name in named or name == entity] or list(present[:1])


def _ask_batch(batch: _Batch, natives: Mapping[int, NativeExpectation], entity: str) -> dict[int, Answer]:
    answers = batch.ask(natives, {"result_format": "BOOLEAN_ONLY"})
    failed = {i: natives[i] for i, answer in answers.items() if not answer.is_met and answer.error is None}
    if failed:
        details = failure_format(entity if entity in batch.columns else None)
        # What failed stays failed, whatever the second look says.
        answers.update({i: replace(answer, is_met=False) for i, answer in batch.ask(failed, details).items()})
    return answers


@dataclass(frozen=True, slots=True)
class _Batch:
    """One frame inside an ephemeral Great Expectations context of its own."""

    definition: BatchDefinition[Any]
    frame: Any

    @property
    def columns(self) -> list[str]:
        return list(self.frame.columns)

    def ask(self, natives: Mapping[int, NativeExpectation], result_format: dict[str, Any]) -> dict[int, Answer]:
        import great_expectations as gx

        numbered = [_numbered(native, i) for i, native in natives.items()]
        suite = gx.ExpectationSuite(name="span", expectations=numbered)
        batch = self.definition.get_batch(batch_parameters={"dataframe": self.frame})
        results = batch.validate(suite, result_format=result_format).results
        found = {_position(result): answer_of_result(result) for result in results}
        return {i: found.get(i, Answer(is_met=False, error="no result")) for i in natives}


def _numbered(native: NativeExpectation, position: int) -> NativeExpectation:
    numbered: NativeExpectation = native.copy(update={"meta": {"position": position}, "id": None})
    return numbered


def _batch(frame: pl.DataFrame, columns: Sequence[str], masked: bool) -> _Batch:
    import_great_expectations()
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # A context costs 10 ms; one a batch shares no metric, no file and no memory with the next.
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return _Batch(asset.add_batch_definition_whole_dataframe("whole"), to_pandas(frame, columns, masked=masked))


def _position(result: Any) -> int:
    return int(result.expectation_config.meta["position"])

"""The keys of all examples that break an expectation; never their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ratchet.validation.pandas_edge import to_pandas

if TYPE_CHECKING:
    import polars as pl

    from ratchet.validation.expectations import Expectation

MAX_KEYS = 10_000


def unexpected_keys(frame: pl.DataFrame, items: Sequence[Expectation], *, entity: str) -> dict[str, tuple[str, ...]]:
    """Return the entity keys that break each expectation, by file and line; at most 10,000 each.

    Left out is what is no matter of single examples, or cannot be evaluated at all.

    Parameters
    ----------
    items : sequence of Expectation
        Those that were not met; their columns are all that is read.
    """
    if frame.is_empty() or entity not in frame.columns:
        return {}
    there = [item for item in items if item.columns and set(item.columns) <= set(frame.columns)]
    found = {item.where: _keys(frame, item, entity) for item in there}
    return {where: keys for where, keys in found.items() if keys}


def _keys(frame: pl.DataFrame, item: Expectation, entity: str) -> tuple[str, ...]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    native = item.build()
    names = list(dict.fromkeys((*item.columns, entity)))
    # In memory: the default writes a folder for a docs site.
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    data = to_pandas(frame, names, masked=len(item.columns) == 1)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": data})
    asked = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": [entity],
        "exclude_unexpected_values": True,
        "return_unexpected_index_query": False,
    }
    return _listed(batch.validate(native, result_format=asked).result or {}, entity)


def _listed(result: Mapping[str, Any], entity: str) -> tuple[str, ...]:
    index = result.get("unexpected_index_list") or []
    entries = (entry.get(entity) for entry in index if isinstance(entry, Mapping))
    keys = (key for entry in entries for key in (entry if isinstance(entry, list) else [entry]))
    return tuple(dict.fromkeys(str(key) for key in keys))[:MAX_KEYS]

"""Bounds of the checks on a candidate and its data that need no champion's quality: leaks, labels, size, change."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ratchet.spec.section import Column, Section, Share


class Inspect(Section):
    """Bounds of what is inspected of every candidate; a figure right on its bound passes."""

    max_feature_auc: Annotated[float, Field(ge=0.5, le=1)] = Field(
        default=0.98, description="AUC that one feature alone may reach; above it, it tells the outcome: a leak."
    )
    max_distinct_share: Share = Field(
        default=0.9, description="Distinct values by examples; above it, a feature names examples: an id."
    )
    planned_times: tuple[Column, ...] = Field(
        default=(), description="Features that hold a time after the event by plan, such as a due date."
    )
    max_entity_overlap: Share = Field(
        default=1.0, description="Share of test examples whose entity was trained on too; 1 where entities come back."
    )
    max_label_noise: Annotated[float, Field(ge=0, le=0.5)] = Field(
        default=0.3, description="Share of outcomes that may contradict where the candidate is surest, both ways."
    )
    max_disagreement: Share = Field(
        default=0.6, description="Share of test examples that candidate and champion may decide differently."
    )
    max_window_change: Share = Field(
        default=0.5, description="Jensen-Shannon distance of a feature between both models' training spans."
    )
    max_package_mb: Annotated[float, Field(gt=0, le=10_000)] = Field(
        default=500.0, description="Size of the packaged model, in 10^6 bytes."
    )
    max_row_milliseconds: Annotated[float, Field(gt=0, le=60_000)] = Field(
        default=500.0, description="Median time to score one test example by itself, in a process that does no more."
    )

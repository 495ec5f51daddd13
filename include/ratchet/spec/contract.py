"""What becomes of rows that are not as they should be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ratchet.spec.section import Column, Section

Word = Annotated[str, Field(min_length=1, max_length=40)]


class Rows(Section):
    """What becomes of rows that are not as they should be. What goes to quarantine is kept there, with its reason."""

    duplicates: Literal["keep_one", "quarantine", "refuse"] = Field(
        default="keep_one",
        description="Equal rows of one entity: one is kept and the others quarantined, or all, or the span is refused.",
    )
    conflicts: Literal["quarantine", "keep_first", "keep_last", "refuse"] = Field(
        default="quarantine",
        description="Rows of one entity that differ: all are quarantined, or all but the first or last by order_by, or "
        "the span is refused. Outcomes that contradict each other have no order: keep_* quarantines them.",
    )
    order_by: Column | None = Field(
        default=None,
        description="The delivered column that says which of two rows of an entity is the later one; it is not stored. "
        "Of equally late rows that differ none is kept.",
    )
    late: Literal["quarantine", "own_span"] = Field(
        default="quarantine",
        description="Rows whose event time lies in an earlier span that was taken in before: quarantined, or taken "
        "into that span, which makes a new revision of it.",
    )
    infinite: Literal["quarantine", "keep"] = Field(
        default="quarantine", description="Rows with an infinite number in a feature. NaN is a missing value."
    )
    text_numbers: Literal["refuse", "parse"] = Field(
        default="refuse",
        description="A numeric feature that arrives as text: the span is refused, or the text is read as numbers, and "
        "rows where it is none (a decimal comma, a thousands separator) are quarantined.",
    )
    null_words: tuple[Word, ...] = Field(
        default=(), description="Texts that stand for a missing number, such as NA; read with text_numbers: parse."
    )
    new_columns: Literal["leave_out", "refuse"] = Field(
        default="leave_out", description="Delivered columns that the spec does not name: left out, or the span refused."
    )

    @model_validator(mode="after")
    def _rules_agree(self) -> Rows:
        is_ordered = self.conflicts in ("keep_first", "keep_last")
        if is_ordered != (self.order_by is not None):
            raise ValueError(
                f"conflicts: {self.conflicts} needs order_by, the column that orders the rows of an entity."
                if is_ordered
                else f"order_by is read with conflicts: keep_first or keep_last only. Got conflicts: {self.conflicts}."
            )
        if is_ordered and self.late == "own_span":
            raise ValueError(
                f"late: own_span compares late rows with stored ones, and order_by is not stored. Got conflicts: "
                f"{self.conflicts}; use quarantine or refuse."
            )
        if self.null_words and self.text_numbers != "parse":
            raise ValueError("null_words are read with text_numbers: parse only.")
        return self

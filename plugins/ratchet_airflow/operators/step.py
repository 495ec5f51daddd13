"""What all operators share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from ratchet_airflow.runs import RUN_SPAN, ModelRun, plain, read_run

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ratchet.steps.results import StepResult

# The JSON of another task's result; an XComArg until Airflow has rendered it.
StepOutput: TypeAlias = Any


class StepOperator(BaseOperator):
    """
    Base of the operators: one step of one model on one span.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span",)

    def __init__(self, *, model: str, span: str = RUN_SPAN, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model, self.span = model, span

    def read_run(self) -> ModelRun:
        """Return project, spec and checked span."""
        return read_run(self.model, self.span)

    def done(self, result: StepResult) -> dict[str, Any]:
        """Log the result and return what XCom keeps of it."""
        self.log.info(
            "%s of %s, span %s: %s, %s", self.task_id, result.model, result.span, result.verdict, result.words
        )
        return plain(result)

    def tell_stopped(self, context: Context, result: StepResult, of: str, summary: str) -> None:
        """Log a validation that stops something, and keep its result: a failed task returns nothing.

        Without it the verdict would be missing where every other task's stands.
        """
        context["ti"].xcom_push(key="return_value", value=plain(result))
        self.log.error("Validation of %s:\n%s", of, summary)

    def skipped(self, words: str) -> AirflowSkipException:
        """Log why a task ends skipped, which Airflow does not, and return what to raise."""
        self.log.info("%s", words)
        return AirflowSkipException(words)

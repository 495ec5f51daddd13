"""The tasks that validate what is no delivery of examples: ground truth, and the log of the scoring service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet.errors import DataError
from ratchet_airflow.links import ReportLink, push_links
from ratchet_airflow.operators.ingestion import SpanRangeOperator
from ratchet_airflow.operators.step import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from ratchet.project import Project
    from ratchet.steps.validate_ground_truth import GroundTruthResult
    from ratchet.steps.validate_serving_log import ServingLogResult


class ValidateGroundTruthOperator(SpanRangeOperator):
    """
    Judge the outcomes that came with a span; fail when a cohort does not pass, which is then joined into nothing.

    The span itself goes on: nothing waits for this task to succeed.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param first_span: First span of a range; empty: that of the run alone. (templated)
    """

    operator_extra_links: Sequence[BaseOperatorLink] = (ReportLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return which cohorts may be joined.

        Raises
        ------
        DataError
            If a cohort did not pass; that none is known yet is no fault.
        """
        from ratchet.steps.validate_ground_truth import validate_ground_truth

        run = self.read_run()
        result = validate_ground_truth(run.project, run.spec, run.spans_since(self.first_span))
        return _judged(self, context, run.project, result)


class ValidateServingLogOperator(StepOperator):
    """
    Judge what the scoring service was asked during a span; fail when it does not pass.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    operator_extra_links: Sequence[BaseOperatorLink] = (ReportLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the verdict on the requests.

        Raises
        ------
        DataError
            If they did not pass; that there was none is no fault.
        """
        from ratchet.steps.validate_serving_log import validate_serving_log

        run = self.read_run()
        return _judged(self, context, run.project, validate_serving_log(run.project, run.spec, run.span))


def _judged(
    operator: StepOperator, context: Context, project: Project, result: GroundTruthResult | ServingLogResult
) -> dict[str, Any]:
    push_links(context, project, report_uri=result.report_uri)
    values = operator.done(result)
    if result.verdict == "fail":
        operator.tell_stopped(context, result, f"{operator.task_id}, span {result.span}", result.summary)
        raise DataError(f"{operator.model}: {result.words}. Report: {result.report_uri}")
    return values

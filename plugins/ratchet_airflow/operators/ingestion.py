"""The tasks of ``<model>__ingest``: a span is taken in, scanned and validated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet.errors import DataError
from ratchet.identity import ModelId
from ratchet_airflow.links import ReportLink, push_links
from ratchet_airflow.operators.step import StepOperator
from ratchet_airflow.runs import author_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from ratchet.steps.ingest_span import IngestResult
    from ratchet_airflow.runs import ModelRun


_NOT_FAILED = ("queued", "running", "success")


class SpanRangeOperator(StepOperator):
    """
    Base of the operators that take a range of spans in one go, for the first load.

    :param first_span: First span of the range that ends with the run's; empty: that of the run alone. (templated)
    """

    template_fields: Sequence[str] = ("span", "first_span")

    def __init__(self, *, first_span: str = "{{ params.first_span or '' }}", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first_span = first_span


class SealSpanOperator(StepOperator):
    """
    Seal an open span: what was appended to it by now is what is taken in.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the seal's number, batches and rows."""
        from ratchet.steps.seal_span import seal_span

        run = self.read_run()
        return self.done(seal_span(run.project, run.spec, run.span))


class IngestSpanOperator(SpanRangeOperator):
    """
    Take in the examples of a span, or of a range, with the outcomes that are known by then.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param first_span: First span of a range; empty: that of the run alone. (templated)
    :param reason: Why a span is taken in again, recorded with the new revision; empty: the usual reason. (templated)
    """

    template_fields: Sequence[str] = ("span", "first_span", "reason")

    def __init__(self, *, reason: str = "{{ params.reason or '' }}", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the counts of rows in, kept and quarantined.

        Raises
        ------
        AirflowSkipException
            If another run has taken in the same bytes, or is at it: the span is published once.
        """
        from ratchet.spans.ingestion import Why
        from ratchet.steps.ingest_span import ingest_span

        run = self.read_run()
        why = Why(reason=self.reason, author=author_of(context).name)
        result = ingest_span(run.project, run.spec, run.spans_since(self.first_span), why=why)
        values = self.done(result)
        if not self.first_span:
            other = self._done_by_another(context, run, result)
            if other:
                context["ti"].xcom_push(key="return_value", value=values)
                raise self.skipped(f"already done: {other} takes in {run.span}, {', '.join(result.deliveries)}")
        return values

    def _done_by_another(self, context: Context, run: ModelRun, result: IngestResult) -> str | None:
        """Return the run that has this work, unless that one failed; then this one goes on in its place."""
        from ratchet.spans.claims import claim
        from ratchet.storage.objects import open_store

        own, dag_id = str(context["run_id"]), context["dag_run"].dag_id
        # Bytes that come back after others are work of their own: so the revisions belong to what is claimed.
        what = ("ingest", dag_id, run.span, *result.deliveries, *_revisions(run, result))
        holder = claim(open_store(run.project.home), ModelId(self.model), *what, run=own)
        if holder == own:
            return None
        n_alive = context["ti"].get_dr_count(dag_id=dag_id, run_ids=[holder], states=list(_NOT_FAILED))
        return holder if n_alive else None


def _revisions(run: ModelRun, result: IngestResult) -> list[str]:
    from ratchet.spans.reading import read_manifests

    model = ModelId(run.spec.name)
    found = [
        *read_manifests(run.project, model, "examples", result.spans),
        *read_manifests(run.project, model, "ground_truth", result.labelled_spans),
    ]
    return [str(manifest.revision) for manifest in found]


class ComputeStatisticsOperator(SpanRangeOperator):
    """
    Scan each span once and store its mergeable statistics; show the newest beside what came before it.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param first_span: First span of a range; empty: that of the run alone. (templated)
    """

    operator_extra_links: Sequence[BaseOperatorLink] = (ReportLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many examples and columns were scanned."""
        from ratchet.steps.compute_statistics import compute_statistics
        from ratchet.steps.show_statistics import show_statistics

        run = self.read_run()
        result = compute_statistics(run.project, run.spec, run.spans_since(self.first_span))
        page = show_statistics(run.project, run.spec, run.span)
        push_links(context, run.project, report_uri=page.report_uri)
        return self.done(result)


class ValidateSpanOperator(SpanRangeOperator):
    """
    Judge each span by the model's expectations; fail unless the newest passes, so that nothing downstream sees it.

    The outlet's event is sent by Airflow when the task succeeds: a stopped span has none.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param first_span: First span of a range; empty: that of the run alone. (templated)
    """

    operator_extra_links: Sequence[BaseOperatorLink] = (ReportLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return which spans may be seen downstream.

        Raises
        ------
        DataError
            If the newest span did not pass. The summary is in the log, the whole report behind the link.
        """
        from ratchet.steps.validate_span import validate_span

        run = self.read_run()
        result = validate_span(run.project, run.spec, run.spans_since(self.first_span))
        push_links(context, run.project, report_uri=result.report_uri)
        values = self.done(result)
        if result.verdict != "pass":
            self.tell_stopped(context, result, f"span {result.span}", result.summary)
            raise DataError(
                f"{self.model}: span {result.span} is stopped, validation says {result.verdict}. Nothing downstream "
                f"sees it. {result.words}. Report: {run.project.uri(result.report_uri)}"
            )
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"spans": len(result.validated), "result_uri": result.uri}
        return values

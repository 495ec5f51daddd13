"""The tasks of ``<model>__audit``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet.errors import LedgerError, ReproductionError, StoreError
from ratchet_airflow.links import ReportLink, push_links
from ratchet_airflow.operators.step import StepOperator
from ratchet_airflow.waiting import night_of

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import BaseOperatorLink, Context

    from ratchet_airflow.runs import ModelRun


class AuditOperator(StepOperator):
    """
    Base of the audit's operators: do something on each so manyth span, and on every run by hand.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what the audit found.

        Raises
        ------
        AirflowSkipException
            If it is not due on this span, or there is nothing to look at yet.
        """
        run = self.read_run()
        every = self.spans_between(run)
        if context["dag_run"].run_type != "manual" and not run.calendar.is_nth(run.span, every):
            due = run.calendar.shift(run.calendar.latest_nth(run.span, every), every)
            raise self.skipped(
                f"{self.task_id} of {self.model}: once in {every} spans, next on {due}; a run by hand does it"
            )
        return self.audit(context, run)

    @abstractmethod
    def spans_between(self, run: ModelRun) -> int:
        """Return once in how many spans it is due."""

    @abstractmethod
    def audit(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return what XCom keeps."""


class VerifyLedgerOperator(AuditOperator):
    """
    Verify the chain of decisions; fail where it is broken, was cut, or was rewritten since an earlier night.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def spans_between(self, run: ModelRun) -> int:
        """Return once in how many spans it is due."""
        return run.spec.audit.ledger_spans(run.spec.source.span)

    def audit(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return number and digest of the newest entry."""
        from ratchet.steps.verify_ledger import verify_ledger

        result = verify_ledger(run.project, run.spec, run.span)
        if result.verdict == "undecided":
            raise self.skipped(f"{self.model}: {result.words}")
        values = self.done(result)
        if result.verdict == "fail":
            context["ti"].xcom_push(key="return_value", value=values)
            raise LedgerError(f"{self.model}: the ledger has {result.words}")
        return values


class CompareRegistryOperator(AuditOperator):
    """
    Hold MLflow's aliases against the ledger, and point those right that differ: an alarm in the log, no failure.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def spans_between(self, run: ModelRun) -> int:
        """Return once in how many spans it is due."""
        return run.spec.audit.ledger_spans(run.spec.source.span)

    def audit(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return which aliases pointed elsewhere."""
        from ratchet.steps.compare_registry import compare_registry

        result = compare_registry(run.project, run.spec, run.span)
        if result.verdict == "undecided":
            raise self.skipped(f"{self.model}: {result.words}")
        for differed in result.differed:
            self.log.error("%s of %s, span %s: repaired: %s", self.task_id, self.model, run.span, differed)
        return self.done(result)


class ReproduceChampionOperator(AuditOperator):
    """
    Make the champion again from its recorded data, spec and seed; fail by the first input that differs.

    Skipped where nobody was champion when the night was over, where the champion was trained elsewhere, and where
    examples it was trained on are erased.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def spans_between(self, run: ModelRun) -> int:
        """Return once in how many spans it is due."""
        return run.spec.audit.reproduction_spans(run.spec.source.span)

    def audit(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return how equal it came out.

        Raises
        ------
        ReproductionError
            If it came out otherwise.
        StoreError
            If its data could not be read; a retry may find it.
        """
        from ratchet.steps.reproduce_champion import reproduce_champion

        result = reproduce_champion(run.project, run.spec, at=_looked_at(context, run))
        if result is None:
            raise self.skipped(f"{self.model}: there was no champion yet when {run.span} was over")
        if result.verdict == "undecided":
            raise self.skipped(f"{self.model}: {result.words}")
        values = self.done(result)
        if result.verdict == "fail":
            context["ti"].xcom_push(key="return_value", value=values)
            raise (ReproductionError if result.uri else StoreError)(f"{self.model}: {result.words}")
        return values


class AgeVersionsOperator(AuditOperator):
    """
    Score the new spans with earlier versions, and recommend from all spans so far how often to train again.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    operator_extra_links: Sequence[BaseOperatorLink] = (ReportLink(),)

    def spans_between(self, run: ModelRun) -> int:
        """Return once in how many spans it is due."""
        return run.spec.audit.ageing_spans(run.spec.source.span)

    def audit(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return the period that is recommended, with its gain and interval."""
        from ratchet.steps.age_versions import age_versions

        result = age_versions(run.project, run.spec, run.span)
        if isinstance(result, str):
            raise self.skipped(f"{self.model}, {run.span}: {result}")
        push_links(context, run.project, report_uri=result.report_uri)
        return self.done(result)


def _looked_at(context: Context, run: ModelRun) -> datetime:
    """Return the instant whose champion is audited, the same when the task is cleared: the end of the night.

    A run by hand, or of a backfill, is of a night that was over long before: the one who was champion when it was asked
    for.
    """
    asked: datetime = context["dag_run"].run_after
    return max(night_of(run).deadline, asked)

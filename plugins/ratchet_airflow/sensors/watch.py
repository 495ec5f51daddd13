"""The sensing tasks of ``<model>__watch``: they wait for the night's own inputs, never for labels to mature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet_airflow.links import ReportLink, push_links
from ratchet_airflow.sensors.span import SpanSensor

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from ratchet_airflow.runs import ModelRun


class SenseDriftSensor(SpanSensor):
    """
    Compare the newest spans with those the champion was trained on, from stored statistics alone.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    awaited = "validated_span"
    operator_extra_links: Sequence[BaseOperatorLink] = (ReportLink(),)

    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return which columns drifted."""
        from ratchet.steps.sense_drift import sense_drift

        result = sense_drift(run.project, run.spec, run.span)
        push_links(context, run.project, report_uri=result.report_uri)
        return self.done(result)


class SenseSkewSensor(SpanSensor):
    """
    Compare what the scoring service was sent with training: distributions, and features row by row.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    awaited = "validated_span"
    operator_extra_links: Sequence[BaseOperatorLink] = (ReportLink(),)

    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return which features are served otherwise than trained on."""
        from ratchet.steps.sense_skew import sense_skew

        result = sense_skew(run.project, run.spec, run.span)
        push_links(context, run.project, report_uri=result.report_uri)
        return self.done(result)


class SenseQualitySensor(SpanSensor):
    """
    Judge the predictions of the cohort whose labels are due on this night; undecided when too few have come.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    awaited = "validated_span"

    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return the realised quality of the cohort."""
        from ratchet.steps.sense_quality import sense_quality

        return self.done(sense_quality(run.project, run.spec, run.span))


class SenseStalenessSensor(SpanSensor):
    """
    Judge the champion's age on this night.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    awaited = "night"  # the ledger is all it reads: only the night must have come

    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return the champion's age."""
        from ratchet.steps.sense_staleness import sense_staleness

        return self.done(sense_staleness(run.project, run.spec, run.span))

"""The deciding tasks of ``<model>__watch``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet_airflow.operators.step import StepOperator, StepOutput

if TYPE_CHECKING:
    from airflow.sdk import Context


class DecideRetrainOperator(StepOperator):
    """
    Decide whether training is asked for, from what was sensed that night and on the nights before.

    :param model: Name of the model folder.
    :param drift: Result of ``SenseDriftSensor``. (templated)
    :param skew: Result of ``SenseSkewSensor``. (templated)
    :param quality: Result of ``SenseQualitySensor``. (templated)
    :param staleness: Result of ``SenseStalenessSensor``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "drift", "skew", "quality", "staleness")

    def __init__(
        self, *, drift: StepOutput, skew: StepOutput, quality: StepOutput, staleness: StepOutput, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.drift, self.skew, self.quality, self.staleness = drift, skew, quality, staleness

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the decision with its reasons."""
        from ratchet.steps.decide_retrain import decide_retrain
        from ratchet.steps.sense_drift import DriftStepResult
        from ratchet.steps.sense_quality import QualityStepResult
        from ratchet.steps.sense_skew import SkewStepResult
        from ratchet.steps.sense_staleness import StalenessStepResult

        run = self.read_run()
        result = decide_retrain(
            run.project,
            run.spec,
            run.span,
            drift=DriftStepResult.from_json(self.drift),
            skew=SkewStepResult.from_json(self.skew),
            quality=QualityStepResult.from_json(self.quality),
            staleness=StalenessStepResult.from_json(self.staleness),
        )
        for alarm in result.alarms:
            self.log.error("%s of %s, span %s: %s", self.task_id, result.model, result.span, alarm)
        return self.done(result)


class PublishRequestOperator(StepOperator):
    """
    Ask for training by an event of the retrain-request asset, or end skipped with the reason why not.

    A task of its own, because Airflow sends an event for each outlet of a task that succeeds: only a task that is
    skipped (or fails) sends none.

    :param model: Name of the model folder.
    :param decision: Result of ``DecideRetrainOperator``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "decision")

    def __init__(self, *, decision: StepOutput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decision = decision

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the extra of the event.

        Raises
        ------
        AirflowSkipException
            If nothing is asked for.
        """
        from ratchet.steps.decide_retrain import RetrainStepResult

        run, result = self.read_run(), RetrainStepResult.from_json(self.decision)
        if not result.is_request:
            raise self.skipped(f"No training for {run.span}: {result.decision}. {result.words}")
        extra: dict[str, Any] = {"reasons": list(result.reasons), "words": result.words, "decision_uri": result.uri}
        for asset in self.outlets:
            context["outlet_events"][asset].extra = extra
        self.log.info("Training of %s is asked for on %s: %s", self.model, run.span, result.words)
        return extra

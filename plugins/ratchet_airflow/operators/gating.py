"""The last tasks of ``<model>__train``: the gate, and what a passed one publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet_airflow.links import MlflowRunLink, ReportLink, push_links
from ratchet_airflow.operators.step import StepOperator, StepOutput
from ratchet_airflow.runs import author_of, started_at

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context


class DecideGateOperator(StepOperator):
    """
    Decide whether the candidate may become champion, and write the verdict into the ledger, whatever it is.

    Succeeds also when the gate refuses: a refusal is an answer, and the task has given it.

    :param model: Name of the model folder.
    :param evaluated: Result of ``EvaluateOperator``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "evaluated")
    operator_extra_links: Sequence[BaseOperatorLink] = (MlflowRunLink(), ReportLink())

    def __init__(self, *, evaluated: StepOutput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.evaluated = evaluated

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the verdict with its table."""
        from ratchet.steps.decide_gate import decide_gate
        from ratchet.steps.evaluate import EvaluateResult

        run, evaluated = self.read_run(), EvaluateResult.from_json(self.evaluated)
        push_links(context, run.project, report_uri=evaluated.report_uri, run_url=evaluated.run_url)
        result = decide_gate(run.project, run.spec, evaluated, author=author_of(context), at=started_at(context))
        self.log.info("Gate of version %s:\n%s", result.candidate_version, result.explanation)
        return self.done(result)


class PublishCandidateOperator(StepOperator):
    """
    Hand a candidate whose gate passed to the release, or end skipped with the gate's reasons.

    A task of its own, because Airflow sends an event for each outlet of a task that succeeds: only a task that is
    skipped (or fails) sends none. A refused candidate so leaves a skipped leaf on a run that went well.

    :param model: Name of the model folder.
    :param gate: Result of ``DecideGateOperator``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "gate")

    def __init__(self, *, gate: StepOutput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate = gate

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the extra of the event.

        Raises
        ------
        AirflowSkipException
            If the gate did not pass.
        """
        from ratchet.steps.decide_gate import GateStepResult

        run, result = self.read_run(), GateStepResult.from_json(self.gate)
        if result.verdict != "pass":
            raise self.skipped(
                f"Version {result.candidate_version} of {self.model} stays a candidate ({run.span}): {result.words}"
            )
        extra: dict[str, Any] = {
            "gate_result_uri": result.uri,
            "version": result.candidate_version,
            "reasons": list(result.reasons),
        }
        for asset in self.outlets:
            context["outlet_events"][asset].extra = extra
        self.log.info("Version %s of %s passed its gate: %s", result.candidate_version, self.model, result.words)
        return extra

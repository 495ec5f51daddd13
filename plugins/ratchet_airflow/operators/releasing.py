"""The task of ``<model>__release``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet_airflow.assets import candidate_asset
from ratchet_airflow.links import MlflowRunLink, ReportLink, push_links
from ratchet_airflow.operators.step import StepOperator
from ratchet_airflow.runs import author_of, started_at, triggering_extra

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context


class PromoteOperator(StepOperator):
    """
    Make the candidate of a passed gate champion.

    The gate's result comes with the event that started the run; on a manual run it is the run's parameter
    ``gate_result_uri``.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    operator_extra_links: Sequence[BaseOperatorLink] = (MlflowRunLink(), ReportLink())

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the new champion and the ledger's entry that made it so."""
        from ratchet.steps.decide_gate import GateStepResult
        from ratchet.steps.promote import promote
        from ratchet.steps.results import read_result

        run = self.read_run()
        gate = read_result(run.project, self._gate_uri(context), GateStepResult)
        if (gate.model, gate.span) != (self.model, run.span):
            raise InputError(
                f"This run is of {self.model}, span {run.span}; the gate's result is of {gate.model}, {gate.span}."
            )
        push_links(context, run.project, report_uri=gate.report_uri, run_url=gate.run_url)
        return self.done(promote(run.project, run.spec, gate, author=author_of(context), at=started_at(context)))

    def _gate_uri(self, context: Context) -> str:
        published = triggering_extra(context, candidate_asset(ModelId(self.model)))
        uri = (published or context["params"]).get("gate_result_uri")
        if not uri:
            raise InputError(
                "This run names no gate. On a manual run, set gate_result_uri: `uri` in the result of decide_gate."
            )
        return str(uri)

"""The task of ``<model>__score``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet_airflow.operators.step import StepOperator
from ratchet_airflow.runs import started_at

if TYPE_CHECKING:
    from airflow.sdk import Context


class ScoreSpanOperator(StepOperator):
    """
    Score a validated span with the champion; without one it says so and passes on.

    The outlet's event comes either way: the watch that it starts is what asks for the first champion.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return who scored how many examples."""
        from ratchet.steps.score_span import score_span

        run = self.read_run()
        result = score_span(run.project, run.spec, run.span, at=started_at(context))
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"version": result.version, "result_uri": result.uri}
        return self.done(result)

"""What all sensors share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseSensorOperator

from ratchet.errors import MissingSpanError, StoreError
from ratchet_airflow.runs import RUN_SPAN, ModelRun, plain, read_run
from ratchet_airflow.triggers.span_input import SpanInputTrigger
from ratchet_airflow.waiting import Awaited, explain_late, is_there, night_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ratchet.steps.results import StepResult


class SpanSensor(BaseSensorOperator):
    """
    Base of the sensors: wait for an input of a span until the deadline of its night, then sense.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    template_fields: Sequence[str] = ("span",)
    awaited: ClassVar[Awaited]

    def __init__(self, *, model: str, span: str = RUN_SPAN, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model, self.span, self.deferrable = model, span, deferrable

    @abstractmethod
    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return what is sensed once the input is there."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Sense at once when the input is there; defer until it is otherwise."""
        run = read_run(self.model, self.span)
        if not self._is_there(run):
            if not self.deferrable:
                super().execute(context)
                return self.sense(context, run)
            wait = night_of(run)
            self.log.info("Waiting until %s for the %s of %s.", wait.deadline, self._input_words, run.span)
            self.defer(
                trigger=SpanInputTrigger(
                    model=self.model,
                    span=run.span,
                    awaited=self.awaited,
                    deadline=wait.deadline.isoformat(),
                    poll_seconds=self.poke_interval,
                ),
                method_name="execute_complete",
            )
        return self.sense(context, run)

    def poke(self, context: Context) -> bool:
        """Look once, on the worker."""
        return self._is_there(read_run(self.model, self.span))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Go on from the trigger's event."""
        run = read_run(self.model, self.span)
        if event["status"] == "late":
            raise self._late(run)
        if event["status"] != "there":
            raise StoreError(f"looking for the {self._input_words} of {run.span} failed: {event.get('words')}")
        return self.sense(context, run)

    def done(self, result: StepResult) -> dict[str, Any]:
        """Log what was sensed and return what XCom keeps of it."""
        self.log.info(
            "%s of %s, span %s: %s, %s", self.task_id, result.model, result.span, result.verdict, result.words
        )
        return plain(result)

    def _is_there(self, run: ModelRun) -> bool:
        now = datetime.now(UTC)
        answer = night_of(run).judge(is_there=is_there(self.awaited, run, now), now=now)
        if answer == "late":
            raise self._late(run)
        return answer == "there"

    def _late(self, run: ModelRun) -> MissingSpanError:
        return MissingSpanError(
            f"{self.model}: the {self._input_words} of {run.span} was not there by "
            f"{night_of(run).deadline:%Y-%m-%d %H:%M} UTC, the deadline of that night. "
            f"{explain_late(self.awaited, run, datetime.now(UTC))}"
        )

    @property
    def _input_words(self) -> str:
        return {"night": "end"}.get(self.awaited, self.awaited.replace("_", " "))

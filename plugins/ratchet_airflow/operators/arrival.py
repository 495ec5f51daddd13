"""The tasks that hand on what has arrived, and that append batches to open spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from ratchet.errors import InputError, RatchetError
from ratchet.identity import ModelId
from ratchet.project import Project
from ratchet.spec.loading import load_spec
from ratchet_airflow.assets import batch_asset
from ratchet_airflow.operators.step import StepOperator, StepOutput
from ratchet_airflow.runs import events_of, plain, started_at

if TYPE_CHECKING:
    from airflow.sdk import Context

_SHOWN = 20


class PublishArrivalsOperator(BaseOperator):
    """
    Read the messages that started this run, and send an event under the key of each span that they name.

    A message that is not of this model is refused and counted; it holds up no other. One that another run has read
    already, because the queue delivered it twice, is counted and left out.

    :param model: Name of the model folder.
    """

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the spans, and how many messages were read, refused and left out.

        Raises
        ------
        AirflowSkipException
            If no message names a span; the counts are kept all the same.
        """
        from ratchet.spans.arrivals import judge_messages

        project = Project.from_environment()
        spec = load_spec(project, self.model)
        messages = _messages(context)
        fresh = self._not_read_by_others(project, context, messages)
        judged = judge_messages([message.get("body") for message in fresh], spec, now=started_at(context))
        for words in judged.refused[:_SHOWN]:
            self.log.warning("A message of the queue of %s was refused: %s", self.model, words)
        batches = judged.batches()
        result = {
            "spans": sorted(batches),
            "n_messages": len(messages),
            "n_refused": len(judged.refused),
            "n_read_before": len(messages) - len(fresh),
            "refused": list(judged.refused[:_SHOWN]),
        }
        self.log.info("Messages of %s: %s", self.model, result)
        if not batches:
            context["ti"].xcom_push(key="return_value", value=result)
            raise AirflowSkipException("no message names a span of this model")
        for asset in self.outlets:
            context["outlet_events"][asset].add_partitions(sorted(batches))
            extra: dict[str, Any] = {"batches": batches}
            context["outlet_events"][asset].extra = extra
        return result

    def _not_read_by_others(
        self, project: Project, context: Context, messages: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        from ratchet.spans.claims import claim
        from ratchet.storage.objects import open_store

        store, run = open_store(project.home), str(context["run_id"])
        return [
            message
            for message in messages
            if claim(store, ModelId(self.model), "message", str(message.get("id")), run=run) == run
        ]


class AppendBatchesOperator(StepOperator):
    """
    Append the batches that the events of this run name, or those of its form, to an open span.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was appended; a batch that fails fails the task, once the others were appended."""
        from ratchet.spans.open_span import check_batch
        from ratchet.steps.append_batch import append_batch

        run = self.read_run()
        names = [check_batch(name) for name in self._named(context, run.span)]
        if not names:
            raise InputError(
                f"No batch of {run.span} is named. Set batches in the form, or the extra of the event: "
                f'{{"batches": {{"{run.span}": ["..."]}}}}.'
            )
        results, errors = [], []
        for name in names:
            try:
                results.append(append_batch(run.project, run.spec, run.span, name))
                self.log.info("Batch %s of %s, span %s: %s", name, self.model, run.span, results[-1].words)
            except RatchetError as error:
                self.log.error("Batch %s of %s, span %s: %s", name, self.model, run.span, error)
                errors.append(error)
        if errors:
            # One that a retry may help comes first: the retry then tries the others again too.
            raise max(errors, key=lambda error: error.is_retryable)
        return {
            "span": run.span,
            "batches": [plain(result) for result in results],
            "late": [result.batch for result in results if result.is_late],
        }

    def _named(self, context: Context, span: str) -> list[Any]:
        named: list[Any] = list(context["params"].get("batches") or [])
        for event in events_of(context, batch_asset(ModelId(self.model))):
            batches = event.extra.get("batches")
            named += batches.get(span, []) if isinstance(batches, dict) else []
        return list(dict.fromkeys(named))


class PublishLateOperator(StepOperator):
    """
    Let a span be sealed again when a batch came after its seal, or end skipped.

    :param model: Name of the model folder.
    :param appended: Result of ``AppendBatchesOperator``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "appended")

    def __init__(self, *, appended: StepOutput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.appended = appended

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the late batches.

        Raises
        ------
        AirflowSkipException
            If none came late.
        """
        run, late = self.read_run(), list(self.appended["late"])
        if not late:
            raise self.skipped(f"No batch of {run.span} came after its seal.")
        extra: dict[str, Any] = {"late_batches": late}
        for asset in self.outlets:
            context["outlet_events"][asset].extra = extra
        self.log.info("Span %s of %s is sealed again, for %s.", run.span, self.model, ", ".join(late))
        return extra


def _messages(context: Context) -> list[dict[str, Any]]:
    """Return the messages that the trigger sent, from all events of this run, each id once."""
    events = context["triggering_asset_events"]
    payloads = [event.extra.get("payload") for key in events for event in events[key]]
    found = {str(payload["id"]): payload for payload in payloads if isinstance(payload, dict) and payload.get("id")}
    return list(found.values())

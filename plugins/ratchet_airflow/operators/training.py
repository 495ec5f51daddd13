"""The tasks of ``<model>__train`` that make and judge a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ratchet.identity import ModelId
from ratchet_airflow.assets import retrain_request_asset
from ratchet_airflow.links import MlflowRunLink, ReportLink, push_links
from ratchet_airflow.operators.step import StepOperator, StepOutput
from ratchet_airflow.runs import started_at, triggering_extra

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context


class SelectWindowOperator(StepOperator):
    """
    Choose the spans that a candidate is trained, tuned and tested on.

    The reasons come with the event that started the run; on a manual run they are the run's parameter ``reasons``.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the window and the versions of its spans."""
        from ratchet.steps.select_window import select_window

        run = self.read_run()
        asked = triggering_extra(context, retrain_request_asset(ModelId(self.model)))
        reasons = tuple((asked or context["params"])["reasons"])
        return self.done(select_window(run.project, run.spec, run.span, reasons=reasons))


class TrySettingsOperator(StepOperator):
    """
    Try settings on the study of ``TuneOperator``, beside other workers, until its budget is spent.

    :param model: Name of the model folder.
    :param window: Result of ``SelectWindowOperator``. (templated)
    :param worker: Which of the workers this is, from 0; the task is mapped over it.
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "window")

    def __init__(self, *, window: StepOutput, worker: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window, self.worker = window, worker

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how many settings were tried here."""
        from ratchet.steps.select_window import WindowResult
        from ratchet.steps.tune import try_settings

        run = self.read_run()
        window = WindowResult.from_json(self.window)
        return self.done(try_settings(run.project, run.spec, window, self.worker, at=started_at(context)))


class TuneOperator(StepOperator):
    """
    Search for a model on the validation spans of the window, or conclude what workers have searched, and choose.

    :param model: Name of the model folder.
    :param window: Result of ``SelectWindowOperator``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "window")
    operator_extra_links: Sequence[BaseOperatorLink] = (MlflowRunLink(), ReportLink())

    def __init__(self, *, window: StepOutput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window = window

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was chosen."""
        from ratchet.steps.select_window import WindowResult
        from ratchet.steps.track_search import track_search
        from ratchet.steps.tune import tune

        run = self.read_run()
        result = tune(
            run.project,
            run.spec,
            WindowResult.from_json(self.window),
            at=started_at(context),
            on_run=lambda address: push_links(context, run.project, run_url=address),
        )
        push_links(context, run.project, report_uri=result.report_uri)
        push_links(context, run.project, run_url=track_search(run.project, run.spec, result, at=started_at(context)))
        return self.done(result)


class TrainOperator(StepOperator):
    """
    Fit the candidate, package it, and enter it in MLflow.

    :param model: Name of the model folder.
    :param window: Result of ``SelectWindowOperator``. (templated)
    :param tuned: Result of ``TuneOperator``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "window", "tuned")
    operator_extra_links: Sequence[BaseOperatorLink] = (MlflowRunLink(),)

    def __init__(self, *, window: StepOutput, tuned: StepOutput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window, self.tuned = window, tuned

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the candidate's version, digest and MLflow run."""
        from ratchet.steps.select_window import WindowResult
        from ratchet.steps.train import train
        from ratchet.steps.tune import TuneResult

        run = self.read_run()
        window, tuned = WindowResult.from_json(self.window), TuneResult.from_json(self.tuned)
        result = train(
            run.project,
            run.spec,
            window,
            tuned,
            at=started_at(context),
            on_run=lambda address: push_links(context, run.project, run_url=address),
        )
        # Again, for a rerun that finds the result.
        push_links(context, run.project, run_url=result.run_url)
        return self.done(result)


class EvaluateOperator(StepOperator):
    """
    Score candidate, champion and baselines on the same test examples.

    :param model: Name of the model folder.
    :param window: Result of ``SelectWindowOperator``. (templated)
    :param trained: Result of ``TrainOperator``. (templated)
    :param span: The span's key; the partition key of the run by default. (templated)
    """

    template_fields: Sequence[str] = ("span", "window", "trained")
    operator_extra_links: Sequence[BaseOperatorLink] = (MlflowRunLink(), ReportLink())

    def __init__(self, *, window: StepOutput, trained: StepOutput, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window, self.trained = window, trained

    def execute(self, context: Context) -> dict[str, Any]:
        """Return who was compared on what."""
        from ratchet.steps.evaluate import evaluate
        from ratchet.steps.select_window import WindowResult
        from ratchet.steps.train import TrainResult

        run = self.read_run()
        window, trained = WindowResult.from_json(self.window), TrainResult.from_json(self.trained)
        push_links(context, run.project, run_url=trained.run_url)
        result = evaluate(run.project, run.spec, window, trained)
        push_links(context, run.project, report_uri=result.report_uri)
        return self.done(result)

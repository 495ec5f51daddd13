"""``<model>__train``: a candidate, proven or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from airflow.sdk import DAG, PartitionedAssetTimetable, TriggerRule

from ratchet.identity import ModelId
from ratchet.spec.watching import Reason
from ratchet_airflow.assets import candidate_asset, retrain_request_asset
from ratchet_airflow.operators.gating import DecideGateOperator, PublishCandidateOperator
from ratchet_airflow.operators.training import (
    EvaluateOperator,
    SelectWindowOperator,
    TrainOperator,
    TrySettingsOperator,
    TuneOperator,
)
from ratchet_airflow.pipelines.defaults import HEAVY, build_dag
from ratchet_airflow.pipelines.form import field, offer_form

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def _share_out(dag: DAG, spec: ModelSpec, window: SelectWindowOperator, tuned: TuneOperator) -> None:
    """Put workers before the task that concludes: one mapped task, on one study."""
    n_workers = spec.train.search.workers
    workers = TrySettingsOperator.partial(
        task_id="try_settings",
        model=spec.name,
        window=window.output,
        execution_timeout=HEAVY,
        doc_md="Tries settings beside other workers until the budget is spent.",
    ).expand(worker=list(range(n_workers)))
    workers >> tuned
    # What a worker that was lost has left undone is done by the task that concludes.
    tuned.trigger_rule = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
    dag.max_active_tasks = max(dag.max_active_tasks, n_workers)


def build_train(spec: ModelSpec) -> DAG:
    """Return the DAG that trains candidates.

    A cron beside the asset would start runs without a partition key; the schedule of the spec is a reason that the
    watch weighs.
    """
    model = ModelId(spec.name)
    requested = PartitionedAssetTimetable(assets=retrain_request_asset(model))
    with build_dag(spec, "train", schedule=requested) as dag:
        window = SelectWindowOperator(
            task_id="select_window",
            model=spec.name,
            doc_md="Chooses the spans to train, tune and test on, and pins their versions.",
        )
        tuned = TuneOperator(
            task_id="tune",
            model=spec.name,
            window=window.output,
            execution_timeout=HEAVY,
            doc_md="Searches for a model, or concludes what workers searched; the test spans are not read.",
        )
        if spec.train.search.workers > 1:
            _share_out(dag, spec, window, tuned)
        trained = TrainOperator(
            task_id="train",
            model=spec.name,
            window=window.output,
            tuned=tuned.output,
            execution_timeout=HEAVY,
            doc_md="Fits the candidate, packages it, and enters it in MLflow.",
        )
        evaluated = EvaluateOperator(
            task_id="evaluate",
            model=spec.name,
            window=window.output,
            trained=trained.output,
            execution_timeout=HEAVY,
            doc_md="Scores candidate, champion and baselines on the same test spans.",
        )
        gate = DecideGateOperator(
            task_id="decide_gate",
            model=spec.name,
            evaluated=evaluated.output,
            doc_md="Writes the verdict into the ledger, whatever it is.",
        )
        PublishCandidateOperator(
            task_id="publish_candidate",
            model=spec.name,
            gate=gate.output,
            outlets=[candidate_asset(model)],
            doc_md="Hands a proven candidate to the release; skipped, with the reasons, when the gate refused it.",
        )
    # A model that was trained elsewhere is not trained here.
    known = [reason for reason in get_args(Reason) if reason != "imported"]
    reasons = field(
        ["manual"],
        type="array",
        items={"type": "string", "enum": list(known)},
        minItems=1,
        title="Reasons",
        help_text="Why this run trains, one a line: " + ", ".join(f"`{reason}`" for reason in known) + ".",
    )
    offer_form(dag, reasons=reasons)
    return dag

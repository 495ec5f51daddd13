"""The losses of a fit's rounds in MLflow, while it is at work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet.training.registry import bounded

if TYPE_CHECKING:
    from ratchet.training.checkpoints import RoundLoss
    from ratchet.training.tracking import TrackingRun

TRAIN, VALIDATION = "round_train_log_loss", "round_validation_log_loss"
# MLflow takes a thousand metrics in a call.
_ROUNDS_A_CALL = 500


def log_rounds(run: TrackingRun, losses: Sequence[RoundLoss], *, measured: str = "log_loss") -> None:
    """Log the losses of these rounds, the round as the step; the same again changes nothing.

    Parameters
    ----------
    measured : str
        What the losses are: log_loss, or rmse of numbers.

    Raises
    ------
    RegistryDownError
        If MLflow does not answer.
    """
    from mlflow.entities import Metric

    with bounded(run.tracking_uri) as client:
        # The start of the run as the time of each: a repeated point is then the same, and MLflow drops it.
        time = client.get_run(run.run_id).info.start_time
        for first in range(0, len(losses), _ROUNDS_A_CALL):
            metrics = [
                Metric(name.replace("log_loss", measured), value, time, loss.round)
                for loss in losses[first : first + _ROUNDS_A_CALL]
                for name, value in ((TRAIN, loss.train), (VALIDATION, loss.validation))
                if value is not None
            ]
            client.log_batch(run.run_id, metrics=metrics)

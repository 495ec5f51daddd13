"""The study: every trial of a search, in a journal on a local disk that survives whoever writes it.

Several processes may write one study. A trial is claimed under a lock, which draws its setting too, so that no two
are one and the budget is kept exactly. A process shows that it lives by a lock of its own; the trial of one
that died is marked as failed by the next that claims, and its place in the order of seeds is given again.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.training.search.locks import FileLock, hold, is_held, locked
from ratchet.training.search.trials import Trial

if TYPE_CHECKING:
    from pathlib import Path

    import optuna
    from optuna.trial import FrozenTrial

    from ratchet.training.search.space import SearchSpace

PLACE, WORKER, SECONDS = "place", "worker", "seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A study of one search, as one process sees it."""

    journal: Path
    kept: optuna.Study
    space: SearchSpace
    worker: str

    def claim(
        self, prepare: Callable[[Study, int], bool], suggest: Callable[[optuna.Trial], None]
    ) -> optuna.Trial | None:
        """Return a new trial with its setting drawn; None where ``prepare`` says that there is to be none.

        Parameters
        ----------
        prepare : callable
            Given the study and the trial's place, which seeds it; puts a sampler into the study.
        suggest : callable
            Draws the setting.
        """
        with locked(_beside(self.journal, "claim")):
            self._fail_abandoned()
            place = self._free_place()
            if not prepare(self, place):
                return None
            asked = self.kept.ask()
            asked.set_user_attr(WORKER, self.worker)
            asked.set_user_attr(PLACE, place)
            suggest(asked)
        crash_point(f"search.claimed.{place}")
        return asked

    def trials(self) -> tuple[Trial, ...]:
        """Return all trials in the order in which they were claimed."""
        return tuple(self._trial(frozen) for frozen in self.kept.get_trials(deepcopy=False))

    def _trial(self, frozen: FrozenTrial) -> Trial:
        setting = self.space.read(frozen.params)
        state = frozen.state.name.lower()
        return Trial(
            number=frozen.number,
            place=frozen.user_attrs.get(PLACE),
            family=setting.family,
            features=setting.features,
            parameters=setting.parameters,
            auc=frozen.value if state == "complete" else None,
            seconds=frozen.user_attrs.get(SECONDS),
            state=state,  # type: ignore[arg-type]  # Optuna's names of states, but one that we never enter
            worker=frozen.user_attrs.get(WORKER),
        )

    def _fail_abandoned(self) -> None:
        from optuna.trial import TrialState

        for frozen in self.kept.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            # Without a worker: killed while it claimed, under the lock that is ours now.
            worker = frozen.user_attrs.get(WORKER)
            if worker is None or not is_held(_sign_of_life(self.journal, worker)):
                self.kept.tell(frozen.number, state=TrialState.FAIL)

    def _free_place(self) -> int:
        taken = {trial.place for trial in self.trials() if trial.state != "fail"}
        return next(place for place in range(len(taken) + 1) if place not in taken)


@contextmanager
def open_study(journal: Path, name: str, space: SearchSpace, *, pruner: optuna.pruners.BasePruner) -> Iterator[Study]:
    """Give the study kept in that file under that name, made if it is not there; this process is one of its workers."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    worker = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    sign = _sign_of_life(journal, worker)
    sign.parent.mkdir(parents=True, exist_ok=True)
    with hold(sign):
        # Made under the lock: two workers that begin together would both find no study.
        with locked(_beside(journal, "claim")):
            found = optuna.create_study(
                storage=_open_storage(journal),
                study_name=name,
                direction="maximize",
                load_if_exists=True,
                pruner=pruner,
                sampler=optuna.samplers.RandomSampler(0),
            )
        yield Study(journal=journal, kept=found, space=space, worker=worker)
    sign.unlink(missing_ok=True)


def _open_storage(journal: Path) -> optuna.storages.JournalStorage:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    # A journal opens at once; a SQLite study is migrated for two seconds before its first trial.
    lock = FileLock(_beside(journal, "lock"))
    lock.acquire()
    try:
        _cut_torn_line(journal)
    finally:
        lock.release()
    backend = JournalFileBackend(str(journal), lock_obj=lock)  # type: ignore[arg-type]  # its class is private
    return optuna.storages.JournalStorage(backend)


def _cut_torn_line(journal: Path) -> None:
    """Cut off the line that a writer was killed in: Optuna would write on behind it and then read neither."""
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        kept = file.read().rfind(b"\n") + 1
        file.truncate(kept)


def _beside(journal: Path, what: str) -> Path:
    return journal.with_name(f"{journal.name}.{what}")


def _sign_of_life(journal: Path, worker: str) -> Path:
    return _beside(journal, "workers") / worker

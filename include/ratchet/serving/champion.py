"""The champion that is served, and the watch on the ledger for the next one."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from ratchet.errors import LedgerError, ModelError, RatchetError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.state import LedgerState, apply
from ratchet.ledger.versions import ModelVersion
from ratchet.packaging.loaded import LoadedModel
from ratchet.packaging.package import load_package
from ratchet.project import Project
from ratchet.spec.model import ModelSpec
from ratchet.storage.objects import open_store

_log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A champion in memory. A request reads this reference once, so no answer mixes two versions."""

    version: ModelVersion
    number: int
    loaded: LoadedModel


class ChampionWatch:
    """Follows a model's ledger; whatever goes wrong, the champion that was served last goes on serving.

    Parameters
    ----------
    retry_seconds : float
        How long a champion that could not be loaded is left alone before it is tried again.
    """

    def __init__(self, project: Project, spec: ModelSpec, *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._model = ModelId(spec.name)
        self._store = open_store(project.home)
        self._ledger = Ledger(self._store, self._model)
        self._features, self._folder = spec.features, spec.folder
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._state = LedgerState()
        self._served: Served | None = None
        self._is_following = True
        self._failed: tuple[int, float] | None = None  # entry that could not be loaded, and when to try it again

    @property
    def served(self) -> Served | None:
        """The champion that answers; None until there is one that can be loaded."""
        return self._served

    @property
    def is_newest(self) -> bool:
        """Whether the champion that answers is that of the newest entry which was read."""
        served = self._served
        return served is not None and served.number == self._state.champion_number

    def refresh(self) -> None:
        """Read the entries that came since the last time, and load the champion if it is another one; never raises.

        Costs one look for the next number. The new champion is verified and has scored its golden rows before it
        takes over, by the change of one reference.
        """
        with self._lock:
            self._follow()
            champion, number = self._state.champion, self._state.champion_number
            if champion is None or number is None or self.is_newest or self._is_too_early(number):
                return
            self._take(champion, number)

    def _follow(self) -> None:
        try:
            self._state = self._read_on(self._state)
        except Exception as error:  # noqa: BLE001  # the watch must outlive whatever a store does
            if self._is_following:
                _log.error("%s: the ledger cannot be read, %s: %s", self._model, self._goes_on(), _words(error))
            self._is_following = False
        else:
            if not self._is_following:
                _log.warning("%s: the ledger can be read again, through entry %d", self._model, self._state.number)
            self._is_following = True

    def _read_on(self, state: LedgerState) -> LedgerState:
        if state.number == 0:
            return self._ledger.read_state()
        for entry in self._ledger.entries(after=state.number):
            try:
                state = apply(state, entry)
            except ValueError as error:
                raise LedgerError(f"Entry {entry.number} may not be there: {error.args[0]}") from error
        return state

    def _is_too_early(self, number: int) -> bool:
        return self._failed is not None and self._failed[0] == number and time.monotonic() < self._failed[1]

    def _take(self, champion: ModelVersion, number: int) -> None:
        try:
            loaded = load_package(self._store, self._model, champion.digest, folder=self._folder)
            self._check_columns(loaded)
        except Exception as error:  # noqa: BLE001  # a package that breaks its loader must not take the service down
            self._failed = (number, time.monotonic() + self._retry_seconds)
            _log.error(
                "%s: version %s (%s) of entry %d cannot be served, %s: %s",
                *(self._model, champion.version, champion.digest, number, self._goes_on(), _words(error)),
            )
            return
        self._failed = None
        self._served = Served(version=champion, number=number, loaded=loaded)
        _log.info("%s: version %s (%s) serves since entry %d", self._model, champion.version, champion.digest, number)

    def _check_columns(self, loaded: LoadedModel) -> None:
        """Refuse a model that was trained under a spec with other features than those that requests are read by."""
        known = {name: column.role for name, column in self._features.columns.items()}
        wrong = [name for name, role in loaded.card.features.items() if known.get(name) != role]
        if wrong:
            raise ModelError(
                f"The model reads {', '.join(wrong)}, which the spec does not have, or has in another role. "
                "Train it again, or serve it with the spec it was trained under."
            )

    def _goes_on(self) -> str:
        served = self._served
        return "nothing is served" if served is None else f"version {served.version.version} goes on serving"


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, RatchetError) else f"{type(error).__name__}: {error}"

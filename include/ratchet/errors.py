"""Errors that a user meets, one code per cause.

::

    RatchetError
    ├── SpecError            E-SPEC        the spec or another file of the model folder is wrong
    ├── InputError           E-INPUT       an argument (a span key, a version) is wrong
    │   └── SecretKeyError   E-KEY        a secret key is missing or another (in ratchet.spans.key_files)
    ├── DataError            E-DATA        delivered data is wrong: a retry delivers the same bytes
    │   ├── EmptyDataError   E-EMPTY       there is no example where some were due
    │   └── MissingSpanError E-SPAN        a span that was asked for is not there, or is not validated
    ├── StoreError           E-STORE       the store did not answer as it should: a retry may help
    │   ├── IncompleteError  E-INCOMPLETE  a delivery is still being written: a retry may find it whole
    │   ├── DiskFullError    E-DISK        no room left: free some, then repeat the same command
    │   └── ObjectMissingError E-OBJECT    there is no such object (in ratchet.storage.objects)
    ├── ChecksumError        E-CHECKSUM    bytes do not match their digest: never parsed, a retry may help
    ├── LedgerError          E-LEDGER      the chain of decisions is broken
    ├── LostRaceError        E-LOST-RACE   another writer decided first: decide again on the new state
    ├── RegistryDownError    E-REGISTRY-DOWN  MLflow did not answer: a retry may help
    ├── RegistryRefusedError E-REGISTRY-REFUSED  MLflow does not let the caller do this
    ├── TrainingError        E-TRAINING    these examples cannot train a model
    ├── ModelError           E-MODEL       a packaged model may not be loaded
    ├── ReproductionError    E-REPRODUCTION a version made again is another one than was recorded
    └── PredictionsError     E-PREDICTIONS a model answered NaN, infinity, or a number outside [0, 1]
"""

from __future__ import annotations

from typing import ClassVar


class RatchetError(Exception):
    """An error with a code. ``is_retryable`` says whether the same call can succeed later."""

    code: ClassVar[str] = "E-RATCHET"
    is_retryable: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"{self.code}: {super().__str__()}"


class SpecError(RatchetError, ValueError):
    """A file of the model folder is wrong; the message names file, line and key."""

    code = "E-SPEC"


class InputError(RatchetError, ValueError):
    """An argument is wrong."""

    code = "E-INPUT"


class DataError(RatchetError, ValueError):
    """Delivered data is wrong; a retry would read the same bytes."""

    code = "E-DATA"


class EmptyDataError(DataError):
    """There is no example where some were due."""

    code = "E-EMPTY"


class MissingSpanError(DataError, LookupError):
    """A span that was asked for has not been ingested, or has not passed validation."""

    code = "E-SPAN"


class StoreError(RatchetError, OSError):
    """The store did not answer as it should; a retry may help."""

    code = "E-STORE"
    is_retryable = True


class IncompleteError(StoreError):
    """A delivery is still being written; a retry may find it whole."""

    code = "E-INCOMPLETE"


class DiskFullError(StoreError):
    """No room left; free some and repeat the same command."""

    code = "E-DISK"


class ChecksumError(RatchetError):
    """Bytes do not match their digest; they are never parsed. A retry may read them whole."""

    code = "E-CHECKSUM"
    is_retryable = True


class LedgerError(RatchetError):
    """The chain of decisions is broken; nothing may be appended until a person has looked."""

    code = "E-LEDGER"


class LostRaceError(RatchetError):
    """Another writer decided first; decide again on the new state."""

    code = "E-LOST-RACE"


class RegistryDownError(RatchetError, ConnectionError):
    """MLflow did not answer; a retry may help."""

    code = "E-REGISTRY-DOWN"
    is_retryable = True


class RegistryRefusedError(RatchetError, PermissionError):
    """MLflow does not let the caller do this."""

    code = "E-REGISTRY-REFUSED"


class TrainingError(RatchetError, ValueError):
    """These examples cannot train a model."""

    code = "E-TRAINING"


class ModelError(RatchetError):
    """A packaged model may not be loaded."""

    code = "E-MODEL"


class ReproductionError(RatchetError):
    """A version that was made again came out otherwise than it was recorded; a retry would too."""

    code = "E-REPRODUCTION"


class PredictionsError(RatchetError, ValueError):
    """A model answered NaN, infinity, or a number outside [0, 1]."""

    code = "E-PREDICTIONS"

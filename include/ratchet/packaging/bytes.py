"""A fitted model as bytes and back, by skops: the same model gives the same bytes.

skops names array files and nodes by memory address and stamps the archive with the clock, so no two dumps of one
model agree. Here the addresses are numbered in order of appearance and the archive is written again with a fixed date.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ratchet.errors import ModelError
from ratchet.packaging.trusted import TRUSTED_TYPES

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_SCHEMA = "schema.json"
# The earliest date a zip archive can hold.
_DATE = (1980, 1, 1, 0, 0, 0)
# A file may ask for an older protocol, and so for older and less strict readers.
_PROTOCOL = 2


def dump_model(pipeline: Pipeline) -> bytes:
    """Return the fitted pipeline as the bytes of a skops archive, the same for the same model."""
    import skops.io

    with ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        files: dict[str, str] = {}
        _renumber(schema, {}, files)
        contents = {new: archive.read(old) for old, new in files.items()}
    contents[_SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    target = io.BytesIO()
    # Stored, not deflated: compressed bytes differ from one zlib to the next.
    with ZipFile(target, "w", compression=ZIP_STORED) as archive:
        for name, content in contents.items():
            archive.writestr(ZipInfo(name, date_time=_DATE), content)
    return target.getvalue()


def load_model(data: bytes, *, trusted: tuple[str, ...] = ()) -> Pipeline:
    """Return the pipeline that ``dump_model`` wrote; nothing in it runs unless its type is trusted.

    Parameters
    ----------
    trusted : tuple of str
        Types beside `TRUSTED_TYPES`: those of a class of the model folder, from its code and never from ``data``.

    Raises
    ------
    ModelError
        If the bytes are no skops archive of the current protocol, or hold another type; it names the type.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    _check_protocol(data)
    try:
        return skops.io.loads(data, trusted=[*TRUSTED_TYPES, *trusted])
    except UntrustedTypesFoundException:
        unknown = sorted(set(untrusted_types(data)) - {*TRUSTED_TYPES, *trusted})
        raise ModelError(
            f"The model holds types that are not trusted: {', '.join(unknown)}. Nothing of it was run. "
            "Train it again with an estimator that the spec allows; what a class of the model folder keeps, "
            "a person reviews and lists as TRUSTED_TYPES beside the class."
        ) from None
    except Exception as error:
        raise ModelError(f"The model's bytes cannot be read: {type(error).__name__}: {error}") from error


def untrusted_types(data: bytes) -> list[str]:
    """Return the types in the archive that skops does not trust by itself; nothing is run."""
    import skops.io

    return sorted(skops.io.get_untrusted_types(data=data))


def _check_protocol(data: bytes) -> None:
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            protocol = json.loads(archive.read(_SCHEMA))["protocol"]
    except (BadZipFile, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The model is no skops archive ({type(error).__name__}). It was not read further.") from None
    if protocol != _PROTOCOL:
        raise ModelError(f"The model's skops protocol must be {_PROTOCOL}. Got {protocol!r}.")


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> None:
    """Replace addresses in a schema, in place, by numbers in order of appearance; ``files`` maps old to new names."""
    if isinstance(node, list):
        for item in node:
            _renumber(item, ids, files)
        return
    if not isinstance(node, dict):
        return
    if "__loader__" in node:
        _renumber_node(node, ids, files)
    for value in node.values():
        _renumber(value, ids, files)


def _renumber_node(node: dict[str, Any], ids: dict[int, int], files: dict[str, str]) -> None:
    if "__id__" in node:
        # Whether two equal numbers or texts are one object is an accident of the interpreter: each gets its own.
        address = -len(ids) - 1 if node["__loader__"] == "JsonNode" else node["__id__"]
        node["__id__"] = ids.setdefault(address, len(ids) + 1)
    if "file" in node:
        old = node["file"]
        node["file"] = files.setdefault(old, f"{len(files)}.{old.rpartition('.')[2]}")

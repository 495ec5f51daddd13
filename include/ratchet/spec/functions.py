"""The functions of a model folder that a spec names, ``module.function``.

A module is run from its file under a private name (``ratchet_models.<folder>.<module>``), so the folder stands on no
search path and two folders may both hold a ``features.py``. The source is compiled at each change of its bytes;
Python's own cache goes by modification time and would miss an edit within the same second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

from ratchet.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def load_functions(model_path: Path, names: Sequence[str]) -> tuple[Callable[..., Any], ...]:
    """Return the functions of a model folder, in the order of their names.

    Parameters
    ----------
    model_path : Path
        The model folder.
    names : sequence of str
        ``module.function`` each: ``features.add_hour`` is the function ``add_hour`` of ``features.py``.

    Raises
    ------
    SpecError
        If the file or the function is missing (with the near miss), or the file does not run.
    """
    return tuple(_find_function(model_path, name) for name in names)


def load_class(model_path: Path, name: str) -> type:
    """Return a class of a model folder, by ``module.Class``; see `load_functions` for its errors."""
    module_name, _, class_name = name.partition(".")
    module = _load_module(model_path, module_name, name)
    found = vars(module).get(class_name)
    if isinstance(found, type):
        return found
    path = model_path / f"{module_name}.py"
    if found is not None:
        raise SpecError(f"{name!r} must name a class. {path} holds a {type(found).__name__} of that name.")
    known = [key for key, value in vars(module).items() if isinstance(value, type) and not key.startswith("_")]
    raise SpecError(f"{path} has no class {class_name!r}.{_near_miss(class_name, known)}")


def source_digest(model_path: Path, name: str) -> str:
    """Return the sha256 of the file that ``module.function`` or ``module.Class`` stands in, in hexadecimal."""
    module_name = name.partition(".")[0]
    try:
        return sha256((model_path / f"{module_name}.py").read_bytes()).hexdigest()
    except FileNotFoundError:
        raise SpecError(f"{name!r} needs the file {model_path / module_name}.py, which is missing.") from None


def _find_function(model_path: Path, name: str) -> Callable[..., Any]:
    module_name, _, function_name = name.partition(".")
    module = _load_module(model_path, module_name, name)
    function = vars(module).get(function_name)
    if callable(function):
        return function  # type: ignore[no-any-return]  # callable() narrows to a function of anything
    path = model_path / f"{module_name}.py"
    if function is not None:
        raise SpecError(f"{name!r} must name a function. {path} holds a {type(function).__name__} of that name.")
    known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    raise SpecError(f"{path} has no function {function_name!r}.{_near_miss(function_name, known)}")


def _load_module(model_path: Path, module_name: str, wanted: str) -> ModuleType:
    path = model_path / f"{module_name}.py"
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        known = sorted(file.stem for file in model_path.glob("*.py"))
        raise SpecError(
            f"{wanted!r} needs the file {path}, which is missing.{_near_miss(module_name, known)}"
        ) from None
    return _run_module(path, f"ratchet_models.{model_path.name}.{module_name}", source)


@lru_cache(maxsize=256)
def _run_module(path: Path, private_name: str, source: bytes) -> ModuleType:
    spec = spec_from_file_location(private_name, path)
    if spec is None:
        raise SpecError(f"{path} is no Python file.")
    module = module_from_spec(spec)
    # Dataclasses and annotations look their module up here while it runs.
    sys.modules[private_name] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102  # the user's own code, as an import is
    except Exception as error:
        del sys.modules[private_name]
        raise SpecError(f"{path} does not run: {type(error).__name__}: {error}") from error
    return module


def _near_miss(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f" Did you mean {close[0]!r}?"
    return f" It has: {', '.join(known)}." if known else ""

"""Verify the chain of a model's decisions, against itself and against what an earlier night saw of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.ledger.audit import find_problems
from ratchet.ledger.canonical import digest_of
from ratchet.ledger.state import LedgerState
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.storage.objects import ObjectStore

STEP = "verify_ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyLedgerResult(StepResult):
    """What is wrong with the chain, one sentence a fault; its newest entry, and that of the night it is held against.

    A later night holds the chain against ``number`` and ``head``: one that was cut or rewritten is sound in itself.
    """

    number: int
    head: str | None
    seen_number: int
    problems: tuple[str, ...]


def verify_ledger(project: Project, spec: ModelSpec, span: str) -> VerifyLedgerResult:
    """Verify the whole chain as it is now; undecided while it has no entry and never had one."""
    store, model = open_store(project.home), ModelId(spec.name)
    chain = {name: store.read(name) for name in store.list(f"ledger/{model}")}
    seen = _seen_before(store, spec, span)
    if not chain and not seen.number:
        return _result(spec, span, LedgerState(), seen, [], uri="")
    newest = LedgerState(number=len(chain), head=digest_of(chain[max(chain)]) if chain else None)
    key = StepKey(
        step=STEP,
        version=1,
        spec=spec,
        sections=("name",),
        span=span,
        inputs={
            "chain": sha256(json.dumps([(name, digest_of(data)) for name, data in chain.items()]).encode()).hexdigest(),
            "seen": [seen.number, seen.head],
        },
    )

    def compute(folder: StepFolder) -> VerifyLedgerResult:
        return _result(spec, span, newest, seen, find_problems(model, chain, seen=seen), uri=folder.uri)

    return run_once(project, key, VerifyLedgerResult, compute)


def _seen_before(store: ObjectStore, spec: ModelSpec, span: str) -> LedgerState:
    """Return the head that the newest sound verification of an earlier span saw; the empty state without one.

    Not the newest of all: a chain that was cut stays at fault on every night, until the entry is back.
    """
    folder = f"runs/{spec.name}/{STEP}"
    for name in sorted(store.list(folder), reverse=True):
        # A folder is named `<span>-<digest>`, and keys of one cadence sort as their spans do.
        if not name.endswith("/result.json") or name.split("/")[-2].rpartition("-")[0] >= span:
            continue
        result = VerifyLedgerResult.from_json(json.loads(store.read(name))["result"])
        if result.verdict == "pass":
            return LedgerState(number=result.number, head=result.head)
    return LedgerState()


def _result(
    spec: ModelSpec, span: str, newest: LedgerState, seen: LedgerState, problems: list[str], *, uri: str
) -> VerifyLedgerResult:
    if problems:
        words = f"{len(problems)} faults: {' '.join(problems)}"
    elif not newest.number:
        words = "there is no entry yet"
    else:
        held = f", and entry {seen.number} is the one that was seen before" if seen.number else ""
        words = f"{newest.number} entries, each names the one before it{held}"
    return VerifyLedgerResult(
        model=spec.name,
        span=span,
        verdict="fail" if problems else "pass" if newest.number else "undecided",
        words=words,
        uri=uri,
        number=newest.number,
        head=newest.head,
        seen_number=seen.number,
        problems=tuple(problems),
    )

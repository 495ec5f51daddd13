from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile

import pytest

from ratchet.errors import ModelError
from ratchet.packaging.bytes import dump_model, load_model, untrusted_types
from ratchet.packaging.card import digest_of
from ratchet.packaging.native import native_format
from ratchet.packaging.trusted import TRUSTED_TYPES
from ratchet.spec.estimators import ESTIMATORS as ESTIMATORS_OF_A_SPEC
from ratchet.spec.generated import Generated
from ratchet.training.fit import fit
from tests.ratchet.features.make import ESTIMATORS, FEATURES, NETWORK, SMALL, make_frame, make_spec

DIGESTS = """
from tests.ratchet.features.make import ESTIMATORS, make_frame, make_spec
from ratchet.packaging.bytes import dump_model
from ratchet.packaging.card import digest_of
from ratchet.training.fit import fit
print(*[digest_of(dump_model(fit(make_frame(), make_spec(estimator, threads=2)))) for estimator in ESTIMATORS])
"""


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_two_fits_give_the_same_bytes(estimator: str) -> None:
    first, second = (dump_model(fit(make_frame(), make_spec(estimator))) for _ in range(2))
    assert first == second


def test_another_process_hash_seed_and_number_of_threads_give_the_same_bytes() -> None:
    environment = {"PYTHONHASHSEED": "12345", "PYTHONPATH": ".", "PATH": "", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run([sys.executable, "-c", DIGESTS], capture_output=True, text=True, check=True, env=environment)
    here = [digest_of(dump_model(fit(make_frame(), make_spec(estimator)))) for estimator in ESTIMATORS]
    assert done.stdout.split() == here


def test_another_seed_gives_other_bytes() -> None:
    forest = ESTIMATORS[1]
    first, second = (dump_model(fit(make_frame(), make_spec(forest, seed=seed))) for seed in (1, 2))
    assert first != second


def test_every_trusted_type_is_needed_by_an_estimator_and_no_other() -> None:
    fitted = [fit(make_frame(), make_spec(name)) for name in ESTIMATORS_OF_A_SPEC if native_format(name) is None]
    fitted.append(fit(make_frame(), make_spec(NETWORK, parameters=SMALL[NETWORK] | {"solver": "sgd"})))
    pairs = Generated(products=(("distance", "hour"),))
    fitted.append(fit(make_frame(), make_spec(features=FEATURES.model_copy(update={"generated": pairs}))))
    needed = {name for pipeline in fitted for name in untrusted_types(dump_model(pipeline))}
    assert needed == set(TRUSTED_TYPES)


def test_an_older_protocol_is_refused() -> None:
    data = dump_model(fit(make_frame(), make_spec()))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents["schema.json"] = json.dumps(json.loads(contents["schema.json"]) | {"protocol": 1}).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    with pytest.raises(ModelError, match=r"protocol must be 2\. Got 1"):
        load_model(target.getvalue())


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not an archive" * 100])
def test_bytes_that_are_no_archive_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="no skops archive"):
        load_model(data)

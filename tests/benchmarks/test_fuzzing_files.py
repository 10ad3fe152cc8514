"""What benchmarks/fuzzing_files.py opens 2,000 of, 100 of each format here: read, or refused in a line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

EACH = 100


@pytest.mark.slow
@pytest.mark.parametrize("form", ["pdf", "parquet_jets", "parquet_abstracts", "root", "hdf5", "safetensors"])
def test_damaged_files_are_read_or_refused(
    form: str, script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    fuzzing = script("fuzzing_files")
    maker, reader = fuzzing.FORMATS[form]
    (tmp_path / "seeds").mkdir()
    paths = [
        path for path in maker(tmp_path / "seeds") if path.stat().st_size < 100_000
    ]  # a large one takes seconds
    place = tmp_path / ("model.safetensors" if form == "safetensors" else f"input{paths[0].suffix}")
    for path in paths:
        shutil.copy(path, place)
        reader(place)
    seeds = [path.read_bytes() for path in paths]
    outcomes = []
    for number in range(EACH):
        place.write_bytes(fuzzing.made(form, seeds, number))
        outcomes.append(fuzzing.opened(reader, place))
    assert not [
        (number, *found) for number, found in enumerate(outcomes) if found[0] not in ("read", "refused")
    ]
    assert "refused" in dict(outcomes)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="llama.cpp is an extra of its own")
def test_damaged_models_are_read_or_refused(script: Callable[[str], ModuleType]) -> None:
    found = script("fuzzing_files").measure("gguf", range(EACH // 4))  # each starts a server of llama.cpp
    assert not found["faults"]


def test_an_input_is_made_again_from_its_number(script: Callable[[str], ModuleType]) -> None:
    fuzzing = script("fuzzing_files")
    seeds = [fuzzing.tiny_gguf()]
    made = {fuzzing.made("gguf", seeds, number) for number in range(50)}
    assert made == {fuzzing.made("gguf", seeds, number) for number in range(50)}
    assert len(made) == 50
    assert all(data.startswith(b"GGUF") for data in made if len(data) > 4)

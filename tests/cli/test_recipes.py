"""`yukawa recipes` lists what each verb takes."""

from __future__ import annotations

import json

from yukawa.cli.main import main
from yukawa.core.config import VERBS


def test_recipes_are_listed_with_their_verb(capsys):
    assert main(["recipes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["verb"] for row in rows} == set(VERBS.values())
    assert len({row["name"] for row in rows}) == len(rows)
    assert {"smoke", "particle-transformer-laptop", "pretraining-laptop", "scaling-laptop"} <= {
        row["name"] for row in rows
    }
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "yukawa train"
    assert len(lines) == len(rows) + len(VERBS)

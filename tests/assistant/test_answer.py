"""An answer as JSON: the fields a script can count on."""

from __future__ import annotations

import json

from yukawa.assistant import Answer, Check, Source

ANSWER = Answer(
    "k1", "What?", "60 ps [1]",
    (Source("k2", "TDR", "It is 60 ps.", None, 1, "Li", "CC0", "statement", "taught"),), (Check("cites a passage", True),), False,
    "quote", "particle physics", "value", 0.98765, {"search": 1.2345}, ("a conflicts with: b",),
)  # fmt: skip


def test_the_json_has_what_scripts_need_and_survives_a_round_trip() -> None:
    made = ANSWER.as_json()
    assert json.loads(json.dumps(made)) == made
    assert {
        "answer",
        "abstained",
        "sources",
        "model",
        "domain",
        "domain_probability",
        "kind",
        "timings_ms",
    } <= made.keys()
    assert {"id", "label", "quote", "url"} <= made["sources"][0].keys()
    assert (made["answer"], made["abstained"], made["support"], made["timings_ms"]) == (
        "60 ps [1]",
        False,
        0.988,
        {"search": 1.2},
    )
    assert made["conflicts"] == ["a conflicts with: b"]
    assert made["checks"] == [{"name": "cites a passage", "passed": True, "detail": ""}]


def test_a_notebook_shows_value_and_source() -> None:
    assert repr(ANSWER) == "Answer('k1': '60 ps [1]', sources: TDR)"
    assert ANSWER._repr_markdown_() == "60 ps \\[1\\]\n\n\\[1\\] TDR\n\nconflict: a conflicts with: b"

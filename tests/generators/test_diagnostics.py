"""Findings for people, for JSON, for GitHub and for SARIF."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from yukawa.generators import diagnostics
from yukawa.generators.diagnostics import CODES, Diagnostic, as_github, as_objects, as_sarif, as_text

FOUND = [Diagnostic("E-CHARGE", 3, 2, "100 % wrong", '"pi-"'), Diagnostic("I-SUM", 1, 1, "small")]


def test_text():
    assert as_text("a.dec", FOUND) == ['a.dec:3: E-CHARGE: 100 % wrong; write "pi-"', "a.dec:1: I-SUM: small"]


def test_github_escapes_what_it_would_read_as_its_own():
    assert as_github("a,b.dec", FOUND)[0] == (
        '::error file=a%2Cb.dec,line=3,col=2,title=E-CHARGE::100 %25 wrong; write "pi-"'
    )
    assert as_github("a.dec", FOUND)[1].startswith("::notice ")


def test_sarif_and_json_name_the_same_places():
    log = json.loads(as_sarif([("a.dec", FOUND)], "1.0"))
    result = log["runs"][0]["results"][0]
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 2}
    assert log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "E-CHARGE"
    assert [(each["line"], each["level"]) for each in as_objects("a.dec", FOUND)] == [
        (3, "error"),
        (1, "note"),
    ]


# The rules of sarif-schema-2.1.0.json for what is written here: what is required, of which type, and that nothing else is there.
_TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
    "additionalProperties": False,
}


def closed(required: list[str], **properties: object) -> dict[str, object]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def some(items: object) -> dict[str, object]:
    return {"type": "array", "items": items}


_PLACE = closed(
    [],
    artifactLocation=closed([], uri={"type": "string", "pattern": r"^[\w.~!$&'()*+,;=:@/%-]*$"}),
    region=closed(
        [], startLine={"type": "integer", "minimum": 1}, startColumn={"type": "integer", "minimum": 1}
    ),
)
_RESULT = closed(
    ["message"], ruleId={"type": "string"}, ruleIndex={"type": "integer", "minimum": -1}, message=_TEXT,
    level={"enum": ["none", "note", "warning", "error"]}, locations=some(closed([], physicalLocation=_PLACE)),
)  # fmt: skip
_DRIVER = closed(
    ["name"], name={"type": "string"}, version={"type": "string"},
    rules={**some(closed(["id"], id={"type": "string"}, shortDescription=_TEXT)), "uniqueItems": True},
)  # fmt: skip
SARIF = closed(
    ["version", "runs"], **{"$schema": {"type": "string", "format": "uri"}}, version={"const": "2.1.0"},
    runs=some(closed(["tool"], tool=closed(["driver"], driver=_DRIVER), results=some(_RESULT))),
)  # fmt: skip


def test_sarif_keeps_the_rules_of_its_schema():
    jsonschema = pytest.importorskip("jsonschema")
    log = json.loads(as_sarif([("my cards/ψ #1.dec", FOUND), ("empty.dec", [])], "1.0"))
    jsonschema.validate(log, SARIF)
    uri = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "my%20cards/%CF%88%20%231.dec"


def test_every_code_that_is_reported_is_explained_and_every_other_is_gone():
    folder = Path(diagnostics.__file__).parent
    text = "".join(
        path.read_text(encoding="utf-8") for path in folder.glob("*.py") if path.name != "diagnostics.py"
    )
    used = set(re.findall(r'"([EWI]-[A-Z0-9]+)"', text))
    assert used == set(CODES)

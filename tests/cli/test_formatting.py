"""JSON shapes carry every field and survive a round trip."""

from __future__ import annotations

import dataclasses
import json

from yukawa.cli.formatting import conflict_json, event_json, hit_json, item_json

PROVENANCE = {"author", "source", "url", "licence", "domain"}


def fields(value):
    return {f.name for f in dataclasses.fields(value)}


def test_no_field_of_an_item_is_lost(base):
    item = base.list()[0]
    shaped = json.loads(json.dumps(item_json(item)))
    assert set(shaped) == fields(item) - {"provenance"} | PROVENANCE


def test_no_field_of_a_hit_is_lost(base):
    hit = base.search("ring")[0]
    shaped = hit_json(hit)
    # Passage numbers, attributes and search keys are the store's own business.
    assert set(shaped) == fields(hit) - {
        "provenance",
        "item_id",
        "passage_id",
        "attributes",
        "keys",
    } | PROVENANCE | {"id"}


def test_a_conflict_and_an_event_name_what_they_are_about(base):
    base.teach("The mass of the tau lepton is 1776.9 ± 0.1 MeV.", source="one")
    item = base.teach("The mass of the tau lepton is 1790.0 ± 0.1 MeV.", source="two")
    shaped = conflict_json(item.conflicts[0])
    assert [side["id"] for side in shaped["items"]] == list(item.conflicts[0].item_ids)
    assert shaped["resolved"] is None
    event = base.history(item.id)[1][0]
    assert event_json(event)["id"] == item.id
    assert event_json(event)["verb"] == "teach"
    json.dumps([shaped, event_json(event)])

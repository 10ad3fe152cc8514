"""The server as a whole: what is open on this machine's own address, and what is not there."""

from __future__ import annotations

MASS = "What is the mass of the tau lepton?"


def test_a_question_is_answered_with_its_sources_and_the_next_one_in_its_light(local):
    with local.client() as client:
        found = client.post("/api/ask", json={"question": MASS}).json()
        assert "1776.93" in found["answer"]
        assert found["sources"][0]["author"] == "ada"
        found = client.post("/api/ask", json={"question": "in GeV?", "history": [MASS]}).json()
        assert "1.77693" in found["answer"]

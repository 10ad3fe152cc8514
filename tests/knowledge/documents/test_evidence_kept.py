"""How statements of one document are weighed for seventy questions today: a change of the evidence shows what it changes.

None of these answers is right because it is in the table. After a change that is meant, type
`YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/documents/test_evidence_kept.py` and look at the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.documents.asking import asked
from yukawa.knowledge.documents.evidence import Weighing
from yukawa.knowledge.documents.spans import READ, SEARCHED, answer_from_passages

HERE = Path(__file__).parent
TABLE = HERE / "kept_questions.tsv"
HOW = "if that is meant, type: YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/documents/test_evidence_kept.py"


def line(base: KnowledgeBase, question: str) -> str:
    """The question, what is answered, what comes near, words that are nowhere, and the best statements with their evidence."""
    hits = base.search(question, k=SEARCHED, kind="document")
    answer = answer_from_passages(question, hits)
    best = sorted(Weighing(asked(question), hits).candidates(READ), key=lambda c: -c.score)[:6]
    weighed = "; ".join(f"{c.score:.3f} of {c.covered:.3f}: {c.statement.text[:24]}" for c in best)
    parts = (answer.spans, answer.nearest)
    said = (" … ".join(span.quote for span in spans) or "none" for spans in parts)
    return "\t".join(" ".join(text.split()) for text in (question, *said, " ".join(answer.nowhere), weighed))


def test_every_statement_weighs_what_it_did(tmp_path: Path) -> None:
    kept = TABLE.read_text(encoding="utf-8").splitlines()
    with KnowledgeBase.open(tmp_path, embedding="none") as base:
        base.teach(
            (HERE / "kept_document.md").read_text(encoding="utf-8"), kind="document", source="lakeside.md"
        )
        lines = [line(base, old.partition("\t")[0]) for old in kept]
    if os.environ.get("YUKAWA_TEST_WRITE_READINGS"):
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        other = [f"was {old}\n  is {new}" for old, new in zip(kept, lines, strict=True) if old != new]
        assert not other, "\n".join(
            [f"{len(other)} questions are answered in another way; {HOW}", *other[:10]]
        )

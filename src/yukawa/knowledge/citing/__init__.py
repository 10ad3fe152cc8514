"""Does a passage support a sentence? Answers are checked against their passages, quantity by quantity."""

from yukawa.knowledge.citing.checking import RULES, Finding, Quotable, attach, check, citations
from yukawa.knowledge.citing.untrusted import harmless, without_reasoning

__all__ = ["RULES", "Finding", "Quotable", "attach", "check", "citations", "harmless", "without_reasoning"]

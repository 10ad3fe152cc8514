"""A question is classified, routed, grounded in passages, answered with checked citations, or declined."""

from yukawa.assistant.answer import Answer, Check, Source
from yukawa.assistant.assistant import Assistant

__all__ = ["Answer", "Assistant", "Check", "Source"]

"""Which kind of question a plan answers; by the first words of the question where nothing was planned."""

import re

from yukawa.core.settings import Kind
from yukawa.knowledge.parsing.plan import Operation, Plan

_KINDS: dict[Operation, Kind] = {
    "value": "value", "overview": "value", "list": "list", "count": "list", "reverse": "list",
    "which": "comparison", "is": "comparison", "ratio": "calculation", "sum": "calculation", "difference": "calculation",
    "product": "calculation", "average": "calculation", "multiple": "calculation", "how-many": "calculation",
    "measurements": "literature", "deviation": "comparison",
}  # fmt: skip
# Tried in this order on the question in lower case.
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.MULTILINE))  # type: ignore[misc]
    for kind, pattern in (
        ("explanation", r"\bwhy\b|\bhow come\b|\bexplain"),
        ("method", r"\bhow (can|do|should|could|would|must|shall|may) (i|we|one|you)\b|\bhow to\b"
                   r"|^(?>.*?\bhow (is|are|was|were) ).*\w(ed|t|wn|und)\b"),
        ("literature", r"\b(papers?|publications?|articles?|references?|reports?|preprints?|published?|author|wrote|cite)\b"
                       r"|\bwho (first |has |have )?(?!is\b|are\b)\w+"),
        ("comparison", r"\b(compare[ds]?|comparison|differ\w*|distinguishes|versus|vs|than)\b"
                       r"|^(?>.*?\w(er|or|more|less) ).*\bor\b|^(?>.*?, ).* or "
                       r"|\b(which|what|who) (is|are|was|has|have|gives?|needs?) (the )?(better|\w+er|more|less)\b"),
        ("value", r"\bhow (many|much|long|high|large|big|heavy|old|far|bright|fast|often|deep|strong|thick|tall|wide|hot|cold)\b"
                  r"|\b(at|in|to|from|above|below) (which|what) \w+|\A(what|which) (?!is\b|are\b|was\b|were\b|does\b|do\b)"
                  r"(upper |lower )?(\w+ )?(limit|power|energy|energies|resolution|length|wavelength|luminosity|mass|rate|size|value)\b"
                  r"|\Awhat (is|are|was|were) (the|its) (?!meaning|definition|idea|role|purpose)[\w -]+? (of|for|in|at|on)\b"
                  r"|\bwhen (did|was|were|is)\b"),
        ("list", r"\A(which|list|name|enumerate|what are the|give me (all|a list))\b|\bwhat \w+ (are there|exist)"
                 r"|\bwhat \w+(ces|es|ts|rs|ns) (does|do|has|have|can)\b"),
        ("explanation", r"\bhow (do|does|did|could|can|would|is|are)\b|\bderiv(e|ation)\b|\bprove\b|\bproof\b"),
        ("definition", r"\bwhat (is|are|does|do|was|were)\b|\bwhat's\b|\bdefin(e|ition)\b|\bmeaning of\b|\bstands? for\b"),
    )
)  # fmt: skip


def kind_of(plan: Plan) -> Kind:
    """The kind of the question that `plan` was read from.

    A plan with goals tells it by its first operation. Else the form of the question does, in English; 'other' is a question
    whose form tells nothing, and every question without a plan in another language that does not ask for an explanation.
    """
    if plan.kind in ("small-talk", "command"):
        return "other"
    if plan.goals and plan.kind == "facts":
        return _KINDS[plan.goals[0].operation]
    asked = plan.question.lower().strip()
    otherwise: Kind = "explanation" if plan.kind == "explanation" else "other"
    return next((kind for kind, form in _FORMS if form.search(asked)), otherwise)

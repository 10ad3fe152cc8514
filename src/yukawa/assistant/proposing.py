"""Where the grammar leaves words of a question unread, a language model may say how they belong together."""

import logging

from yukawa.core.errors import ModelError
from yukawa.knowledge.parsing.plan import Plan
from yukawa.knowledge.parsing.proposals import Proposal, plan_from_json
from yukawa.llm import GenerationOptions, Message, SyncChat

log = logging.getLogger(__name__)
MAX_TOKENS = 400
_RULES = """You read questions on particle physics. Reply with JSON that says which quantities the question asks for.
Every value but the operation is copied from the question, letter by letter; what the question does not say is omitted.
Example. Question: I wonder, the muon, how heavy would that be in MeV?
{"goals": [{"operation": "value", "quantities": [{"thing": "the muon", "property": "how heavy"}], "unit": "in MeV"}]}"""


def proposed(plan: Plan, chat: SyncChat) -> Plan:
    """The plan that a model proposes for the question, if its words bear it out in full; else the plan as it was.

    Args:
        plan: the grammar's, which leaves words unread.
        chat: the model.
    """
    messages = [Message("system", _RULES), Message("user", f"Question: {' '.join(plan.question.split())}")]
    try:
        proposal = chat.structured(messages, Proposal, GenerationOptions(max_tokens=MAX_TOKENS))
    except ModelError as error:  # the question is refused as it would be without a model
        log.info("model %r proposed no plan: %s", chat.model.name, error)
        return plan
    found = plan_from_json(plan.question, proposal.model_dump_json())
    return found if found.complete else plan

"""How Yukawa reads physics text: particle names in any spelling, quantities, properties, search terms."""

from yukawa.knowledge.parsing.particles import Mention, find_particles, particle_table
from yukawa.knowledge.parsing.quantities import Quantity, find_quantities, is_range
from yukawa.knowledge.parsing.question import Reading, claim_key, decay_keys, difference_keys, read
from yukawa.knowledge.parsing.spelling import plain_ascii

__all__ = [
    "Mention",
    "Quantity",
    "Reading",
    "claim_key",
    "decay_keys",
    "difference_keys",
    "find_particles",
    "find_quantities",
    "is_range",
    "particle_table",
    "plain_ascii",
    "read",
]

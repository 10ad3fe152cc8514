"""The phrases by which people name a property of a particle."""

import functools
import re

# Patterns read a text in which each particle's name is a run of ¤. The first property with a pattern that matches
# is the one meant: longer phrases come before the words they contain.
_PHRASES: dict[str, tuple[str, ...]] = {
    "mass-difference": (
        r"\bmass(?:es)? (?:diff|gap)\b",
        r"\b(?:how far apart|separates?|excess|subtract|difference|split)\b(?=.{0,80}\b(?:mass(?:es)?|weigh)\b)",
        r"\bhow much more\b(?=.{0,80}\bweighs?\b)",
        r"\bmass(?:es)?\b(?=.{0,80}¤.{0,10}\b(?:vs|versus|compared|over|relative)\b.{0,20}¤)",
        r"\bmass\b(?=.{0,4}\bover\b.{0,12}¤)",
        r"\bmass[- ]?(?:difference|splitting|gap|shift|separation)s?\b",
        r"\b(?:difference|gap|splitting|separation)\b(?=[^.?]{0,24}\bmass(?:es)?\b)",
        r"\bDelta ?[mM]\b",
        r"\bhow much (?:heavier|lighter|more massive)\b",
        r"\b(?:heavier|lighter|more massive)(?: is [^.?]{0,200})? than\b",
        r"\bm ?[\(\[]? ?¤+ ?[\)\]]? ?- ?m(?:ass)? ?[\(\[]? ?¤",
        r"\bmass(?: of)?(?: the)? ?\(?¤+\)? ?(?:-|minus) ?(?:the )?(?:mass|m ?\(|m ?¤)",
        r"\bmass of\b[^.?]{0,200}\bminus\b",
        r"\bmass excess\b",
    ),
    "magnetic-moment-anomaly": (
        r"\b(?:anomalous|anomaly)\b(?=.{0,200}\bmagnetic\b)(?:.{0,3}\bmagnetic (?:dipole )?moment\b)?",
        r"\bmagnetic moment anomaly\b",
        r"\(?\bg ?- ?2\b\)?(?: ?/ ?2)?",
        r"\banomalous magnetic\b",
    ),
    "magnetic-moment": (
        r"\bmagnetic (?:dipole )?moments?\b",
        r"\bmagnetic dipole\b",
        r"\bmu(?= ?\(¤)",
        r"\bmagnetic strength\b",
    ),
    "electric-dipole-moment": (
        r"\belectric dipole(?: moments?)?\b",
        r"\bEDM\b",
    ),
    "charge-radius": (r"\b(?:mean[- ]square )?charge rad(?:ius|ii)\b",),
    "main-decay-modes": (
        r"\b(?:main|dominant|principal|leading|most (?:common|frequent|likely|probable)|largest|primary|chief|favou?red"
        r"|important|major)\b(?=[^.?]{0,200}\b(?:decays?|modes?|channels?)\b)",
        r"\bdecay (?:modes|channels|products)\b",
        r"\bhow (?:does|do|will|can)\b(?=.{0,200}\bdecay\s*\??$)",
        r"\bwhat\b(?=.{0,200}\bdecays? (?:in)?to\s*\??$)",
        r"\bdecays? (?:mainly|mostly|predominantly|dominantly)\b",
    ),
    "momentum": (
        r"\b(?:decay|final[- ]state|breakup|product|daughter) moment(?:um|a)\b",
        r"(?<!angular )\bmoment(?:um|a)\b",
    ),
    "branching-fraction": (
        r"\bout of (?:an? |one |every |each )?(?:ten|hundred|thousand|million|billion|100|1000)\b",
        r"\bhow many\b(?= (?:of|give|go|end|yield|produce))",
        r"\bbranch(?:ing)?[- ]?(?:fraction|ratio|probabilit(?:y|ie)|rate|percentage)?s?\b",
        r"\b[BD]\.?[RF]s?\b",
        r"\bBr\b",
        r"\bB(?= ?[\(\[])",
        r"\bGamma ?\([^()]{0,200}→[^()]{0,200}\) ?/ ?Gamma(?:[_ ]?\(?tot(?:al)?\)?)?",
        r"\bGamma_?i ?/ ?Gamma\b",
        r"\bfractions?\b",
        r"\bfractional\b",
        r"\bhow (?:often|frequently|likely|rare(?:ly)?|probable|common(?:ly)?|improbable)\b",
        r"\bprobabilit(?:y|ies)\b",
        r"\bper ?cent(?:age)?s?\b",
        r"\bshares?\b",
        r"\bproportions?\b",
        r"\bportions?\b",
        r"\b(?:decay )?rates?\b",
        r"\bodds\b",
        r"\bchances?\b",
        r"\blikelihood\b",
        r"\bfrequency\b",
        r"\bhow (?:many|much)(?= (?:of|in|out|times)\b)",
    ),
    "partial-width": (
        r"\b(?:partial|leptonic|radiative|electronic|muonic|dielectron|dimuon|two-photon) (?:decay )?widths?\b",
    ),
    "width": (
        r"\b(?:full |total |natural |decay |intrinsic |breit-wigner |resonance ){0,4}(?:line ?-?)?widths?\b",
        r"\bhow (?:wide|broad|narrow)\b",
        r"\bbreadth\b",
        r"\bFWHM\b",
        r"\b(?:wide|broad|narrow) is\b",
        r"\bGamma_?(?:tot|total)?(?=\s*[\(\[]|\s*=|\s*of\b|\s*for\b|\s*¤|\s*$|\s*\?)",
        r"\btotal decay rate\b",
    ),
    "half-life": (r"\bhalf[- ]?li(?:fe|ves)\b",),
    "lifetime": (
        r"\blife[- ]?times?\b",
        r"\b(?:mean|average|proper)[- ]li(?:fe|ves)\b",
        r"\blifespan\b",
        r"\blongevity\b",
        r"\btau(?=[\(\[])",
        r"\blife(?= of| expectancy|\s*\?|$)",
        r"\b(?:after what|mean|average|typical|proper|survival|decay) time\b",
        r"\bhow (?:soon|quickly|fast)\b(?=.{0,200}\b(?:decay|disintegrat))",
        r"\b(?:time|long|period)\b(?=[^.?]{0,200}\b(?:before|until|till)\b)",
        r"\bhow long\b",
        r"\b(?:decays? after|life expectancy|survives? for|lives? for|time constant)\b",
        r"\bhow short-lived\b",
        r"\bhow long-lived\b",
    ),
    "quantum-numbers": (
        r"\b(?:pseudo)?scalar\b",
        r"\baxial[- ]vector\b",
        r"\b(?:positively|negatively) (?:or (?:positively|negatively) )?charged\b",
        r"\bquantum numbers?\b",
        r"\bspin(?:s|-parity)?\b",
        r"\b(?:intrinsic |C-|G-|P-)?parit(?:y|ies)\b",
        r"(?<![A-Za-z])I?\^?G?\(?J\^?\(?\{?P?C?\}?\)?(?![A-Za-z/_-])",
        r"\b(?:intrinsic |total )?angular moment(?:um|a)\b",
        r"\bisospin\b",
        r"\b(?:electric(?:al)? )?charges?\b(?! radi| conj| asym)",
        r"\bcharge conjugation\b",
        r"\belectrically\b",
    ),
    "mass": (
        r"\b(?:rest |invariant |pole |breit-wigner ){0,4}mass(?:es)?\b",
        r"\bhow (?:heavy|massive|light)\b",
        r"\bweigh(?:s|t)?\b",
        r"\b(?:heavy|massive) is\b",
        r"\bm(?=\s*[\(\[])",
        r"\bM(?=\s*[\(\[])",
        r"\bm_(?=[A-Za-z¤])",
        r"\brest energy\b",
        r"\bheaviness\b",
    ),
}


LONGEST = 4_000


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compiled when a text is first read for search: questions of facts never are."""
    return tuple((name, re.compile("|".join(patterns), re.IGNORECASE)) for name, patterns in _PHRASES.items())


def find_property(masked: str) -> tuple[str | None, str]:
    """The property that the first `LONGEST` characters of `masked` name, or None, and `masked` with the words that name it made §."""
    read, rest = masked[:LONGEST], masked[LONGEST:]
    for name, pattern in _patterns():
        if pattern.search(read):
            return name, pattern.sub(lambda match: "§" * len(match[0]), read) + rest
    return None, masked

"""What a sentence says beside its decays: a letter for several leptons, words that alter nothing, wishes that no card can hold."""

import re
from collections.abc import Iterator

from yukawa.core.errors import InputError

# How an experiment and a card are named.
EXPERIMENTS = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in (
        ("besiii", r"(?<![a-z])bes ?-?(?:iii|3)?(?![a-z])|(?<![a-z])boss(?![a-z])|bepc|北京谱仪"),
        ("lhcb", r"lhcb|(?<![a-z])dec ?files?(?![a-z])|(?<![a-z])gauss(?![a-z])"),
        ("belle2", r"(?<![a-z])belle ?-?(?:ii|2)?(?![a-z])|basf2|superkekb"),
        ("fcc", r"(?<![a-z])fcc(?:-?ee)?(?![a-z])|tera-?z"), ("evtgen", r"evtgen"),
    )
}  # fmt: skip
FILE = re.compile(r"(?<![\w./-])[\w./-]+\.dec\b")

OTHER = chr(0xFFFF0)  # before the second of two particles that decay differently
_LEPTON = r"(?:e|mu|tau|electrons?|muons?|taus?|tauons?)(?![A-Za-z0-9_+-])"
_VALUES = re.compile(
    r"\bl(?:epton)?s?\s{0,3}(?:=|:|\b(?:is|are|being|in|denotes|stands for)\b|为|是|表示|代表)[\s({]{0,3}(?:either |an? |both )?"
    rf"({_LEPTON}(?:[\s,;/&、和或与]{{1,6}}(?:(?:or|and|an?) ){{0,2}}{_LEPTON}){{0,2}})\s{{0,3}}[)\]}}]{{0,2}}"
)
_BEFORE_VALUES = re.compile(
    r"[(\[]?\s{0,3}(?:\b(?:with|where|for|and|here)|其中)?\s{0,3}(?:the )?(?:letter )?$"
)
_LETTER = re.compile(r"(?<![A-Za-z0-9^'*])l(?=[\^{}]*[+-]*(?![A-Za-z0-9_']))")
_DOUBLE = re.compile(r"(?<![A-Za-z0-9])ll(?![A-Za-z0-9])")
_SPIN = re.compile(r"(?<=chi_[cb])J|(?<=chi_[cb]_)J|(?<=chi[cb])J")
_SPINS = re.compile(
    r"(?<![A-Za-z_])J\s{0,3}(?:=|\bis\b|为)[\s({]{0,3}(\d(?:[\s,;/&、和或]{1,4}(?:(?:or|and) ){0,1}\d){0,2})\s{0,3}[)\]}]{0,2}"
)
_STAR = re.compile(r"\((?:[*∗⁎]|\\ast)\)")
_SHORT = {"electron": "e", "muon": "mu", "tauon": "tau"}

# What no card written from a sentence can hold, or what the grammar would have to guess; with the reason.
_REFUSED = (
    (
        r"\b(?:not|without|except|excluding|but no|never|instead of|rather than)\b|不|除了|没有",
        "the sentence excludes something ({}), which a decay card cannot", "name the decays that are wanted",
    ),
    (
        r"\b(?:anything|everything|whatever|inclusive(?:ly)?|invisible|semi-inclusive)\b|(?<![A-Za-z0-9_(/])X_?(?:[sducb]{1,2})?(?![A-Za-z0-9_(/])|任意|任何|单举|不可见",
        "{} names no particle of the tables: a card names each", "name the particles, or leave the decay to the table",
    ),
    (
        r"\d[\d.]{0,20}\s?[%％]|\b(?:branching|weights?|weighted|fractions?|ratios?|probabilit\w{1,5}|percent)\b"
        r"|(?<![\d.])0\.\d{1,9}+(?!\s?[kMG]?eV)|\bhalf (?:to|into|in|of)\b|一半|分支比|权重|概率",
        "which modes the fractions ({}) belong to is not certain: each mode of a decay needs one",
        'write "A -> B C (60%) or D E (40%)", or "A -> B C or D E with weights 3 to 2"',
    ),
    (
        r"\b(?:the|an)(?: )?other\b(?! side\b)|\bthe (?:first|second|former|latter|remaining|rest)\b|另一个|另外一个|前者|后者",
        "which particle \"{}\" means is not certain", "write its name with its charge",
    ),
    (
        r"(?i:\b(?:un)?polari[sz]\w{2,6}\b|\btransvers\w{1,5}\b|\bhelicit(?:y|ies)\b|\bform[- ]factors?\b|\bsin ?\(?2"
        r"|\binterference\b|\bBreit-?Wigner\b|\bFlatt[eé]\b|\bK-?matrix\b"
        r"|\bisobars?\b|\b(?:amplitude|Dalitz)[- ]?(?:plot )?(?:model|analysis|amplitude)\b|\blife-?times?\b"
        r"|\b(?:mass|width)e?s? (?:of|=|is|set)\b|\b(?:phi_s|dm|phases?|strong phase)\s?=)|极化|螺旋度|形状?因子|寿命",
        "what the sentence says on the dynamics (\"{}\") is not read",
        'name a model of EvtGen with its arguments behind the decay, "A -> B C (SVV_HELAMP 1 0 0 0 0 0)", or leave it out',
    ),
    (
        r"(?i:\bI (?:mean|meant)\b|\boops\b|\bscratch that\b|\bcorrection\b|\bno,? wait\b|\bactually\b)|不对",
        "the sentence corrects itself (\"{}\")", "write what is meant alone",
    ),
    (
        r"(?i:\btaus?[+-]? (?:\w{1,12} ){0,2}(?:hadronic|leptonic)(?:ally)?\b"
        r"|(?<=[\s;])(?:hadronic|leptonic)(?:ally)? (?:decaying )?taus?\b)",
        "{} names no particles: a card names each", "write the decays of the tau",
    ),
    (r"(?i:\bfor (?:only |just )?one of\b|\bonly one of\b)", "which of them \"{}\" means is not certain", 'write "one … and the other …"'),
    (r"\brespectively\b|分别", "which decay belongs to which particle (\"{}\") is not certain", 'write "A -> B C" for each'),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern), reason, hint) for pattern, reason, hint in _REFUSED)
# The half of an event that decays by the table: "tau+ -> anything", "D- generic", "D- 任意衰变".
FREE = re.compile(
    r"(?:\s|→|\b(?:is|are|goes|go|decays?|decaying|to|into|as)\b|衰变|到){0,12}+"
    r"(?:\b(?:anything|everything|whatever|generic(?:ally)?|inclusive(?:ly)?|free(?:ly)?|any(?: way)?)\b|任意|自由|单举)"
    r"(?:\s?(?:decays?\b|modes?\b|衰变))?", re.IGNORECASE,
)  # fmt: skip
# The same before the particle: "a generic tau+".
FREE_BEFORE = re.compile(
    r"\b(?:generic|inclusive|free(?:ly decaying)?|any|arbitrary)\s{1,3}$|(?:任意|自由|单举)(?:衰变)?的\s{0,3}$",
    re.IGNORECASE,
)
# Somewhere in a sentence, the same about the other half of a pair.
FREE_HALF = re.compile(r"\b(?:generic|anything|inclusive(?:ly)?|freely)\b|任意|自由衰变", re.IGNORECASE)

_RADIATION = (
    r"(?:PHOTOS|FSR|final[- ]state (?:photon )?radiation|(?:QED )?radiative corrections?"
    r"|(?:radiated |radiation |extra |additional |FSR )?photons|photos|bremsstrahlung|末态辐射)"
)
_NO_RADIATION = re.compile(
    rf"\b(?:without|no|not using|excluding|(?:switch|turn)(?:ed|ing)? off|disabl\w{{1,3}})"
    rf"\s{{1,3}}(?:the |any |use of )?{_RADIATION}(?: off)?(?![\w-])"
    rf"|\b(?:PHOTOS|FSR|final[- ]state radiation) (?:(?:is|to be|must be|should be|switched|turned) ){{0,2}}(?:off|disabled)\b"
    rf"|(?:switch|turn) (?:PHOTOS|FSR) off\b"
    rf"|(?:不(?:要|加|用|使用|开|含)?|关闭|关掉|无|没有)\s{{0,3}}{_RADIATION}(?:[辐射])?", re.IGNORECASE,
)  # fmt: skip
_WITH_RADIATION = re.compile(
    r"\b(?:with|including|include|use|using|(?:switch|turn)(?:ed|ing)? on)\s{1,3}"
    r"(?:the )?(?:PHOTOS|FSR|final[- ]state (?:photon )?radiation)(?: (?:on|enabled|switched on))?(?![\w-])"
    r"|\b(?:PHOTOS|FSR|final[- ]state radiation) (?:(?:is|to be|must be|should be|switched|turned) ){0,2}(?:on|enabled)\b"
    r"|(?:加上?|打开|使用|开启|包括|考虑)\s{0,3}(?:PHOTOS|FSR|末态辐射)", re.IGNORECASE,
)  # fmt: skip


def radiates(sentence: str) -> bool | None:
    """Whether a sentence wants photons to be radiated in the decays; None if it does not speak of them."""
    return False if _NO_RADIATION.search(sentence) else True if _WITH_RADIATION.search(sentence) else None


def without_radiation(sentence: str) -> str:
    """A sentence without what it says on photons that are radiated."""
    for pattern in (_NO_RADIATION, _WITH_RADIATION):
        sentence = pattern.sub(" ", sentence)
    return sentence


def alters_nothing(word: str) -> bool:
    """Whether a word is known to alter nothing."""
    return word.lower() in _WORDS


_WORDS = frozenset(
    "a an the and or of in on at to into by as for from with where when while whose which that who then also again so is are be "
    "being been was were has have it its this these those their they we i you both each every same all them meson mesons baryon "
    "baryons boson bosons hyperon hyperons hadron hadrons particle particles resonance resonances state states system pair "
    "pairs candidate candidates decay decays decaying decayed transition transitions go goes going proceed proceeds proceeding "
    "produce produces produced producing production make makes made create created give gives giving yield yields yielding turn "
    "turns turning convert converts become becomes leave leaves leaving force forced forces forcing follow followed following "
    "follows subsequent subsequently after afterwards finally next further later before first once whereby wherein including "
    "include includes included plus together along versus vs one two three four five six charged neutral oppositely opposite "
    "identical decay-chain intermediate final initial exclusive exclusively only always just itself must should will would can "
    "could shall may does do signal mode modes channel channels chain chains process processes sample samples event events "
    "simulation simulate simulated simulating generate generated generation generator study studied mc monte carlo card cards "
    "file files decfile dec decay-card options radiative radiatively hadronic hadronically semileptonic semileptonically "
    "leptonic leptonically rare dalitz isospin violating electromagnetic strong weak nonresonant physics analysis search "
    "searches lfv lnv bnv cpv fcnc qed fsr isr originating coming obtained please reconstructed reconstruct reconstructing "
    "detected tagged tag tagging tags single double using use used want need needs like cascade back number i.e ie e.g x "
    "collision collisions collider annihilation annihilations energy cms threshold peak pole run data gev mev tev million "
    "thousand side sides half halves measurement measurements test tests testing paper note group default official toy fast "
    "full background backgrounds efficiency efficiencies acceptance truth level large small high low statistics conditions "
    "condition setup version release software nominal standard new our my your his her another hence thus eventually directly "
    "prompt promptly promptly-produced inside exactly simply here there now well look looking interested consider considering "
    "investigate investigating measure measuring observe observed observing find finding see ask asked write written prepare "
    "prepared provide given available plan planned hypothetical dominant main usual known well-known penguin tree loop golden "
    "favoured favored suppressed cabibbo colour color open hidden charm charmed beauty bottom strange strangeness charmonium "
    "bottomonium muonic electronic exotic threebody three-body two-body four-body body multi many several first-stage stage "
    "cut cuts daughters daughtersin step steps chain-like flavour flavor via "
    "through against other hemisphere recoiling accompanied evts".split()
)
_CHINESE = re.compile(
    "质心系|质心|其中|然后|接着|首先|先|会|可以|主要|直接|并且|随后|之后|以后|后|同时|接下来|衰变|衰變|转变|跃迁|变成|成为|到|至|成|为|為|产生|生成|模拟|仿真|过程|末态|样本|样品|数据|事例|信号|介子|重子|粒子|轻子|光子"
    "|两个|兩個|三个|四个|一个|一对|一對|个|对|和|与|及|以及|或者|或|并|且|再|而|又|的|都|在|上|中|由|从|里|这里|这|那|它|是|进一步|继续|全部|只|标记|信号|一侧|侧|用|写|卡|道|能量|处|时|于|请|通过"
)
_NUMBER = re.compile(r"\d++(?:[.,]\d++)*+(?:e\d+|\^\d+|\s?[kM]\b)?")


def lepton_variants(plain: str) -> tuple[list[str], str]:
    """A sentence once for each lepton that its letter l stands for, e and mu where it does not say; and a note on that, or ''."""
    plain = _DOUBLE.sub("l l", plain)
    found = _VALUES.search(plain)
    if found is None:
        if not _LETTER.search(plain):
            return [plain], ""
        note = 'l is read as e and mu, in equal parts; for others write, for instance, "with l = mu, tau"'
        return [_LETTER.sub(value, plain) for value in ("e", "mu")], note
    words = re.findall(r"\b(?!or\b|and\b|an?\b)[a-z]+", found[1])
    values = dict.fromkeys(_SHORT.get(word.rstrip("s"), word.rstrip("s")) for word in words)
    rest = f"{_BEFORE_VALUES.sub('', plain[: found.start()])} ; {plain[found.end() :]}"
    return [_LETTER.sub(value, rest) for value in values], ""


def spin_variants(plain: str) -> list[str]:
    """A sentence with chi_cJ, once for each value that it gives J; else the sentence alone.

    Raises:
        InputError: the sentence does not say what J is.
    """
    if not _SPIN.search(plain):
        return [plain]
    found = _SPINS.search(plain)
    if found is None:
        raise InputError(
            "the sentence does not say which J it means", hint='write, for instance, "with J = 0, 1, 2"'
        )
    rest = f"{_BEFORE_VALUES.sub('', plain[: found.start()])} ; {plain[found.end() :]}"
    return [_SPIN.sub(spin, rest) for spin in dict.fromkeys(re.findall(r"\d", found[1]))]


def star_variants(sentence: str) -> list[str]:
    """A sentence with D(*), K(*) and the like twice, without and with the star; else the sentence alone."""
    if not _STAR.search(sentence):
        return [sentence]
    return [_STAR.sub(star, sentence).replace("^{}", "") for star in ("", "*")]


def refuse_wishes(plain: str) -> None:
    """Refuse what no card can hold, and what would have to be guessed.

    Raises:
        InputError: with the words of the sentence and the reason.
    """
    for pattern, reason, hint in _PATTERNS:
        found = pattern.search(plain)
        if found:
            raise InputError(reason.format(found[0].strip()), hint=hint)


def has_wish(text: str) -> bool:
    """Whether a text asks for what no card can hold."""
    return any(pattern.search(text) for pattern, *_ in _PATTERNS)


def known_words(text: str) -> list[str]:
    """The words of a text that are known to alter nothing, but for short ones and those that join particles."""
    long = re.findall(r"\b(?!(?:and|the|with|pair|pairs)\b)[A-Za-z]{3,}", text)
    return [word for word in long if word.lower() in _WORDS]


def unread_words(gap: str) -> Iterator[str]:
    """The words between two particles that are not known to alter nothing."""
    for word in re.findall(r"[^\W\d_](?:[\w.']*\w)?", _CHINESE.sub(" ", _NUMBER.sub(" ", gap))):
        if word.lower().strip(".") not in _WORDS:
            yield word

"""Statements that one word turns round: "a lower score means a higher risk" and "… a lower risk".

Only words that say a direction are turned: what grows or shrinks, what is more or less than something. An
adjective that names ("high school", "the lower jaw") is left, for its opposite may be true of something else.
"""

import re

from learnloop.generate import askable, grammar, referents, standing
from learnloop.generate.sentences import Sentence
from learnloop.generate.terms import Lesson, definitions

# One and the other, with the words that must stand around both. The first group of a pattern is turned.
_PAIRS = {
    "en": "increases/decreases increase/decrease rises/falls rise/fall raises/lowers expands/contracts"
    " expand/contract absorbs/releases absorb/release attracts/repels attract/repel dilates/constricts"
    " dilate/constrict gains/loses gain/lose accelerates/slows strengthens/weakens strengthen/weaken"
    " higher/lower larger/smaller bigger/smaller faster/slower longer/shorter warmer/colder heavier/lighter"
    " stronger/weaker thicker/thinner deeper/shallower greater/smaller quickly/slowly faster/slower",
    "es": "aumenta/disminuye aumentan/disminuyen sube/baja suben/bajan eleva/reduce elevan/reducen"
    " dilata/contrae dilatan/contraen acelera/frena aceleran/frenan atrae/repele atraen/repelen"
    " absorbe/libera absorben/liberan gana/pierde ganan/pierden mayor/menor mayores/menores alto/bajo"
    " alta/baja altos/bajos altas/bajas rápido/lento rápida/lenta rápidamente/lentamente superior/inferior"
    " superiores/inferiores caliente/frío calientes/fríos largo/corto larga/corta",
    "fr": "augmente/diminue augmentent/diminuent monte/descend montent/descendent accélère/ralentit"
    " accélèrent/ralentissent attire/repousse attirent/repoussent absorbe/libère absorbent/libèrent"
    " dilate/contracte dilatent/contractent gagne/perd gagnent/perdent élevé/bas élevée/basse élevés/bas"
    " élevées/basses rapide/lent rapidement/lentement supérieur/inférieur supérieure/inférieure grand/petit"
    " grande/petite grands/petits grandes/petites long/court longue/courte chaud/froid chaude/froide"
    " lourd/léger lourde/légère renforce/affaiblit",
    "de": "steigt/sinkt steigen/sinken erhöht/senkt erhöhen/senken vergrößert/verkleinert"
    " beschleunigt/verlangsamt beschleunigen/verlangsamen gewinnt/verliert gewinnen/verlieren"
    " verstärkt/schwächt höher/niedriger höhere/niedrigere höheren/niedrigeren größer/kleiner"
    " größere/kleinere"
    " größeren/kleineren schneller/langsamer länger/kürzer wärmer/kälter schwerer/leichter stärker/schwächer"
    " dicker/dünner tiefer/höher",
}
# Verbs say a direction by themselves; these need what stands before or behind them.
_COMPARED_BEFORE = {
    "en": r"(?:\b(?:is|are|a|an|much|far|even|becomes?|gets?|means?|gives?|has|have|needs?|more|runs?|moves?"
    r"|travels?|flows?|burns?|cools?|dries|grows?|works?) )$",
    "es": r"\b(?:más|menos|demasiado|un|una|es|son|mucho|velocidad|temperatura|presión) $",
    "fr": r"\b(?:plus|moins|trop|est|sont) $",
    "de": r"\b(?:ist|sind|wird|werden|eine?[nr]?|zu|viel|deutlich|umso|desto|je|braucht|hat|haben|läuft"
    r"|fließt"
    r"|wächst|trocknet) $",
}
_COMPARED_AFTER = {"en": r"^ than\b", "es": r"^ (?:que|a)\b", "fr": r"^ (?:que|à)\b", "de": r"^ als\b"}
_VERBS = {
    "en": re.compile(
        r"\w+(?:es|ts|ses|[rl]s|ns)|increase|decrease|expand|contract|absorb|release|attract|repel"
    ),
    "es": re.compile(r"\w+(?:a|e|an|en)"),
    "fr": re.compile(r"\w+(?:e|ent|it|nd|nt|rd)"),
    "de": re.compile(r"\w+(?:t|en)"),
}
_NOUNLIKE = {  # adjectives and adverbs of _PAIRS: they must compare
    "en": re.compile(r"\w+er|quickly|slowly"),
    "es": re.compile(
        r"mayor(?:es)?|menor(?:es)?|alt[oa]s?|baj[oa]s?|rápid\w+|lent\w+|\w+eriore?s?|\w+ior|calientes?"
        r"|frí[oa]s?|larg[oa]|cort[oa]"
    ),
    "fr": re.compile(
        r"élevée?s?|bas(?:ses?)?|rapide\w*|lent\w*|\w+érieure?|grande?s?|petite?s?|longue?|courte?"
        r"|chaude?|froide?|lourde?|lég\w+"
    ),
    "de": re.compile(r"\w+er(?:e|en)?|tiefer"),
}
_AIM = {
    "en": r"\bto (?:\w+ )?$",
    "es": r"\bpara\b[^,]*$",
    "fr": r"\b(?:pour|afin)\b[^,]*$",
    "de": r"\bum\b[^,]*\bzu $",
}
# A statement begins with its subject or with a place or time; "Keep the head low" is none.
_OPENS = {
    "en": r"(?:The|An?|Most|All|Every|Each|In|On|At|During|After|Before|When|As|With|Without|Under|For"
    r"|[A-Z][a-z]+ (?:is|are|has|have|can|means?|makes?|gives?|increases?|decreases?|raises|lowers"
    r"|rises?|falls?))\b",
    "es": r"(?:El|La|Los|Las|Una?|Cada|Todo|Toda|Todos|Todas|En|Al|Con|Cuando|Durante|Cuanto|Bajo|Tras)\b",
    "fr": r"(?:Les?|La|L['’]|Une?|Chaque|Tout|Toute|En|Au|À|Dans|Lorsqu|Quand|Pendant|Plus|Sous"
    r"|Avec)(?:\b|(?<=['’]))",
    "de": r"(?:Der|Die|Das|Eine?|Jede[rs]?|Alle|In|Im|Am|An|Auf|Bei|Beim|Mit|Wenn|Je|Während|Unter|Nach)\b",
}
_NEGATED = {
    "en": r"\b(?:not|no|never|neither|nor|without|less|fewer|unless|only)\b|n['’]t\b",
    "es": r"\b(?:no|nunca|ni|sin|jamás|solo|sólo|tampoco)\b",
    "fr": r"\b(?:ne|pas|jamais|sans|ni|aucune?|seulement|sinon)\b|\bn['’]",
    "de": r"\b(?:nicht|kein\w*|nie|niemals|ohne|weder|nur|sonst)\b",
}
_OTHER = {
    language: dict(
        both
        for pair in pairs.split()
        for one, other in [pair.split("/")]
        for both in ((one, other), (other, one))
    )
    for language, pairs in _PAIRS.items()
}


LONGEST = 24  # words


def turned(sentence: Sentence, lesson: Lesson) -> tuple[int, int, str] | None:
    """(start, end, opposite): the word of the source that turns `sentence` round; None where none does"
    " surely.

    The sentence stands alone, speaks of what is always so, and has at most two words with an opposite; of
    two the last is turned ("a lower score means a higher risk").
    """
    text, language = sentence.text, lesson.language
    if len(text.split()) > LONGEST or ";" in text or text.count(",") > 2:
        return None  # who reads it hunts for the word
    if not re.match(_OPENS[language], text) or re.search(_NEGATED[language], text, re.I):
        return None
    if re.search(askable.PAST[language], text) or askable.is_unsure(text, language) or re.search(r"\d", text):
        return None
    if (
        grammar.DEFINITION[language].match(text)
        or standing.is_shown(text)
        or standing.objection(sentence, lesson)
    ):
        return None
    if referents.brought_in(sentence, lesson) or referents.is_of_a_row(text, language):
        return None
    if _is_of_what_was_told(text, lesson) or _THOUGH.search(text):
        return None
    found = [
        match
        for match in re.finditer(r"(?<![\w-])[^\W\d_]+(?![\w-])", text)
        if match[0] in _OTHER[language] and _says_a_direction(match, text, language)
    ]
    words = [match[0] for match in found]
    if not 1 <= len(found) <= 2 or len(set(words)) != len(words):
        return None
    last = found[-1]
    other = _OTHER[language][last[0]]
    if other in grammar.words(text) and len(found) == 1:
        return None  # it stands elsewhere as a name
    return sentence.start + last.start(), sentence.start + last.end(), other


# "… gains, although …": what follows tells which way.
_THOUGH = re.compile(
    r"\b(?:although|though|despite|even if|aunque|a pesar de"
    r"|bien qu\w*|quoiqu\w*|malgré|obwohl|trotz|obgleich)\b",
    re.I,
)
# "The lower the score, the higher the risk": of which scale?
_THE_MORE = {
    "en": r"^The \w+er the |^The more |^The less ",
    "es": r"^Cuant[oa]s? ",
    "fr": r"^(?:Plus|Moins) ",
    "de": r"^Je ",
}


def _is_of_what_was_told(text: str, lesson: Lesson) -> bool:
    """Neither the title nor a definition of the lesson says of what the more gives the more."""
    language = lesson.language
    if not re.match(_THE_MORE[language], text):
        return False
    told = {word for term in definitions(lesson) for word in grammar.content_words(term.name, language)}
    told |= set(grammar.content_words(lesson.topic, language))
    first = grammar.content_words(" ".join(text.split()[:7]), language)
    return not any(grammar.same_word(word, other) for word in first for other in told)


def _says_a_direction(match: re.Match[str], text: str, language: str) -> bool:
    word, before, after = match[0], text[: match.start()], text[match.end() :]
    if language == "de" and re.match(r"[^,.;]* (?:ein|aus|ab|auf|um|an|zu|nach|vor)[,.;]", after):
        return False  # "steigt … ein" is another verb than "steigt"
    if re.search(r"\b(?:le|la|les|el|los|las) (?:plus|más) $", before, re.I):
        return False  # "le plus grand commun diviseur" is a name
    if re.search(_AIM[language], before):
        return False  # "in order to lose …": nobody wants that
    if _NOUNLIKE[language].fullmatch(word):
        compares = re.search(_COMPARED_BEFORE[language], before) or re.search(
            _COMPARED_AFTER[language], after
        )
        return bool(compares)
    if language != "de" and re.search(rf"\b{grammar.ARTICLE[language]}(?: |(?<=['’]))$", before, re.I):
        return False  # "an increase", "la baja"
    if language == "en" and not word.endswith("s") and not re.search(r"[a-z]{2,}s $", before):
        return False  # "for contract": a noun; "gases expand" is a verb
    return bool(_VERBS[language].fullmatch(word)) and bool(before)

"""The words the rules need, per language: what defines, what points back, what agrees.

Languages outside LANGUAGES get no generated questions: a rule that was not written is not guessed.
"""

import re
import unicodedata
from functools import cache

LANGUAGES = ("en", "es", "fr", "de")

# The most frequent words of each language, to tell them apart and to find the words that carry content.
_FUNCTION_WORDS = {
    "en": "the a an of to in and or is are was were be been it its this that these those for with as by on at"
    " from which who when where how than then there has have had can may will not no if so such each every"
    " one only also into about between more most less other their they we you he she his her but because"
    " while what all any some both either do does until out up down over under after before",
    "es": "el la los las un una unos unas de del a al en y o u e es son fue era ser está están que se su sus"
    " lo le les por para con como más menos pero si no cada este esta esto estos estas ese esa eso esos hay"
    " ha han cuando donde entre sobre también muy ya porque sin hasta desde otro otra otros otras todo toda"
    " todos todas cual cuyo mientras así solo cuanto hacia",
    "fr": "le la les un une des de du à au aux en et ou est sont était être il elle ils elles on que qui se"
    " sa son ses ce cet cette ces pour par avec dans sur plus moins mais si ne pas chaque comme leur leurs"
    " quand où entre aussi très déjà car sans lorsque dont deux autre autres tout toute tous toutes"
    " parce ainsi donc même peut ont",
    "de": "der die das den dem des ein eine einen einem einer eines und oder ist sind war waren sein zu in im"
    " an am auf aus bei mit nach von vom zum zur für als wie dass sich es er sie nicht auch nur noch aber"
    " wenn weil so man wird werden kann hat haben durch über unter zwischen jede jeder jedes mehr weniger"
    " kein keine diese dieser dieses wo was beim bis ohne um alle",
}
FUNCTION_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}

# A sentence that begins so leans on the one before it: pronouns, demonstratives, connectives.
_LEANING = {
    "en": "it its this that these those they them their theirs he she him his her such here there both"
    " another either neither however therefore thus hence then but so also instead moreover furthermore"
    " otherwise consequently similarly likewise conversely and or yet because nevertheless still once"
    " again later afterwards meanwhile finally next secondly",
    "es": "él ella ello ellos ellas esto eso aquello este esta estos estas ese esa esos esas aquel aquella"
    " aquellos aquellas su sus lo ambos ambas tal tales así entonces pero además también luego después sin"
    " por aunque otro otra otros otras aquí allí finalmente y o ahí primero"
    " es son tiene tienen contiene contienen se mide sirve permite ocurre depende consiste está están",
    "fr": "il elle ils elles ceci cela ça ce cet cette ces celui celle ceux celles son sa ses leur leurs on"
    " tel telle tels telles ainsi alors mais puis ensuite donc cependant toutefois pourtant aussi enfin"
    " autre autres ici là et ou c'est c’est l'autre l’autre or",
    "de": "er sie es dies diese dieser dieses diesem diesen jene jener jenes sein seine ihr ihre ihren ihrem"
    " dabei dadurch damit danach dann dazu darin darauf daraus daran dafür daher deshalb deswegen somit also"
    " aber jedoch trotzdem hier dort beide solche solcher solches so auch außerdem dagegen hingegen zudem"
    " schließlich und oder denn doch davon dort anschließend zuerst ebenso umgekehrt",
}
LEANING = {language: frozenset(words.split()) for language, words in _LEANING.items()}


def leans(text: str, language: str) -> bool:
    """True where `text` begins with a word that leans on the sentence before."""
    first = re.match(r"[^\w]*(\w+(?:['’]\w+)?)", text)
    word = first[1].lower() if first else ""
    return word in LEANING[language] or re.split("['’]", word)[0] in LEANING[language]


# A sentence that begins so sets up an example.
SUPPOSING = {
    "en": frozenset(
        ["if", "suppose", "imagine", "for", "with", "starting", "after", "take", "consider", "you", "let"]
    ),
    "es": frozenset(["si", "supongamos", "imagina", "imaginemos", "para", "con", "tomemos"]),
    "fr": frozenset(["si", "supposons", "imaginons", "pour", "avec", "prenons"]),
    "de": frozenset(["wenn", "angenommen", "für", "mit", "nehmen"]),
}

# Words that point at something a reader of the question does not see, wherever they stand.
POINTING = {
    "en": re.compile(
        r"\b(?:this|these|those(?! (?:who|that|which|of|in|with)\b)|that (?:is why|case|list|number"
        r"|value|table|example)|above|below|previous"
        r"|preceding|the example|the two (?:lists|examples)|the (?:former|latter|others?|rest)"
        r"|the (?:first|second|third|last|other|same|next) (?:list|one|table|example|case|set|line|step)"
        r"|the (?:first|second|third)(?= (?:therefore|has|is|can|gets|one|and)\b)|a third part|here"
        r"|in this (?:lesson|course|chapter)|our|we|they|he|she|his|her|such)\b",
        re.I,
    ),
    "es": re.compile(
        r"\b(?:est[aeo]s?|es[ao]s?|anterior(?:es)?|siguientes?|dich[ao]s?|aquell?[ao]s?(?! que)|arriba"
        r"|aquí|ejemplo"
        r"|nuestr[ao]s?|ell[ao]s|él)\b|\b(?:primer|segund|otr|mism)[ao]s? (?:lista|caso|tabla|línea|grupo)"
        r"|\bl[ao]s (?:dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez) (?:en|que|son|de|y)\b",
        re.I,
    ),
    "fr": re.compile(
        r"\b(?:ce|cet|cette|ces|cela|(?:celui|celles?|ceux)(?! (?:qui|que|dont|où|de|du|des)\b| d['’])"
        r"|précédente?s?|suivante?s?|ci-dessus|ci-dessous|ici"
        r"|exemple|notre|nos|eux)\b",
        re.I,
    ),
    "de": re.compile(
        r"\b(?:dies(?:e[rsmn]?)?|jene[rsmn]?|obige[nr]?|vorige[nr]?|folgende[nr]?|hier|dabei|dadurch|damit"
        r"|davon|daraus|dazu|darauf|dafür|Beispiel|unsere[rsmn]?|solche[rsmn]?|letztere[rsmn]?|beide[nr]?)\b",
        re.I,
    ),
}

# A pronoun among the first words has its noun in an earlier sentence ("In human cells it is about …").
EARLY_PRONOUN = {
    "en": re.compile(r"^(?:[\w,'’-]+ ){1,4}(?:it|they|its|their|them)\b", re.I),
    "es": re.compile(r"^(?:[\w,'’-]+ ){0,7}(?:ellos|ellas|él|ella|su|sus)\b|^El resto\b", re.I),
    "fr": re.compile(
        r"^(?:[\w,'’-]+ ){1,4}(?:qu['’])?(?:il|elle|ils|elles|son|sa|ses|leur|leurs)\b"
        r"(?! (?:y a|faut|est possible))",
        re.I,
    ),
    # "Das entspricht …" points back, "Das Licht …" does not.
    "de": re.compile(
        r"^(?:[\w,'’-]+ ){1,3}(?:er|sie|sein|seine|seinen|ihr|ihre|ihren)\b|^Das (?:[a-zäöü]+t|sind)\b"
    ),
}

ARTICLE = {
    "en": r"(?:the|an?|every|each|any)",
    "es": r"(?:el|la|los|las|una?|todo|toda|cada)",
    "fr": r"(?:les?|la|l['’]|une?|des|chaque|tout|toute)",
    "de": r"(?:der|die|das|eine?|jede[rs]?)",
}
_WORD = r"[^\W\d_][\w’'+-]*"
TERM = rf"(?P<term>{_WORD}(?:[ ]{_WORD}){{0,3}}?)"
QUOTE_OPENS, QUOTE_CLOSES = "[\"“”„«‘'\u00a0 ]*", "[\"”“»’'\u00a0]*"
_DEFINERS = {
    "en": (
        r"(?:is|are|means|refers to|denotes)",
        r"(?:an?|the|any|one|all|how|what|every|anything|something|when)",
    ),
    "es": (
        r"(?:es|son|significa|designa|consiste en)",
        r"(?:una?|el|la|los|las|unos|unas|cualquier|todo|toda|aquel|aquella|lo que|cada)",
    ),
    "fr": (
        r"(?:est|sont|désigne|signifie)",
        r"(?:une?|les?|la|l['’]|des|tout|toute|ce qui|ce que|celui|celle|chaque)",
    ),
    "de": (
        r"(?:ist|sind|bedeutet|bezeichnet)",
        r"(?:eine?[nms]?|der|die|das|den|jede[rs]?|alle|wie|wenn)",
    ),
}
DETERMINER = {language: determiner for language, (_, determiner) in _DEFINERS.items()}
# "<Article> TERM is <determiner> …": the term, the verb and the predicate.
DEFINITION = {
    language: re.compile(
        rf"^(?:(?P<article>{ARTICLE[language]})(?:[ ]|(?<=['’])))?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES}"
        rf"(?:[ ]\([^)]{{1,30}}\))?,?[ ](?P<verb>{verb})[ ](?P<predicate>{determiner}(?:[ ]|(?<=['’])).+)$",
        re.I,
    )
    for language, (verb, determiner) in _DEFINERS.items()
}
# "Levees are raised banks of …": a class without an article, and what sets it apart.
_PLAIN_WORD = (
    r"(?!(?:in|at|on|for|to|by|from|with|as|of|the|an?|still|very|also|often|not|so|more|most|all)\b)[\w-]+"
)
_BARE = {
    "en": (
        rf"(?:are (?=(?:{_PLAIN_WORD} ){{0,3}}(?!able|aware|full|capable)[a-z-]{{3,}}s"
        r" (?:that|which|who|of|in which|where|with)\b)"
        rf"|is (?=(?:{_PLAIN_WORD} ){{0,2}}(?![a-z]+(?:ed|ly) ){_PLAIN_WORD}"
        r" (?:that|which|in which|caused by|made of|formed by)\b))"
    ),
    "es": r"son (?!tan\b)(?=[a-zñáéíóú]+s (?:[\w-]+ ){0,3}?(?:que|cuy[oa]s?|en (?:los|las) que)\b)",
    "fr": r"sont (?=(?!tous\b|tels?\b)[a-zà-ÿ]+s (?:qui|dont)\b)",
    "de": (
        r"(?:ist|sind) (?=(?:[a-zäöüß]+ ){0,3}[A-ZÄÖÜ][\wäöüß-]+, (?:(?:in|an|auf|mit|aus|bei|durch|von) )?"
        r"(?:der|die|das|denen|deren|dessen|dem)\b)"
    ),
}
BARE = {
    language: re.compile(
        rf"^(?:(?P<article>(?i:{ARTICLE[language]}))(?:[ ]|(?<=['’])))?{QUOTE_OPENS}{TERM}{QUOTE_CLOSES}"
        rf" (?P<verb>(?:{bare}))(?P<predicate>.+)$"
    )
    for language, bare in _BARE.items()
}
# "La mita era el trabajo que …": in history things are defined in the past, by a noun and what sets it apart.
_WERE = {
    "en": (r"(?:was|were)", r"(?:an?|the)", r"(?:that|which|who|of|in which|by which|for)"),
    "es": (r"(?:era|eran)", r"(?:una?|unos|unas|el|la|los|las)", r"(?:que|de|en (?:el|la) que|donde|por el)"),
    "fr": (r"(?:était|étaient)", r"(?:une?|les?|la|l['’]|des)", r"(?:qui|que|de|des|du|d['’]|dont|où)"),
    "de": (r"(?:war|waren)", r"(?:eine?|die|das|der)", r"(?:der|die|das|dem|denen|deren|dessen|des|von|aus)"),
}
PAST = {
    language: re.compile(
        rf"^(?P<article>(?i:{ARTICLE[language]}))(?:[ ]|(?<=['’])){QUOTE_OPENS}{TERM}{QUOTE_CLOSES}"
        rf"[ ](?P<verb>{verb})[ ]"
        rf"(?P<predicate>{determiner}(?:[ ]|(?<=['’]))(?:[\w’'-]+,? ){{1,4}}?{apart} ?.+)$"
    )
    for language, (verb, determiner, apart) in _WERE.items()
}
# What ends a name: the end of a clause.
NAMED_AFTER = r"(?=[\"”»’]*(?:[.,;:]|$|[ ](?:because|if|when|porque|car)\b))"
# Subjects of "X is the …" that name nothing a course would teach.
_EMPTY_SUBJECTS = {
    "en": "reason result example answer difference idea problem advantage disadvantage case point goal aim"
    " question first second third last other most step number value thing way same rest one two main there"
    " data what who nothing everything purpose key trick choice best rule example consequence effect cause"
    " interior exterior inside outside symptom origin capital north south east west coast top bottom name"
    " somebody someone anyone anybody",
    "es": "razón resultado ejemplo respuesta diferencia idea problema ventaja caso punto objetivo pregunta"
    " primero primera segundo segunda último última otro otra paso número valor cosa forma manera mismo resto"
    " datos dato lo uno dos propósito consecuencia efecto clave regla causa interior exterior síntoma origen"
    " capital norte sur este oeste costa nombre alguien",
    "fr": "raison résultat exemple réponse différence idée problème avantage cas point but question premier"
    " première second seconde dernier dernière autre étape nombre valeur chose façon manière même reste un"
    " données deux conséquence effet clé règle c ce cause intérieur extérieur symptôme origine capitale nord"
    " sud est ouest côte nom quelqu'un",
    "de": "grund ergebnis beispiel antwort unterschied idee problem vorteil nachteil fall punkt ziel frage"
    " daten erste zweite letzte andere schritt zahl wert sache weise gleiche rest eins zwei folge regel"
    " ursache"
    " innere äußere symptom ursprung hauptstadt norden süden osten westen küste name jemand"
    " wirkung",
}
EMPTY_SUBJECTS = {language: frozenset(words.split()) for language, words in _EMPTY_SUBJECTS.items()}

# Grammatical class by article, so that a blank does not give its key away by agreement.
_GENDERS = {
    # English has no gender, but "a(n) ____" asks for something that can be counted.
    "en": {"a": "c", "an": "c", "every": "c", "each": "c", "": "u"},
    "es": {"el": "m", "los": "m", "un": "m", "unos": "m", "la": "f", "las": "f", "una": "f", "unas": "f"},
    "fr": {"le": "m", "un": "m", "la": "f", "une": "f", "tout": "m", "toute": "f"},
    "de": {
        "der": "m",
        "das": "n",
        "ein": "mn",
        "die": "f",
        "eine": "f",
        "jeder": "m",
        "jedes": "n",
        "jede": "f",
    },
}
_PLURAL_VERBS = frozenset(["are", "son", "sont", "sind", "se", "llaman", "se", "denominan", "heißen"])
_PLURAL_ARTICLES = frozenset(["los", "las", "unos", "unas", "les", "des"])


def gender(article: str, language: str) -> str:
    """The genders the article allows, of m, f, n (English: c countable, u uncountable); "" for any."""
    return _GENDERS.get(language, {}).get(article.lower().strip(), "")


def grammatical_number(article: str, verb: str, term: str, language: str) -> str:
    """`plural`, `singular`, or "" where neither verb, article nor ending says."""
    if verb.lower() in _PLURAL_VERBS or article.lower() in _PLURAL_ARTICLES:
        return "plural"
    if verb or article.lower() in ("a", "an", "un", "una", "une", "ein", "eine"):
        return "singular"
    if language == "de":
        return ""
    last = term.split()[-1].lower() if language == "en" else term.split()[0].lower()
    plural = last.endswith(("s", "x")) and not last.endswith(
        ("ss", "us", "is", "os" if language == "fr" else "ss")
    )
    return "plural" if plural else "singular"


@cache
def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def normalised(text: str) -> str:
    """Lower case, no accents, no punctuation, single spaces: what two options must differ in."""
    return " ".join(re.findall(r"[\w%]+", _plain(text)))


def words(text: str) -> list[str]:
    """Lower-case words and numbers, accents kept."""
    return re.findall(r"\w+", text.lower())


def content_words(text: str, language: str) -> list[str]:
    """Words that are not function words of `language`, lower case, accents kept."""
    stop = FUNCTION_WORDS.get(language, FUNCTION_WORDS["en"])
    return [word for word in words(text) if word not in stop and (len(word) > 1 or word.isdigit())]


def same_word(one: str, other: str) -> bool:
    """Equal but for an ending: a common beginning of 4 letters and three quarters ("cell", "cells")."""
    left, right = _plain(one), _plain(other)
    common = 0
    while common < min(len(left), len(right)) and left[common] == right[common]:
        common += 1
    return left == right or (common >= 4 and common >= 0.75 * max(len(left), len(right)))


def likely_language(text: str) -> str:
    """The language of LANGUAGES whose function words cover most of `text`; "" where none does."""
    found = words(text)
    hits = {language: sum(word in FUNCTION_WORDS[language] for word in found) for language in LANGUAGES}
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] else ""

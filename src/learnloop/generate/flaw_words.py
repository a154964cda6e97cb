"""The words by which item-writing flaws show, per language; check_flaws.py reads them."""

import re


def _whole(**phrases: str) -> dict[str, re.Pattern[str]]:
    """language -> a pattern of which the whole text must be one."""
    return {language: re.compile(rf"^\W*(?:{text})\W*$", re.I) for language, text in phrases.items()}


def _inside(**phrases: str) -> dict[str, re.Pattern[str]]:
    return {language: re.compile(rf"(?<!\w)(?:{text})(?!\w)", re.I) for language, text in phrases.items()}


ALL_ABOVE = _whole(
    en=r"all (?:of )?(?:the )?(?:above|these|those|them)(?: \w+)?|all (?:the )?(?:answers?|options"
    r"|choices).*"
    r"|both (?:of )?(?:the )?(?:above|these)|any of (?:the above|these)",
    es=r"tod[oa]s (?:las |los )?(?:anteriores|opciones anteriores|respuestas anteriores|ell[oa]s)"
    r"|tod[oa]s (?:las|los) (?:opciones|respuestas)(?: .*)?|ambas(?: respuestas)?(?: .*)?",
    fr=r"toutes? (?:les |ces )?(?:réponses|propositions|options)(?: .*)?|tous (?:les|ces) (?:choix"
    r"|éléments)(?: .*)?"
    r"|tout(?:es)? ce qui précède",
    de=r"alle (?:der |die )?(?:oben|vorigen|obigen|genannten|antworten|vorstehenden|davon)\b.*"
    r"|alles (?:davon|oben genannte)",
)
NONE_ABOVE = _whole(
    en=r"(?:none|neither|not any|nothing) of (?:the )?(?:above|these|those|them|other).*|none"
    r"|neither(?: (?:is|are).*)?",
    es=r"ningun[oa] (?:de (?:las |los |l[oa]s )?(?:anteriores|opciones|respuestas|ell[oa]s"
    r"|est[oa]s))(?: .*)?|ningun[oa]",
    fr=r"aucune?(?: (?:de |des )(?:ces |ceux|celles|réponses|propositions|options).*)?|rien de tout cela",
    de=r"keine?[rs]?(?: (?:der|von|davon|dieser)\b.*)?|nichts davon",
)
_LETTER = r"(?:\(?[a-eA-E]\)?|[IViv]{1,3}|[1-5])"
COMBINED = {
    language: re.compile(
        rf"^\W*(?:(?:both|only|solo|sólo|seulement|nur|tanto|las dos|{options})\s)?(?:{options}\s)?{_LETTER}"
        rf"(?:\s?,\s?{_LETTER})*\s?,?\s(?:{links})\s{_LETTER}(?: only| solo| seulement)?\W*$"
    )
    for language, options, links in (
        ("en", "answers?|options?|choices?|statements?", "and|or|&"),
        ("es", "respuestas?|opci[oó]n|opciones|afirmaciones", "y|e|o"),
        ("fr", "réponses?|options?|propositions?|choix", "et|ou"),
        ("de", "antworten?|optionen?|aussagen?", "und|oder"),
    )
}
TRUE_FALSE = _whole(
    en=r"true|false|yes|no|correct|incorrect|right|wrong|(?:true|false|yes|no)[,;:] .*",
    es=r"verdadero|falso|cierto|sí|no|correcto|incorrecto|(?:verdadero|falso|sí|no)[,;:] .*",
    fr=r"vrai|faux|oui|non|exact|inexact|(?:vrai|faux|oui|non)[,;:] .*",
    de=r"wahr|falsch|richtig|ja|nein|korrekt|(?:wahr|falsch|richtig|ja|nein)[,;:] .*",
)
# "Which is not …", "all of the following except": what a multiple-choice stem asks for is not so.
NEGATIVE_STEM = {
    "en": re.compile(
        r"\b(?:NOT|EXCEPT|INCORRECT|FALSE|LEAST)\b"
        r"|\b(?i:except|(?:which|what|who)\b[^.?!]*\b(?:is|are|was|were|do|does|did|can|would|has"
        r"|have) not\b"
        r"|(?:which|what|who)\b[^.?!]*n['’]t\b|(?:is|are) (?:false|incorrect|untrue)\b"
        r"|(?:false|incorrect|untrue|wrong) (?:statement|answer|option)|least likely|not (?:true|correct"
        r"|considered)"
        r"|neither|nor|cannot)\b"
    ),
    "es": re.compile(
        r"\b(?:NO|EXCEPTO|FALSA|FALSO|INCORRECTA|INCORRECTO)\b"
        r"|\b(?i:excepto|salvo|(?:cuál|cuáles|qué)\b[^.?!]*\bno\b|(?:es|son) (?:falsa|falso|incorrecta"
        r"|incorrecto)s?"
        r"|menos probable)\b"
    ),
    "fr": re.compile(
        r"\b(?:SAUF|FAUX|FAUSSE|EXCEPTÉ)\b|\bPAS\b"
        r"|\b(?i:sauf|excepté|(?:quel|quelle|quels|quelles|lequel|laquelle|lesquels|lesquelles"
        r"|qui)\b[^.?!]*"
        r"\b(?:ne|n['’]\w+)\b[^.?!]*\b(?:pas|jamais|aucune?)|(?:est|sont) (?:faux|fausse|incorrecte?)s?"
        r"|le moins probable)\b"
    ),
    "de": re.compile(
        r"\b(?:NICHT|KEIN|KEINE|AUSSER|AUẞER|FALSCH)\b"
        r"|\b(?i:außer|mit ausnahme|(?:welch\w+|was|wer)\b[^.?!]*\b(?:nicht|kein\w*)|(?:ist|sind) falsch"
        r"|falsche (?:aussage|antwort)|am wenigsten)\b"
    ),
}
NEGATION = _inside(
    en=r"not|never|no|none|neither|nor|cannot|without|nobody|nothing|\w+n['’]t|unlike|except",
    es=r"no|nunca|jamás|ningún|ninguna?|ninguno|nadie|nada|tampoco|ni|sin|excepto",
    fr=r"ne|n['’]\w+|pas|jamais|aucune?|ni|rien|personne ne|sans|sauf",
    de=r"nicht|nie|niemals|kein\w*|niemand|nichts|weder|ohne|außer",
)
# The specific determiners of Haladyna et al.; "all" and "every" are left out: definitions are full of them.
ABSOLUTE = _inside(
    en=r"always|never|only|must|completely|entirely|absolutely|exclusively|invariably|no one",
    es=r"siempre|nunca|jamás|únicamente|solo|sólo|solamente|completamente|exclusivamente|absolutamente|nadie",
    fr=r"toujours|jamais|uniquement|seulement|exclusivement|absolument|entièrement|complètement|personne ne",
    de=r"immer|nie|niemals|nur|ausschließlich|völlig|vollständig|stets|absolut|niemand",
)
VAGUE = _inside(
    en=r"often|usually|sometimes|frequently|generally|occasionally|rarely|typically|commonly|mostly"
    r"|probably"
    r"|possibly|normally|seldom|many|few|several|some(?= of\b)",
    es=r"a menudo|usualmente|a veces|con frecuencia|frecuentemente|generalmente|en general|ocasionalmente"
    r"|raramente|rara vez|normalmente|habitualmente|probablemente|posiblemente|much[oa]s|poc[oa]s"
    r"|vari[oa]s",
    fr=r"souvent|habituellement|parfois|fréquemment|généralement|en général|occasionnellement|rarement"
    r"|normalement|d['’]habitude|probablement|beaucoup|peu|plusieurs|la plupart",
    de=r"oft|häufig|gewöhnlich|manchmal|meistens?|meist|im allgemeinen|generell|gelegentlich|selten"
    r"|normalerweise"
    r"|üblicherweise|wahrscheinlich|möglicherweise|viele|wenige|einige|mehrere",
)
NUMBER_WORDS = {
    "es": {
        **dict.fromkeys(("un", "una", "el", "la", "es", "cada", "este", "esta"), "singular"),
        **dict.fromkeys(
            ("unos", "unas", "los", "las", "son", "estos", "estas", "muchos", "muchas"), "plural"
        ),
    },
    "fr": {
        **dict.fromkeys(("un", "une", "le", "la", "chaque", "ce", "cette"), "singular"),
        **dict.fromkeys(("des", "les", "ces", "plusieurs"), "plural"),
    },
}
HOW_MANY = _inside(
    en=r"how many|how much|what (?:percentage|percent|proportion|number|year)|which (?:percentage|year)"
    r"|in what year",
    es=r"cuánt[oa]s?|qué (?:porcentaje|proporción|número|año)|en qué año",
    fr=r"combien|quel (?:pourcentage|nombre)|quelle (?:proportion|année)|en quelle année",
    de=r"wie ?viele?|welcher (?:anteil|prozentsatz)|welche (?:anzahl|zahl)|in welchem jahr",
)
_NUMERALS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve dozen twenty thirty forty"
    " fifty sixty seventy eighty ninety hundred thousand million billion half third quarter once twice none"
    " all",
    "es": "cero uno una dos tres cuatro cinco seis siete ocho nueve diez once doce docena veinte treinta"
    " cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil millón millones mitad"
    " tercio cuarto ninguno",
    "fr": "zéro un une deux trois quatre cinq six sept huit neuf dix onze douze vingt trente quarante"
    " cinquante soixante cent cents mille million millions milliard moitié tiers quart aucun",
    "de": "null ein eins eine zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig"
    " vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend million millionen milliarden hälfte"
    " drittel viertel",
}
NUMERALS = {language: frozenset(words.split()) for language, words in _NUMERALS.items()}
UNFOCUSED = {
    "en": re.compile(
        r"^\W*(?:which|what)(?: one)? (?:of (?:the following|these|the below|the statements))?"
        r"(?: statements?)?\s?(?:is|are) (?:true|correct|false|right|incorrect|not true)\W*$"
        r"|^\W*(?:choose|select|pick|mark) (?:the )?(?:correct|best|right|true)?\s?"
        r"(?:answer|option|statement|one)s?\W*$",
        re.I,
    ),
    "es": re.compile(
        r"^\W*(?:cuál|cuáles)(?: de (?:las|los|est[oa]s) (?:siguientes )?\w+)? (?:es|son)"
        r" (?:verdader|correct|ciert|fals)\w+\W*$"
        r"|^\W*(?:elige|elija|seleccion\w+|escoge|marca) (?:la|el) (?:\w+ )?(?:respuesta"
        r"|opción)(?: \w+)?\W*$",
        re.I,
    ),
    "fr": re.compile(
        r"^\W*(?:laquelle|lequel|lesquelles|lesquels|quelle \w+)(?: de ces \w+| des \w+ suivante?s)?"
        r" (?:est|sont) (?:vraie?|exacte?|correcte?|fausse|faux|juste)s?\W*$"
        r"|^\W*(?:choisi\w+|sélectionne\w*|coche\w*) (?:la|le) (?:\w+ )?(?:réponse|option)(?: \w+)?\W*$",
        re.I,
    ),
    "de": re.compile(
        r"^\W*welche(?:s|r)? (?:der (?:folgenden )?\w+ )?(?:aussage |antwort )?(?:ist|sind|trifft"
        r"|stimmt)\s?"
        r"(?:richtig|wahr|falsch|korrekt|zu)?\W*$|^\W*wähle\w* (?:sie )?die (?:\w+ )?antwort(?: aus)?\W*$",
        re.I,
    ),
}
CHATTER = _inside(
    en=r"as we (?:all )?know|as you (?:may |might )?(?:know|remember|recall)|interestingly|remember that"
    r"|it is (?:interesting|important) to note|let['’]s|don['’]t forget|hint|good luck|great job",
    es=r"como (?:todos )?sabemos|como (?:ya )?sabes?|recuerd[ae] que|es (?:interesante"
    r"|importante) (?:notar|señalar)"
    r"|no olvides|pista",
    fr=r"comme (?:nous|vous) (?:le )?sav(?:ons|ez)|rappel(?:ons|ez)|il est (?:intéressant"
    r"|important) de noter"
    r"|n['’]oublie[zs]?|indice",
    de=r"wie wir (?:alle )?wissen|wie (?:sie|du) wei(?:ß|sst)\w*|interessanterweise|denken sie daran"
    r"|übrigens"
    r"|vergessen sie nicht|hinweis",
)

"""Which sentences of the form "X is a …" say what X is, and which only say something of it.

Nearly every sentence of a textbook that names a term and a class is grammatical as a definition; those that
judge ("is an important tool"), compare, count, or speak of one person or time are refused.
"""

import re

from learnloop.generate import grammar

MIN_CONTENT_WORDS = 2

# A predicate that judges, compares or leaves open.
_REMARKS = {
    "en": r"important|essential|popular|controversial|powerful|critical|fascinating|great|greatest|useful"
    r"|vital|crucial|relatively|remarkabl[ye]|increasingly|similar|diverse|young|best|better|worse|worst"
    r"|good|bad|interesting|complex|common|well-known|famous|key|main|major|primary|significant|excellent"
    r"|simple"
    r"|perfect|favou?rite|valuable|necessary|accomplished|beautiful|extremely|possible|reason|cause|result"
    r"|evolving|growing|evidence|challenge|matter|example|examples|subject|subjects|topic|way to|how we"
    r"|what we|question"
    r"|goal|purpose|fact|only|same|one of|some of|kind of thing|least|leading|unique|typical|classic"
    r"|foundation|heart|basis of|home|necessity|concern|most (?:widely|important|common|popular"
    r"|influential)|accepted|active|area of (?:research|study)|serious|trigger|compromise|mystery"
    r"|miracle|luxury|mistake|myth|art of|problem"
    r"|enemy|difference(?! (?:between|in|of))|backbone|chief|cornerstone|source of|symbol",
    "es": r"importantes?|esencial(?:es)?|popular(?:es)?|controvertid[oa]s?|poderos[oa]s?|fundamental(?:es)?"
    r"|grandes?|útil(?:es)?|vital(?:es)?|crucial(?:es)?|relativamente|notable|cada vez|similar(?:es)?"
    r"|divers[oa]s?"
    r"|mejor(?:es)?|peor(?:es)?|buen[oa]?s?|mal[oa]s?|interesantes?|complej[oa]s?|común|comunes|conocid[oa]s?"
    r"|famos[oa]s?|clave|principal(?:es)?|significativ[oa]s?|excelentes?|simples?|perfect[oa]s?|valios[oa]s?"
    r"|necesari[oa]s?|hermos[oa]s?|posible|razón|causa|resultado|prueba|reto|ejemplos?|tema|manera de"
    r"|objetivo|propósito|hecho(?! de)|únic[oa]s?|mism[oa]s?|un[oa] de l[ao]s|alguno|típic[oa]s?"
    r"|base de|hogar"
    r"|enemig[oa]s?"
    r"|problema|diferencia(?! (?:entre|de))|fuente de|símbolo|necesidad|preocupación|área de (?:estudio"
    r"|investigación)"
    r"|forma de|grave|compromiso|misterio|lujo|error|mito|consecuencia|ventaja"
    r"|desventaja",
    "fr": r"importante?s?|essentiel(?:le)?s?|populaires?|controversée?s?|puissante?s?|fondamenta(?:l|le|ux)"
    r"|grande?s?|utiles?|vita(?:l|le|ux)|crucia(?:l|le|ux)|relativement|remarquables?|de plus en plus"
    r"|similaires?|diverse?s?|meilleure?s?|pire|bonn?e?s?|mauvaise?s?|intéressante?s?|complexes?|courante?s?"
    r"|connue?s?|célèbres?|clé|principa(?:l|le|ux|les)|significati(?:f|ve)s?|excellente?s?|parfaite?s?"
    r"|nécessaires?|beau|belle|possible|raison|cause|résultat|preuve|défi|exemples?|sujet|façon de|manière de"
    r"|objectif|but|fait(?! d[e'’])|seule?s?|unique|mêmes?|l['’]une? des|quelques|typique|base de"
    r"|ennemie?s?|problème|différence(?! (?:entre|de))"
    r"|source de|symbole|nécessité|préoccupation|domaine de recherche|grave|compromis|mystère|luxe"
    r"|erreur|mythe|conséquence|avantage|inconvénient|simples?",
    "de": r"wichtig\w*|wesentlich\w*|beliebt\w*|umstritten\w*|mächtig\w*|entscheidend\w*|groß(?:e|er|es|en)"
    r"|nützlich\w*|relativ|bemerkenswert\w*|zunehmend\w*|ähnlich\w*|vielfältig\w*|best(?:e|er|es|en)"
    r"|besser\w*"
    r"|gut(?:e|er|es)|schlecht\w*|interessant\w*|komplex\w*|häufig(?:e|er|es|ste|sten)|bekannt\w*|berühmt\w*"
    r"|zentral\w*|hauptsächlich\w*|bedeutend\w*|hervorragend\w*|einfach\w*|perfekt\w*|notwendig\w*|schön\w*"
    r"|möglich\w*|Grund|Ursache|Ergebnis|Beweis|Herausforderung|Beispiele?|Thema|Ziel|Zweck|Tatsache"
    r"|einzig\w*|gleiche\w*|selbe\w*|eine[rs]? der|typisch\w*|Grundlage|Heimat|Problem"
    r"|Unterschied(?! zwischen)|Quelle"
    r"|Symbol|Notwendigkeit|Sorge|Forschungsgebiet|schwerwiegend\w*|Kompromiss zwischen|Rätsel|Luxus"
    r"|Fehler|Mythos|Folge|Vorteil|Nachteil|tätig|Ansicht"
    r"|Meinung|Auffassung",
}
# A head that says no more than that there is something.
_EMPTY_HEADS = {
    "en": r"^(?:an?|the|one|any) (?:thing|way|concept|idea|term|word|name|factor|part|aspect|issue|area of"
    r" interest|tool|approach|topic|element|member|group|series of books|type|kind|form|sort)\b(?! (?:of|that"
    r"|which|in which|where|by which|for|used)\b)",
    "es": r"^(?:una?|el|la) (?:cosa|manera|concepto|idea|término|palabra|nombre|factor|parte|aspecto"
    r"|tema)\b(?! "
    r"(?:de|del|que|en|para|por)\b)",
    "fr": r"^(?:une?|le|la) (?:chose|manière|concept|idée|terme|mot|nom|facteur|partie|aspect|sujet)\b(?!"
    r" (?:de"
    r"|du|des|qui|que|où|dans|pour)\b)",
    "de": r"^(?:eine?|der|die|das) (?:Sache|Weise|Begriff|Idee|Wort|Name|Faktor|Teil|Aspekt|Thema)\b(?!"
    r" (?:des"
    r"|der|von|für|in)\b)(?!,)",
}
# Sentence openers that are no term although a verb of defining follows (German has its verb second).
_ADVERBS_WORDS = {
    "en": "usually often sometimes generally typically today now originally perhaps overall together"
    " inside outside below above yet only even just instead nowadays",
    "es": "hoy ahora generalmente normalmente siempre nunca solo también además quizá actualmente"
    " entonces aquí allí según durante desde tras sin con por para entre",
    "fr": "aujourd'hui maintenant généralement souvent parfois toujours jamais aussi seulement peut-"
    " être selon pendant depuis dans sans avec par pour entre après avant",
    "de": "heute jetzt seitdem strenggenommen darüber seit innerhalb außerhalb besonders zunächst"
    " ursprünglich meist oft manchmal typischerweise normalerweise üblicherweise grundsätzlich"
    " häufig allgemein während nach vor bei mit in im am an auf unter über durch für gegen ohne um"
    " zu zum zur aus von vom wegen trotz statt laut gemäß neben zwischen hinter einerseits"
    " andererseits erst bereits schon nur sehr ganz wichtig entscheidend bekannt gemeint damals"
    " früher später insgesamt charakteristisch typisch kennzeichnend ebenfalls entsprechend"
    " allerdings natürlich offenbar selten immer",
}
_ADVERBS = {language: frozenset(words.split()) for language, words in _ADVERBS_WORDS.items()}
_RANKED = re.compile(
    r"^(?:some|various|certain|following|algun[oa]s|ciert[oa]s|siguientes?|quelques|certaine?s|suivante?s?"
    r"|einige|manche|bestimmte|folgende[nrs]?|greatest|largest|biggest|best|first|last|final|main|major|key"
    r"|most|new|early|modern|other|many|few"
    r"|principal(?:es)?|principaux|principales|primer|primera|último|última|mayor|mejor|nuevo|nueva|gran"
    r"|premier|première|dernier|dernière|plus|grand"
    r"|grande|nouveau|nouvelle|erste[nrs]?|letzte[nrs]?|größte[nrs]?|neue[nrs]?|wichtigste[nrs]?|zweite[nrs]?"
    r"|häufigste[nrs]?|only|sol[oa]|seule?|einzige[nrs]?)\b",
    re.I,
)


_EVERY = frozenset(
    ["every", "each", "any", "cada", "todo", "toda", "chaque", "tout", "toute", "jeder", "jede", "jedes"]
)


# "The term culture is …", "A significant trigger is …".
_WORDS_FOR_WORDS = frozenset(
    ("term", "word", "phrase", "concept", "name", "término", "palabra", "concepto", "terme", "mot", "begriff")
)
_JUDGED = re.compile(
    r"(?:significant|important|serious|typical|popular|crucial|recent|current|necessary) ", re.I
)


def is_term(term: str, article: str, verb: str, language: str) -> bool:
    """Whether what stands before "is a" can be the name of a thing that a course teaches."""
    parts = grammar.words(term)
    joined = {"en": "and", "es": "y", "fr": "et", "de": "und"}[language]
    if not parts or parts[0] in _ADVERBS[language] or joined in parts[1:] or _RANKED.match(term):
        return False
    if parts[0] in _WORDS_FOR_WORDS or _JUDGED.match(term):
        return False
    if re.search(r"\d{3}|\b[\w]+n?s?['’]s\b [a-z]", term) or parts[-1] in _ADVERBS[language]:
        return False
    if article.lower() in _EVERY:  # "Every photograph is a compromise" says something of photographs
        return False
    if _subject_clashes(article, verb, language):
        return False
    if language == "de":
        nouns = [word for word in term.split() if re.match(r"(?:\w{1,2}-)?[A-ZÄÖÜ]", word)]  # "p-Wert"
        if not article and re.search(r"(?:land|reich|europa)$", term, re.I):
            return False  # "Deutschland ist eine Demokratie" says something of it
        # Without an article the capital may be the sentence's: an adverb ("Typischerweise ist …").
        return bool(nouns) and term.split()[-1] == nouns[-1] and not term.endswith(("weise", "dem", "falls"))
    return True


def _subject_clashes(article: str, verb: str, language: str) -> bool:
    """ "Una causa … son los ataques": the subject stands behind the verb."""
    singular = {
        "es": ("un", "una", "el", "la"),
        "fr": ("un", "une", "le", "la"),
        "de": ("ein", "eine", "das"),
    }
    plural = {"es": "son", "fr": "sont", "de": "sind"}
    return article.lower() in singular.get(language, ()) and verb.lower() == plural.get(language)


def says_what_it_is(predicate: str, article: str, language: str) -> bool:
    """Whether `predicate` tells its term from others: a class and what sets it apart, no judgement."""
    if re.search(rf"\b(?:{_REMARKS[language]})\b", predicate, re.I):
        return False
    if (
        _OF_ITS_OWN.match(predicate)
        or _NAMES_ANOTHER.match(predicate)
        or _ENUMERATION.match(predicate)
        or _MOST_OF_WHAT.match(predicate)
    ):
        return False
    if _IN_A_ROW.match(predicate) or _TODAY.search(predicate):
        return False
    if re.search(_EMPTY_HEADS[language], predicate, re.I) or re.search(r"\d\d|\dº|\d\.º", predicate):
        return False
    if grammar.POINTING[language].search(predicate) or _SPOKEN[language].search(predicate):
        return False
    if (
        language == "de"
        and not article
        and re.match(r"(?:der|die|das|den|jede[rs]?|alle|wie|wenn)\b", predicate)
    ):
        return False  # "Heute ist die Börse …": the subject may stand behind the verb
    return len(set(grammar.content_words(predicate, language))) >= MIN_CONTENT_WORDS


# "Le basalte est la plus répandue, …": of what, another sentence says.
_MOST_OF_WHAT = re.compile(
    r"(?:(?:l[ea]s?|el|los|las|the) (?:plus|moins|más|menos|most|least) [\w-]+|d(?:er|ie|as) \w+st(?:e"
    r"|en))(?:[,.;]|$)"
)
# "the first person who puts a hand in": one of a story, not a class.
_IN_A_ROW = re.compile(
    r"(?:the (?:first|last|next|second|third)|(?:el|la) (?:primer[oa]?|últim[oa]|segund[oa])"
    r"|l[ea] (?:premi(?:er|ère)|derni(?:er|ère)|second|seconde)|d(?:er|ie|as) (?:erste|letzte|zweite))"
    r" (?:person|one|man|woman|player|student|persona|hombre|mujer|jugador|alumno|personne|homme|femme|élève"
    r"|Person|Mann|Frau|Spieler|Schüler)",
    re.I,
)
# "Indigo is a case by itself": no class.
_OF_ITS_OWN = re.compile(
    r"(?:an?|una?|une|eine?) (?:case|matter|story|world|exception|caso|mundo|excepción|cas|monde|exception"
    r"|Fall|Welt|Ausnahme)\b(?! (?:of|de|in|where|en|où)\b| d['’]|,)"
)
# "The working unit of the liver is the lobule, a prism …": the term is the lobule.
_NAMES_ANOTHER = re.compile(
    r"(?:the|el|la|le|l['’]|der|die|das) ?[^,;]{3,40}, (?:an?|una?|une|eine?) [\w’'-]+ (?!of them\b)", re.I
)
_TODAY = re.compile(r"\b(?:today|now|currently|hoy|actualmente|aujourd['’]hui|heute|derzeit)\b", re.I)

_SPOKEN = {
    "en": re.compile(
        r"\b(?:our|us|you|your|i|me|my|not|no|never|more than one|many|(?<!or )several)\b", re.I
    ),
    "es": re.compile(r"\b(?:nos|nuestr\w+|usted|tú|tu|no|nunca|much[oa]s?|(?<!o )vari[oa]s)\b", re.I),
    "fr": re.compile(r"\b(?:nous|notre|vous|votre|ne|n['’]|jamais|(?<!ou )plusieurs)\b", re.I),
    "de": re.compile(r"\b(?:wir|uns|unser\w*|du|dein\w*|nicht|nie|viele\w*|(?<!oder )mehrere\w*)\b", re.I),
}

# Where a definition goes on to something else: another clause, an example, a second definition.
_GOES_ON = re.compile(
    # "…, bronze one of …", "…, and the phenotype, the …": a second thing, its verb left out
    r",? (?:y|e|et|und|and) (?:el|la|los|las|l[ea]s?|une?|una?|der|die|das|eine?|the|an?) [\w-]+,? "
    r"(?:el|la|los|las|l[ea]s?|une?|una?|der|die|das|eine?|the|an?) "
    r"|, [\w-]+ (?:eine?|une?|una?|one) (?:aus|de|d['’]|con|of)\b"
    r"|, (?:the )?[\w-]+ (?:that|those|the ones?) of\b"
    r"|, (?:les?|la|l['’]) ?[\w-]+,? ce(?:lui|lle|ux|lles) d"
    # "…, unter Stückgare die Ruhezeit", "…, die Kruste sein äußerer Teil"
    r"|, (?:unter |bei |als )?(?:der |die |das |eine? )?[A-ZÄÖÜ][\wäöüß-]+ "
    r"(?:der|die|das|eine?|sein\w*|ihr\w*) "
    r"|\s?[;:(—–]|,? (?:and it|but|so that|y se|pero|mais|et il|et elle|aber|und er|und sie)\b"
    r"|,? (?:such as|including|como por ejemplo|comme par exemple|wie etwa) |, (?:like|comme|como) | y en"
    r" (?:él|ella|ellos|ellas) "
    r"|, (?:so|whereas|while|here|usually|whose|because|for example|por ejemplo|mientras|así)\b"
    r"|, (?:par exemple|tandis|alors|zum Beispiel|während|also)\b|, an? [\w ]+ (?:is|are)\b"
    r"|, (?:which|where|who|with|when|lo que|el cual|la cual|ce qui|ce que|lequel|laquelle|was|wobei"
    r"|wodurch)\b"
    r"| and (?:is|are|has|have|can|may|must|will|does|was|it|this|they)\b| y (?:es|son|tiene|tienen"
    r"|puede|pueden|está|se)\b"
    r"| et (?:est|sont|a|ont|peut|peuvent|se)\b| und (?:sind|haben|können|werden|[a-zäöü]+t)\b(?!\W*$)"
    r"| because | since | although | though | porque | ya que | aunque | parce que | car | puisque "
    r"|, (?:weil|da|obwohl|denn|sodass|damit)\b"
)
# "La vitamina D es la que ayuda …", "… is one in which …": as an option it shows little but its gender.
_FACELESS = re.compile(
    r"(?:el|la|los|las|lo) que\b|aquel(?:la)?\b|one\b|when\b|where\b|celui\b|celle\b|ce (?:qui|que)\b"
    r"|d(?:er|ie|as)jenige\b|wenn\b",
    re.I,
)


# "The main ones are the steam, the methane, …": a list, not a class.
_ENUMERATION = re.compile(
    r"(?:the|el|la|los|las|le|les|l['’]|der|die|das) ?[^,]+, (?:the|el|la|los|las|le|les|l['’]|der|die"
    r"|das)\b(?!.*\b(?:that|which|que"
    r"|qui)\b)(?=.*(?:,| and | y | et | und ))(?=.* (?:and|y|et|und) (?:the|el|la|los|las|le|les|l['’]|der"
    r"|die|das)\b)",
    re.I,
)


# "den das Eis mitgeführt und abgelagert hat": the verb of both stands behind the second.
_VERB_AT_THE_END = re.compile(
    r" und (?:[a-zäöüß]+ )+(?:hat|haben|ist|sind|wird|werden|wurden?|kann|können|muss|müssen|soll|darf)\b"
)


def first_part(predicate: str) -> str:
    """`predicate` up to where it goes on to something else."""
    cuts = (match.start() for match in _GOES_ON.finditer(predicate))
    end = next((at for at in cuts if not _VERB_AT_THE_END.match(predicate[at:])), len(predicate))
    text = predicate[:end].rstrip(" .,!?")
    # "sand, and it dries" goes on; "roots, stems, and leaves" is one list.
    clause = re.search(r", (?:and|or|y|o|et|ou|und|oder) ", text)
    return text[: clause.start()] if clause and text.count(",") == 1 else text


def first_statement(predicate: str) -> str:
    """A definition up to where it goes on to something else, without its full stop; "" where it is cut"
    " badly."""
    text = first_part(predicate)
    rest = predicate[len(text) :]
    if _SECOND_SUBJECT.search(text) or _RANK_ALONE.match(text) or _PART_ALONE.match(text):
        return ""
    # "der Zustand, in dem die Wände gesättigt, die Hohlräume [aber leer sind]": its verb is lost.
    if rest.strip(" .") and _GERMAN_CLAUSE.search(text) and text.split()[-1][:1].isupper():
        return ""
    if _FACELESS.match(text) or _CUT_SHORT.search(text) or text.count("(") != text.count(")"):
        return ""
    # "a condition in which cells, which are round, …": what was opened before an aside ends after it.
    aside = re.match(r"\s?\(|\s?[—–]|, (?:which|who|where|with|when)\b", rest)
    if aside and re.search(r"\)[ ]\w|[—–] ?\w+.*[—–]|, (?:which|who|where|with|when)\b.*,", rest):
        return ""
    # "the extra value that a product has [because of its name]", "tasks that a child can manage [but …]"
    if _GIVES_A_REASON.match(rest):
        return ""
    if rest.startswith(", was"):  # "das Maß, in dem ein Test misst, was er messen soll"
        return ""
    return "" if aside and rest.startswith(", ") and re.search(r"\b(?:which|that|who)\b", text) else text


_GIVES_A_REASON = re.compile(
    r",? (?:but|because|since|although|though|pero|porque|ya que|aunque|mais|parce que|car|puisque|aber|weil"
    r"|obwohl|denn|sondern)\b"
)
# "… and acoustic encoding is the encoding of sounds": a second definition hangs on the first.
_SECOND_SUBJECT = re.compile(
    r"\b(?:and|y|e|et|und) (?:[\w-]+ ){1,3}(?:is|are|es|son|est|sont|ist|sind) (?:an?|the|una?|el|la"
    r"|les?|une|eine?"
    r"|der|die|das)\b"
)
# "the uppermost layer": of what, the sentence does not say.
_RANK_ALONE = re.compile(
    r"(?:the (?:\w+est|\w+most|top|bottom|first|second|third|last|final|next|other|main)"
    r"|(?:el|la) (?:primer[oa]?|segund[oa]|tercer[oa]?|últim[oa]|mayor|menor|superior|inferior)"
    r"|l[ea] (?:premi(?:er|ère)|deuxième|second|seconde|troisième|derni(?:er|ère)|plus \w+)"
    r"|d(?:er|ie|as) (?:\w+ste|erste|zweite|dritte|letzte|nächste))(?: [\w-]+){1,2}$",
    re.I,
)
# "the lower part, in which …": of what, the sentence does not say.
_PART_ALONE = re.compile(
    r"(?:(?:the|an?) (?:[\w-]+ ){0,2}(?:part|side|half|end|portion|section|piece)(?! of\b)"
    r"|(?:el|la|una?) (?:parte|lado|mitad|extremo|porción|tramo|trozo)(?! (?:[\w-]+ ){0,2}del?\b)"
    r"|(?:le|la|une?|l['’]) ?(?:[\w-]+ )?(?:partie|côté|moitié|extrémité|portion|bout)"
    r"(?! (?:[\w-]+ ){0,2}(?:du|des?|d['’]))"
    r"|(?:der|die|das|eine?) (?:[\w-]+,? ){0,4}(?:Teil|Seite|Hälfte|Ende|Abschnitt|Stück|Bereich)"
    r"(?! (?:der|des|dieses|einer|eines|von|vom|aus|im|in|zwischen)\b))\b(?=[ ,]|$)",
    re.I,
)
_GERMAN_CLAUSE = re.compile(
    r", (?:(?:in|an|auf|aus|bei|mit|von|zu|durch|für|über|unter|nach|vor) )?"
    r"(?:der|die|das|den|dem|deren|dessen|denen|wenn|wobei|welche[rs]?)\b"
)
_CUT_SHORT = re.compile(
    r"\b(?:of|in|to|the|a|an|and|or|by|with|de|la|el|y|o|con|du|des|le|et|ou|der|die|das|und|oder|mit)$", re.I
)

"""What a sentence takes from its neighbours without a pronoun at its beginning, and texts that are exercises.

"On each level 90 percent of the energy is lost.": of which levels another sentence says. Found by reading
questions with their text beside them; each pattern is one cause of a question that nobody could answer.
"""

import re
from typing import TYPE_CHECKING

from learnloop.generate import lemmas, owners

if TYPE_CHECKING:
    from learnloop.generate.terms import Lesson

# A stage, a level, a number of things that were told before.
_RELATIVE = {
    "en": r"\b[Tt]he (?:method|process|idea|term|principle|technique|theory|device|concept|design|triad"
    r"|procedure|machine|disease|drug|law)(?! (?:of|that|which|in|by|for|called)\b| [A-Z])(?= )|"
    r"\b[Tt]he (?:best|worst|most|least|highest|lowest|largest|smallest|average|usual|normal"
    r"|right|total|maximum|minimum|ideal|optimal) \w+ (?:is|was|are|were)\b|"
    r"\b(?:[Aa]t|[Ii]n|[Oo]n|[Ff]or|[Oo]f|[Ww]ith) (?:each|every) (?:level|stage|step|case|group|round"
    r"|trial|phase"
    r"|turn|layer"
    r"|time)\b"
    r"|\b[Tt]he (?:two|three|four|five|six|seven|eight|nine|ten) (?!of\b)[a-z]+"
    r"|(?:^|\d |\b(?:in|on|at|by|after|before|during|for|since|from|of|to|with|about|under"
    r"|into) )that (?!is\b)"
    r"[a-z]+"
    r"|^The (?:word|name) (?:is|was|comes|derives|goes)\b",
    "es": r"\b(?:[Ee]l|[Ll]a) (?:método|proceso|idea|término|principio|técnica|teoría|aparato|concepto"
    r"|diseño|procedimiento|máquina|ley)(?! (?:de|del|que|por|para|en)\b| [A-ZÁÉ])(?= )|"
    r"\b(?:[Ee]l|[Ll]a) (?:mejor|peor|mayor|menor|máxim[oa]|mínim[oa]|ideal) \w+ (?:es|era|fue)\b"
    r"|\b(?:[Ee]l|[Ll]a) \w+ (?:ideal|máxim[oa]|mínim[oa]|óptim[oa]|normal|habitual) (?:es|era|fue)\b|"
    r"\b(?:[Ee]n|[Dd]e|[Aa]|[Cc]on) cada (?:etapa|nivel|paso|fase|caso|grupo|ronda|escalón|turno|vez)\b"
    r"|\b[Ll][oa]s (?:dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez) (?!mil)[a-zñáéíóú]+"
    r"|\bl[ao]s (?:demás|otr[ao]s|restantes)\b(?! \w)|^(?:El|La|Los|Las) del? [A-ZÁÉÍÓÚ]"
    r"|^(?:La palabra|El nombre) (?:es|fue|se|procede|viene|deriva)\b",
    "fr": r"\b(?:[Ll]e |[Ll]a |[Ll][\'’])(?:méthode|procédé|idée|terme|principe|technique|théorie"
    r"|appareil|concept|machine|loi|phénomène)(?! (?:de|du|des|qui|que|dans|par|pour)\b| d[\'’]"
    r"| [A-ZÀÉ])(?= )|"
    r"\b(?:[Ll]e|[Ll]a) (?:meilleure?|pire|plus \w+) \w+ (?:est|était|fut)\b|\b(?:[Ll]e"
    r"|[Ll]a) \w+ (?:idéale?|maximale?|minimale?|optimale?|normale?|moyenne?) (?:est|était|fut)\b|"
    r"\b(?:[Àà]|[Dd]ans|[Dd]e|[Pp]our) chaque (?:étape|niveau|stade|fois|tour|cas|groupe|phase|échelon)\b"
    r"|\b[Ll]es (?:deux|trois|quatre|cinq|six|sept|huit|neuf|dix) [a-zéèêàâç]+"
    r"|^Le (?:mot|nom) (?:est|a|fut|vient)\b"
    r"|\b(?:les|des|aux) autres\b(?! \w)|\by (?!compris|a\b|aura|avait|eut)[a-zà-ÿ]{3,}",
    "de": r"\b(?:[Dd]as|[Dd]ie|[Dd]er|[Dd]en) (?:Verfahren|Methode|Idee|Begriff|Prinzip|Technik|Theorie"
    r"|Gerät|Konzept|Maschine|Gesetz)(?! (?:der|des|von|zur|zum|für)\b|,)(?= )|"
    r"\b[Dd](?:er|ie|as) (?:beste|ideale|optimale|übliche|normale|größte|höchste|niedrigste"
    r"|kleinste|maximale|minimale|mittlere|durchschnittliche) \w+ (?:ist|war|liegt|lag|beträgt"
    r"|betrug)\b|\b(?:ist|war|liegt|lag|beträgt|betrug) d(?:er|ie|as) (?:beste|ideale|optimale|übliche"
    r"|normale|größte|höchste|niedrigste|kleinste|maximale|minimale|mittlere|durchschnittliche)\b|"
    r"\b(?:[Aa]uf|[Ii]n|[Bb]ei|[Aa]n|[Zz]u) jede[rm] (?:Stufe|Schritt|Ebene|Phase|Fall|Gruppe"
    r"|Runde|Mal)\b"
    r"|\b(?:[Dd]ie|[Dd]er|[Dd]en) (?:zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn) [A-ZÄÖÜ]\w+"
    r"|\bDreiergruppe\b|^D(?:as Wort|er Name) (?:ist|wurde|stammt|kommt|geht)\b|\bweiter (?:oben"
    r"|unten)\b|\b(?:die|den|der) (?:anderen|übrigen|restlichen)\b(?! [A-ZÄÖÜ])",
}
# A pronoun that is the object of another sentence's noun: "Cook ran aground on it", "qui en comptent 175".
_OBJECTS = {
    "en": r"^[^,;]*\b(?:it|them)\b|^[^,;]+, (?:an?|the) [^,;]+, (?:[\w-]+ ){1,2}(?:it|them)\b|, (?:who"
    r"|which) (?:[\w-]+ ){1,2}(?:it|them)\b|"
    r"\b(?:on|of|to|in|into|from|with|by|for|around|over|under|upon|at|through|near|behind) (?:it"
    r"|them)\b",
    "es": r"\b(?:lo|los|la|las|le|les) \w+(?:ó|aron|ieron|aba|aban)\b|"
    r"\b(?:en|de|a|con|por|para|sobre|sin|contra|hasta|desde) (?:ell[oa]s?|él)\b",
    "fr": r"^(?:Une? |Chaque |L[ea]s? |L['’])[a-zà-ÿ]+ en [a-zà-ÿ]+ (?:chaque|plus|moins|environ|une?|des|peu"
    r"|beaucoup|quelques|\d+|deux|trois|par)\b|, l[\'’][a-zà-ÿ]+(?:it|ut|a|èrent|irent)\b"
    r"|(?<=\w )l[\'’](?:a|ont|avait|avaient|inscrivit|\w{3,}èrent)\b|\b(?:le|la|les) \w+(?:èrent"
    r"|irent|urent)\b|\blui\b|\bleur (?:a|ont|donna|donnent|valut)\b|"
    r"\bs['’](?:y|en)\b|\b(?:qui|on|ils?|elles?) (?:en|y) (?!a\b|avait|aura)"
    r"|\b(?:de|sur|avec|pour|contre|chez|sans|par|à) (?:lui|elles?|eux)\b",
    "de": r"\bes (?:im Jahre?|\d{4})\b|"
    r"\bd(?:arin|aran|arunter|arüber|avor|aneben|azwischen|agegen|ahinter|arum)\b"
    r"|\b(?:mit|von|bei|zu|auf|in|an|aus|für|über) (?:ihm|ihr|ihnen|ihn|sie)\b",
}
# A place in a list, or a turn of the argument.
_PLACED = {
    "en": r"^(?:First|Second|Third|Fourth|Fifth|Last|Finally|Lastly|Firstly|Thirdly)\b,",
    "es": r"^(?:Primero|Segundo|Tercero|Cuarto|En (?:primer|segundo|tercer|último) lugar|Por (?:último|fin|su"
    r" parte)|A su vez)\b",
    "fr": r"^(?:Premièrement|Deuxièmement|Troisièmement|D['’]abord|Tout d['’]abord|En (?:premier|second"
    r"|deuxième"
    r"|troisième|dernier) lieu|Par ailleurs|À l['’]inverse)\b",
    "de": r"^(?:Erstens|Zweitens|Drittens|Viertens|Zunächst|Zuletzt|Als [Ee]rstes|Als [Nn]ächstes)\b",
}
# "In tense markets it lies at 15 percent": the phrase before holds no noun the pronoun stands for.
_FRONTED = {
    "en": r"^(?:In|On|At|For|With|Without|During|After|Before|Among|Under|By|From|Within|Throughout|As"
    r"|Like|Unlike"
    r"|Until|Since|Despite)\b[^,]*, (?:it|they|its|their|this|these)\b",
    "es": r"^(?:En|A|Con|Para|Por|Durante|Desde|Tras|Según|Sin|Como|Bajo|Hasta)\b[^,]*, (?:no )?(?:es"
    r"|son|era|eran|fue"
    r"|fueron|está|están|estaba|tiene|tienen|tuvo|mide|miden|pesa|dura|alcanza|llega|vale|cuesta|sube"
    r"|baja|pasa"
    r"|puede|pueden|su|sus)\b"
    # "El 6 de septiembre de 1522 entró en …": who, the sentence before says.
    r"|^(?:El \d{1,2} de \w+|A (?:finales|principios|mediados|comienzos) del? \w+"
    r"|(?:En|Durante|Tras|Desde|Hacia) (?:el año |el |la |los |las )?[\w]+(?: (?:de|del) (?:la |los "
    r"|el )?\w+){0,2})"
    r"(?: (?:de|del) \d{4})?,? (?:lo |la |le |los |las |se )?[a-zñáéíóú]{2,}(?:ó|aron|ieron|ía|ían|aba"
    r"|aban|uvo|hizo|vino|puso|dijo|fue|dio)\b"
    # "En España está regulado por …": what, the sentence before says.
    r"|^(?:En|A|Con|Desde|Durante|Para|Por) (?:[\w-]+ ){1,4}?(?:está|están|estaba|estaban|es|son|era"
    r"|fue|fueron)"
    r" \w+[aeio][dt]?[oa]s? (?:por|en|a|con|desde|como|según)\b",
    "fr": r"^(?:Dans|En|À|Au|Aux|Pour|Chez|Avec|Sans|Sous|Sur|Pendant|Durant|Depuis|Après|Avant|Selon"
    r"|Lors|Par|Comme"
    r"|Malgré|Dès)\b[^,]*, (?:il|elle|ils|elles|son|sa|ses|leurs?|celle?-ci)\b(?! (?:y a|faut"
    r"|est possible|existe))",
    # The verb comes second: a pronoun before the first comma is the subject, and its noun is elsewhere.
    "de": r"^[^,]*\b(?:er|sie|ihn|ihm|ihnen|dessen|deren)\b"
    r"|^[^,]*, (?:\w+ )?(?:der|die|das|dem|den) (?:er|sie|ihn|ihm|ihnen) [^,]*, (?:heißt|heißen|nennt|ist"
    r"|wird)\b",
}
# "The left side is called …": of what, another sentence says.
_SIDES = {
    "en": r"^The (?:left|right|upper|lower|inner|outer|front|rear|top|bottom|first|second|other)"
    r" (?:side|part|half|end|row|column|edge|section|portion)\b(?! of\b)",
    "es": r"^(?:El|La) (?:lado|parte|mitad|extremo|fila|columna|borde) (?:izquierd|derech|superior"
    r"|inferior|interior"
    r"|exterior|delanter|traser)\w*\b(?! del?\b)",
    "fr": r"^(?:Le |La |L['’])(?:côté|partie|moitié|extrémité|rangée|colonne|bord) (?:gauche|droite?"
    r"|supérieure?"
    r"|inférieure?|intérieure?|extérieure?|avant|arrière)\b(?! (?:du|des?)\b| d['’])",
    "de": r"^D(?:er|ie|as) (?:linke|rechte|obere|untere|innere|äußere|vordere|hintere|erste|zweite|andere)"
    r" (?:Seite|Teil|Hälfte|Ende|Zeile|Spalte|Rand|Abschnitt|Reihe)\b(?! (?:der|des|von|vom|eine[rs])\b)",
}
BEARINGS = {
    language: re.compile(
        "|".join(table[language] for table in (_RELATIVE, _OBJECTS, _PLACED, _FRONTED, _SIDES))
    )
    for language in _RELATIVE
}

# What can be, need not be: "a queen can lay 2,000 eggs a day" is true of 1,500 as well.
POSSIBLE = {
    "en": re.compile(r"\b(?:can|could|may)\b", re.I),
    "es": re.compile(r"\bp(?:uede|ueden|odía|odían|odrá|odrán)\b", re.I),
    "fr": re.compile(r"\bp(?:eut|euvent|ouvait|ouvaient|ourra|ourront)\b", re.I),
    "de": re.compile(r"\b(?:kann|können|konnten?|darf|dürfen)\b", re.I),
}

# Answers to choose from that were left in a sentence.
_CHOICES = re.compile(
    r"\b(?:verdadero(?: o)? falso|true(?: or)? false|vrai(?: ou)? faux|richtig(?: oder)? falsch)\b", re.I
)
_EXERCISE = re.compile(
    r"[?¿]|^(?:calculate|compute|determine|solve|construct|explain|suppose|state|identify|find|use"
    r"|calcul[ae]n?|halle|encuentr[ae]|determin[ae]|indique|construya|utilice|suponga\w*|elija|seleccione"
    r"|explique|calculez|trouvez|déterminez|expliquez|supposons|choisissez|indiquez|berechnen? Sie"
    r"|bestimmen? Sie"
    r"|erklären? Sie|nennen? Sie|berechne|bestimme|erkläre|nenne)\b|^\(?[a-eA-E][.)]\s|_{3,}",
    re.I,
)
EXERCISES = 0.18  # of the sentences: chapters have up to 0.12, books of exercises 0.2 and more
FEWEST_EXERCISES = 12


# "Non loin de là", "the winner right": a place or an outcome that another sentence told.
_ELSEWHERE = {
    "en": r"^(?:Nearby|Not far (?:away|off|from (?:here|there))|(?:Further|Farther) [a-z]+),? "
    r"|\bthe (?:winner|loser|outcome|answer)s? (?:right|wrong|was|were|is)\b|\bof the (?:organ|device)\b",
    "es": r"\b(?:[Nn]o lejos de (?:allí|ahí)|[Cc]erca de (?:allí|ahí)|más (?:abajo|arriba|lejos"
    r"|al (?:norte|sur|este|oeste)))\b|\bdel (?:órgano|aparato|animal)(?=[.,;:]| (?:es|son|se|que)\b|$)",
    "fr": r"\b(?:[Nn]on loin de là|[Pp]rès de là|[Àà] cet endroit|[Tt]out près|en contrebas"
    r"|plus (?:loin|haut|bas|au (?:nord|sud))|de là)\b(?! que)"
    r"|\bde l['’](?:organe|appareil)(?=[.,;:]| (?:est|sont|se|qui)\b|$)",
    "de": r"^(?:In der Nähe|Nicht weit (?:davon|entfernt)|Weiter (?:nördlich|südlich|östlich|westlich)) "
    r"|\bdes (?:Organs|Geräts|Tieres)(?=[.,;]| (?:ist|sind|hat|wird))",
}


def has_lost_bearings(text: str, language: str) -> bool:
    """True where `text` names a stage, a number of things or a turn that another sentence explains."""
    if language == "es" and (_has_clitic(text, r"\b[Ll]o ") or _opens_with_a_verb(text)):
        return True  # "En España lo regula …"
    return bool(
        BEARINGS[language].search(text)
        or re.search(_ELSEWHERE[language], text)
        or _CHOICES.search(text)
        or owners.lacks_noun(text, language)
        or owners.resumes(text, language)
    )


def leans_out(description: str, language: str) -> bool:
    """True where a description needs a noun of another sentence ("a large sea snail that preys on it")."""
    objects = _OBJECTS[language].removeprefix(r"^[^,;]*\b(?:it|them)\b|")
    if language == "es" and _has_clitic(description, r"(?<!\b(?:el|la|lo|en)) que (?:lo|la|los|las|les?) "):
        return True
    return bool(re.search(f"{_RELATIVE[language]}|{objects}|{_IN_CLAUSE[language]}", description))


# "a bony cavity that protects it": the pronoun stands for what the sentence before speaks of.
_IN_CLAUSE = {
    "en": r"^(?:an?|the) (?:[\w-]+ ){1,4}?(?:that|which|who) (?:[\w-]+ ){1,2}(?:it|them)\b"
    r"|\bthe (?:others?|rest|remaining)\b(?! \w)|\bof the (?:disease|illness)\b(?! of)",
    "es": r"\bl[ao]s (?:demás|otr[ao]s|restantes)\b(?! \w)|"
    r"\bde la enfermedad\b(?! d)",
    "fr": r"\bde la maladie\b(?! d)|"
    r"\bqui (?:le |la |les |l['’]|lui |leur )|\b(?:les|des|aux) autres\b(?! \w)",
    "de": r", (?:\w+ )?(?:der|die|das|dem|den) (?:er|ihn|sie|es|ihm|ihr|ihnen) |\b(?:die|den"
    r"|der) (?:anderen|übrigen"
    r"|restlichen)\b"
    r"(?! [A-ZÄÖÜ])",
}


def _opens_with_a_verb(text: str) -> bool:
    """ "Cuando llega a la superficie recibe el nombre de …": what does, the sentence before says."""
    match = re.match(r"(?:Cuando|Si|Mientras|Aunque|Como) (?:no )?(?:se )?([a-zñáéíóú]+) (\w+)", text)
    if not match or match[2] in ("el", "la", "los", "las", "un", "una", "unos", "unas", "su", "sus"):
        return False
    infinitive = lemmas.lemma(match[1], "es")
    return infinitive.endswith(("ar", "er", "ir")) and infinitive != match[1]


def _has_clitic(text: str, before: str) -> bool:
    """Spanish: a pronoun and a verb; "que la imagen" has an article and a noun."""
    return any(
        lemmas.lemma(match[1], "es").endswith(("ar", "er", "ir")) and lemmas.lemma(match[1], "es") != match[1]
        for match in re.finditer(before + r"([a-zñáéíóú]{3,})", text)
    )


def is_exercises(lesson: "Lesson") -> bool:
    """True for collections of tasks and solutions: what they say holds in one task only."""
    marked = sum(bool(_EXERCISE.search(sentence.text)) for sentence in lesson.sentences)
    return marked >= max(FEWEST_EXERCISES, EXERCISES * len(lesson.sentences))

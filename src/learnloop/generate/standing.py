"""Which sentences of a lesson can be asked about alone: whole, plain, and pointing at nothing outside."""

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from learnloop.generate import bearings, grammar, lemmas
from learnloop.generate.instructions import reads_as_instruction
from learnloop.generate.sentences import AFTER_ORDINAL, Sentence

if TYPE_CHECKING:
    from learnloop.generate.terms import Lesson

WORDS = (6, 34)  # of a sentence that is asked about
HEADING_WORDS = 10

# What is true only at the time of writing.
_NOW = {
    "en": "currently now today nowadays presently recently lately yet soon tomorrow yesterday modern-day"
    " upcoming ongoing recent latest current this|year last|year next|year so|far to|date at|present as|of",
    "es": "actualmente hoy ahora recientemente pronto ayer mañana aún todavía próximo próxima reciente"
    " en|la|actualidad hasta|la|fecha",
    "fr": "actuellement maintenant récemment bientôt hier demain aujourd'hui aujourd’hui désormais à|ce|jour"
    " récent récente de|nos|jours",
    "de": "derzeit heute jetzt kürzlich bald gestern morgen bisher aktuell gegenwärtig momentan heutzutage"
    " bislang heutige heutigen zurzeit inzwischen mittlerweile",
}
# What leans on a sentence before, though it does not stand at the beginning.
_COMPARED = {
    "en": "another additional additionally further furthermore then later afterwards subsequently"
    " respectively former latter aforementioned likewise instead meanwhile therefore thus hence however"
    " also too again still earlier previously elsewhere accordingly other others same similar similarly"
    " in|addition in|fact in|contrast by|contrast in|turn as|a|result on|the|other|hand for|this|reason"
    " of|course"
    " by|comparison on|the|contrary him both moreover remaining rest besides alike either neither",
    "es": "otro otra otros otras adicional adicionales luego entonces después posteriormente respectivamente"
    " dicho dicha dichos dichas además asimismo sin|embargo por|lo|tanto también igualmente ambos"
    " en|cambio de|hecho por|eso en|consecuencia por|otra|parte ademas ambas mismo misma mismos mismas"
    " restante restantes resto tampoco por|el|contrario al|contrario más|tarde más|adelante"
    " anteriormente antes",
    "fr": "autre autres supplémentaire supplémentaires ensuite puis alors respectivement également aussi"
    " en|effet en|revanche par|conséquent de|plus par|contre en|fait cependant toutefois pourtant donc"
    " ainsi même mêmes outre précédemment auparavant au|contraire"
    " restant restante néanmoins plus|tard plus|tôt dernier dernière derniers dernières",
    "de": "andere anderen anderer anderes weitere weiteren weiterer weiteres dann danach später anschließend"
    " infolgedessen darüber|hinaus unter|anderem im|Gegensatz im|Vergleich jeweils ihn ihm ihnen ebenfalls"
    " auch jedoch"
    " hingegen dagegen deshalb daher somit wiederum gleiche gleichen beide"
    " beiden außerdem zudem ebenso trotzdem aber allerdings restlichen übrigen zuvor früher"
    " letztere im|Gegenteil",
}
# What only may be so.
_HEDGES = {
    "en": "may might could perhaps possibly probably believed believe think thought argue argued argues claim"
    " claims claimed suggest suggests suggested supposedly reportedly allegedly likely unlikely seem seems"
    " seemed appears would should if unless according|to estimate estimates estimated",
    "es": "quizá quizás tal|vez posiblemente probablemente podría podrían puede|que cree creen creía sostiene"
    " argumenta afirma afirman sugiere sugieren parece parecen supuestamente debería deberían si según estima"
    " estiman calcula",
    "fr": "peut-être probablement possiblement pourrait pourraient croit croient pense pensent affirme"
    " affirment suggère suggèrent semble semblent devrait devraient serait seraient aurait auraient si selon"
    " d'après d’après estime estiment",
    "de": "vielleicht möglicherweise wahrscheinlich vermutlich könnte könnten würde würden sollte sollten"
    " glaubt glauben behauptet behaupten scheint scheinen angeblich wohl dürfte dürften wenn falls laut"
    " soll sollen"
    " schätzungsweise geschätzt",
}
# Who is speaking, and to whom.
_PERSONS = {
    "en": "i me my we us our ours you your yours let's let’s",
    "es": "yo mi mis nosotros nuestro nuestra nuestros nuestras tú tu tus usted ustedes nos me te vemos"
    " tenemos podemos hemos sabemos llamamos decimos usamos veremos",
    "fr": "je j'ai j’ai mon mes nous notre nos vous votre vos tu ton tes",
    "de": "ich mein meine wir uns unser unsere unserem unseren du dein deine euch ihnen",
}
_EXAMPLES = re.compile(
    r"\b(?:(for (?:example|instance)|e\.g\.|por ejemplo|p\. ?ej\.|par exemple|zum Beispiel|beispielsweise"
    r"|z\. ?B\.)|suppose|imagine|example|supong\w+|imagin\w+|ejemplo|supposons|imaginons|exemple|angenommen"
    r"|Beispiel|stell\w* (?:dir|sich|euch))\b",
    re.I,
)
DEFINITE = {
    "en": r"(?:the)",
    "es": r"(?:el|la|los|las)",
    "fr": r"(?:les?|la|l['’])",
    "de": r"(?:der|die|das)",
}
_BROKEN = re.compile(r"[\[\]{}<>|\\^_=#@*]|https?:|www\.|\.\.\.|…|\?|\t|\n|[A-Za-z]\(|::|\d\s*[+×÷]\s*\d")
_QUOTES = re.compile(r"[\"“”«»„‟‹›]")


def _any_of(table: dict[str, str]) -> dict[str, re.Pattern[str]]:
    return {
        language: re.compile(
            r"(?<![\w-])(?:"
            + "|".join(re.escape(w).replace(r"\|", " ") for w in words.split())
            + r")(?![\w-])",
            re.I,
        )
        for language, words in table.items()
    }


NOW, COMPARED, HEDGES, PERSONS = map(_any_of, (_NOW, _COMPARED, _HEDGES, _PERSONS))


def objection(sentence: Sentence, lesson: "Lesson") -> str:
    """Why `sentence` cannot be asked about alone, as a code; "" where nothing speaks against it."""
    text, language = sentence.text, lesson.language
    for code, found in (
        ("form", not _is_whole(text)),
        ("instruction", reads_as_instruction(text)),
        ("length", not WORDS[0] <= len(text.split()) <= WORDS[1]),
        ("leaning", grammar.leans(text, language)),
        ("pointing", grammar.POINTING[language].search(text) or grammar.EARLY_PRONOUN[language].search(text)),
        ("cited", _CITED.search(text)),
        ("verbless", not has_verb(text, language)),
        ("compared", COMPARED[language].search(text)),
        ("bearings", bearings.has_lost_bearings(text, language)),
        ("person", PERSONS[language].search(text)),
        ("example", is_in_example(sentence, lesson)),
        ("anaphoric", is_anaphoric(sentence, lesson)),
        ("unnamed", is_unnamed(sentence, lesson)),
    ):
        if found:
            return code
    return ""


# "The group", "the city": which one, another sentence says.
_WHICH = re.compile(
    r"\b(?:[Tt]he (?:group|company|team|city|town|country|museum|university|school|king|queen|emperor"
    r"|government|party"
    r"|organi[sz]ation|council|army|war|film|book|band|club|project|author|president|bank|station|island"
    r"|metro|subway|airport|hospital|factory|plant|village|region|province|district|festival|series"
    r"|show|album|song|crew"
    r"|ship|treaty|agreement|study|survey|report|court|parliament|cathedral|palace|castle|bridge|tower"
    r"|river|lake|park"
    r"|campus|stadium|county|state|area|site|building|programme|program|event|battle|siege|dynasty"
    r"|empire|colony)"
    r"(?! (?:of|that|which|who)\b| [A-Z])"
    r"|(?:[Ee]l|[Ll]a) (?:grupo|empresa|equipo|ciudad|país|museo|universidad|escuela|rey|reina|emperador"
    r"|gobierno|partido"
    r"|organización|ejército|guerra|película|libro|banda|club|proyecto|autor|presidente|banco|estación"
    r"|isla|metro|aeropuerto"
    r"|hospital|fábrica|pueblo|región|provincia|distrito|festival|serie|álbum|canción|tripulación|barco"
    r"|tratado|acuerdo"
    r"|estudio|encuesta|informe|tribunal|parlamento|catedral|palacio|castillo|puente|torre|río|lago"
    r"|parque|campus|estadio"
    r"|condado|estado|zona|edificio|programa|evento|batalla|dinastía|imperio|colonia|tormenta|huracán)"
    r"(?! (?:de|del|que|en|para)\b| [A-ZÁÉÍÓÚÑ])"
    r"|(?:[Ll]e|[Ll]a|[Ll]['’]) ?(?:groupe|entreprise|équipe|ville|pays|musée|université|école|roi|reine"
    r"|empereur|gouvernement"
    r"|parti|organisation|armée|guerre|film|livre|club|projet|auteur|président|banque|gare|île|métro"
    r"|aéroport|hôpital|usine"
    r"|village|région|province|district|festival|série|album|chanson|équipage|navire|traité|accord"
    r"|étude|enquête|rapport"
    r"|tribunal|parlement|cathédrale|palais|château|pont|tour|fleuve|lac|parc|campus|stade|comté|zone"
    r"|bâtiment"
    r"|programme|événement|bataille|dynastie|empire|colonie)"
    r"(?! (?:de|du|des|d['’]|qui|que|en|pour)| [A-ZÀ-Ý])"
    r"|(?:[Dd]er|[Dd]ie|[Dd]as) (?:Gruppe|Firma|Mannschaft|Stadt|Land|Museum|Universität|Schule|König"
    r"|Königin|Kaiser|Regierung"
    r"|Partei|Organisation|Armee|Krieg|Film|Buch|Band|Verein|Projekt|Autor|Präsident|Bank|Insel|U-Bahn"
    r"|Flughafen"
    r"|Krankenhaus|Fabrik|Werk|Dorf|Region|Provinz|Bezirk|Festival|Serie|Album|Lied|Schiff|Vertrag"
    r"|Abkommen|Studie"
    r"|Umfrage|Bericht|Gericht|Parlament|Dom|Palast|Burg|Schloss|Brücke|Turm|Fluss|See|Park|Campus"
    r"|Stadion|Gebiet"
    r"|Gebäude|Programm|Ereignis|Schlacht|Dynastie|Reich|Kolonie)"
    r"(?! (?:der|des|von|für|in|aus)\b| [A-ZÄÖÜ]|,))"
)


def is_unnamed(sentence: Sentence, lesson: "Lesson") -> bool:
    """True where the sentence speaks of "the group" or "the city" that neither it nor the title names."""
    title = grammar.content_words(lesson.topic, lesson.language)
    return any(
        not any(grammar.same_word(match[0].split()[-1], word) for word in title)
        for match in _WHICH.finditer(sentence.text)
    )


# A source in brackets, or what is left of one.
_CITED = re.compile(r"\([^)]*(?:\d{4}|n\.d\.|et al)[^)]*\)|\(\s*\)")

_VERBS = {
    "en": r"is|are|was|were|be|been|has|have|had|do|does|did|can|could|will|would|shall|must|may|might|should"
    r"|became|began|won|lost|took|made|sold|built|wrote|grew|rose|fell|gave|gives?|kept|led|left|met|paid|ran"
    r"|said|saw|sent|sets?|showed|shows?|spent|stood|thought|told|went|came|comes?|held|holds?|found|finds?"
    r"|got"
    r"|knew|brought|bought|caught|drew|drove|ate|flew|forgot|froze|hid|hit|cut|put|read|sang|shot|spoke|swam"
    r"|taught|threw|wore|lay|lies|means?|makes?|takes?|needs?|uses?|works?|moves?|turns?|runs?|grows?|falls?"
    r"|rises?|reaches|reach|contains?|consists?|covers?|lives?|lasts?|weighs?|measures?|carries|carry"
    r"|produces?"
    r"|forms?|contributes?|receives?|provides?|causes?|begins?|starts?|ends?|occurs?|happens?|lets?|keeps?"
    r"|travels?"
    r"|beats?|boils?|freezes|freeze|melts?|costs?|counts?|equals?|adds?|divides?|returns?|prints?|stores?"
    r"|sends?"
    r"|eats?|feeds?|breathes?|drinks?|sleeps|flows?|passes|crosses|stretches|spreads?|supports?|allows?"
    r"|helps?"
    r"|includes?|requires?|depends?|remains?|leads?|serves?|offers?|describes?|explains?|depicts?|represents?"
    r"|refers?|denotes?|emerges?|appears?|belongs?|controls?|protects?|connects?|separates?|absorbs?"
    r"|releases?"
    r"|emits?|reflects?|rotates?|orbits?|takes|loses?|gains?|pays?|buys?|sells?|earns?|owns?|employs?|uses?"
    r"|[a-z]{2,}(?:ed|izes?|ises?|ifies|ates)",
    "es": r"es|son|está|están|fue|fueron|era|eran|será|ha|han|había|hay|tiene|tienen|tuvo|puede|pueden|debe"
    r"|hace"
    r"|hacen|hizo|va|van|da|dan|dio|mide|miden|pesa|pesan|vive|viven|contiene|contienen|llega|llegan|alcanza"
    r"|alcanzan|recibe|reciben|produce|producen|ocupa|ocupan|cubre|cubren|dura|duran|vale|valen|significa"
    r"|llama"
    r"|llaman|denomina|denominan|forma|forman|consta|constan|posee|poseen|utiliza|utilizan|usa|usan|necesita"
    r"|necesitan|permite|permiten|existe|existen|representa|representan|gira|tarda|late|hierve|mueve|pierde"
    r"|gana"
    r"|consiste|incluye|incluyen|suma|comienza|empieza|termina|nace|muere|crece|aporta|aportan|se"
    r"|[a-zñ]{3,}(?:ó|aron"
    r"|ieron|aba|aban|ía|ían)",
    "fr": r"est|sont|était|étaient|fut|furent|sera|a|ont|avait|avaient|peut|peuvent|doit|doivent|fait|font"
    r"|va|vont"
    r"|donne|donnent|mesure|mesurent|pèse|pèsent|vit|vivent|contient|contiennent|atteint|atteignent|reçoit"
    r"|produit"
    r"|produisent|occupe|occupent|couvre|couvrent|dure|durent|vaut|valent|signifie|appelle|appellent|forme"
    r"|forment"
    r"|compte|comptent|possède|possèdent|utilise|utilisent|permet|permettent|existe|existent|représente"
    r"|tourne|bat"
    r"|bout|perd|gagne|comprend|comprennent|commence|finit|naît|meurt|désigne|se|s['’]\w+"
    r"|[a-zéèç]{3,}(?:èrent|irent)",
    "de": r"[a-zäöüß]+(?:t|te|ten|st)|sind|war|waren|wurde|wurden|werden|haben|hatte|können|müssen|sollen"
    r"|dürfen"
    r"|mögen|gab|ging|kam|lag|stand|nahm|fand|hieß|schrieb|blieb|begann|trat|ließ|hielt|fiel|wuchs|stieg"
    r"|sank|[a-zäöü]{4,}en",
}
_VERB = {language: re.compile(rf"(?<![\w’'-])(?:{words})(?![\w-])") for language, words in _VERBS.items()}


def is_verb(word: str, language: str) -> bool:
    """By the list and the endings of `has_verb`."""
    return bool(_VERB[language].fullmatch(word))


def has_verb(text: str, language: str) -> bool:
    """False for captions and titles of books that end in a full stop, as far as a list of verbs can tell."""
    if _VERB[language].search(text):
        return True
    # "The heart pumps": an ending in -s after a word that is no article, number or preposition.
    pairs = re.findall(r"(?<![\w’'-])(?=([^\W\d]+) ([a-z]{2,}[^su\W]s)\b)", text)
    if language == "en":
        return any(one.lower() not in grammar.FUNCTION_WORDS["en"] for one, _ in pairs)
    return language in _INFINITIVE and _has_form_of_infinitive(text, language)


_INFINITIVE = {"es": re.compile(r"\w{2,}[aei]r"), "fr": re.compile(r"\w{2,}(?:er|ir|re)")}


def _has_form_of_infinitive(text: str, language: str) -> bool:
    """ "La vapeur retarde …": a word after a noun that the dictionary knows as a form of a verb."""
    words = re.findall(r"[^\W\d_]+", text)
    stop = grammar.FUNCTION_WORDS[language] - {"se", "ne", "que", "qui"}
    return any(
        one.lower() not in stop
        and word.islower()
        and not word.endswith(("é", "ée", "és", "ées", "ado", "ada", "ido", "ida", "ados", "adas", "r"))
        and bool(_INFINITIVE[language].fullmatch(lemmas.lemma(word, language)))
        for one, word in pairwise(words)
    )


_SHOWN = re.compile(
    r"\b(?:figures?|diagrams?|tables?|graphs?|charts?|images?|photos?|pictures?|shown|pictured|depicted"
    r"|illustrated"
    r"|gráfic[oa]s?|tablas?|figuras?|diagramas?|imagen|mostrad[oa]s?|muestran?|graphiques?|tableaux?|schémas?"
    r"|illustrations?|montre(?:nt)?|Abbildung|Tabelle|Grafik|Diagramm|Schaubild|Bild)\b",
    re.I,
)
_TASK = re.compile(
    r"[?¿]|\b(?:calculate|compute|find the|determine|solve|calcul[ae]|calculen|halle|encuentr[ae]"
    r"|determin[ae]"
    r"|calculez|trouvez|déterminez|berechnen? Sie|berechne|bestimmen? Sie|bestimme)\b",
    re.I,
)


def is_shown(text: str) -> bool:
    """True where `text` speaks of a table or a picture that a question does not show."""
    return bool(_SHOWN.search(text))


def is_by_a_task(sentence: Sentence, lesson: "Lesson") -> bool:
    """A question or a task stands in its paragraph or beside it: its figures are the task's."""
    near = [s for s in lesson.sentences if abs(s.paragraph - sentence.paragraph) <= 1]
    return any(_TASK.search(s.text) for s in near)


def is_dated(text: str, language: str) -> bool:
    """True where `text` holds only at the time it was written ("currently", "today")."""
    return bool(NOW[language].search(text))


def is_hedged(text: str, language: str) -> bool:
    """True where `text` says what may be, or what somebody thinks."""
    return bool(HEDGES[language].search(text))


def _is_whole(text: str) -> bool:
    """One statement from capital to full stop, without code, links, quotations or open brackets."""
    return (
        text[-1:] == "."
        and text[:1].isupper()
        and not AFTER_ORDINAL.match(text)
        and not _BROKEN.search(text)
        and not _QUOTES.search(text)
        and text.count("(") == text.count(")")
        and ":" not in text
    )


def is_in_example(sentence: Sentence, lesson: "Lesson", end: int | None = None) -> bool:
    """An example is announced in the sentence (up to `end` of it), or opens one of the two before it.

    "A number that describes a sample, for example its mean" gives one in passing: what follows is no example.
    """
    place = lesson.sentences.index(sentence)
    before = [s for s in lesson.sentences[max(0, place - 2) : place] if s.paragraph == sentence.paragraph]
    if _EXAMPLES.search(sentence.text[:end]):
        return True
    if any((hit := _EXAMPLES.search(s.text)) and (hit.start() < _OPENING or not hit[1]) for s in before):
        return True
    supposing = grammar.SUPPOSING[lesson.language]
    near = [*before, sentence]
    return any(grammar.words(s.text)[:1] and grammar.words(s.text)[0] in supposing - _PLAIN for s in near)


_OPENING = 25  # characters
_PLAIN = {"for", "with", "after", "para", "con", "pour", "avec", "für", "mit", "starting"}


def is_anaphoric(sentence: Sentence, lesson: "Lesson") -> bool:
    """The definite subject was brought in before: "The team …" after "a team"; "The heart …" was not.

    A noun that the text first mentions with its definite article is known to everybody; so is one with a
    complement ("The capital of Peru …"), a name, or what the title names.
    """
    pattern = rf"^{DEFINITE[lesson.language]}(?: |(?<=['’]))((?:[\w’'-]+ ){{0,2}}?)([\w-]+)(?= )"
    match = re.match(pattern, sentence.text, re.I)
    if not match:
        return False
    head = _subject_head(sentence.text, lesson.language)
    if not head:
        return False
    known = set(grammar.content_words(lesson.topic, lesson.language))
    if any(grammar.same_word(head, word) for word in known):
        return False
    return _first_mention_is_other(head, sentence.start, lesson.text, lesson.language)


def _subject_head(text: str, language: str) -> str:
    """The noun of a definite subject, lower case; "" where it is a name or has a complement."""
    parts = text.split()
    elided = re.match(r"[lL]['’](.+)", parts[0])
    noun = [elided[1]] if elided else []
    stop = grammar.FUNCTION_WORDS[language]
    for word in parts[0 if elided else 1 :][len(noun) :]:
        plain = word.strip(",;()").lower()
        if plain in stop or len(noun) == 3:
            break
        noun.append(word.strip(",;()"))
    after = parts[1 + len(noun) - bool(elided) :][:1]
    complement = {"of", "de", "del", "des", "du", "von", "der", "d", "that", "que", "qui"}
    if not noun or (after and re.split("['’]", after[0].lower())[0] in complement):
        return ""
    if language != "de" and any(word[:1].isupper() for word in noun):
        return ""
    if language == "de":
        return next((word.lower() for word in noun if word[:1].isupper()), noun[0].lower())
    return noun[0 if language in ("es", "fr") else -1].lower()


@lru_cache(maxsize=4096)
def _first_mention_is_other(head: str, start: int, text: str, language: str) -> bool:
    """True where `head` stands before `start` without the definite article right before it."""
    stem = head[: max(4, len(head) - 2)]
    definite = re.compile(rf"\b{DEFINITE[language]}(?: |(?<=['’]))(?:[\w’'-]+ )?$", re.I)
    hits = re.finditer(rf"(?<!\w){re.escape(stem)}\w{{0,3}}(?!\w)", text[:start], re.I)
    hit = next((found for found in hits if not in_heading(text, found.start())), None)
    return bool(hit and not definite.search(text[: hit.start()]))


def in_heading(text: str, place: int) -> bool:
    """True where the line at `place` is a heading: a few words, no stop, or nothing but them."""
    line = text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0].strip()
    return len(line.split()) <= HEADING_WORDS and (line[-1:] not in ".!?;:" or len(line.split()) <= 3)

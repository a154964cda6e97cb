"""What a sentence owes to another one by a possessive or a word that resumes: "garda le sien", "the matter".

resumes("The matter was settled by a stork in 1822.", "en")              ->  True
lacks_owner("the sum of its observable features", "en")                  ->  True
lacks_owner("an animal that carries its shell on its back", "en")        ->  False
"""

import re

# A possessive that stands for a noun: which one, another sentence says.
_NOUNLESS = {
    "en": r"\b(?:theirs|hers|mine|ours|yours)\b"
    r"|(?<!\bof )(?<!\bon )\b(?:its|their|his|her) own\b(?=[.,;:)]|$| (?:in|on|at|to|and|or|until|from|by"
    r"|with|for|as|when|after|before|than|but|is|was|were|are|had|has)\b)|\bhis(?=[.,;]| in \d| until\b)",
    "es": r"\b(?:el|la|los|las|lo|del|al) suy[oa]s?\b",
    "fr": r"\b(?:les?|la|des|du|aux?) (?:sien(?:ne)?s?|leurs?)\b",
    "de": r"\b(?:der|die|das|den|dem|des) (?:seinige\w*|ihrige\w*|seine[ns]?|ihre[ns]?)\b"
    r"(?=[.,;]|$| (?:im|am|bis|zu|zum|vor|nach|durch|von|vom|und|oder|um|erst|fest|ein|aus|ab|vor|zurück)\b)"
    r"|\b(?:seine[rsn]?|ihre[rsn]?|seins|ihrs)\b(?=[.,;]|$| (?:bis|erst|im Jahre?|\d{4})\b)"
    r"|^(?:seine|ihre)[rs]? (?:ist|sind|war|waren|wurde|wurden)\b",
}
_NOUNLESS_OF = {language: re.compile(text, re.I) for language, text in _NOUNLESS.items()}

# Nouns that resume a whole sentence, wherever they stand; and those that may belong to their own sentence.
_STRONG = {
    "en": r"matter|issue|affair|dispute|controversy|question|debate",
    "es": r"asunto|cuestión|polémica|disputa|debate|controversia|pregunta",
    "fr": r"affaire|question|querelle|différend|débat|controverse",
    "de": r"Sache|Frage|Angelegenheit|Streit|Debatte|Kontroverse|Affäre",
}
_WEAK = {
    "en": r"problem|case|decision|event|result|process|effect|phenomenon|situation|incident|discovery|finding"
    r"|answer|outcome|practice|change|trend|development",
    "es": r"problema|caso|decisión|suceso|acontecimiento|resultado|proceso|efecto|fenómeno|situación"
    r"|incidente|descubrimiento|hallazgo|respuesta|práctica|cambio|hecho|evento|tendencia",
    "fr": r"problème|cas|décision|événement|évènement|résultat|processus|effet|phénomène|situation|incident"
    r"|découverte|réponse|pratique|changement|fait|tendance",
    "de": r"Problem|Fall|Entscheidung|Ereignis|Ergebnis|Vorgang|Prozess|Wirkung|Effekt|Phänomen|Lage"
    r"|Situation|Vorfall|Entdeckung|Antwort|Erscheinung|Entwicklung|Veränderung",
}
# "The first working machine", "the price per ton": of what, another sentence says.
_FIRST_OF = {
    "en": r"the (?:first|last|second|next) (?:(?:working|usable|successful|practical|modern|complete|real) )?"
    r"(?:machine|model|version|device|test|trial|attempt|case"
    r"|paper|edition|copy|specimen|patent|experiment)\b(?! (?:of|for|that|which|to|with|on)\b)",
    "es": r"(?:el|la) (?:primer|primera|último|última|segund[oa]) (?:máquina|modelo|versión|aparato|prueba"
    r"|intento|caso|edición|ejemplar|patente|experimento)\b(?! (?:de|del|para|que|con|sobre)\b)",
    "fr": r"(?:le |la )(?:premi(?:er|ère)|derni(?:er|ère)|second[e]?) (?:machine|modèle|version|appareil"
    r"|essai|tentative|cas|édition|exemplaire|brevet|expérience)\b"
    r"(?! (?:de|du|des|pour|qui|que|à|sur)\b| d['’])",
    "de": r"(?:der|die|das|den|dem) (?:erste|letzte|zweite|nächste)n? (?:brauchbare |funktionierende )?"
    r"(?:Maschine|Modell|Gerät|Version|Test|Versuch|Fall|Ausgabe|Exemplar|Patent)\b"
    r"(?! (?:der|des|von|für|zur|zum|mit)\b|,)",
}
_AMOUNT_OF = {
    "en": r"^the (?:price|cost|rate|number|share|error|fare|fee)(?: (?:per|a) [a-z]+)?"
    r" (?:fell|rose|dropped|climbed|sank|grew|went|doubled|was|is|stood)\b",
    "es": r"^(?:el|la) (?:precio|coste|costo|tasa|número|cuota|error|tarifa)(?: por [a-zñáéíóú]+)?"
    r" (?:bajó|subió|cayó|pasó|aumentó|descendió|era|es|fue)\b",
    "fr": r"^(?:le |la |l['’])(?:prix|coût|taux|nombre|part|erreur|tarif)(?: (?:par|à la|au) [a-zà-ÿ]+)?"
    r" (?:baissa|monta|tomba|passa|augmenta|chuta|était|est|fut)\b",
    "de": r"^(?:der|die|das) (?:Preis|Rate|Zahl|Anteil|Fehler|Gebühr|Tarif)(?: (?:je|pro) [A-ZÄÖÜ]\w+)?"
    r" (?:fiel|stieg|sank|kletterte|betrug|lag|ist|war|wuchs)\b",
}
_THE = {"en": r"the ", "es": r"(?:el|la) ", "fr": r"(?:les? |la |l['’])", "de": r"(?:der|die|das|den|dem) "}
_SAYS_WHICH = {
    "en": r" (?:of|that|which|whether|on|for|between|about|over|how|why|what|where|when|who|called|known"
    r"|raised|to)\b| in (?!\d)(?!part\b)",
    "es": r" (?:del?|que|sobre|entre|para|por el que|por la que|cuando|si|en (?:el|la) que|llamad[oa])\b",
    "fr": r" (?:de|du|des|qui|que|sur|entre|dont|où|si|appelée?)\b| d['’]",
    "de": r" (?:der|des|von|vom|nach|zwischen|ob|wie|zur|zum|für|über|um|auf|eine[rs])\b|, ",
}
_VERB = {
    "en": r"(?:is|was|were|are|has|had|have|does|did|came|comes|became|remain(?:s|ed)|went|takes?|took|began"
    r"|led|leads|occurs|can|could|will|would|may|must|(?!called|named|termed|known|caused)[a-z]{2,}ed)",
    "es": r"(?:se|no|fue|es|era|está|estaba|ha|había|tiene|tuvo|quedó|puede|ocurre|[a-zñáéíóú]{2,}"
    r"(?:ó|aron|ieron|aba|ía))",
    "fr": r"(?:est|fut|était|a|avait|se|ne|reste|resta|peut|dura|eut|[a-zà-ÿ]{3,}(?:ait|èrent|it|ut))",
    "de": r"(?:ist|war|wird|wurde|hat|hatte|blieb|bleibt|kam|kommt|tritt|trat|kann|konnte|lässt|ließ"
    r"|[a-zäöü]{3,}te)",
}
_RESUMES = {
    language: re.compile(
        rf"\b{_FIRST_OF[language]}|{_AMOUNT_OF[language]}"
        rf"|\b{_THE[language]}(?:{_STRONG[language]})\b(?!{_SAYS_WHICH[language]})"
        # As the subject a sentence begins with, or after the time it speaks of.
        rf"|^(?:(?:In|On|By|At|Since|Until|En|Desde|Hacia|Depuis|Vers) [^,]{{1,30}},? )?"
        rf"{_THE[language]}(?:{_WEAK[language]})s?\b(?!{_SAYS_WHICH[language]})"
        rf"(?= {_VERB[language]}\b| (?:[ns]['’]))"
        + (  # German turns round what follows the time.
            rf"|^(?:Im Jahr|Seit|Bis|Um|Nach|Vor|\d)[^,]{{0,30}} {_VERB['de']} (?:sich )?"
            rf"(?:der|die|das) (?:{_WEAK['de']})\b(?!{_SAYS_WHICH['de']})"
            if language == "de"
            else ""
        ),
        re.I,
    )
    for language in _THE
}


def lacks_noun(text: str, language: str) -> bool:
    """True where a possessive stands without its noun: "propuso la suya", "garda le sien"."""
    return bool(_NOUNLESS_OF[language].search(text))


def resumes(text: str, language: str) -> bool:
    """True where "the matter" takes up what another sentence told; with "of …" it says which one."""
    return bool(_RESUMES[language].search(text))


_POSSESSIVE = {
    "en": r"(?:its|their|his|her)",
    "es": r"sus?",
    "fr": r"(?:son|sa|ses|leurs?)",
    "de": r"(?:sein|ihr)(?:e[rsnm]?)?",
}
# "the sum of its features": before the possessive there is the class of the thing and nothing that owns.
_NO_OWNER = {
    "en": rf"^(?:an?|the|any|all)? ?(?:[\w-]+ ){{1,3}}?(?:of|in|to|from|between|among|by|at|on|per|around"
    rf"|for|through) (?:(?!that|which|who|by|with)\w+ )?{_POSSESSIVE['en']}\b",
    "es": rf"^(?:el|la|los|las|una?|unos|unas|todo|toda)? ?(?:[\w-]+ ){{1,2}}?(?:de|en|a|por|entre|desde"
    rf"|para) (?:tod[oa]s? )?{_POSSESSIVE['es']}\b",
    "fr": rf"^(?:les?|la|une?|des|tout|toute|l['’])? ?(?:[\w’'-]+ ){{1,2}}?(?:de|en|dans|à|par|entre|pour"
    rf"|sur) (?:tou[ts]e?s? )?{_POSSESSIVE['fr']}\b",
    "de": rf"^(?:der|die|das|eine?|alle)? ?(?:[a-zäöüß-]+ ){{0,2}}?[A-ZÄÖÜ][\w-]+ "
    rf"(?:(?:in|an|aus|von|zu|bei|nach|zwischen|durch|für|auf) )?(?:all )?{_POSSESSIVE['de']}\b",
}
# "In 1905 its members numbered 300": only the time stands before it. Figures are taken whole (++): a row of
# thirty digits has a billion partings.
_OPENING = {
    "en": rf"^(?:(?:In|On|By|At|During|After|Before|Since|Until|About|Around|Within) )?(?:the )?(?:[\d,.]++ ?"
    rf"|year |years |century |first |[A-Z][a-z]++ \d++,? ?)*,? ?{_POSSESSIVE['en']}\b",
    "es": rf"^(?:En|Desde|Hasta|Hacia|Tras|Durante)? ?(?:el |los )?(?:año |años |[\d.,]++ ?)*,? ?"
    rf"{_POSSESSIVE['es']}\b",
    "fr": rf"^(?:En|Depuis|Vers|Dès|Pendant|Dans)? ?(?:l['’]année |les années )?(?:[\d.,]++ ?)*,? ?"
    rf"{_POSSESSIVE['fr']}\b",
    "de": rf"^(?:Im Jahre?|In|Seit|Um|Bis|Ab|Nach)? ?(?:[\d.,]++ ?)*(?:[a-zäöüß]+ )?{_POSSESSIVE['de']}\b",
}


def lacks_owner(text: str, language: str) -> bool:
    """True where nothing before the first "its" can own: in a description, or in a sentence's opening."""
    return bool(re.search(_NO_OWNER[language], text) or re.search(_OPENING[language], text, re.I))

"""Whether two descriptions exclude each other: what fits the one does not fit the other.

Siblings ("a tide of large range", "a tide of small range") make the best distractors and the most dangerous
ones: a square is a rectangle, too. Things whose classes inherit are refused unless an opposite parts them.
"""

import re

from learnloop.generate import grammar

SHARED = 0.5  # of the content words of the shorter description; more, and both may fit

# Classes whose members are often members of each other.
_NESTED = {
    "en": "figure shape polygon quadrilateral parallelogram triangle rectangle line curve angle number"
    " integer"
    " fraction animal mammal organism plant creature person people individual function equation set graph"
    " matrix language program algorithm model method technique tool machine device substance material food"
    " molecule compound field branch subfield discipline science study theory company organization city"
    " country"
    " region area place building state group vehicle instrument liquid gas solid system network book work",
    "es": "figura forma polígono cuadrilátero paralelogramo triángulo rectángulo línea recta curva ángulo"
    " número"
    " entero fracción animal mamífero organismo planta ser persona individuo función ecuación conjunto grafo"
    " matriz lenguaje programa algoritmo modelo método técnica herramienta máquina dispositivo sustancia"
    " material alimento molécula compuesto rama disciplina ciencia estudio teoría empresa organización ciudad"
    " país región zona lugar edificio estado grupo vehículo instrumento líquido gas sólido sistema red libro",
    "fr": "figure forme polygone quadrilatère parallélogramme triangle rectangle ligne droite courbe angle"
    " nombre"
    " entier fraction animal mammifère organisme plante être personne individu fonction équation ensemble"
    " graphe"
    " matrice langage langue programme algorithme modèle méthode technique outil machine appareil substance"
    " matériau aliment molécule composé branche discipline science étude théorie entreprise organisation"
    " ville"
    " pays région zone lieu bâtiment état groupe véhicule instrument liquide gaz solide système réseau livre",
    "de": "figur form polygon vieleck viereck parallelogramm dreieck rechteck linie gerade kurve winkel zahl"
    " bruch tier säugetier organismus lebewesen pflanze wesen person mensch funktion gleichung menge graph"
    " matrix"
    " sprache programm algorithmus modell methode verfahren technik werkzeug maschine gerät stoff material"
    " nahrungsmittel molekül verbindung zweig teilgebiet disziplin wissenschaft lehre theorie firma"
    " unternehmen"
    " organisation stadt land region gebiet ort gebäude staat gruppe fahrzeug instrument flüssigkeit gas"
    " festkörper system netz netzwerk buch werk",
}
NESTED = {language: frozenset(words.split()) for language, words in _NESTED.items()}
# Those that stand before the animals are all figures, lines or numbers: a square is a rhombus.
SHAPES = {
    language: frozenset(re.split(r" (?:animal|tier) ", words)[0].split())
    for language, words in _NESTED.items()
}

# One of a pair in the one description and its partner in the other: they exclude each other.
_OPPOSITES = {
    "en": "large/small high/low first/last hot/cold warm/cold new/old before/after inside/outside more/less"
    " positive/negative increases/decreases increase/decrease rise/fall left/right top/bottom above/below"
    " north/south east/west hard/soft fast/slow long/short minimum/maximum input/output imports/exports"
    " demand/supply highest/lowest largest/smallest buyers/sellers acute/obtuse even/odd equal/unequal"
    " external/internal upper/lower plants/animals with/without one/two two/three three/four gains/loses"
    " right/obtuse right/acute day/night winter/summer male/female solid/liquid liquid/gas full/half"
    " numerator/denominator above/under voluntary/involuntary conscious/unconscious near/far good/bad",
    "es": "grande/pequeño grande/pequeña alto/bajo alta/baja primero/último caliente/frío antes/después"
    " dentro/fuera más/menos mayor/menor positivo/negativo positiva/negativa aumenta/disminuye"
    " aumento/disminución"
    " subida/bajada izquierda/derecha norte/sur este/oeste duro/blando rápido/lento largo/corto mínimo/máximo"
    " mínima/máxima entrada/salida importaciones/exportaciones oferta/demanda compradores/vendedores"
    " agudo/obtuso"
    " par/impar externo/interno externa/interna superior/inferior con/sin uno/dos dos/tres tres/cuatro"
    " gana/pierde día/noche invierno/verano sólido/líquido toman/divide numerador/denominador",
    "fr": "grand/petit grande/petite haut/bas premier/dernier chaud/froid avant/après dedans/dehors"
    " plus/moins"
    " positif/négatif positive/négative augmente/diminue augmentation/diminution hausse/baisse gauche/droite"
    " nord/sud est/ouest dur/mou rapide/lent long/court minimum/maximum entrée/sortie offre/demande"
    " aigu/obtus"
    " pair/impair externe/interne extérieur/intérieur supérieur/inférieur avec/sans un/deux deux/trois"
    " trois/quatre gagne/perd jour/nuit hiver/été solide/liquide",
    "de": "groß/klein große/kleine großer/kleiner hoch/tief hohe/niedrige erste/letzte heiß/kalt warm/kalt"
    " vor/nach"
    " innen/außen mehr/weniger positiv/negativ positive/negative steigt/sinkt zunahme/abnahme anstieg/abfall"
    " links/rechts norden/süden osten/westen hart/weich schnell/langsam lang/kurz minimum/maximum"
    " höchste/tiefste"
    " höchster/tiefster größte/kleinste eingang/ausgang angebot/nachfrage gerade/ungerade obere/untere"
    " äußere/innere mit/ohne eins/zwei zwei/drei drei/vier tag/nacht winter/sommer fest/flüssig gut/kaum"
    " leitet/isoliert",
}
OPPOSITES = {
    language: tuple(tuple(pair.split("/")) for pair in pairs.split())
    for language, pairs in _OPPOSITES.items()
}
_HEAD_ENDS_WORDS = {
    "en": "that which who whose where when of in on with for from by made used to at between into during",
    "es": "que cuyo cuya cuyos cuyas donde de del en con para por entre sobre al a sin",
    "fr": "qui que dont où de du des d en dans avec pour par entre sur à au sans",
    "de": "der die das den dem des deren dessen von in im mit für zu zum zur aus an auf zwischen bei durch",
}
_HEAD_ENDS = {language: frozenset(words.split()) for language, words in _HEAD_ENDS_WORDS.items()}


def genus(description: str, language: str) -> str:
    """The noun a description begins with, lower case: "ring" of "a large ring of currents"."""
    words = re.findall(r"[^\W\d_][\w-]*|[,;:(]", description)
    ends = _HEAD_ENDS[language]
    phrase: list[str] = []
    for word in words[1:] if len(words) > 1 else words:
        if word in ",;:(" or (word.lower() in ends and phrase):
            break
        phrase.append(word)
    if not phrase:
        return ""
    if language == "de":
        return next((word.lower() for word in reversed(phrase) if word[:1].isupper()), phrase[-1].lower())
    if language == "en":
        return next(
            (w.lower() for w in reversed(phrase) if not w.endswith(("ed", "ing", "ly"))), phrase[-1].lower()
        )
    return phrase[0].lower()


def apart(one: str, other: str, language: str) -> bool:
    """True where a thing that `one` describes is surely not what `other` describes."""
    left = grammar.content_words(one, language)
    right = grammar.content_words(other, language)
    opposed = are_opposed(one, other, language)
    shared = sum(any(grammar.same_word(word, match) for match in right) for word in set(left))
    share = shared / max(1, min(len(set(left)), len(set(right))))
    if share > SHARED and not opposed:
        return False
    heads = genus(one, language), genus(other, language)
    if not all(heads):
        return False
    if grammar.same_word(*heads):
        return opposed or not any(grammar.same_word(heads[0], word) for word in NESTED[language])
    return opposed or not all(
        any(grammar.same_word(head, word) for word in SHAPES[language]) for head in heads
    )


NEAR = 0.3  # of the content words beside the class


def are_near(one: str, other: str, language: str) -> bool:
    """Things of one class with something in common: who is to write the name may think of the other.

    "the device that connects a local network to another", "a device that chooses a path between networks".
    """
    heads = genus(one, language), genus(other, language)
    if not all(heads) or not grammar.same_word(*heads) or are_opposed(one, other, language):
        return False
    left, right = (
        {word for word in grammar.content_words(text, language) if not grammar.same_word(word, head)}
        for text, head in zip((one, other), heads, strict=True)
    )
    shared = sum(any(grammar.same_word(word, match) for match in right) for word in left)
    return shared >= max(1, NEAR * min(len(left), len(right)))


SIBLING_ENDING = 6  # letters two German compounds share at their end


def are_siblings(one: str, other: str, language: str) -> bool:
    """Names that share a word ("short-term memory", "working memory") or, in German, their last part.

    What is said of one is often true of the other, so only opposite descriptions part them.
    """
    left, right = grammar.content_words(one, language), grammar.content_words(other, language)
    if any(grammar.same_word(a, b) for a in left for b in right):
        return True
    return language == "de" and any(
        min(len(a), len(b)) >= SIBLING_ENDING
        and (a[-SIBLING_ENDING:] == b[-SIBLING_ENDING:] or a.startswith(b) or b.startswith(a))
        for a in left
        for b in right
    )


def are_opposed(one: str, other: str, language: str) -> bool:
    """True where a word of the one and its opposite in the other part them."""
    left, right = set(grammar.words(one)), set(grammar.words(other))
    return any(
        (a in left and b in right and b not in left and a not in right)
        or (b in left and a in right and a not in left and b not in right)
        for a, b in OPPOSITES[language]
    )

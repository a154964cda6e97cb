"""The words of four languages by which a rewriting is judged: fillers, plainer words, guarded words.

    FILLERS["en"]  "in fact" may go
    PLAINER["en"]  "utilizes" says what "uses" says
    GUARDED["en"]  "some" for "all" changes the claim, and the count says so

Whatever is in none of the lists has to stay, so a gap in a list refuses a rewriting and never lets one
pass. Articles and copulas are no fillers: "a cause" is not "the cause", and "enzymes that are proteins
speed reactions" is not "enzymes are proteins that speed reactions".
"""

# Said at the cost of nothing: gone without loss.
# With a comma after them alone: "in addition to" and "aussi grand que" are none. Hedges (basically,
# essentially, grundsätzlich) and what limits ("the part we actually observe") are not here.
_FILLERS = {
    "en": "of course, in fact, as a matter of fact, in other words, indeed, simply put, moreover,"
    " furthermore, in addition",
    "es": "de hecho, por supuesto, en otras palabras, es decir, además",
    "fr": "en fait, bien sûr, en effet, autrement dit, de plus, en outre, aussi",
    "de": "mit anderen Worten",
}
FILLERS = {language: tuple(words.split(", ")) for language, words in _FILLERS.items()}
# Wherever they stand.
ADVERBS = {"en": ("also",), "es": ("también",), "fr": ("également",), "de": ("außerdem", "zudem")}

# word or phrase -> what it is written as more plainly; both sides are mapped, so either may stand.
PLAINER = {
    "en": {
        "utilize": "use", "utilizes": "uses", "utilized": "used", "utilizing": "using",
        "utilise": "use", "utilises": "uses", "utilised": "used",
        "obtain": "get", "obtains": "gets", "obtained": "got", "approximately": "about", "roughly": "about",
        "require": "need", "requires": "needs", "required": "needed", "purchase": "buy", "purchases": "buys",
        "commence": "begin", "commences": "begins", "start": "begin", "starts": "begins", "assist": "help",
        "assists": "helps", "demonstrate": "show", "demonstrates": "shows", "demonstrated": "showed",
        "terminate": "end", "terminates": "ends", "prior to": "before", "subsequent to": "after",
        "in order to": "to", "due to the fact that": "because", "is known as": "is called",
        "are known as": "are called", "is termed": "is called", "is referred to as": "is called",
        "are referred to as": "are called", "consist of": "are made of", "consists of": "is made of",
        "is made up of": "is made of", "are made up of": "are made of", "which": "that",
        "therefore": "so", "thus": "so", "hence": "so", "consequently": "so", "however": "but",
        "in the event that": "if", "for the purpose of": "for", "individuals": "people", "persons": "people",
        "attempt": "try", "attempts": "tries", "construct": "build", "constructs": "builds",
    },
    "es": {
        "utilizar": "usar", "utiliza": "usa", "utilizan": "usan", "emplear": "usar", "emplea": "usa",
        "aproximadamente": "unos", "con el fin de": "para", "a fin de": "para", "debido a que": "porque",
        "obtener": "conseguir", "obtiene": "consigue", "comenzar": "empezar", "comienza": "empieza",
        "se denomina": "se llama", "se conoce como": "se llama", "finalizar": "acabar",
        "requiere": "necesita",
        "por lo tanto": "así", "por consiguiente": "así",
    },
    "fr": {
        "utiliser": "employer", "utilise": "emploie", "utilisent": "emploient", "environ": "à peu près",
        "afin de": "pour", "en raison de": "à cause de", "débuter": "commencer", "débute": "commence",
        "se nomme": "s'appelle", "par conséquent": "donc", "nécessite": "demande", "obtenir": "avoir",
    },
    "de": {
        "benutzen": "verwenden", "benutzt": "verwendet", "ungefähr": "etwa", "circa": "etwa",
        "beginnt": "fängt an", "bezeichnet man als": "nennt man", "benötigt": "braucht",
        "benötigen": "brauchen",
        "erhält": "bekommt", "daher": "deshalb", "somit": "deshalb", "folglich": "deshalb",
    },
}  # fmt: skip

_GUARDED = {
    "en": {
        "negation": "not no never none nothing nobody neither nor without cannot except unless hardly",
        "quantifiers": "all every each always any some many most few several often usually sometimes rarely"
        " seldom only may might can could must should will would shall more less least much half both about"
        " nearly almost mainly mostly partly generally typically probably possibly likely up",
        "numbers": "one two three four five six seven eight nine ten eleven twelve hundred thousand million"
        " billion half third quarter double twice first second dozen",
    },
    "es": {
        "negation": "no nunca jamás nada nadie ningún ninguno ninguna sin tampoco ni excepto salvo",
        "quantifiers": "todo toda todos todas cada siempre algún alguno alguna algunos algunas mucho muchos"
        " muchas poco pocos pocas varios varias solo sólo puede pueden debe deben podría quizá más menos casi"
        " generalmente normalmente veces mayoría ambos",
        "numbers": "uno dos tres cuatro cinco seis siete ocho nueve diez once doce cien mil millón millones"
        " mitad doble tercio cuarto primer primera segundo segunda",
    },
    "fr": {
        "negation": "ne n pas jamais rien personne aucun aucune sans ni sauf non",
        "quantifiers": "tout toute tous toutes chaque toujours certain certains certaines quelque quelques"
        " plusieurs beaucoup peu souvent parfois rarement seulement seul peut peuvent doit doivent pourrait"
        " plus moins presque généralement plupart",
        "numbers": "deux trois quatre cinq six sept huit neuf dix onze douze cent mille million millions"
        " moitié double tiers quart premier première second seconde",
    },
    "de": {
        "negation": "nicht kein keine keinen keinem keiner nie niemals nichts niemand ohne weder noch außer",
        "quantifiers": "alle alles jede jeder jedes immer einige manche manchmal viele wenige mehrere oft"
        " meist meistens selten nur kann können muss müssen darf dürfen soll sollen könnte mehr weniger fast"
        " etwa teilweise hauptsächlich wahrscheinlich vielleicht",
        "numbers": "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf hundert tausend million"
        " millionen hälfte doppelt drittel viertel erste zweite",
    },
}  # fmt: skip
GUARDED = {
    language: {kind: frozenset(words.split()) for kind, words in kinds.items()}
    for language, kinds in _GUARDED.items()
}

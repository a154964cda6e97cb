"""Words that link sentences, by language and by what they do: add, oppose, give a cause, order, show, close.

"however" opposes in English, "sin embargo" in Spanish, "cependant" in French, "jedoch" in German
"""

from collections.abc import Mapping

_WORDS = {
    "en": {
        "addition": "also|moreover|furthermore|in addition|besides|as well as|not only|similarly|likewise",
        "contrast": "but|however|although|though|even though|on the other hand|whereas|nevertheless|yet"
        "|in contrast|despite|instead|still|unlike|on the contrary",
        "cause": "because|since|therefore|thus|so that|as a result|consequently|hence|due to|for this reason"
        "|that is why|because of",
        "order": "first|firstly|second|secondly|third|then|next|after that|afterwards|meanwhile|finally"
        "|before|at last|in the beginning",
        "example": "for example|for instance|such as|in particular|especially|namely|in fact",
        "closing": "in conclusion|to sum up|in summary|overall|all in all|to conclude|in short",
    },
    "es": {
        "addition": "además|también|asimismo|igualmente|incluso|es más|no solo|por otra parte",
        "contrast": "pero|sin embargo|aunque|no obstante|en cambio|mientras que|a pesar de"
        "|por el contrario|sino",
        "cause": "porque|ya que|puesto que|por lo tanto|por tanto|por eso|así que|debido a|en consecuencia"
        "|por esta razón|de modo que",
        "order": "primero|en primer lugar|en segundo lugar|después|luego|más tarde|a continuación|finalmente"
        "|por último|al principio|antes",
        "example": "por ejemplo|como por ejemplo|en particular|sobre todo|especialmente|es decir|de hecho",
        "closing": "en conclusión|en resumen|para terminar|para concluir|en definitiva|en suma",
    },
    "fr": {
        "addition": "de plus|aussi|en outre|également|par ailleurs|non seulement|ainsi que",
        "contrast": "mais|cependant|pourtant|toutefois|néanmoins|bien que|alors que|tandis que|en revanche"
        "|malgré|au contraire|par contre",
        "cause": "parce que|parce qu'|car|puisque|donc|c'est pourquoi|par conséquent|en effet"
        "|à cause de|grâce à|ainsi|en raison de",
        "order": "d'abord|tout d'abord|premièrement|ensuite|puis|après|enfin|finalement|avant|au début",
        "example": "par exemple|notamment|en particulier|surtout|c'est-à-dire|tel que|en fait",
        "closing": "en conclusion|pour conclure|en résumé|en somme|bref|finalement",
    },
    "de": {
        "addition": "außerdem|zudem|auch|darüber hinaus|ebenso|ferner|sowohl|nicht nur",
        "contrast": "aber|jedoch|obwohl|dennoch|trotzdem|hingegen|dagegen|während|im gegensatz"
        "|allerdings|sondern|andererseits|einerseits",
        "cause": "weil|da|denn|deshalb|daher|deswegen|darum|somit|folglich|aufgrund"
        "|aus diesem grund|wegen|sodass",
        "order": "zuerst|zunächst|erstens|zweitens|dann|danach|anschließend|schließlich|zuletzt|vorher"
        "|am anfang",
        "example": "zum beispiel|beispielsweise|insbesondere|vor allem|nämlich|das heißt|etwa|z.b.",
        "closing": "zusammenfassend|abschließend|insgesamt|kurz gesagt|zum schluss|alles in allem|fazit",
    },
}

CONNECTIVES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    language: {kind: tuple(words.split("|")) for kind, words in kinds.items()}
    for language, kinds in _WORDS.items()
}

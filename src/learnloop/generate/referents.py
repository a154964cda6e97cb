"""Whether a sentence speaks of "the canal" that the text brought in before: who reads it alone asks which.

A noun is brought in by a name ("the Panama Canal … the canal") or without "the" ("a lock … the old locks").
What the text first mentions with "the" ("the heart", "the Moon") is known to everybody.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from learnloop.generate import grammar, standing

if TYPE_CHECKING:
    from learnloop.generate.sentences import Sentence
    from learnloop.generate.terms import Lesson

_THE = {
    "en": r"\b[Tt]he ",
    "es": r"\b(?:[Ee]l|[Ll]a|[Ll]os|[Ll]as|del|al) ",
    "fr": r"\b(?:[Ll]es?|[Ll]a|aux?) |\b[Ll]['’]",
    "de": r"\b(?:[Dd](?:er|ie|as|en|em|es)|[Zz]u[mr]|[Ii]m|[Aa]m|[Vv]om|[Bb]eim) ",
}
# What comes after the noun and says which one: a complement, a relative clause, a name.
_SAYS_WHICH = {
    "en": r" (?:of|that|which|who|whose|where|in which|for|between)\b| [A-Z]|['’]s?\b",
    "es": r" (?:de|del|que|cuy[oa]s?|en (?:el |la )?que|entre|para)\b| [A-ZÁÉÍÓÚÑ]",
    "fr": r" (?:de|du|des|qui|que|dont|où|entre)\b| d['’]| [A-ZÀ-Ý]",
    "de": r",? (?:der|des|von|vom|die|das|den|dem|zwischen|für|aus)\b| [A-ZÄÖÜ]",
}
# Times and places that everybody has in common.
_COMMON = {
    "en": "year day night end beginning start world sun earth moon sea ocean air sky ground past future body"
    " people century season morning evening rest",
    "es": "año día noche fin final principio mundo sol tierra luna mar aire cielo suelo cuerpo siglo"
    " vida gente"
    " resto",
    "fr": "année jour nuit fin début monde soleil terre lune mer air ciel sol corps siècle vie reste",
    "de": "jahr jahre jahres tag nacht ende anfang welt sonne erde mond meer luft himmel boden körper leben"
    " menschen jahrhundert laufe rest",
}
_COMMON_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_MOST_WORDS = 3  # of a noun phrase after its article


# "the Market", short for a name that the text told before.
_SHORT_NAME = r"\b(?:[Tt]he|[Ee]l|[Ll][ae]) ([A-ZÀ-Ý][a-zà-ÿ]+)\b(?! [A-ZÀ-Ý]| (?:of|de|du)\b)"


def brought_in(sentence: "Sentence", lesson: "Lesson") -> str:
    """The first noun of `sentence` that needs the text before it to say which one; "" where there is none.

    A noun of the lesson's topic needs nothing: questions of this kind show the topic.
    """
    language = lesson.language
    for match in re.finditer(_SHORT_NAME, sentence.text) if language != "de" else ():
        full = re.compile(rf"[A-ZÀ-Ý][\w’'-]+ (?:of (?:the )?)?{match[1]}\b")
        if full.search(lesson.text[: sentence.start]) and not full.search(sentence.text):
            return match[1]
    about = grammar.content_words(lesson.topic, language)
    for at, noun in _definite(sentence.text, language):
        known = noun.lower() in _COMMON_WORDS[language] or any(grammar.same_word(noun, w) for w in about)
        stem = rf"(?<!\w){re.escape(noun[: max(4, len(noun) - 2)])}\w{{0,3}}(?!\w)"
        if not known and not re.search(stem, sentence.text[:at], re.I) and _is_old(stem, sentence, lesson):
            return noun
    return ""


# "The present lighthouse": there were others, and nothing says of what.
_OF_A_ROW = {
    "en": r"\b[Tt]he (?:present|current|existing|original|earlier|later|previous|former|new|old|first|second"
    r"|third|last)(?: [a-z-]+){1,2}(?= (?:is|was|were|are|had|has|stood|opened|collapsed|burned|\w+ed)\b)",
    "es": r"\b(?:[Ee]l|[Ll]a|[Ll]os|[Ll]as) (?:(?:actual|nuev[oa]s?|antigu[oa]s?|primer[oa]?|segund[oa]"
    r"|tercer[oa]?|últim[oa]) "
    r"[a-zñáéíóú]+|[a-zñáéíóú]+ (?:actual|original|anterior|nuev[oa]))(?= (?:es|fue|era|se"
    r"|[a-zñáéíóú]+(?:ó|aron|ieron))\b)",
    "fr": r"\b(?:[Ll]e |[Ll]a |[Ll]['’])(?:(?:actuel(?:le)?|nouveau|nouvelle|ancien(?:ne)?|premi(?:er"
    r"|ère)|second[e]?"
    r"|troisième|derni(?:er|ère)) [a-zà-ÿ-]+|[a-zà-ÿ-]+ (?:actuel(?:le)?|précédente?|d['’]origine))"
    r"(?= (?:est|fut|était|a|avait|se|date)\b)",
    "de": r"\b[Dd](?:er|ie|as) (?:heutige|jetzige|gegenwärtige|neue|alte|ursprüngliche|frühere|spätere"
    r"|erste|zweite"
    r"|dritte|letzte) [A-ZÄÖÜ]\w+(?= (?:ist|war|wurde|hat|hatte|stammt|\w+te)\b)",
}


def is_of_a_row(text: str, language: str) -> bool:
    """True where `text` speaks of "the present lighthouse": one of several that it does not name."""
    return bool(re.search(_OF_A_ROW[language], text))


def is_bare_subject(before: str, language: str) -> bool:
    """ "The entire conflict [is known as …]": definite, and nothing says which one."""
    article = re.match(_THE[language], before)
    if article is None:
        return False
    rest = before[article.end() - 1 :]
    if language == "de":  # its first noun has a capital, too
        rest = re.sub(r"^ (?:[a-zäöüß]+ )*[A-ZÄÖÜ][\w-]+", "", rest)
    return not re.search(f"{_SAYS_WHICH[language]}|, ", rest)


_OF_THE = {
    "en": r" of the ([a-z][\w-]+) (?:is|are|was|were)\b",
    "es": r" (?:del|de la|de los|de las) ([a-zñáéíóú]+) (?:se|es|son|recibe|reciben)\b",
    "fr": r" (?:du|de la|de l['’]|des) ?([a-zà-ÿ-]+) (?:s['’]|se|est|sont|porte|portent)",
    "de": r" (?:des|der) ([A-ZÄÖÜ][\w-]+) (?:heißt|heißen|nennt|wird|werden|bezeichnet)\b",
}


def is_part_of_the_told(sentence: "Sentence", lesson: "Lesson") -> bool:
    """ "The smallest unit of the pattern is called …", where the sentence before brings in the pattern."""
    match = re.search(_OF_THE[lesson.language], sentence.text)
    place = lesson.sentences.index(sentence)
    if match is None or not place:
        return False
    before = grammar.content_words(lesson.sentences[place - 1].text, lesson.language)
    noun = re.sub(r"e?s$", "", match[1].lower()) if lesson.language == "de" else match[1].lower()
    return any(grammar.same_word(noun, word) for word in before)


def _definite(text: str, language: str) -> Iterator[tuple[int, str]]:
    """(where its article stands, noun) of each definite noun phrase that does not say which one it is."""
    stop = grammar.FUNCTION_WORDS[language]
    for match in re.finditer(_THE[language], text):
        words: list[str] = []
        end = match.end()
        while len(words) < _MOST_WORDS and (word := re.compile(r"[\w’'-]+").match(text, end)):
            if word[0].lower() in stop:
                break
            words.append(word[0])
            end = word.end()
            if text[end : end + 1] != " " or (language == "de" and word[0][:1].isupper()):
                break
            end += 1
        if not words or re.match(
            _SAYS_WHICH[language], text[end - 1 :] if text[end - 1] == " " else text[end:]
        ):
            continue
        if noun := _noun(words, language):
            yield match.start(), noun


def _noun(words: list[str], language: str) -> str:
    if language == "de":
        return next((word for word in words if word[:1].isupper()), "")
    if any(word[:1].isupper() for word in words):
        return ""
    # A verb may stand behind the noun ("the canal opens"); in Spanish and French the noun comes first.
    return words[0] if language != "en" or len(words) == 1 else _last_noun(words)


def _last_noun(words: list[str]) -> str:
    return next((word for word in reversed(words[1:]) if not standing.is_verb(word, "en")), words[0])


def _is_old(stem: str, sentence: "Sentence", lesson: "Lesson") -> bool:
    """The text before first mentions it as part of a name, or without "the"."""
    before = lesson.text[: sentence.start]
    hits = re.finditer(stem, before, re.I)
    hit = next((found for found in hits if not standing.in_heading(lesson.text, found.start())), None)
    if hit is None:
        return False
    opens = not before[: hit.start()].strip() or before[: hit.start()].rstrip()[-1] in ".!?:\n"
    if lesson.language != "de" and hit[0][:1].isupper() and not opens:
        return True
    return not re.search(rf"(?:{_THE[lesson.language]})(?:[\w’'-]+ )?$", before[: hit.start()], re.I)

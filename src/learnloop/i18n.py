"""i18n: message ids and values in, sentences in the reader's language out.

Message ids are the English sentences; `locale/LANGUAGE/LC_MESSAGES/learnloop.po` holds the others and
is compiled in memory, so no binary is committed. Reasons travel as codes and become words here, once,
for the API and the dashboard alike. A test extracts every message id and wants a translation for it.
"""

import gettext
from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from learnloop.errors import BadInput
from learnloop.schemas import Reason

LANGUAGES = {"en": "English", "es": "Español"}
LOCALE = Path(__file__).parent / "locale"


def N_(message: str) -> str:
    """Marks a message id for extraction where it is stored, not shown."""
    return message


# Evidence by code: item/concept titles are filled in by whoever asks for the words.
REASONS: Mapping[str, str] = {
    "pinned": N_("Recommended by your teacher"),
    "because_finished": N_("Because you did “{item}”"),
    "others_did": N_("{learners} learners who did “{item}” did this too"),
    "similar": N_("Similar to “{item}”, which you did"),
    "popular_in_course": N_("Popular in “{course}”: {learners} learners did this"),
    "next_in_course": N_("Next in “{course}”"),
    "popular": N_("Popular: {learners} learners did this"),
    "fills_gap": N_("Fills the gap in “{concept}” before “{item}”"),
    "ready": N_("You are ready: what it needs is mastered"),
    "start_here": N_("A good place to start"),
    "review": N_("Worth a review: mastery of “{concept}” is {mastery}"),
    "fading": N_("It fades: what you knew of “{concept}” is recalled at {recall} by now"),
    "right_level": N_("The right level: your chance to be right is {p_correct}"),
    "opens": N_("Opens the way: concepts that wait for it: {concepts}"),
}


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of `language`; English is the message ids themselves. Raises BadInput."""
    if language not in LANGUAGES:
        raise BadInput(
            f"no translation into {language!r}; there are {', '.join(LANGUAGES)}",
            "--language en",
            field="language",
        )
    path = LOCALE / language / "LC_MESSAGES" / "learnloop.po"
    if language == "en" or not path.exists():
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def translator(language: str) -> Callable[[str], str]:
    """`_` for one language: `_ = translator("es"); _("Next steps")`."""
    return translations(language).gettext


def reason_text(reason: Reason, language: str, titles: Mapping[str, Any] | None = None) -> str:
    """The sentence for `reason`; `titles` overrides evidence, usually identifiers with titles."""
    return translator(language)(REASONS[reason.code]).format(**{**reason.evidence, **(titles or {})})


def best_language(accept_language: str, default: str) -> str:
    """The first language of an Accept-Language header (RFC 9110, by weight) that we speak."""
    weighted = []
    for part in accept_language.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), tag.split("-")[0].lower()))
        except ValueError:
            continue
    return next((tag for _, tag in sorted(weighted, key=lambda pair: pair[0]) if tag in LANGUAGES), default)

"""The door of the checks: which a question of each kind must pass, and what they said.

Each check is pure, named, and gives a verdict. They live by what they look at: check_grounding (the
source), check_options (key and distractors), check_flaws (how items are written), check_kinds (the other
kinds), round_trip (with and without the text), set_checks (many questions together). The language model
has one say, `model_agrees` and `text_helps`: it can veto, never accept.
"""

from collections.abc import Mapping
from typing import Any

from learnloop.generate import check_flaws as flaws
from learnloop.generate import check_kinds as kinds
from learnloop.generate.check_grounding import (
    key_verbatim,
    language_matches,
    no_dangling_pronoun,
    quote_verbatim,
    stands_alone,
    stem_grounded,
    stem_length,
)
from learnloop.generate.check_options import (
    distractors_plausible,
    enough_distractors,
    key_not_in_stem,
    length_cue,
    no_synonym,
    one_right_answer,
    options_alike,
    options_distinct,
)
from learnloop.generate.evidence import Check, Evidence, Verdict, from_row
from learnloop.generate.questions import Question
from learnloop.generate.round_trip import (
    VETO_VERSION,
    Scorer,
    model_agrees,
    not_guessable,
    stem_finds_source,
    text_helps,
)

__all__ = [
    "CHECKS", "CHECKS_OF_KIND", "RUBRIC", "VETO_VERSION", "Check", "Evidence", "Scorer", "Verdict",
    "all_verdicts", "distractors_plausible", "from_row", "model_agrees", "text_helps", "verdicts",
]  # fmt: skip

_SOURCE: tuple[Check, ...] = (
    kinds.well_formed,
    quote_verbatim,
    key_verbatim,
    language_matches,
    no_dangling_pronoun,
    stands_alone,
    stem_length,
    stem_grounded,
)
# Of a choice, in the order of issue and report: the cheap ones first.
CHECKS: tuple[Check, ...] = (
    enough_distractors,
    *_SOURCE,
    options_distinct,
    key_not_in_stem,
    one_right_answer,
    no_synonym,
    options_alike,
    distractors_plausible,
    length_cue,
    flaws.negative_stem,
    flaws.all_of_the_above,
    flaws.none_of_the_above,
    flaws.complex_options,
    flaws.true_false_options,
    flaws.absolute_terms,
    flaws.vague_terms,
    flaws.word_repeat,
    flaws.convergence_cue,
    flaws.grammar_cue,
    flaws.logical_cue,
    flaws.unfocused_stem,
    flaws.gratuitous_information,
    flaws.lost_sequence,
    stem_finds_source,
    not_guessable,
)
# The flaws of the rubric that a rule can see, of which blank_in_the_middle refuses nothing: a third of
# people's questions have it, and of ours none but a cloze, which is meant to.
RUBRIC: tuple[Check, ...] = (
    *(check for check in CHECKS if check.__module__ == flaws.__name__),
    flaws.blank_in_the_middle,
    length_cue,
    distractors_plausible,
    options_alike,
    one_right_answer,
    no_synonym,
    stands_alone,
)
CHECKS_OF_KIND: Mapping[str, tuple[Check, ...]] = {
    "multiple_choice": CHECKS,
    "cloze": CHECKS,
    "short_answer": (
        *_SOURCE,
        kinds.answer_is_short,
        key_not_in_stem,
        kinds.no_other_answer,
        flaws.gratuitous_information,
        stem_finds_source,
    ),
    "true_false": (
        *_SOURCE,
        kinds.one_exchange,
        kinds.statement_is_false,
        flaws.negative_stem,
        flaws.absolute_terms,
        flaws.vague_terms,
        flaws.gratuitous_information,
    ),
    "ordering": (
        kinds.well_formed,
        key_verbatim,
        language_matches,
        kinds.steps_distinct,
        kinds.order_told,
        kinds.order_not_shown,
    ),
    "matching": (
        kinds.well_formed,
        key_verbatim,
        language_matches,
        kinds.pairs_told,
        kinds.one_match_each,
    ),
}


def verdicts(question: Question, evidence: Evidence) -> list[Verdict]:
    """Every check's verdict for the question's kind, up to and with the first that fails."""
    found = []
    for check in CHECKS_OF_KIND[question.kind]:
        found.append(check(question, evidence))
        if not found[-1].passed:
            break
    return found


def all_verdicts(question: Question, evidence: Evidence) -> dict[str, dict[str, Any]]:
    """name -> passed and detail of every check of the kind, as in the column `checks` of QUESTIONS."""
    found = [check(question, evidence) for check in CHECKS_OF_KIND[question.kind]]
    return {verdict.check: {"passed": verdict.passed, "detail": verdict.detail} for verdict in found}

"""Can the question be answered with the text, and is it harder without? These checks only refuse.

A cloze whose sentence is in the text always passes the first half: the text holds the very words, so that
is no evidence. Only its second half says something, and its first half is asked of the sentence alone.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from learnloop.generate import grammar
from learnloop.generate.evidence import NO_SOURCE, Evidence, Verdict
from learnloop.generate.questions import BLANK, Question

Shares = np.ndarray[Any, Any]
VERBATIM = "verbatim: no evidence"
FINDS_WITHIN = 5  # the quote is among so many sentences that are nearest to the stem
GUESS_MARGIN = 0.25  # cosine of stem and key above that of stem and the next option
SUPPORT = -2.0  # nats; what the passage gives to the key, at least
LEAST = 1e-6  # a share below it is taken as it
SURE_WITHOUT = 0.999  # share of the options' probability on the key, without the passage


class Scorer(Protocol):
    """What the checks here need of a language model, local or remote: P(option), (n,), summing to 1.

    A local one has probabilities of them all; a remote one gives 1 to its pick, and as much to each where
    it picked none.
    """

    def choose(self, prompt: str, options: Sequence[str], shared: str = "") -> Shares: ...


# One worked example, then the question: version it with VETO_VERSION when it changes.
VETO_VERSION = "veto-1"
VETO_EXAMPLE = (
    "Passage: Plants make sugar in their leaves. "
    "The process that turns light into sugar is called photosynthesis."
    "\nQuestion: Complete the sentence: The process that turns light into sugar is called ____."
    "\nAnswer: photosynthesis\n\n"
)
VETO_PROMPT = "Passage: {passage}\nQuestion: {stem}\nAnswer:"
BLIND_PROMPT = "Question: {stem}\nAnswer:"
# The same example without its passage, for BLIND_PROMPT.
BLIND_EXAMPLE = VETO_EXAMPLE[VETO_EXAMPLE.index("Question:") :]


def model_agrees(question: Question, model: Scorer) -> Verdict:
    """The key is the most probable option after source sentence and stem; a veto where it is not.

    The sentence alone is read: with its neighbours the model refused more of 84 sound questions (12%
    instead of 8%). It notices a key that is not the sentence's; of 30 planted second right answers it
    refused 6 (20%, beside 15% of sound term clozes), so those are left to one_right_answer.
    """
    if not question.options:
        return Verdict("model_agrees", True, "no options to choose from")
    shares = _shares(question, model, with_text=True)
    best = np.flatnonzero(shares == shares.max())
    favourite = question.options[best[0]] if len(best) == 1 else "no option"
    return Verdict("model_agrees", favourite == question.key, favourite)


def text_helps(question: Question, model: Scorer) -> Verdict:
    """The passage speaks for the key, and the key is not sure without it.

    support = [ln odds of the key with the passage - ln odds without] + [ln p - ln of the best other option,
    with the passage] >= SUPPORT, odds = p / (1 - p), p a softmax over the options' mean log-probabilities a
    token. So the text has either told something or leaves the key the likeliest. For a verbatim cloze
    support is no evidence; it is still asked not to be sure beforehand. Of a remote model, which gives 1 to
    its pick, nothing says how sure it is: a pick without the passage refuses nothing.
    """
    if len(question.options) < 2:
        return Verdict("text_helps", True, "no options to choose from")
    place = question.options.index(question.key)
    before = _shares(question, model, with_text=False)
    if SURE_WITHOUT <= before[place] < 1:
        return Verdict("text_helps", False, f"{before[place]:.3f} without the text")
    if is_verbatim(question):
        return Verdict("text_helps", True, VERBATIM)
    told = support(before, _shares(question, model, with_text=True), place)
    return Verdict("text_helps", told >= SUPPORT, f"{told:+.2f}")


def support(before: Shares, after: Shares, place: int) -> float:
    """Nats for the option at `place`; before, after: (n,) shares without and with the passage."""
    lead = np.log(max(after[place], LEAST)) - np.log(max(np.delete(after, place).max(), LEAST))
    return _log_odds(after[place]) - _log_odds(before[place]) + float(lead)


def key_share(question: Question, model: Scorer, with_text: bool) -> float:
    """The key's share of the options' probability, in [0, 1]."""
    return float(_shares(question, model, with_text)[question.options.index(question.key)])


def _shares(question: Question, model: Scorer, with_text: bool) -> Shares:
    if with_text:
        passage = " ".join(question.sentence.text.split())
        prompt = VETO_PROMPT.format(passage=passage, stem=question.stem)
        return model.choose(prompt, question.options, VETO_EXAMPLE)
    return model.choose(BLIND_PROMPT.format(stem=question.stem), question.options, BLIND_EXAMPLE)


def _log_odds(share: float) -> float:
    share = min(max(share, LEAST), 1 - LEAST)
    return float(np.log(share / (1 - share)))


def is_verbatim(question: Question) -> bool:
    """True where the stem, the key in its blank, is the source's sentence."""
    if BLANK not in question.body:
        return False
    filled = question.body.replace(BLANK, question.key).replace("a(n)", "a")
    return grammar.normalised(filled).replace(" an ", " a ") in grammar.normalised(
        question.sentence.text
    ).replace(" an ", " a ")


def stem_finds_source(question: Question, evidence: Evidence) -> Verdict:
    """By cosine alone, the quoted sentence is among the few of the text that are nearest to the stem.

    Works without a language model. A verbatim stem passes without being asked.
    """
    if not evidence.text or not question.sentence.text:
        return Verdict("stem_finds_source", True, NO_SOURCE)
    if is_verbatim(question) or question.kind in ("true_false", "ordering", "matching"):
        return Verdict("stem_finds_source", True, VERBATIM)
    rank = source_rank(question, evidence)
    return Verdict("stem_finds_source", rank <= FINDS_WITHIN, f"rank {rank}")


def source_rank(question: Question, evidence: Evidence) -> int:
    """1 where no sentence of the text is nearer to stem and key than the quoted one."""
    asked = f"{question.subject or question.body.replace(BLANK, ' ')} {question.key}"
    own = evidence.similarity(asked, question.sentence.text)
    return 1 + sum(
        evidence.similarity(asked, sentence.text) > own
        for sentence in evidence.sentences
        if sentence.end <= question.sentence.start or sentence.start >= question.sentence.end
    )


def not_guessable(question: Question, evidence: Evidence) -> Verdict:
    """The key is not so much nearer to the stem than every distractor that no text is needed."""
    if not question.distractors or question.form == "number":
        return Verdict("not_guessable", True)
    margin = guess_margin(question, evidence)
    return Verdict("not_guessable", margin <= GUESS_MARGIN, f"{margin:+.2f}")


def guess_margin(question: Question, evidence: Evidence) -> float:
    """Cosine of stem and key minus the highest of stem and a distractor."""
    asked = question.subject or question.body.replace(BLANK, " ")
    return evidence.similarity(asked, question.key) - max(
        evidence.similarity(asked, text) for text in question.distractors
    )

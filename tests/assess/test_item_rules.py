"""Rules on planted bad questions: found, named, told in words; and the good ones left alone."""

from dataclasses import replace

import pytest

from learnloop.assess.item_rules import ACTIONS, RULES, SENTENCES, Flag, Rules, flags, sentence
from learnloop.assess.item_statistics import ItemStatistics, item_statistics
from learnloop.i18n import LANGUAGES
from learnloop.simulate.question_answers import Parameters, Simulated, question_answers

PLANTED = {"wrong_key": 3, "two_right": 3, "dead_distractor": 3, "guessable": 2}
BANK = Parameters(
    n_questions=60, answers_per_question=600, per_learner=40, planted=PLANTED, guessed=(0.85, 0.9)
)


@pytest.fixture(scope="module")
def made() -> Simulated:
    return question_answers(BANK, seed=2)


@pytest.fixture(scope="module")
def found(made: Simulated) -> ItemStatistics:
    return item_statistics(made.answers, made.questions)


@pytest.fixture(scope="module")
def made_flags(found: ItemStatistics) -> list[Flag]:
    return flags(found)


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("wrong_key", {"wrong_key", "negative_discrimination"}),
        ("two_right", {"two_right"}),
        ("dead_distractor", {"dead_distractor"}),
    ],
)
def test_what_was_planted_is_found(
    made: Simulated, made_flags: list[Flag], kind: str, rules: set[str]
) -> None:
    planted = set(made.truth.loc[made.truth["planted"] == kind, "question_id"])
    assert {one.question_id for one in made_flags if one.rule in rules} >= planted


def test_the_right_option_is_named(made: Simulated, made_flags: list[Flag]) -> None:
    truth = made.truth.set_index("question_id")
    for one in made_flags:
        planted = truth.loc[one.question_id]
        if one.rule == planted["planted"] == "wrong_key":
            assert one.option == planted["true_key"]
        elif one.rule == planted["planted"]:
            assert one.option in (planted["second"], None)


def test_good_questions_of_every_difficulty_are_left_alone(made: Simulated, made_flags: list[Flag]) -> None:
    blamed = {one.question_id for one in made_flags if one.action != "practice"}
    good = made.truth[made.truth["planted"] == "good"]
    assert good["question_id"].isin(blamed).sum() <= 2
    assert (good["b"].abs() >= 2.5).sum() >= 5


def test_the_gravest_comes_first_and_a_rule_keeps_its_action(made_flags: list[Flag]) -> None:
    order = [ACTIONS.index(one.action) for one in made_flags]
    assert order == sorted(order)
    assert all(one.action == RULES[one.rule] for one in made_flags)


def test_very_easy_ones_are_for_practice_alone(found: ItemStatistics, made_flags: list[Flag]) -> None:
    easy = found.questions.loc[found.questions["difficulty"] > 0.95, "question_id"]
    assert len(easy) >= 1
    assert {one.question_id for one in made_flags if one.rule == "practice_only"} == set(easy)


def test_few_answers_say_nothing(made: Simulated) -> None:
    few = made.answers.groupby("question_id").head(20)
    assert flags(item_statistics(few, made.questions)) == []


def test_several_learners_with_the_same_report_are_heard(found: ItemStatistics) -> None:
    said = {("s:1", 1): {"wrong_key": 3, "typo": 9}, ("s:2", 1): {"wrong_key": 2}}
    of = [one for one in flags(found, reports=said) if one.rule == "reported"]
    assert [(one.question_id, one.action, one.evidence) for one in of] == [
        ("s:1", "review", {"reason": "wrong_key", "learners": 3})
    ]
    assert sentence(of[0]) == "3 learners report the same: the key is wrong."
    assert sentence(of[0], "es") == "3 personas avisan de lo mismo: la clave está mal."


def test_without_picks_a_wrong_key_is_still_suspended(made: Simulated) -> None:
    blind = item_statistics(made.answers.drop(columns="picked"))
    wrong = set(made.truth.loc[made.truth["planted"] == "wrong_key", "question_id"])
    assert {one.question_id for one in flags(blind) if one.action == "suspend"} & wrong
    assert not [one for one in flags(blind) if one.option is not None]


def test_a_stricter_rule_finds_no_more(found: ItemStatistics, made_flags: list[Flag]) -> None:
    strict = flags(found, replace(Rules(), alpha=0.001, likely=0.9))
    names = {(one.question_id, one.rule) for one in made_flags}
    loose_only = {"low_discrimination"}  # said where the graver word is not
    assert {(one.question_id, one.rule) for one in strict if one.rule not in loose_only} <= names


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_rule_has_words_with_its_numbers(made_flags: list[Flag], language: str) -> None:
    assert set(SENTENCES) == set(RULES)
    for one in made_flags:
        told = sentence(one, language)
        assert "{" not in told
        assert "nan" not in told
        assert one.option is None or f"{one.option}" in told

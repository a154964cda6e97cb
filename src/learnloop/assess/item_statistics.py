"""What learners' first answers say of each question: how hard it is, whom it tells apart, which options work.

    question_id demo:9f86  version 1  n 312  difficulty .61 [.56, .67]  discrimination .38 [.28, .47]
    question_id demo:9f86  version 1  option "Lyon"  is_key False  share .04  upper .00  lower .09

First attempts alone: what a learner answers later has been learned from the first. Data are sparse, because
each learner answers some of the bank. So the score that an answer is held against (the rest score) is not a
count of right answers, which would call a learner able who was given easy questions:

    s_li = k / (k + SHRINK) · mean over the k other questions j of learner l of (x_lj - p_j)

where x is 1 for a right answer and p_j the share right of question j. A learner with fewer than LEAST_REST
other questions has none, and is left out of what needs one. Discrimination is Pearson's correlation of x_li
and s_li over learners, the corrected item-rest correlation (Henrysson 1963), a point-biserial. Questions
whose own is negative spoil the scores of the others, and are left out of them in a second pass.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from learnloop.assess import item_stories
from learnloop.assess.intervals import LEVEL, Array, above, below, correlations, fisher, wilson
from learnloop.assess.item_slopes import Slopes, profile

LEAST_REST = 5  # other questions behind a rest score
SHRINK = 5.0  # questions: a rest score of few answers is nearer to 0
FAR = 3.0  # robust standard deviations of log seconds: farther is an outlier
SHUNNED = 0.25  # of its fair part of the wrong answers: a distractor with less is shunned
KEYS = ["question_id", "version"]
COLUMNS = ("learner_id", "question_id", "version", "picked", "correct", "seconds", "occurred_at")


@dataclass(frozen=True)
class ItemStatistics:
    """questions: a row a question and version: question_id, version, n; difficulty (share right, _low and
    _high: Wilson); n_rest, discrimination (_low, _high: Fisher's z), p_negative (of one side, against 0);
    slope (of bank's scores, in units of the bank's typical one, _low, _high), p_flat (against `flat` of it);
    n_seconds, seconds (median, _low, _high: order statistics), too_fast, too_slow (outliers).

    options: a row an option: question_id, version, option, is_key, listed (one of the question's
    options), n (answers with a known pick), picked, share (_low, _high); upper and lower (share among the
    third with the highest and the lowest rest scores, _low, _high), n_upper, n_lower; discrimination (_low,
    _high) of picking it, p_positive (against 0); rivalry, the same among the answers off the key, p_rivalry;
    n_wrong (answers off the key), p_dead (that it is picked as often as `dead` of all answers), p_shunned
    (as often as SHUNNED of its fair part of the answers off the key); two, instead, unpicked, part, and of a
    question sound, given, guess, as `item_stories` says them. NaN where nothing can be said.
    """

    questions: pd.DataFrame
    options: pd.DataFrame


def first_attempts(answers: pd.DataFrame) -> pd.DataFrame:
    """One row a learner, question and version: the earliest, of equals (or where no time is known) the first.

    answers: learner_id, question_id, correct; version (1), picked, seconds, occurred_at may be absent.
    """
    absent = {"version": 1, "picked": None, "seconds": np.nan, "occurred_at": pd.NaT}
    frame = answers.assign(**{name: value for name, value in absent.items() if name not in answers})
    frame = frame.sort_values("occurred_at", kind="stable", na_position="last")
    frame = frame.drop_duplicates(["learner_id", *KEYS]).sort_index(kind="stable")
    return frame[list(COLUMNS)].reset_index(drop=True)


def item_statistics(
    answers: pd.DataFrame, questions: pd.DataFrame | None = None, *, flat: float = 0.5, dead: float = 0.05
) -> ItemStatistics:
    """answers: of learners, as `first_attempts` takes them (later attempts are left out here).

    questions: question_id, version, key, options (list of str; [] where free text is expected). A question
    that is not in it has statistics without options. flat, dead: what p_flat and p_dead are held against.
    """
    first = first_attempts(answers)
    codes = first.groupby(KEYS, sort=True).ngroup().to_numpy()
    names = first[KEYS].drop_duplicates().sort_values(KEYS, ignore_index=True)
    learners = pd.factorize(first["learner_id"])[0]
    correct = first["correct"].to_numpy(dtype=float)
    rest = _twice(learners, codes, correct, len(names))
    frame = names.assign(**_difficulty(codes, correct, len(names))).astype({"n": int})
    frame = frame.assign(**_discrimination(codes, correct, rest, len(names)))
    slopes = _slopes(codes, correct, rest, _chances(names, questions), flat)
    frame = frame.assign(
        slope=slopes.slope, slope_low=slopes.low, slope_high=slopes.high, p_flat=slopes.p_flat
    )
    frame = frame.assign(**_times(codes, first["seconds"].to_numpy(dtype=float), len(names)))
    options, given = _options(first, codes, names, rest, questions, dead, slopes.typical)
    return ItemStatistics(pd.concat([frame, given], axis=1), options)


def rest_scores(
    learners: np.ndarray, questions: np.ndarray, correct: Array, counted: np.ndarray
) -> tuple[Array, np.ndarray]:
    """(n,) rest score of each answer, NaN where fewer than LEAST_REST others; (n,) how many others.

    learners, questions: (n,) codes; correct: (n,) 0 or 1; counted: (n_questions,) bool, which ones score.
    """
    n = np.maximum(np.bincount(questions, minlength=len(counted)), 1)
    share = np.bincount(questions, correct, len(counted)) / n
    counts = counted[questions].astype(float)
    own = (correct - share[questions]) * counts
    others = np.bincount(learners, counts)[learners] - counts
    total = np.bincount(learners, own)[learners] - own
    score = np.where(others >= LEAST_REST, total / (others + SHRINK), np.nan)
    return score, others.astype(int)


def _twice(learners: np.ndarray, codes: np.ndarray, correct: Array, n_questions: int) -> Array:
    """Rest scores without the questions that the first pass found to be answered better by the weaker."""
    counted = np.ones(n_questions, dtype=bool)
    score, _ = rest_scores(learners, codes, correct, counted)
    known = ~np.isnan(score)
    found = correlations(codes[known], correct[known], score[known], n_questions)
    counted = ~(found.r < 0)
    again, _ = rest_scores(learners, codes, correct, counted)
    # too few are left to score by where most of a learner's questions are bad
    return np.where(np.isnan(again), score, again)


def _difficulty(codes: np.ndarray, correct: Array, n_questions: int) -> dict[str, Array]:
    n = np.bincount(codes, minlength=n_questions)
    right = np.bincount(codes, correct, n_questions)
    low, high = wilson(right, n)
    return {"n": n.astype(float), "difficulty": right / n, "difficulty_low": low, "difficulty_high": high}


def _discrimination(codes: np.ndarray, correct: Array, rest: Array, n_questions: int) -> dict[str, Array]:
    known = ~np.isnan(rest)
    found = correlations(codes[known], correct[known], rest[known], n_questions)
    low, high = fisher(found.r, found.n)
    return {
        "n_rest": found.n.astype(int),
        "discrimination": found.r,
        "discrimination_low": low,
        "discrimination_high": high,
        "p_negative": np.where(np.isnan(found.r), np.nan, below(found.r, found.n)),
    }


def _chances(names: pd.DataFrame, questions: pd.DataFrame | None) -> Array:
    """P(right) of a guess: 1 / options, 0 where there are none."""
    if questions is None:
        return np.zeros(len(names))
    n_options = questions["options"].map(lambda options: len(options) if options is not None else 0)
    merged = names.merge(questions[KEYS].assign(n=n_options), "left", KEYS)["n"].fillna(0).to_numpy()
    return np.where(merged > 1, 1 / np.maximum(merged, 1), 0.0)


def _slopes(codes: np.ndarray, correct: Array, rest: Array, chances: Array, flat: float) -> Slopes:
    known = ~np.isnan(rest)
    return profile(codes[known], correct[known], rest[known], chances, flat)


def _times(codes: np.ndarray, seconds: Array, n_questions: int) -> dict[str, Array]:
    """Medians with the interval of order statistics; outliers by the median absolute deviation of logs."""
    found = np.full((6, n_questions), np.nan)
    known = np.flatnonzero(seconds > 0)
    order = known[np.lexsort((seconds[known], codes[known]))]
    counts = np.bincount(codes[order], minlength=n_questions)
    found[0], found[4], found[5] = counts, 0, 0
    for code, group in enumerate(np.split(seconds[order], np.cumsum(counts)[:-1])):
        if len(group):
            ends = stats.binom.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2], len(group), 0.5).astype(int)
            logs = np.log(group)
            middle = np.median(logs)
            far = FAR * 1.4826 * np.median(np.abs(logs - middle))
            found[1:4, code] = (
                np.median(group),
                group[max(ends[0] - 1, 0)],
                group[min(ends[1], len(group) - 1)],
            )
            found[4:, code] = (logs < middle - far).sum(), (logs > middle + far).sum()
    names = ("n_seconds", "seconds", "seconds_low", "seconds_high", "too_fast", "too_slow")
    whole = ("n_seconds", "too_fast", "too_slow")
    return {name: row.astype(int) if name in whole else row for name, row in zip(names, found, strict=True)}


def _options(
    first: pd.DataFrame,
    codes: np.ndarray,
    names: pd.DataFrame,
    rest: Array,
    questions: pd.DataFrame | None,
    dead: float,
    typical: float,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row an option that the question has, or that somebody gave; what is said of each question beside."""
    known = first["picked"].notna().to_numpy()
    code, score = codes[known], rest[known]
    frame = _listed(names, questions, code, first["picked"].to_numpy(dtype=object)[known])
    place = pd.MultiIndex.from_frame(frame[["code", "option"]])
    at = place.get_indexer(
        pd.MultiIndex.from_arrays([code, first["picked"].to_numpy(dtype=object)[known].astype(str)])
    )
    of, is_key = frame["code"].to_numpy(), frame["is_key"].to_numpy()
    n = np.bincount(code, minlength=len(names))[of]
    picked = np.bincount(at, minlength=len(frame))
    frame = frame.assign(n=n, picked=picked, **_shares("share", picked, n))
    thirds = _thirds(code, score)
    for name, third in (("upper", 2), ("lower", 0)):
        within = thirds == third
        total = np.bincount(code[within], minlength=len(names))[of]
        taken = np.bincount(at[within], minlength=len(frame))
        frame = frame.assign(**{f"n_{name}": total}, **_shares(name, taken, total))
    scored = ~np.isnan(score)
    r, n_rest = _picking(code[scored], at[scored], score[scored], of, len(names))
    low, high = fisher(r, n_rest)
    frame = frame.assign(
        discrimination=r,
        discrimination_low=low,
        discrimination_high=high,
        p_positive=np.where(np.isnan(r), np.nan, above(r, n_rest)),
    )
    off = scored & ~is_key[at]
    rivalry, n_off = _picking(code[off], at[off], score[off], of, len(names))
    rivalry = np.where(is_key, np.nan, rivalry)
    n_wrong = n - np.bincount(of, np.where(is_key, picked, 0), len(names))[of].astype(int)
    wrong = frame["listed"].to_numpy() & ~is_key
    fair = SHUNNED / np.maximum(np.bincount(of, wrong, len(names))[of], 1)
    frame = frame.assign(
        rivalry=rivalry,
        p_rivalry=np.where(np.isnan(rivalry), np.nan, above(rivalry, n_off)),
        n_wrong=n_wrong,
        p_dead=np.where(wrong & (n > 0), stats.binom.cdf(picked, n, dead), np.nan),
        p_shunned=np.where(wrong & (n_wrong > 0), stats.binom.cdf(picked, n_wrong, fair), np.nan),
    )
    told, given = item_stories.of_options(
        frame[["code", "is_key", "listed"]], code[scored], at[scored], score[scored], len(names), typical
    )
    return pd.concat([frame.drop(columns="code"), told], axis=1), given


def _listed(
    names: pd.DataFrame, questions: pd.DataFrame | None, code: np.ndarray, picked: np.ndarray
) -> pd.DataFrame:
    """code, question_id, version, option, is_key, listed: options as shown, then what else was given."""
    given = pd.DataFrame({"code": code, "option": picked.astype(str), "listed": False})
    if questions is None:
        keys = pd.Series(dtype=object)
        listed = given[:0]
    else:
        of = names.reset_index(names="code").merge(questions[[*KEYS, "key", "options"]], "inner", KEYS)
        keys = of.set_index("code")["key"]
        options = of[["code", "options"]].explode("options").dropna()
        listed = options.rename(columns={"options": "option"}).assign(listed=True)
    both = pd.concat([listed, given]).drop_duplicates(["code", "option"]).sort_values("code", kind="stable")
    both = both.astype({"code": int, "option": object, "listed": bool}).reset_index(drop=True)
    told = names.iloc[both["code"].to_numpy()].reset_index(drop=True)
    is_key = (both["code"].map(keys) == both["option"]).to_numpy(dtype=bool)
    return pd.concat([both[["code"]], told, both[["option"]]], axis=1).assign(
        is_key=is_key, listed=both["listed"]
    )


def _shares(name: str, k: np.ndarray, n: np.ndarray) -> dict[str, Array]:
    low, high = wilson(k, n)
    share = np.divide(k, n, out=np.full(len(k), np.nan), where=n > 0)
    return {name: share, f"{name}_low": low, f"{name}_high": high}


def _thirds(code: np.ndarray, score: Array) -> np.ndarray:
    """0, 1 or 2: the third of its question's answers by rest score; -1 where there is none."""
    rank = pd.Series(score).groupby(code).rank(pct=True, method="average").to_numpy(dtype=float)
    return np.nan_to_num(np.ceil(rank * 3) - 1, nan=-1).astype(int)


def _picking(
    code: np.ndarray, at: np.ndarray, score: Array, of: np.ndarray, n_questions: int
) -> tuple[Array, np.ndarray]:
    """Of each option: the correlation of being picked with the score, and how many answers are behind it.

    With q the share of picks, m their mean score, and M, S the mean and deviation of all scores of the
    question: r = √(q / (1 - q)) (m - M) / S.
    """
    n = np.bincount(code, minlength=n_questions)
    mean = np.bincount(code, score, n_questions) / np.maximum(n, 1)
    apart = score - mean[code]
    deviation = np.sqrt(np.bincount(code, apart**2, n_questions) / np.maximum(n, 1))[of]
    taken = np.bincount(at, minlength=len(of))
    shift = np.bincount(at, apart, len(of)) / np.maximum(taken, 1)
    q = taken / np.maximum(n[of], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.sqrt(q / (1 - q)) * shift / deviation
    sound = (taken > 0) & (taken < n[of]) & (deviation > 1e-9)
    return np.where(sound, np.clip(r, -1, 1), np.nan), n[of]

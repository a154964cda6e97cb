"""A large catalogue's log with planted structure, to compare recommenders on where the truth is known.

    learner_id  item_id    at             origin
    l004021     c017-l05   1712041447.2   taste

Courses of lessons in order; learners come at any time, with tastes in a latent space; courses are published
over time and their first popularity fades. Each event has one of four origins (`Mix`):

- next: the lesson after the one the learner did last, where the course has one;
- taste: item i with probability proportional to exp(x_u . y_i) z_i^0.5, z_i its share by Zipf's law;
- popular: proportional to z_i (1 + BOOST exp(-age_i / FADE)), age_i the time since i was published;
- noise: any item published by then.

So neither popularity, nor factors, nor order alone explains the log; `next_probabilities` explains all there
is to explain. Not a model of learning: for that there is `simulate.learners`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from learnloop.errors import BadInput

START = 1_704_067_200.0  # 2024-01-01T00:00:00Z, seconds since 1970
SPAN = 730 * 86_400.0  # two years
TASTES = 12  # dimensions of the latent space
STRENGTH = 3.0  # standard deviation of x_u . y_i over items: e^3 between a good match and an indifferent one
WITHIN = 0.35  # how far the lessons of a course lie from its centre, as a share of the whole spread
LESSONS = 20  # a course
ATTRITION = 0.95  # of the learners who reach a lesson by themselves, the next one keeps so many
ZIPF = 0.9
AT_START = 0.6  # share of the courses that are published when the log begins
BOOST, FADE = 4.0, 60 * 86_400.0  # what is new is five times as popular; that falls to 1/e in 60 days
FEWEST = 5  # events of a learner
LANGUAGES = ("en", "es", "de")
BLOCK = 256  # learners at a time: their probabilities of 5,000 items are 5 MB, which a cache holds
ORIGINS = ("next", "taste", "popular", "noise")
WINDOWS = 200  # popularity is taken as constant within a two-hundredth of the span


@dataclass(frozen=True)
class Mix:
    """Chance of `following` (next lesson), and of taste, popularity and noise where an event does not."""

    following: float = 0.4
    taste: float = 0.65
    popular: float = 0.25
    noise: float = 0.1

    def __post_init__(self) -> None:
        others = self.taste + self.popular + self.noise
        if min(self.following, self.taste, self.popular, self.noise) < 0 or self.following > 1:
            raise BadInput(f"{self} has a chance outside 0 to 1", field="mix")
        if abs(others - 1) > 1e-9:
            raise BadInput(f"taste, popular and noise add up to {others:.3f}, not 1", field="mix")


@dataclass(frozen=True)
class CatalogueLog:
    """What happened and what made it happen.

    events: learner_id, item_id, at (seconds since 1970), origin; in order of `at`. items, in order of
    publication: item_id, course_id, lesson (0-based), title, subject, level, language, published_at,
    zipf (shares that add up to 1). tastes: (n_learners, TASTES) of `learner_ids`; item_tastes: (n_items,
    TASTES).
    """

    events: pd.DataFrame
    items: pd.DataFrame
    learner_ids: np.ndarray
    tastes: np.ndarray
    item_tastes: np.ndarray
    mix: Mix


def catalogue_log(
    *,
    n_learners: int = 100_000,
    n_items: int = 5_000,
    n_interactions: int = 5_000_000,
    seed: int,
    mix: Mix | None = None,
) -> CatalogueLog:
    """Exactly `n_interactions` events; the same seed gives the same log. Raises BadInput on sizes too small.

    The full size takes about half a minute and 2 GB.
    """
    if n_learners < 1 or n_items < 1 or n_interactions < FEWEST * n_learners or seed < 0:
        raise BadInput(
            f"{n_interactions} interactions of {n_learners} learners with {n_items} items cannot be made:"
            f" each learner has at least {FEWEST}",
            field="n_interactions",
        )
    mix = mix or Mix()
    rng = np.random.default_rng(seed)
    items, item_tastes = _items(n_items, rng)
    tastes = rng.normal(0.0, 1.0, (n_learners, TASTES))
    learner, at = _moments(n_learners, n_interactions, rng)
    published = np.searchsorted(items["published_at"].to_numpy(), at, side="right")
    origin = _origins(learner, mix, rng)
    drawn = _drawn(origin, learner, at, published, items, tastes, item_tastes, rng)
    item, origin = _followed(drawn, origin, learner, items["lesson"].to_numpy(), _ends(items))
    order = np.argsort(at, kind="stable")
    width = max(6, len(str(n_learners - 1)))
    learner_ids = np.array([f"l{number:0{width}d}" for number in range(n_learners)], dtype=object)
    events = pd.DataFrame(
        {
            "learner_id": pd.array(learner_ids, dtype="str").take(learner[order]),
            "item_id": items["item_id"].array.take(item[order]),
            "at": at[order],
            "origin": pd.array(ORIGINS, dtype="str").take(origin[order]),
        }
    )
    return CatalogueLog(events, items, learner_ids, tastes, item_tastes, mix)


def next_probabilities(log: CatalogueLog, learner: int, last: int | None, at: float) -> np.ndarray:
    """(n_items,) P(next event is item i) of a learner (row of `tastes`) who did item `last` (row) before."""
    published = int(np.searchsorted(log.items["published_at"].to_numpy(), at, side="right"))
    zipf = log.items["zipf"].to_numpy()
    liked = np.exp(log.item_tastes @ log.tastes[learner]) * np.sqrt(zipf)
    popular = zipf * _freshness(log.items["published_at"].to_numpy(), int(_window(np.array([at]))[0]))
    found = np.zeros(len(zipf))
    for share, weight in (
        (log.mix.taste, liked),
        (log.mix.popular, popular),
        (log.mix.noise, np.ones(len(zipf))),
    ):
        found[:published] += share * weight[:published] / weight[:published].sum()
    if last is not None and last < _ends(log.items)[last]:
        found *= 1 - log.mix.following
        found[last + 1] += log.mix.following
    return found


def _items(n_items: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """The catalogue, courses in order of publication and lessons in order, and its tastes."""
    n_courses = -(-n_items // LESSONS)
    course, lesson = np.divmod(np.arange(n_items), LESSONS)
    # The first so many are there at the start; the others come evenly, the last at nine tenths of the span.
    late = n_courses - max(1, round(AT_START * n_courses))
    waits = np.r_[np.zeros(n_courses - late), np.linspace(0.9 / max(late, 1), 0.9, late)]
    zipf = (1.0 / (1.0 + rng.permutation(n_courses)) ** ZIPF)[course] * ATTRITION**lesson
    n_subjects = min(10, n_courses)
    subjects = rng.normal(0.0, 1.0, (n_subjects, TASTES))
    subject = rng.integers(0, n_subjects, n_courses)
    centres = subjects[subject] + rng.normal(0.0, 1.0, (n_courses, TASTES))
    tastes = centres[course] + WITHIN * rng.normal(0.0, 1.0, (n_items, TASTES))
    tastes *= STRENGTH / np.sqrt((tastes**2).sum(axis=1).mean())
    level, language = rng.integers(1, 4, n_courses), rng.choice(len(LANGUAGES), n_courses, p=[0.7, 0.2, 0.1])
    width = max(3, len(str(n_courses - 1)))
    course_ids = [f"c{number:0{width}d}" for number in range(n_courses)]
    frame = pd.DataFrame(
        {
            "item_id": [f"{course_ids[c]}-l{number:02d}" for c, number in zip(course, lesson, strict=True)],
            "course_id": [course_ids[c] for c in course],
            "lesson": lesson,
            "title": [
                f"Subject {subject[c]}, course {c}, lesson {k + 1}"
                for c, k in zip(course, lesson, strict=True)
            ],
            "subject": [f"subject {subject[c]}" for c in course],
            "level": [str(level[c]) for c in course],
            "language": [LANGUAGES[language[c]] for c in course],
            "published_at": START + waits[course] * SPAN,
            "zipf": zipf / zipf.sum(),
        }
    )
    return frame, tastes


def _moments(n_learners: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(learner, at), (n,) each, by learner and time: how busy learners are is log-normal."""
    busy = rng.lognormal(0.0, 0.9, n_learners)
    counts = FEWEST + rng.multinomial(n - FEWEST * n_learners, busy / busy.sum())
    learner = np.repeat(np.arange(n_learners), counts)
    began = 0.97 * rng.random(n_learners)
    stays = (1.0 - began) * rng.beta(1.0, 2.0, n_learners)
    at = START + SPAN * (began[learner] + stays[learner] * rng.random(n))
    return learner, at[np.lexsort([at, learner])]


def _origins(learner: np.ndarray, mix: Mix, rng: np.random.Generator) -> np.ndarray:
    """(n,) places in ORIGINS. A learner's first event follows nothing."""
    edges = np.cumsum([mix.taste, mix.popular])
    origin = 1 + np.searchsorted(edges, rng.random(len(learner)), side="right")
    follows = (rng.random(len(learner)) < mix.following) & np.r_[False, learner[1:] == learner[:-1]]
    # An event that wants to follow keeps the other origin, too, for where the course has ended: times 4.
    return np.where(follows, 4 * origin, origin)


def _drawn(
    origin: np.ndarray,
    learner: np.ndarray,
    at: np.ndarray,
    published: np.ndarray,
    items: pd.DataFrame,
    tastes: np.ndarray,
    item_tastes: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """(n,) rows of `items`: what each event would be if it followed nothing."""
    kind = np.where(origin >= 4, origin // 4, origin)
    luck = rng.random(len(kind))
    item = np.minimum((luck * published).astype(np.int64), published - 1)  # noise
    by_popularity = kind == ORIGINS.index("popular")
    item[by_popularity] = _popular(luck[by_popularity], at[by_popularity], published[by_popularity], items)
    by_taste = np.flatnonzero(kind == ORIGINS.index("taste"))
    edges = np.searchsorted(learner[by_taste], np.arange(len(tastes) + 1))
    affinity = np.c_[item_tastes, np.log(items["zipf"].to_numpy()) / 2].T.astype(np.float32)
    people = np.c_[tastes, np.ones(len(tastes))].astype(np.float32)
    for first in range(0, len(tastes), BLOCK):
        liked = people[first : first + BLOCK] @ affinity
        sums = np.cumsum(np.exp(liked, out=liked), axis=1, out=liked)
        for row, own in enumerate(sums, first):
            rows = by_taste[edges[row] : edges[row + 1]]
            item[rows] = _inverse(own, published[rows], luck[rows])
    return item


def _inverse(sums: np.ndarray, published: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """Items drawn with the probabilities whose running sums are given, among the first `published`.

    Items lie in order of publication, so what was published by a moment is a prefix of them.
    """
    found = np.searchsorted(sums, (luck * sums[published - 1]).astype(sums.dtype), side="right")
    return np.minimum(found, published - 1)


def _popular(luck: np.ndarray, at: np.ndarray, published: np.ndarray, items: pd.DataFrame) -> np.ndarray:
    zipf, released, window = items["zipf"].to_numpy(), items["published_at"].to_numpy(), _window(at)
    found = np.empty(len(at), dtype=np.int64)
    for number in np.unique(window):
        rows = np.flatnonzero(window == number)
        sums = np.cumsum(zipf * _freshness(released, number))
        found[rows] = _inverse(sums, published[rows], luck[rows])
    return found


def _window(at: np.ndarray) -> np.ndarray:
    return np.minimum(((at - START) / SPAN * WINDOWS).astype(np.int64), WINDOWS - 1)


def _freshness(released: np.ndarray, window: int) -> np.ndarray:
    age = np.maximum(START + window * SPAN / WINDOWS - released, 0.0)
    return 1.0 + BOOST * np.exp(-age / FADE)


def _ends(items: pd.DataFrame) -> np.ndarray:
    """(n_items,) the row of the last lesson of each item's course."""
    row = pd.Series(np.arange(len(items)))
    return row.groupby(items["course_id"].to_numpy()).transform("max").to_numpy()


def _followed(
    drawn: np.ndarray, origin: np.ndarray, learner: np.ndarray, lesson: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(items, origins) once every event that follows is the lesson after the one before it.

    A run that would leave its course is broken there, by what the event would be otherwise, until none is.
    """
    starts = origin < 4
    place = np.arange(len(drawn))
    while True:
        head = np.maximum.accumulate(np.where(starts, place, 0))
        beyond = ~starts & (drawn[head] + (place - head) > ends[drawn[head]])
        first = beyond & ~np.r_[False, beyond[:-1] & ~starts[1:]]
        if not first.any():
            break
        starts = starts | first
    item = drawn[head] + (place - head)
    return item, np.where(starts, np.where(origin >= 4, origin // 4, origin), ORIGINS.index("next"))

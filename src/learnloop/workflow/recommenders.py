"""The recommenders by name: what can be trained, tuned and evaluated. Contract: tests/contracts."""

from learnloop.recommend.als import IALS
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.random_ranking import RandomRanking

RECOMMENDERS: dict[str, type] = {kind.name: kind for kind in (RandomRanking, Popularity, IALS)}

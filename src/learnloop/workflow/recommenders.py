"""The recommenders by name: what can be trained, tuned and evaluated. Contract: tests/contracts."""

from learnloop.recommend.als import IALS
from learnloop.recommend.blend import Blend
from learnloop.recommend.bpr import BPR
from learnloop.recommend.ease import EASE
from learnloop.recommend.hybrid import Hybrid
from learnloop.recommend.neighbours import ItemNeighbours
from learnloop.recommend.popularity import Popularity
from learnloop.recommend.random_ranking import RandomRanking
from learnloop.recommend.sasrec import SASRec

RECOMMENDERS: dict[str, type] = {
    kind.name: kind
    for kind in (RandomRanking, Popularity, ItemNeighbours, EASE, IALS, BPR, Hybrid, SASRec, Blend)
}

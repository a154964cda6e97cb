"""SASRec: the NumPy forward pass against PyTorch, its windows and loss, and a planted order it must find."""

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.recommend.sasrec import SASRec, _held_out, encode, starting_vectors

N_ITEMS = 30


def ordered(n_learners: int, seed: int) -> pd.DataFrame:
    """A learner starts anywhere and mostly goes from item i to item 7 i + 1 (mod N_ITEMS)."""
    rng = np.random.default_rng(seed)
    rows = []
    for learner in range(n_learners):
        item, done = int(rng.integers(N_ITEMS)), []
        for _ in range(8):
            done.append(item)
            item = after(item) if rng.random() < 0.9 else int(rng.integers(N_ITEMS))
        places = {f"s:item{place:02d}": at for at, place in enumerate(done)}
        rows += [(f"l{learner:03d}", item_id, 1.0, float(at)) for item_id, at in places.items()]
    return pd.DataFrame(rows, columns=["learner_id", "item_id", "weight", "at"])


def after(item: int) -> int:
    return (7 * item + 1) % N_ITEMS


@pytest.fixture(scope="module")
def model() -> SASRec:
    return SASRec(factors=32, epochs=12).fit(ordered(300, seed=0))


def test_a_planted_order_is_found(model: SASRec) -> None:
    histories = [[f"s:item{(item + 11) % N_ITEMS:02d}", f"s:item{item:02d}"] for item in range(N_ITEMS)]
    best = model.item_ids[model.scores(histories).argmax(axis=1)]
    right = [found == f"s:item{after(item):02d}" for item, found in enumerate(best)]
    assert np.mean(right) > 0.8  # chance is 1 in 30


def test_only_the_newest_items_count_and_each_at_its_last_place(model: SASRec) -> None:
    short = SASRec(length=3, epochs=1).fit(ordered(40, seed=1))
    items = short.item_ids.tolist()
    whole, newest = short.scores([items[:9], items[6:9]])
    np.testing.assert_array_equal(whole, newest)
    repeated, plain = model.scores([[*items[:3], items[0]], [items[1], items[2], items[0]]])
    np.testing.assert_array_equal(repeated, plain)


def test_a_new_learner_gets_the_log_share_of_each_item(model: SASRec) -> None:
    signals = ordered(300, seed=0)
    share = signals.groupby("item_id")["learner_id"].nunique() / signals["learner_id"].nunique()
    np.testing.assert_allclose(model.scores([[]])[0], np.log(share.loc[model.item_ids]), rtol=1e-5)


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("length", [1, 2, 9])
def test_numpy_scores_as_pytorch(heads: int, length: int) -> None:
    import torch

    from learnloop.recommend.sasrec_network import PAD, Network

    rng = np.random.default_rng(5)
    plan = plan_of(SASRec(factors=16, heads=heads, length=9, blocks=3))
    network = Network(
        rng.standard_normal((20, 16)).astype(np.float32), rng.standard_normal(20).astype(np.float32), plan
    )
    with torch.no_grad():
        for values in network.parameters():  # norms and biases too, which start as ones and zeros
            values.add_(torch.from_numpy(rng.normal(0, 0.3, values.shape).astype(np.float32)))
        network.eval()
        windows = rng.integers(0, 20, (6, length))
        padded = np.full((6, 9), PAD)
        padded[:, 9 - length :] = windows
        wanted = network(torch.from_numpy(padded))[:, -1].numpy()
    weights = {name: values.numpy() for name, values in network.state_dict().items()}
    np.testing.assert_allclose(encode(weights, windows, heads), wanted, rtol=2e-4, atol=2e-5)


def plan_of(model: SASRec) -> object:
    from learnloop.recommend.sasrec import SETTINGS
    from learnloop.recommend.sasrec_network import Plan

    return Plan(**{name: getattr(model, name) for name in SETTINGS if name != "seed"})


def test_the_loss_equals_the_plain_formula() -> None:
    import torch

    from learnloop.recommend.sasrec_network import Network, softmax_loss

    rng = np.random.default_rng(6)
    plan = plan_of(SASRec(factors=4))
    network = Network(
        rng.standard_normal((7, 4)).astype(np.float32), rng.standard_normal(7).astype(np.float32), plan
    )
    states, wanted = rng.standard_normal((3, 4)).astype(np.float32), np.array([2, 5, 5])
    logits = states @ network.item_vectors.detach().numpy().T + network.item_bias.detach().numpy()

    def plain(row: int, among: list[int]) -> float:
        return -logits[row, wanted[row]] + np.log(np.exp(logits[row, among]).sum())

    def ours(negatives: list[int] | None) -> float:
        drawn = None if negatives is None else torch.tensor(negatives)
        return float(
            softmax_loss(network, torch.from_numpy(states), torch.from_numpy(wanted), drawn).detach()
        )

    assert ours(None) == pytest.approx(np.mean([plain(row, list(range(7))) for row in range(3)]), rel=1e-5)
    # item 2 is drawn, and is what the first row wants: it must not stand against itself
    few = [plain(0, [2, 0, 3]), plain(1, [5, 0, 2, 3]), plain(2, [5, 0, 2, 3])]
    assert ours([0, 2, 3]) == pytest.approx(np.mean(few), rel=1e-5)


def test_a_tie_is_half_a_win_in_validation() -> None:
    """Without vectors every item scores its bias: two others tie, one is above, one is seen."""
    import torch

    from learnloop.recommend.sasrec_network import Network, validate

    network = Network(np.zeros((6, 4), np.float32), np.zeros(6, np.float32), plan_of(SASRec(factors=4)))
    with torch.no_grad():
        network.item_vectors.zero_()
        network.item_bias.copy_(torch.tensor([9.0, 2.0, 1.0, 1.0, 1.0, 0.0]))
    sequence = np.array([0, 3])  # above the wanted item: item 1, and half of the two that tie
    assert validate(network, [sequence]) == pytest.approx(1 / np.log2(1 + 1 + 2))
    blind = Network(np.zeros((6, 4), np.float32), np.zeros(6, np.float32), plan_of(SASRec(factors=4)))
    with torch.no_grad():
        blind.item_vectors.zero_()
    assert validate(blind, [sequence]) == pytest.approx(1 / np.log2(4 / 2 + 2)), "no better than chance"


def test_windows_foresee_every_item_but_the_first_once() -> None:
    from learnloop.recommend.sasrec_network import PAD, windows_of

    sequences = [np.arange(100, 100 + size) for size in (2, 3, 4, 5, 6, 7, 8, 9, 23)]
    for seed in range(20):
        windows = windows_of(sequences, 4, 1000, np.random.default_rng(seed))
        assert windows.shape[1] == 5
        foreseen = np.sort(windows[:, 1:][windows[:, :-1] != PAD])
        np.testing.assert_array_equal(foreseen, np.sort(np.concatenate([one[1:] for one in sequences])))
        real = windows != PAD
        assert (real[:, 1:] >= real[:, :-1]).all()  # padding is on the left alone
        assert (np.diff(windows, axis=1)[real[:, :-1]] == 1).all()
    assert len(windows_of(sequences, 4, 3, np.random.default_rng(0))) == 3


def test_what_says_when_to_stop_is_not_trained_on() -> None:
    sequences = [np.arange(size) for size in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)]
    fitting, validation = _held_out(sequences, np.random.default_rng(0))
    assert len(validation) == 2
    sizes = {len(one) for one in validation}
    assert min(sizes) >= 3
    assert sorted(map(len, fitting)) == sorted(n - 1 if n in sizes else n for n in range(1, 11))


def test_starting_vectors_are_those_of_the_plain_eigenproblem() -> None:
    rng = np.random.default_rng(8)
    sequences = [rng.permutation(12)[: rng.integers(1, 12)] for _ in range(40)]
    A = np.zeros((13, 13))  # and an item that nobody did near another
    for sequence in sequences:
        for i, one in enumerate(sequence):
            for j, other in enumerate(sequence):
                if 1 <= abs(i - j) <= 5:
                    A[one, other] += 0.7 ** (abs(i - j) - 1)
    D = np.diag(1 / np.sqrt(np.where(A.sum(0) > 0, A.sum(0), 1)))
    values, vectors = np.linalg.eigh(D @ A @ D)
    wanted = (vectors * np.sqrt(np.maximum(values, 0)))[:, -5:]
    wanted[:12] *= 0.3 / np.linalg.norm(wanted[:12], axis=1, keepdims=True)
    found = starting_vectors(sequences, 13, factors=5)
    np.testing.assert_allclose(found @ found.T, wanted @ wanted.T, atol=1e-5)  # equal but for signs
    np.testing.assert_array_equal(found[12], 0)
    np.testing.assert_array_equal(starting_vectors([np.array([0]), np.array([1])], 2, factors=5), 0)


def test_fitting_leaves_pytorch_as_it_was() -> None:
    import torch

    torch.manual_seed(3)
    expected, threads = torch.rand(2), torch.get_num_threads()
    torch.manual_seed(3)
    SASRec(epochs=1).fit(ordered(20, seed=2))
    assert torch.equal(torch.rand(2), expected)
    assert torch.get_num_threads() == threads


def test_learners_of_one_item_each_leave_popularity() -> None:
    signals = pd.DataFrame(
        {"learner_id": list("abcd"), "item_id": ["s:x", "s:x", "s:x", "s:y"], "weight": 1.0, "at": 0.0}
    )
    scores = SASRec(factors=4).fit(signals).scores([[], ["s:y"]])
    assert (scores[:, 0] > scores[:, 1]).all()


@pytest.mark.parametrize("wrong", [{"factors": 10, "heads": 3}, {"dropout": 1.0}, {"epochs": 0}])
def test_settings_out_of_range_are_bad_input(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        SASRec(**wrong)

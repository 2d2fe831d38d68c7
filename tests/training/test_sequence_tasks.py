"""The tasks of sequences: what is read and written, how lengths grow, how a text is cut."""

import math

import pytest
import torch

from backprop_evo.training.sequences.episodes import SOLVED_BELOW, Curriculum, Episodes
from backprop_evo.training.sequences.network import SequenceNetwork
from backprop_evo.training.sequences.run import measure
from backprop_evo.training.sequences.text import TextStream, python_topics, text_of
from backprop_evo.training.sequences.windows import joined


def test_an_episode_is_read_and_then_written():
    curriculum = Curriculum(repeats=True, batch_size=2, level=3)
    assert (curriculum.symbols, curriculum.times, curriculum.length) == (3, 2, 9)
    episode = Episodes(4, 2, curriculum, torch.Generator().manual_seed(0)).episode()
    read = episode.x_BTI[:, :3, :4].argmax(2)
    assert episode.x_BTI[:, :3].sum() == 2 * 3, "one symbol at a time"
    assert episode.x_BTI[:, 3].tolist() == [pytest.approx([0, 0, 0, 0, 1, 0.2])] * 2
    assert not episode.x_BTI[:, 4:].any(), "nothing to read while it is written"
    assert episode.targets_BT[:, 4:].tolist() == [[*row, *row, 4] for row in read.tolist()]
    assert episode.counted_BT.tolist() == [[0] * 4 + [1] * 7] * 2


def test_windows_are_cut_across_episodes_and_lose_nothing():
    def stream():
        curriculum = Curriculum(repeats=False, batch_size=2, level=1)
        return Episodes(3, 2, curriculum, torch.Generator().manual_seed(0))

    by_window, episodes = stream(), stream()
    cut = joined([by_window.next(5) for _ in range(6)])
    whole = joined([episodes.episode() for _ in range(5)])
    assert torch.equal(cut.x_BTI, whole.x_BTI)
    assert torch.equal(cut.targets_BT, whole.targets_BT)


@pytest.mark.parametrize(("repeats", "lengths"), [(False, [4, 5, 6, 7]), (True, [4, 5, 7, 9, 12, 15, 19])])
def test_the_curriculum_goes_on_where_a_length_is_solved(repeats, lengths):
    curriculum = Curriculum(repeats=repeats, batch_size=10)
    for length in lengths:
        assert curriculum.length == length
        written = 100 * (length - 2)
        curriculum.hear(written * SOLVED_BELOW, written)
        assert curriculum.length == length, "not below"
        curriculum.hear(written * SOLVED_BELOW * 0.9, written - 1)
        assert curriculum.solved != length, "too few to judge by"
        curriculum.hear(0.0, 1)
        assert curriculum.solved == length


def test_the_text_is_read_side_by_side_and_each_character_foretells_the_next():
    text = text_of("abcdefghijklmnopqrst" * 10, "made up")
    stream = TextStream(text, "train", 3)
    read = [stream.next(7) for _ in range(9)]
    assert [window.length for window in read] == [7] * 8 + [3], "179 characters in three rows of 59"
    assert torch.equal(read[0].x_BTI.argmax(2), text.numbers[:177].view(3, 59)[:, :7])
    assert torch.equal(read[0].targets_BT[:, :-1], read[0].x_BTI.argmax(2)[:, 1:])
    assert torch.equal(stream.next(7).x_BTI, read[0].x_BTI), "from its beginning again"
    parts = [text.part(part) for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [180, 10, 10]
    assert torch.equal(torch.cat(parts), text.numbers)


def test_a_network_that_knows_nothing_pays_the_alphabets_bits():
    text = python_topics()
    assert len(text.numbers) > 100_000
    assert "Python" in text.described
    net = SequenceNetwork(text.alphabet, 4, text.alphabet)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    assert measure(net, text, "validation", 32) == pytest.approx(math.log2(text.alphabet))

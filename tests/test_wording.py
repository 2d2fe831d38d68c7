"""Numbers as people read and write them."""

import pytest

from backprop_evo.cli.tables import accuracies
from backprop_evo.errors import InvalidSettings
from backprop_evo.wording import distance, duration, percent, read_rates, spread


def test_words_for_numbers() -> None:
    assert (percent(None), percent(0.5), percent(0.1234, 2)) == ("–", "50.0", "12.34")
    assert (spread(0.412, 0.008), spread(0.4, None)) == ("41.2 ± 0.8", "40.0")
    assert accuracies(None) == "–"
    assert accuracies({"mean": 0.412, "std": 0.008, "n": 3}) == "41.2 ± 0.8 (3)"


def test_durations_have_two_units_at_most() -> None:
    seconds = (None, 0.04, 4.21, 5, 59.9, 192, 7320, 183_600)
    words = ["–", "0 s", "4.2 s", "5 s", "59 s", "3 min 12 s", "2 h 2 min", "2 d 3 h"]
    assert [duration(each) for each in seconds] == words
    assert [distance(each) for each in (7, 192, 7320, 183_600)] == ["7 s", "3 min", "2 h", "2 d"]


def test_rates_are_one_number_or_several() -> None:
    assert read_rates("0.1") == (0.1,)
    assert read_rates(" 0.01, 0.1; 1 ,") == (0.01, 0.1, 1.0)


@pytest.mark.parametrize("text", ["", ",", "fast", "0.1,x"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings, match="no learning rate") as caught:
        read_rates(text)
    assert caught.value.field == "train.learning_rate"

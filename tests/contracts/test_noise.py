"""The random tensors of noisy equations: distributed as they should be, drawn anew, repeated by the seed."""

from __future__ import annotations

import pytest
import torch

from backprop_evo.training.meaning import draws


def ones(channels_last: bool, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.ones(64, 15, 17, 7, dtype=dtype).contiguous(memory_format=layout)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("c", [0.01, 0.1, 0.3])
def test_what_is_dropped_is_dropped_with_the_right_probability_anew_each_time(c, channels_last):
    x = ones(channels_last)
    torch.manual_seed(0)
    one, two = draws.zero_some_(x.clone(), c), draws.zero_some_(x.clone(), c)
    deviation = (c * (1 - c) / x.numel()) ** 0.5
    assert one.shape == x.shape
    assert one.stride() == x.stride()
    assert set(one.unique().tolist()) == {0.0, 1.0}
    assert abs(1 - one.double().mean().item() - c) < 5 * deviation
    assert abs(((one == 0) & (two == 0)).double().mean().item() - c * c) < 5 * deviation
    neighbours = (one[:, :, :, 1:] == 0) & (one[:, :, :, :-1] == 0)
    assert abs(neighbours.double().mean().item() - c * c) < 5 * deviation


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("channels_last", [False, True])
def test_noise_is_normal_and_anew_each_time(channels_last, dtype):
    x = ones(channels_last, dtype)
    torch.manual_seed(0)
    one, two = draws.normal_like(x), draws.normal_like(x)
    assert (one.shape, one.stride(), one.dtype) == (x.shape, x.stride(), dtype)
    deviation = x.numel() ** -0.5
    for entries, expected, spread in ((one, 0, 1), (one**2, 1, 2**0.5), (one * two, 0, 1), (one**4, 3, 10)):
        assert abs(entries.double().mean().item() - expected) < 5 * spread * deviation + 0.01


@pytest.mark.parametrize("c", [0.01, 0.3])
def test_draws_follow_torchs_seed(c):
    x = ones(True)
    torch.manual_seed(7)
    first = draws.zero_some_(x.clone(), c), draws.normal_like(x)
    torch.manual_seed(7)
    again = draws.zero_some_(x.clone(), c), draws.normal_like(x)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))

"""Sites in numpy with values of many magnitudes, and an operation that only models have."""

from dataclasses import dataclass

import numpy as np

from dsl.site_values import ACTIVATIONS, Array, LinearOperation, SiteValues

Generator = np.random.Generator | np.random.RandomState


@dataclass(frozen=True, slots=True)
class PooledDense:
    """The mean over all axes but sample and channel, then a matrix: a classifier and the pooling below."""

    def forward(self, h: Array, weight: Array) -> Array:
        """(B, C, *) → (B, O)."""
        return np.asarray(h.mean(axis=tuple(range(2, h.ndim))) @ weight.T)

    def transpose(self, b_next: Array, weight: Array, in_shape: tuple[int, ...]) -> Array:
        """(B, O) → (B, C, *): every position gets an equal share. ``in_shape`` is (C, *)."""
        channels, *space = in_shape
        share_BC = b_next @ weight / np.prod(space)
        spread = share_BC.reshape(-1, channels, *[1] * len(space))
        return np.broadcast_to(spread, (b_next.shape[0], *in_shape)).copy()


def random_site(
    rng: Generator,
    operation: LinearOperation,
    *,
    in_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    samples: int = 5,
    classes: int = 3,
    activation: str = "relu",
    weights_of: SiteValues | None = None,
) -> SiteValues:
    """A site with values of many magnitudes; ``weights_of`` gives the next step of a site its fixed matrices.

    ``activation`` is "relu", "tanh" or "identity".
    """

    def spread(shape: tuple[int, ...]) -> Array:
        return np.asarray(rng.choice((-1.0, 1.0), shape) * 10.0 ** rng.uniform(-2.5, 1.2, shape))

    h_pre = spread((samples, *in_shape))
    h, dh = ACTIVATIONS[activation](h_pre)
    matrices = _matrices(rng, weight_shape, (classes, int(np.prod(in_shape))), weights_of)
    h_next_pre = operation.forward(h, matrices["W"])
    b_next = spread(h_next_pre.shape) * (rng.random(h_next_pre.shape) < 0.8)
    return SiteValues(
        operation=operation,
        h_pre=h_pre,
        h=h,
        dh=dh,
        h_next_pre=h_next_pre + 0.1,
        b_next=b_next,
        b_top=spread((samples, classes)),
        **matrices,
    )


def _matrices(
    rng: Generator,
    weight_shape: tuple[int, ...],
    top_shape: tuple[int, ...],
    given: SiteValues | None,
) -> dict[str, Array]:
    if given is not None:
        moved = given.W + 0.05 * rng.standard_normal(weight_shape)
        return {"W": moved, "R": given.R, "S": given.S, "R_L": given.R_L}
    fan_in = int(np.prod(weight_shape[1:]))
    return {
        "W": np.sqrt(2 / fan_in) * rng.standard_normal(weight_shape),
        "R": np.sqrt(2 / fan_in) * rng.standard_normal(weight_shape),
        "S": rng.choice((-1.0, 1.0), weight_shape),
        "R_L": rng.standard_normal(top_shape) / np.sqrt(top_shape[0]),
    }

"""The settings of the HSIC bottleneck, without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods.declaration import setting


@dataclass(frozen=True, slots=True)
class HsicSettings:
    """The defaults are the paper's σ and β. The stages are trained by the optimizer and rate of the train
    spec, the format layer by plain SGD with momentum 0.9 at its own.
    """

    sigma: str = setting(
        "width of the Gaussian kernel; several, such as 1,5,10, train a network each and average the outputs",
        default="5",
    )
    beta: float = setting(
        "how much knowing the class counts beside forgetting the image", default=500.0, low=0.0
    )
    format_share: float = setting(
        "the share of the steps, the last ones, in which the network is frozen and its output layer alone is "
        "trained by backprop; 0: no error is ever sent, a class is told by its most active unit",
        default=0.0,
        low=0.0,
        high=1.0,
    )
    format_rate: float = setting("learning rate of the output layer in these steps", default=0.01, low=1e-9)

    @property
    def sigmas(self) -> tuple[float, ...]:
        """The widths as numbers. Raises InvalidSettings where one is no positive number."""
        try:
            found = tuple(float(each) for each in self.sigma.split(","))
        except ValueError:
            found = ()
        if not found or not all(0 < each < math.inf for each in found):
            raise InvalidSettings(
                f"method.settings.sigma must be a number above 0, or several with commas, not {self.sigma!r}",
                field="method.settings.sigma",
                hint="such as 5, or 1,5,10",
            )
        return found


def check(settings: HsicSettings) -> None:
    """Raises InvalidSettings for widths that are no numbers."""
    _ = settings.sigmas


def fits(settings: HsicSettings, train: TrainSpec) -> None:
    """Refuses batches of one, which have nothing to compare, and a rate for one of several classifiers."""
    if train.classifier_rate is not None and len(settings.sigmas) > 1:
        raise InvalidSettings(
            "networks of several widths have an output layer each, and classifier_rate is for one",
            field="train.classifier_rate",
            hint="leave it out, or train one width",
        )
    if train.batch_size < 2:
        raise InvalidSettings(
            "the HSIC bottleneck compares the samples of a batch, and a batch of 1 has nothing to compare",
            field="train.batch_size",
            hint="use a batch of at least 2; 256 is the published one",
        )

"""The settings of synthetic gradients, without torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.records.training import TrainSpec
from backprop_evo.training.methods.declaration import setting

_HIDDEN = "hidden layers of each M, with BatchNorm and ReLU; 0: M is one linear layer"


@dataclass(frozen=True, slots=True)
class SyntheticGradientSettings:
    """The network is trained by the optimizer and rate of the train spec, every M by an Adam of its own."""

    hidden_layers: int = setting(_HIDDEN, default=2, low=0, high=16)
    width: int = setting("units of a hidden layer of M", default=1024, low=1, high=65_536)
    channels: int = setting("channels of a hidden layer of M on images", default=64, low=1, high=4096)
    rate: float = setting("learning rate of every M", default=1e-3, low=1e-9)
    update_probability: float = setting(
        "how likely each layer, with its M, is updated in a step", default=1.0, low=0.001, high=1.0
    )
    backprop_share: float = setting(
        "how much of the signal sent down is plain backprop's, of what arrived; 0: all is predicted, "
        "1: plain backprop",
        default=0.0,
        low=0.0,
        high=1.0,
    )


@dataclass(frozen=True, slots=True)
class ConditionedSettings(SyntheticGradientSettings):
    """As above, M a single linear layer by default: given the label, that is enough."""

    hidden_layers: int = setting(_HIDDEN, default=0, low=0, high=16)


@dataclass(frozen=True, slots=True)
class UnlockedSettings(SyntheticGradientSettings):
    """As above; besides, every layer has an I, under the same Adam."""

    conditioned: bool = setting("whether every M sees the label too, as in cdni", default=False)
    input_hidden_layers: int = setting(
        "hidden layers of each I, which predicts a layer's input; of the width of M's",
        default=2,
        low=0,
        high=16,
    )
    true_input_share: float = setting(
        "how much of a layer's input is what the layer below gave; 0: all is predicted, 1: as dni",
        default=0.0,
        low=0.0,
        high=1.0,
    )

    @property
    def of_inputs(self) -> SyntheticGradientSettings:
        """Those by which an I is made."""
        return replace(self, hidden_layers=self.input_hidden_layers)


def fits_perceptrons(settings: UnlockedSettings, train: TrainSpec) -> None:
    """Refuses convolutions, whose inputs no I predicts, and batches of one where M or I has BatchNorm."""
    if parse_model_name(train.model).kind != "mlp":
        raise InvalidSettings(
            f"dni-unlocked predicts the inputs of perceptrons, and {train.model} is none",
            field="train.model",
            hint="use an mlp such as mlp-256-256-256-bn; dni and cdni train every model",
        )
    fits(replace(settings, hidden_layers=max(settings.hidden_layers, settings.input_hidden_layers)), train)


def fits(settings: SyntheticGradientSettings, train: TrainSpec) -> None:
    """Refuses batches of one where M has BatchNorm."""
    if train.batch_size < 2 and settings.hidden_layers > 0:
        raise InvalidSettings(
            "the hidden layers of M have BatchNorm, which a batch of 1 has no statistics for",
            field="train.batch_size",
            hint="use a batch of at least 2, or hidden_layers 0",
        )


def described(settings: SyntheticGradientSettings) -> str:
    """M in a few words, and the settings that are not the usual ones."""
    layers = settings.hidden_layers
    words = [f"{layers} × {settings.width}" if layers else "linear"]
    if settings.update_probability < 1:
        words.append(f"p {settings.update_probability:g}")
    if settings.backprop_share > 0:
        words.append(f"backprop {settings.backprop_share:g}")
    return ", ".join(words)


def described_unlocked(settings: UnlockedSettings) -> str:
    """M and I in a few words, and the settings that are not the usual ones."""
    words = [f"M {described(settings)}", f"I {described(replace(settings.of_inputs, backprop_share=0.0))}"]
    if settings.conditioned:
        words.append("conditioned")
    if settings.true_input_share > 0:
        words.append(f"true inputs {settings.true_input_share:g}")
    return "; ".join(words)

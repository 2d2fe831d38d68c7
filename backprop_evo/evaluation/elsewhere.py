"""The settings of a transfer: a search's own, each with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from backprop_evo import data
from backprop_evo.evaluation.ordering import measured_anew
from backprop_evo.records.evaluating import Setting
from backprop_evo.records.funnel import TransferSetting, trained_for
from backprop_evo.records.model_names import parse_model_name
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import TrainSpec

#: Of another family than most searches train, and with the fewest weights there.
OTHER_MODEL = "cnn"
#: Where the search itself trains ``OTHER_MODEL``.
FOR_A_CNN = "wrn-16-1"
#: Grey pictures of other things than the photographs that most searches train on.
OTHER_DATA = "fashion-mnist"
#: Where the search itself trains on ``OTHER_DATA``: it is always there.
FOR_FASHION = "cifar10-mini"
#: Times the epochs.
LONGER = 4


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A way to another setting; ``changed`` gives the train spec, ``words`` what its name says besides."""

    changed: Callable[[TrainSpec], TrainSpec]
    words: Callable[[TrainSpec], str]


def _other_model(train: TrainSpec) -> TrainSpec:
    other = FOR_A_CNN if parse_model_name(train.model).kind == "cnn" else OTHER_MODEL
    return _without_limits(replace(train, model=other))


def _other_data(train: TrainSpec) -> TrainSpec:
    """With as many training images as before, where the other data have more: it costs as much."""
    other = FOR_FASHION if train.data == OTHER_DATA else OTHER_DATA
    own = data.dataset_info(train.data)
    images = train.train_images or own.train_images - own.validation_images
    return _without_limits(replace(train, data=other, train_images=images))


def _without_limits(train: TrainSpec) -> TrainSpec:
    """What the search's own child may take says nothing of another."""
    return replace(train, time_limit_s=None, memory_limit_mib=None)


def _other_optimizer(train: TrainSpec) -> TrainSpec:
    return replace(train, optimizer="momentum" if train.optimizer == "sgd" else "sgd")


ELSEWHERE: Mapping[TransferSetting, Elsewhere] = {
    "other-model": Elsewhere(_other_model, lambda _train: ""),
    "other-data": Elsewhere(_other_data, lambda _train: ""),
    "other-optimizer": Elsewhere(_other_optimizer, lambda train: f", {train.optimizer}"),
    "longer": Elsewhere(
        lambda train: trained_for(train, LONGER * train.epochs), lambda train: f", {train.epochs:g} epochs"
    ),
}


def settings_elsewhere(search: SearchSpec) -> tuple[Setting, ...]:
    """Those that the search's transfer asks for, in its order. Raises ``InvalidSettings`` where a length is
    beyond its bounds."""
    own = trained_for(measured_anew(search.train), search.transfer.epochs)
    found = []
    for name in search.transfer.settings:
        row = ELSEWHERE[name]
        train = row.changed(own)
        found.append(Setting(name=f"{train.model} on {train.data}{row.words(train)}"[:100], train=train))
    return tuple(found)

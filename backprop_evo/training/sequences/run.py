"""One training on sequences, from its spec to its result."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from time import perf_counter

import torch

from backprop_evo.records.states import TrialState
from backprop_evo.training.sequences.episodes import Curriculum, Episodes
from backprop_evo.training.sequences.future import Future, Nothing, PredictedFuture
from backprop_evo.training.sequences.learner import WindowLearner, cross_entropy
from backprop_evo.training.sequences.network import SequenceNetwork
from backprop_evo.training.sequences.report import SequencePoint, SequenceResult
from backprop_evo.training.sequences.spec import SequenceMethod, SequenceSpec, sequence_method
from backprop_evo.training.sequences.text import Part, Text, TextStream, python_topics
from backprop_evo.training.sequences.windows import Stream

Report = Callable[[SequencePoint], None]

#: A curve has so many points.
POINTS = 20
#: Time steps read at once where nothing is learnt, so that it does not hang on the truncation.
MEASURED_AT_ONCE = 100


def train_sequence(
    method: SequenceMethod,
    spec: SequenceSpec,
    *,
    seed: int,
    device: str | None = None,
    on_progress: Report | None = None,
    clock: Callable[[], float] = perf_counter,
) -> SequenceResult:
    """Trains an LSTM by ``method``; the network and what it reads are the same for every method of a seed.

    ``device`` is cpu or cuda, None the best there is. ``on_progress`` hears each point of the curve. Raises
    InvalidSettings for an unknown method, Unavailable where there is no text.
    """
    method, started = sequence_method(method), clock()
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    text = python_topics() if spec.task == "text" else None
    stream, curriculum = _stream(spec, text, seed)
    # The weights come from the global generator, which is left as it was found.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SequenceNetwork(stream.inputs, spec.units, stream.outputs).to(place)
    learner = WindowLearner(
        network, _future(method, spec, network, seed), network.empty_state(spec.batch_size)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=spec.rate, fused=True)
    curve: list[SequencePoint] = []
    bits, characters, reason = 0.0, 0, None
    for step in range(1, spec.steps + 1):
        window = stream.next(spec.truncation)
        optimizer.zero_grad()
        loss = learner.learn(window.to(place))
        optimizer.step()
        cost, count = float(loss) * spec.batch_size / math.log(2), int(window.counted_BT.sum())
        if not math.isfinite(cost):
            reason = f"the loss of window {step} is {cost}"
            break
        stream.hear(cost, count)
        bits, characters = bits + cost, characters + count
        if step % max(1, spec.steps // POINTS) == 0 or step == spec.steps:
            measured = None if text is None else measure(network, text, "validation", spec.batch_size)
            solved = None if curriculum is None else curriculum.solved
            curve.append(SequencePoint(step, bits / max(1, characters), solved, measured))
            bits, characters = 0.0, 0
            if on_progress is not None:
                on_progress(curve[-1])
    tests = spec.evaluate_test and text is not None and reason is None
    return SequenceResult(
        outcome=TrialState.COMPLETED if reason is None else TrialState.DIVERGED,
        reason=reason,
        curve=tuple(curve),
        test_bits=measure(network, text, "test", spec.batch_size) if tests and text is not None else None,
        seconds=clock() - started,
        environment=_environment(place, text),
    )


@torch.no_grad()
def measure(network: SequenceNetwork, text: Text, part: Part, batch_size: int) -> float:
    """Bits for a character of one part of the text, read on from nothing in ``batch_size`` places."""
    stream, nats, characters = TextStream(text, part, batch_size), 0.0, 0
    state_BS = network.empty_state(batch_size)
    for window in stream.once(MEASURED_AT_ONCE):
        here = window.to(state_BS.device)
        logits_BTO, state_BS = network(here.x_BTI, state_BS)
        nats += float(cross_entropy(logits_BTO, here))
        characters += here.targets_BT.numel()
    return nats / characters / math.log(2)


def _stream(spec: SequenceSpec, text: Text | None, seed: int) -> tuple[Stream, Curriculum | None]:
    if text is not None:
        return TextStream(text, "train", spec.batch_size), None
    curriculum = Curriculum(repeats=spec.task == "repeat-copy", batch_size=spec.batch_size)
    generator = torch.Generator().manual_seed(seed)
    return Episodes(spec.symbols, spec.batch_size, curriculum, generator), curriculum


def _future(method: SequenceMethod, spec: SequenceSpec, network: SequenceNetwork, seed: int) -> Future:
    if method == "bptt":
        return Nothing()
    return PredictedFuture(
        network.state_size,
        hidden_layers=spec.hidden_layers,
        width=spec.width,
        rate=spec.predictor_rate,
        scale=spec.gradient_scale,
        generator=torch.Generator().manual_seed(seed),
        device=network.output.weight.device,
    )


def _environment(device: torch.device, text: Text | None) -> dict[str, str]:
    found = {"device": str(device), "torch": torch.__version__, "machine": platform.machine()}
    return found if text is None else found | {"text": text.described}

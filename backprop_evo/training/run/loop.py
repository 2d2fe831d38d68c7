"""One run of one child at one learning rate: epochs of steps, validation after each, guards throughout.

A run can be advanced in parts, which is how the probe of the learning-rate protocol is continued; the
randomness of parts is its own, so that a run in parts and a run in one go are the same bit for bit.

Shapes: B sample, C channel, H W space.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import CurvePoint, IntermediateValue, ScheduleName, TrainProgress
from backprop_evo.training.run.alignment import compare, interval, true_gradients
from backprop_evo.training.run.batches import Batches
from backprop_evo.training.run.child import Child
from backprop_evo.training.run.clock import Clock
from backprop_evo.training.run.evaluation import accuracy, reestimated
from backprop_evo.training.run.guards import (
    ZERO_SIGNAL_STEPS,
    EndedEarly,
    ZeroSignalWatch,
    check_loss,
    check_progress,
)
from backprop_evo.training.run.images import Purpose
from backprop_evo.training.run.late_loss import late_loss
from backprop_evo.training.run.material import Material
from backprop_evo.training.run.randomness import Randomness
from backprop_evo.training.run.rungs import Rungs
from backprop_evo.training.run.schedule import course_at

LOSS_LOOK_EVERY_ON_GPU = 25
"""Reading a loss from a GPU waits for it; on a CPU every step is looked at."""

Report = Callable[[TrainProgress], None]


class Run:
    """One child on its way. ``advance`` trains it up to a step and raises EndedEarly where a guard speaks."""

    def __init__(
        self,
        material: Material,
        rate: float,
        schedule: ScheduleName,
        seed: int,
        *,
        relative_step: float | None = None,
    ) -> None:
        # Global, because initialisation and the draws of noisy equations take the global generator;
        # ``_isolated`` in ``trainer`` gives the caller's back.
        torch.manual_seed(seed)
        self.material, self.rate, self._schedule = material, rate, schedule
        self.relative_step = relative_step
        shape = tuple(material.images.train.images_NCHW.shape[1:])
        self.child = Child(
            material.method,
            material.spec,
            material.capability,
            image_shape=(shape[0], shape[1], shape[2]),
            classes=material.images.classes,
            seed=seed,
        )
        self._alignment_every = interval(self.child, material.spec.alignment_every)
        self._batches = Batches(material, seed, self.child.device)
        self._randomness = Randomness(self.child.device)
        self._zero_watch = ZeroSignalWatch()
        self._phase_began = 0.0
        self._epoch_losses: list[Tensor] = []
        self._losses_since_value: list[Tensor] = []
        self._unread_losses: list[Tensor] = []
        self._losses: list[float] = []
        self._last_report = -math.inf
        self.total_steps = material.steps(material.spec.epochs)
        self.step = 0
        self.clock = Clock()
        self.train_loss: float | None = None
        self.validation_accuracy: float | None = None
        self.curve: list[CurvePoint] = []
        self.alignment: list[AlignmentPoint] = []
        self.rung: int | None = None
        self._values: list[IntermediateValue] = []
        self._begun: Tensor | None = None

    @property
    def epoch(self) -> float:
        """Epochs done, a fraction in the middle of one."""
        return self.step / self.material.steps_per_epoch

    @property
    def late_train_loss(self) -> float | None:
        """The mean loss of the last steps so far."""
        return late_loss(self._losses)

    def first_gradients(self) -> bool:
        """Leaves in the child the gradients of its first batch; True where the first step may take them."""
        self.material.watch.note("set-up")
        started = time.perf_counter()
        self._randomness.restore()
        self.child.model.train()
        self._enter_phase()
        self._begun = self.child.first_gradients(*self._batches.at(self.step))
        self._randomness.keep()
        # The alignment of the first step wants a pass of its own before.
        if self._begun is None or self._alignment_every:
            return False
        self.clock.seconds += time.perf_counter() - started
        self.material.watch.note("first step")
        return True

    def go_on_with(self, rate: float, schedule: ScheduleName, relative_step: float | None) -> None:
        """Before the first step, when its gradients have said which rate that is."""
        self.rate, self._schedule, self.relative_step = rate, schedule, relative_step

    def advance(self, until_step: int, report: Report | None, phase: str) -> None:
        """Trains up to ``until_step`` (exclusive), validating after every epoch and at the end.

        What was measured in a probe is judged when the run goes on: only then it is the one that was chosen.
        """
        self._randomness.restore()
        self.child.model.train()
        self.material.watch.note("set-up")
        try:
            if phase == "train":
                self._judge_values(self.material.rungs)
            while self.step < until_step:
                self._one_step()
                self.material.limits.check()
                if self.step % self.material.steps_per_epoch == 0 or self.step == self.total_steps:
                    self._end_of_epoch()
                # After the last step there is nothing left to save.
                if self.step < self.total_steps:
                    self._measure_value(self.material.rungs)
                    if phase == "train":
                        self._judge_values(self.material.rungs)
                self._report_progress(report, phase, until_step)
        finally:
            self._randomness.keep()

    def _one_step(self) -> None:
        started = time.perf_counter()
        self._enter_phase()
        self.child.set_rate(self.rate, self._course_at(self.step))
        if self._begun is None:
            self._unread_losses.append(self._stepped(*self._batches.at(self.step)))
        else:
            self.child.update()
            self._unread_losses.append(self._begun)
            self._begun = None
        # From here on ``step`` is the number of steps done.
        self.step += 1
        self._read_losses()
        self.clock.seconds += time.perf_counter() - started
        self.clock.images += self.material.batch_size
        # Reading the gradients makes a GPU wait: often at the beginning, where equations that send nothing
        # show, then once an epoch.
        if self.step <= ZERO_SIGNAL_STEPS or self.step % self.material.steps_per_epoch == 0:
            self._zero_watch.observe(self.child.signal_is_zero())
        self.material.watch.note("steps" if self.step > 1 else "first step")

    def _stepped(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        every = self._alignment_every
        # Before the step: it compares both gradients at the same weights.
        truth = true_gradients(self.child, x_BCHW, labels_B) if every and self.step % every == 0 else None
        loss = self.child.step(x_BCHW, labels_B)
        if truth is not None:
            self.alignment += compare(self.child, truth, self.step)
        return loss

    def _course_at(self, step: int) -> float:
        return course_at(step, self.total_steps, self._schedule, self.material.spec.warm_up_steps)

    def _enter_phase(self) -> None:
        phase = self.child.learner.phase_at(self.step, self.total_steps)
        if phase != self.child.phase:
            # The losses of a phase are judged by that phase's measure.
            self._read_losses(now=True)
            self.child.begin(phase)
            self._phase_began = self.epoch

    def _read_losses(self, *, now: bool = False) -> None:
        on_cpu = self.child.device.type == "cpu"
        if not (now or on_cpu or len(self._unread_losses) >= LOSS_LOOK_EVERY_ON_GPU):
            return
        losses = torch.stack(self._unread_losses).tolist() if self._unread_losses else []
        first = self.step - len(losses) + 1
        self._epoch_losses += self._unread_losses
        self._losses_since_value += self._unread_losses
        self._unread_losses = []
        self._losses += losses
        for place, loss in enumerate(losses):
            self.train_loss = loss
            classes = self.material.images.classes if self.child.classifies else None
            # On a GPU up to a whole look-interval late: the reason names the step at which it happened.
            check_loss(loss, classes=classes, epoch=self.epoch, step=first + place)

    def _end_of_epoch(self) -> None:
        self._read_losses(now=True)
        self.train_loss = float(torch.stack(self._epoch_losses).mean())
        self._epoch_losses = []
        self.validation_accuracy = self.measure("validation")
        self._append_curve_point(self.validation_accuracy)
        if self.child.classifies:
            check_progress(
                self.train_loss,
                self.validation_accuracy,
                classes=self.material.images.classes,
                epoch=self.epoch,
                epochs=self.material.spec.epochs,
                phase_epochs=self.epoch - self._phase_began,
            )

    def _measure_value(self, rungs: Rungs) -> None:
        """At a rung and at the end of an epoch."""
        rung, is_end_of_epoch = rungs.at(self.step), self.step % self.material.steps_per_epoch == 0
        if rungs.judge is None or (rung is None and not is_end_of_epoch):
            return
        self._read_losses(now=True)
        loss = float(torch.stack(self._losses_since_value).mean())
        self._losses_since_value = []
        # At the end of an epoch both were measured a moment ago.
        accuracy = self.validation_accuracy if is_end_of_epoch else None
        if not is_end_of_epoch:
            self.train_loss = loss
            if rungs.measures_accuracy:
                accuracy = self.validation_accuracy = self.measure("validation")
            self._append_curve_point(accuracy)
        self._values.append(
            IntermediateValue(step=self.step, rung=rung, validation_accuracy=accuracy, train_loss=loss)
        )

    def _judge_values(self, rungs: Rungs) -> None:
        """In order. Raises EndedEarly where the pruner has the training end here."""
        while self._values and rungs.judge is not None:
            value = self._values.pop(0)
            reason = rungs.judge(value)
            self.material.watch.note("judging")
            if reason is not None:
                self.rung = value.rung
                raise EndedEarly(TrialState.PRUNED, reason)

    def _append_curve_point(self, validation_accuracy: float | None) -> None:
        """One more point of the curve, with the present loss."""
        assert self.train_loss is not None
        self.curve.append(
            CurvePoint(
                epoch=self.epoch,
                train_loss=self.train_loss,
                validation_accuracy=validation_accuracy,
                learning_rate=self.rate * self._course_at(self.step - 1),
                elapsed_s=self.material.limits.elapsed_s(),
            )
        )

    def measure(self, purpose: Purpose) -> float | None:
        """The accuracy on the images for ``purpose``, under the spec's measure; None where there are none."""
        material = self.material
        split = material.images.read(purpose)
        if split is None:
            return None
        with reestimated(
            self.child,
            material.images.train,
            batches=material.spec.reestimate_batches,
            batch_size=material.batch_size,
        ):
            share = accuracy(self.child, split)
        material.watch.note("measuring")
        return share

    def _report_progress(self, report: Report | None, phase: str, until_step: int) -> None:
        now = time.monotonic()
        # Twice a second is enough for eyes, and the last report always comes.
        if report is None or (now - self._last_report < 0.5 and self.step < until_step):
            return
        self._last_report = now
        report(
            self.clock.progress(
                self.step,
                until_step,
                steps_per_epoch=self.material.steps_per_epoch,
                train_loss=self.train_loss,
                validation_accuracy=self.validation_accuracy,
                phase=phase,
            )
        )

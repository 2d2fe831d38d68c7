"""The evaluation that a search orders, and its trainings, in short words."""

from __future__ import annotations

from dataclasses import replace

from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.methods import MethodSpec, equation_method
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import IndividualRecord, Origin, Role, TrialRecord
from backprop_evo.records.training import TrainSpec

PLACEBO = MethodSpec("placebo")
FINALIST = equation_method("g / fro(g)")
SPEC = EvaluationSpec(
    name="a search: confirmation",
    methods=(FINALIST, PLACEBO),
    controls=(PLACEBO,),
    settings=(Setting(name="small", train=TrainSpec(model="mlp-8")),),
    first_seed=7,
    seeds=3,
    test=True,
)


def measured(scene):
    """A search with a baseline of 0.5 and an equation of 0.6."""
    search = scene.search()
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.5)
    scene.finish(scene.trial(search, equation="g / fro(g)"), 0.6)
    return search


def order(scene, search, spec=SPEC, role=Role.CONFIRMATION, **options):
    return scene.store.evaluations.order(search.id, "c", role, spec, now=scene.now, **options)


def confirm(scene, evaluation, number, *results, behaviour=None):
    """Train the method ``number`` with so many seeds; (validation, test) each, None where it diverges. It
    behaves as the individual of that number in the search, where nothing else is said."""
    scene.store.evaluations.claim("c", lease_s=60, now=scene.now)
    spec, behaviour = evaluation.spec, behaviour or f"behaviour {number}"
    individual = IndividualRecord(
        search_id=evaluation.id,
        number=number,
        origin=Origin.EVALUATED,
        method=spec.rows[number],
        canonical=None,
        fingerprint=behaviour,
        parent=None,
        twin=None,
        mutation=None,
        finishes_known=0,
        created_at=scene.now,
    )
    trials = [
        TrialRecord(
            id=f"{evaluation.id}.{number}s0r{seed}",
            search_id=evaluation.id,
            individual=number,
            method=spec.rows[number],
            fingerprint=behaviour,
            purpose=Purpose.EVALUATION,
            spec=replace(spec.settings[0].train, evaluate_test=True),
            seed=seed,
            state="queued",
            fence=0,
            created_at=scene.now,
            queued_at=scene.now,
        )
        for seed in range(len(results))
    ]
    known = {each.number for each in scene.store.individuals.of(evaluation.id)}
    stored = {each.id for each in scene.store.trials.finished(evaluation.id)}
    new = [(trial, each) for trial, each in zip(trials, results, strict=True) if trial.id not in stored]
    scene.store.individuals.record(
        evaluation.id,
        "c",
        [] if number in known else [individual],
        [trial for trial, _ in new],
        now=scene.now,
    )
    for trial, each in new:
        validation, test = each or (None, None)
        scene.finish(trial.id, validation, **({"test_accuracy": test} if each else {}))

"""An evaluation through every part: asked for, trained by real workers, compared, extended."""

import pytest

from backprop_evo.evaluation.exports import as_json
from backprop_evo.evaluation.local import carry_out
from backprop_evo.evaluation.table import make_table
from backprop_evo.records.states import SearchState
from backprop_evo.service import parse_evaluation_spec
from tests.e2e.cluster import Cluster, eventually

pytestmark = pytest.mark.slow

DOCUMENT = {
    "name": "compared",
    "methods": ["g / fro(g)", "indirect-feedback"],
    "settings": [
        {
            "name": "tiny",
            "train": {
                "model": "mlp-8",
                "epochs": 0.2,
                "batch_size": 64,
                "train_images": 640,
                "validation_images": 200,
            },
        }
    ],
    "seeds": 2,
    "controls": "none",
}


def test_workers_give_the_table_that_one_process_gives(cluster: Cluster) -> None:
    from backprop_evo.training import train_child

    spec = parse_evaluation_spec(DOCUMENT)
    asked = cluster.service.submit_evaluation(spec)
    evaluations = cluster.store.evaluations

    def ended() -> bool:
        return evaluations.get(asked.id).state.is_terminal

    eventually(ended, "the evaluation had ended")
    stored = evaluations.get(asked.id)
    assert (stored.state, stored.trials_done) == (SearchState.COMPLETED, 6)
    table = cluster.service.evaluation_table(stored)
    here = tuple(carry_out(spec, lambda method, train, seed: train_child(method, train, seed=seed)))
    assert as_json(table) == as_json(make_table(spec, here, seeds=2))

    cluster.service.apply_verb_to_evaluation("extend", asked.id, {"seeds": 1})
    eventually(ended, "the added seed was trained")
    more = cluster.service.evaluation_table(evaluations.get(asked.id))
    assert (more.seeds, more.ended, more.looks) == (3, 9, 2)
    assert [row.n for row in more.blocks[0].rows] == [3, 3, 3]

"""The states of a search, what leads from one to another, and the verbs: what a person may ask of a search,
or of an evaluation, which goes through the same states.

A verb is told here and nowhere else. REST, pages and the command line are made from its row; what is more
than a transition is a function of the row's name in ``service/use_cases.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backprop_evo.errors import InvalidSettings, NotFound
from backprop_evo.records.described import is_storable
from backprop_evo.records.evaluating import MAX_SEEDS
from backprop_evo.records.searching import MAX_EQUATION
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import MAX_INJECTED, MAX_TRIALS

Q, R, P, S = SearchState.QUEUED, SearchState.RUNNING, SearchState.PAUSED, SearchState.STOPPING
COMPLETED, STOPPED = SearchState.COMPLETED, SearchState.STOPPED
CANCELLED, FAILED = SearchState.CANCELLED, SearchState.FAILED

TRANSITIONS: dict[SearchState, frozenset[SearchState]] = {
    Q: frozenset({R, P, S, CANCELLED, FAILED}),
    R: frozenset({P, S, COMPLETED, CANCELLED, FAILED}),
    P: frozenset({R, S, CANCELLED, FAILED}),
    S: frozenset({STOPPED, CANCELLED, FAILED}),
    COMPLETED: frozenset({R}),
    STOPPED: frozenset({R}),
    CANCELLED: frozenset(),
    FAILED: frozenset(),
}
"""From each state, the states one transition leads to. Only ``EXTEND`` and ``RETRY`` lead back from
an end."""

DRIVEN = (Q, R, S)
"""States in which a controller has something to decide."""

TRAINING = (R, S)
"""States in which workers may begin trials: a stopping search still finishes what it sent out."""

#: After a pause; a drained node is asked by the same word.
RESUME = "resume"
Value = int | str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """What is said with a verb. ``least`` and ``most`` bound a number, or the length of a text; with ``many``
    it is so many texts at most, a line each on a page.

    ``begins_with`` is the field of the search's spec that the page's input begins with; a page does not ask
    for an argument without one, unless it is of many.
    """

    name: str
    kind: type[int] | type[str]
    least: int
    most: int
    help: str
    required: bool = False
    begins_with: str | None = None
    many: int = 0

    @property
    def is_asked(self) -> bool:
        """Whether a page has an input for it."""
        return bool(self.begins_with or self.many)

    @property
    def is_number(self) -> bool:
        """Asked for on a page by a field for digits."""
        return self.kind is int

    def check(self, value: object) -> Value:
        """The value, if it is one. Raises ``InvalidSettings``."""
        return self._check_many(value) if self.many else self._check_one(value)

    def _check_many(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= self.many:
            said = f"{len(value)} of them" if isinstance(value, Sequence) else repr(value)[:40]
            raise InvalidSettings(
                f"{self.name} must be 1 to {self.many} texts, not {said}", field=self.name, hint=self.help
            )
        return tuple(str(self._check_one(each)) for each in value)

    def _check_one(self, value: object) -> int | str:
        if isinstance(value, bool) or not isinstance(value, self.kind):
            raise self._refused(value)
        if not self.least <= (len(value) if isinstance(value, str) else value) <= self.most:
            raise self._refused(value)
        if isinstance(value, str) and not is_storable(value):
            raise InvalidSettings(f"{self.name} holds U+0000 or half of a surrogate pair", field=self.name)
        return value

    def read(self, text: str) -> Value:
        """The value that somebody typed. Raises ``InvalidSettings``."""
        if self.many:
            return self.check([line.strip() for line in text.splitlines() if line.strip()])
        try:
            return self.check(self.kind(text.strip()))
        except ValueError:
            raise self._refused(text) from None

    def _refused(self, value: object) -> InvalidSettings:
        want = "a whole number from" if self.is_number else "a text with a length from"
        shown = repr(value)[:40]
        return InvalidSettings(
            f"{self.name} must be {want} {self.least} to {self.most}, not {shown}", field=self.name
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing that may be asked of a search in the states ``legal_in``.

    ``to`` is the state it leads to; None where it is more than a transition. In the states ``done_in`` it was
    carried out already, and asking again changes nothing. ``status`` is the answer over HTTP: 202 for a verb
    that makes a new search. A page asks before it carries out what is ``dangerous``. ``example`` holds
    arguments.
    """

    name: str
    summary: str
    legal_in: frozenset[SearchState]
    to: SearchState | None = None
    done_in: frozenset[SearchState] = frozenset()
    arguments: tuple[Argument, ...] = ()
    dangerous: bool = False
    status: int = 200
    example: Mapping[str, Value] = field(default_factory=dict)

    def check(self, arguments: Mapping[str, object]) -> dict[str, Value]:
        """The arguments, all of them known, none missing and each within its bounds. Raises
        ``InvalidSettings`` naming the field."""
        known = {argument.name: argument for argument in self.arguments}
        for name in arguments:
            if name not in known:
                takes = ", ".join(known) or "no arguments"
                raise InvalidSettings(
                    f"{self.name} has no argument {name[:40]!r}", field=name[:40], hint=f"it takes {takes}"
                )
        for argument in self.arguments:
            if argument.required and argument.name not in arguments:
                raise InvalidSettings(f"{argument.name} is missing", field=argument.name, hint=argument.help)
        return {name: known[name].check(value) for name, value in arguments.items()}


EXTEND = Verb(
    name="extend",
    summary="Add trials to the budget; a completed or stopped search runs again.",
    legal_in=frozenset({Q, R, P, COMPLETED, STOPPED}),
    arguments=(
        Argument(
            name="trials",
            kind=int,
            least=1,
            most=MAX_TRIALS,
            help="Trials to add.",
            required=True,
            begins_with="trials",
        ),
    ),
    example={"trials": 100},
)

#: Every reader of JSON keeps whole numbers up to here; a seed that came back rounded would be another.
MOST_SEED = 2**53 - 1

CLONE = Verb(
    name="clone",
    summary="Queue the same search again, with its present budget.",
    legal_in=frozenset(SearchState),
    arguments=(
        Argument(name="name", kind=str, least=1, most=200, help="Another name."),
        Argument(name="seed", kind=int, least=0, most=MOST_SEED, help="Another seed."),
    ),
    status=202,
    example={"seed": 7},
)

CHALLENGE = Verb(
    name="challenge",
    summary="Order its counterpart: random search with the same seed, budget and everything else.",
    legal_in=frozenset(SearchState) - {CANCELLED, FAILED},
    status=202,
)
INJECT = Verb(
    name="inject",
    summary="Put equations into the search: they are proposed next, screened and told apart like others.",
    legal_in=frozenset({Q, R, P}),
    arguments=(
        Argument(
            name="equations",
            kind=str,
            least=1,
            most=MAX_EQUATION,
            many=MAX_INJECTED,
            help="Equations such as g / fro(g), in the order in which they are to be tried.",
            required=True,
        ),
    ),
    example={"equations": ("g / fro(g)",)},
)
RETRY = Verb(
    name="retry",
    summary="Try a trial again that was lost, failed, or came to a limit; its search runs again for it.",
    legal_in=frozenset({Q, R, P, COMPLETED, STOPPED, FAILED}),
)
"""What is asked of a trial. The states are those of its search, or of its evaluation."""


def _transitions(noun: str, without: str) -> tuple[Verb, ...]:
    """The verbs that lead to a state; ``without`` says what a stop leaves out."""
    return (
        Verb(
            name="pause",
            summary="Running trials end, new ones do not begin.",
            legal_in=frozenset({Q, R}),
            to=P,
            done_in=frozenset({P}),
        ),
        Verb(
            name=RESUME,
            summary="Go on after a pause.",
            legal_in=frozenset({P}),
            to=R,
            done_in=frozenset({R}),
        ),
        Verb(
            name="stop",
            summary=f"Let running trials end, then end the {noun}{without}.",
            legal_in=frozenset({Q, R, P}),
            to=S,
            done_in=frozenset({S, STOPPED}),
        ),
        Verb(
            name="cancel",
            summary=f"End the {noun} and its running trials now.",
            legal_in=frozenset({Q, R, P, S}),
            to=CANCELLED,
            done_in=frozenset({CANCELLED}),
            dangerous=True,
        ),
    )


ADD_SEEDS = Verb(
    name=EXTEND.name,
    summary="Add seeds, which the table tells as a second look; one that has ended runs again.",
    legal_in=EXTEND.legal_in,
    arguments=(
        Argument(
            name="seeds",
            kind=int,
            least=1,
            most=MAX_SEEDS,
            help="Seeds to add.",
            required=True,
            begins_with="seeds",
        ),
    ),
    example={"seeds": 5},
)
VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (*_transitions("search", " without confirmation"), EXTEND, INJECT, CLONE, CHALLENGE)
}
"""Every verb of a search by its name, in the order in which people are shown them."""

EVALUATION_VERBS: Mapping[str, Verb] = {
    verb.name: verb for verb in (*_transitions("evaluation", ""), ADD_SEEDS)
}
"""The same of an evaluation, which has the states of a search."""


def find_verb(name: str, verbs: Mapping[str, Verb] = VERBS) -> Verb:
    """Raises ``NotFound``."""
    if name not in verbs:
        raise NotFound(f"no verb {name[:40]!r}", hint=f"known: {', '.join(verbs)}")
    return verbs[name]


def legal_verbs(state: SearchState, verbs: Mapping[str, Verb] = VERBS) -> tuple[Verb, ...]:
    """What a person may ask of a search, or of what else has ``verbs``, in this state."""
    return tuple(verb for verb in verbs.values() if state in verb.legal_in)

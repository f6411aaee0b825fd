"""From a seed and a number to the plan of a round: which mails, who dies where or when, and how the relay behaves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from tests.crash.relay import Mood
from tests.crash.scenario import ANSWERS, EXTRAS

PARTS = ("door", "filer", "worker")  # "lmtp" and "imap" beside them where they are used

# Each named point with the part that dies there. What needs a death before it is a compound of its own below.
NAMED: tuple[tuple[str, str], ...] = (
    *(("door", f"D{n}") for n in range(1, 6)),
    ("lmtp", "D6"),
    *(("imap", point) for point in ("D3", "D4", "M1", "M3", "M4", "M5")),
    *(("filer", point) for point in ("D2", "F1", "F2", "F3", "F4", "F5", "F6")),
    *(("worker", f"O{n}") for n in range(2, 12)),
)
# Points that the sending thread itself passes while it holds no mail that the relay may have.
_CERTAIN = ("O4", "O5", "O9", "O10")
_RANDOM = 0.05  # seconds within which a random kill follows what was sent


@dataclass(frozen=True)
class Shot:
    """A kill at a random moment: so many seconds after the n-th happening of a round (a mail sent, or relayed)."""

    after: int
    seconds: float
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """`arms`: for each part the points of its lives in turn; a life without one is not armed. `again`: shots that
    follow the start of a life after a death."""

    seed: int
    number: int
    kind: str
    arms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shots: tuple[Shot, ...] = ()
    again: Shot | None = None
    depth: int = 1
    extras: tuple[str, ...] = ()
    mood: Mood = field(default_factory=Mood)
    threads: int = 1
    name_taken: bool = False  # a restarted worker finds its name held by somebody else
    leases: tuple[
        float, ...
    ] = ()  # seconds of a claim in the lives of a worker, where it must run out within the round
    patience: int | None = None  # attempts after which the sender gives up
    probe: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The processes of the round; the LMTP and the IMAP door are there for a mail that comes by them."""
        return (*PARTS, *(door for door in ("lmtp", "imap") if door in self.extras))

    @property
    def deaths(self) -> int:
        """How many are planned."""
        shots = (*self.shots, *([self.again] if self.again else []))
        return sum(map(len, self.arms.values())) + sum(len(set(shot.parts) & set(self.parts)) for shot in shots)

    @property
    def point(self) -> str:
        """What the round is about, for people."""
        named = [arm for arms in self.arms.values() for arm in arms]
        shots = [f"{'+'.join(shot.parts)}@{shot.after}+{shot.seconds * 1000:.0f}ms" for shot in self.shots]
        again = [f"again {'+'.join(self.again.parts)}"] if self.again else []
        return ",".join(named + shots + again) or "none"


def excused(arm: str, life: int, threads: int) -> int:
    """How many second copies a worker's death can have left behind: one for each sending thread that may have been
    between O6 and O8. `arm` is "" for a death at a random moment; lives count from 1.

    From the second life on there is one more thread, for mails that a worker died with.
    """
    threads += life > 1
    if arm == "O2:1":  # nothing was given to a thread yet
        return 0
    return threads - arm.startswith(_CERTAIN)


def plan(seed: int, number: int) -> Plan:
    """The plan of a round: of five, three take the named points in turn, one shoots at random, one does two things at once."""
    chance = Random(f"{seed}:{number}")
    block, place = divmod(number, 5)
    if place < 3:
        turn, which = divmod(block * 3 + place, len(NAMED))
        made = named(*NAMED[which], turn % 3 + 1, chance)
    else:
        made = _random(chance) if place == 3 else _compound(chance)
    possible = EXTRAS if made.patience is None else tuple(e for e in EXTRAS if e not in ANSWERS)
    extras = made.extras + tuple(chance.sample(possible, chance.choice((0, 0, 1, 2))))
    return replace(made, seed=seed, number=number, extras=extras, probe=number % 4 == 0)


def named(part: str, point: str, times: int, chance: Random) -> Plan:
    """A round whose mails pass the point at least so often, and whose part dies there."""
    arm = f"{point}:{times}"
    if point == "F6":
        first = f"F{chance.randint(1, 4)}:{min(times, 2)}"
        return _plan(point, {part: (first, "F6:1")}, depth=2)
    if point == "O11":
        # The first mail, because a claim this short may run out under a mail that a busy machine sends slowly.
        first = f"{chance.choice(('O4', 'O5', 'O7'))}:1"
        return _plan(point, {part: (first, "O11:1")}, depth=times, name_taken=True, leases=(0.3, 3.0))
    if point == "O10":
        return _plan(point, {part: (arm,)}, depth=2, mood=Mood(later=frozenset(range(1, times + 1))))
    if point == "D2" and part == "door":
        return _plan(point, {part: (arm,)}, extras=("large",) * times)
    if point == "D2":
        return _plan(point, {part: (arm,)}, extras=("files",))
    if part == "imap":
        return _plan(point, {part: (arm,)}, extras=("imap",) * times)
    if point == "D6":
        return _plan(point, {part: (arm,)}, extras=("lmtp",) * times)
    give_up = 1 if point in ("D1", "D3", "D4", "D5") and times == 1 and chance.random() < 0.25 else None
    depth = 1 if give_up else times if part != "worker" else max(1, times - 1)
    return _plan(point, {part: (arm,)}, depth=depth, patience=give_up)


def _random(chance: Random) -> Plan:
    parts = tuple(chance.sample(PARTS, chance.choice((1, 1, 2, 3))))
    if "door" in parts:
        parts += ("lmtp", "imap")  # where there are such
    depth = chance.randint(1, 3)
    shot = Shot(chance.randint(1, 2 * depth), chance.uniform(0, _RANDOM), parts)
    return _plan("random", {}, depth=depth, shots=(shot,), threads=4)


def _compound(chance: Random) -> Plan:
    kind = chance.choice(("relay 451", "relay drops", "recovery", "sweep", "again", "again at random"))
    depth = chance.randint(1, 3)
    moods = (
        Mood(later=frozenset(chance.sample(range(1, 6), 2))),
        Mood(later_at_rcpt=frozenset(chance.sample(range(1, 6), 2))),
        Mood(delay=chance.uniform(0, 0.03)),
    )
    if kind in ("relay 451", "relay drops"):
        mood = chance.choice(moods) if kind == "relay 451" else Mood(drop=frozenset(chance.sample(range(1, 5), 2)))
        if chance.random() < 0.5:
            part, point = chance.choice([("worker", f"O{n}") for n in range(3, 10)])
            return _plan(kind, {part: (f"{point}:{chance.randint(1, 2)}",)}, depth=max(depth, 2), mood=mood)
        return replace(_random(chance), kind=kind, mood=mood)
    if kind in ("recovery", "sweep"):
        part, point = ("filer", "F6") if kind == "recovery" else ("worker", "O11")
        made = named(part, point, chance.randint(1, 2), chance)
        return replace(made, kind=kind, shots=_random(chance).shots) if chance.random() < 0.3 else made
    if kind == "again":
        part, first = chance.choice(
            [pair for pair in NAMED if pair[0] != "imap" and pair[1] not in ("F6", "O10", "O11", "D2", "D6")]
        )
        second = chance.choice([point for who, point in NAMED if who == part and point[0] == first[0] and point not in ("F6", "O10", "O11", "D2", "D6")])  # fmt: skip
        return _plan(kind, {part: (f"{first}:1", f"{second}:1")}, depth=max(2, depth))
    again = Shot(0, chance.uniform(0, _RANDOM), tuple(chance.sample(PARTS, chance.randint(1, 3))))
    return replace(_random(chance), kind=kind, again=again)


def _plan(kind: str, arms: dict[str, tuple[str, ...]], **rest: object) -> Plan:
    return replace(Plan(0, 0, kind, arms), **rest)  # type: ignore[arg-type]

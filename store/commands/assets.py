"""What may be done with assets, and with the rights on their groups. Who may do it is checked where it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from store.commands.conversation import OpenTicket
from store.commands.values import Author
from store.rules.assets import AssetKind, Plan
from store.rules.scope import Right

Action = Literal["register", "activate", "renew", "deactivate"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for one asset, the one with the id `asset`.

    `register`: it is none yet, and is to be activated under this `key` (DV-14), in the group with that key.
    """

    action: Action
    asset: int | None = None
    key: str = ""
    kind: AssetKind = "device"
    name: str = ""
    plan: Plan = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class AskForAssets:
    """Somebody asks for something with assets: what may be done is, for each by itself, and they are told of the rest why.

    `opening` is the ticket that it is; `ticket` one that is there already instead. `unknown`: names they used that no
    asset has. `settles`: nothing else was said, so that the ticket is closed when nobody has to do anything more.
    `answer` False: they have had enough automatic answers.
    """

    opening: OpenTicket
    wishes: tuple[Wish, ...]
    unknown: tuple[str, ...] = ()
    settles: bool = False
    answer: bool = True
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class CompleteActivation:
    """Staff has set the asset up: it is active. A renewal date is a term from today unless it is given (DV-18)."""

    asset: int
    by: Author
    plan: Plan
    renewal_date: date | None = None
    contract_end: date | None = None


@dataclass(frozen=True, slots=True)
class RefuseActivation:
    """Staff does not activate the asset; whoever asked is told the reason."""

    asset: int
    by: Author
    reason: str


@dataclass(frozen=True, slots=True)
class WithdrawDeactivation:
    """The asset is to go on, before its last day has passed (DV-34)."""

    asset: int
    by: Author


@dataclass(frozen=True, slots=True)
class AcknowledgeMissed:
    """Somebody has seen that a renewal date passed without a word: no red mark any more (A-31)."""

    asset: int
    by: Author


@dataclass(frozen=True, slots=True)
class MoveAsset:
    """To another group of its organisation, or by None to none; nothing is told to anybody outside (DV-35, DV-36)."""

    asset: int
    by: Author
    group: str | None


@dataclass(frozen=True, slots=True)
class GiveGrant:
    """A member of the organisation gets a right on a group, in place of the one they had (DV-52)."""

    group: str
    by: Author
    to: str
    right: Right


@dataclass(frozen=True, slots=True)
class TakeGrant:
    """Somebody loses their right on a group at once."""

    group: str
    by: Author
    of: str

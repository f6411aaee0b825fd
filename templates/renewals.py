"""What a mail says of devices that renew, were renewed or have ended, by the group they are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from templates.figures import day


@dataclass(frozen=True, slots=True)
class Device:
    """One device. `key` names it in an answer; `day` is its renewal or its last day; `after` the renewal that follows.

    `left`: days until then; `before`: a renewal date that passed; `acts`: the reader may decide on it. Days are as the reader
    says them.
    """

    name: str
    key: str
    day: str
    plan: str
    left: int = 0
    after: str = ""
    before: str = ""
    acts: bool = True
    link: str = ""


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """Devices of a group, which is named with those above it; by nothing when they are in none."""

    path: str
    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Renewals:
    """What a mail tells. `renew`, `cancel`: an empty mail there decides on all; `answer`: where words decide; empty for none."""

    groups: tuple[DeviceGroup, ...] = ()
    answer: str = ""
    renew: str = ""
    cancel: str = ""
    unsubscribe: str = ""

    @property
    def count(self) -> int:
        return sum(len(group.devices) for group in self.groups)

    @property
    def first(self) -> str:
        """What one that the reader may decide on is called in an answer."""
        return next((one.key for group in self.groups for one in group.devices if one.acts), "")

    @property
    def acts(self) -> bool:
        return bool(self.first)


NO_RENEWALS = Renewals()


def group_devices(
    told: Sequence[Mapping[str, Any]], language: str, clean: Callable[[Any], str]
) -> tuple[DeviceGroup, ...]:
    """The devices of a letter's facts by the path of their group, as a reader of the language is told of them."""

    def said(iso: Any) -> str:
        return day(iso, language) if iso else ""

    def device(one: Mapping[str, Any]) -> Device:
        return Device(
            clean(one["name"]), clean(one["key"]), said(one["day"]), clean(one["plan"]), int(one["left"]), said(one["after"]),
            said(one["before"]), bool(one["acts"]), clean(one["link"]),
        )  # fmt: skip

    def path(one: Mapping[str, Any]) -> str:
        return clean(one["group"])

    ordered = sorted(told, key=lambda one: (not path(one), path(one).casefold(), one["day"], one["key"]))
    return tuple(DeviceGroup(name, tuple(map(device, of))) for name, of in groupby(ordered, path))


_ALERT = "support+aebagbyfrkx6mw2n4tq7zcd3hs@help.example.com"
_PAGE = "https://help.example.com/asset/LX-"
_GROUPS = (
    DeviceGroup("North / Dock", (
        Device("Crane tracker", "LX-118", "2026-08-04", "yearly", 21, "2027-08-04", link=f"{_PAGE}118"),
        Device("", "LX-121", "2026-07-21", "quarterly", 7, "2026-10-21", link=f"{_PAGE}121"),
    )),
    DeviceGroup("", (Device("Office router", "LX-7", "2026-07-14", "yearly", 0, "2027-07-14", link=f"{_PAGE}7"),)),
)  # fmt: skip
_STOP = "https://help.example.com/u/aebagbyfrkx6mw2n4tq7zcd3hs"
SAMPLE_ALERT = Renewals(_GROUPS, _ALERT, _ALERT.replace("aeba", "aeca"), _ALERT.replace("aeba", "aeda"), _STOP)
SAMPLE_ONE = Renewals(
    (DeviceGroup("South", (Device("Gate", "LX-3", "2026-08-11", "yearly", 28, "2027-08-11", link=f"{_PAGE}3"),)),),
    _ALERT, _ALERT.replace("aeba", "aeca"), _ALERT.replace("aeba", "aeda"), _STOP,
)  # fmt: skip
SAMPLE_WATCHED = Renewals(
    (DeviceGroup("South", (Device("Gate", "LX-3", "2026-08-11", "yearly", 28, "2027-08-11", "", False, f"{_PAGE}3"),)),),
    unsubscribe=_STOP,
)  # fmt: skip
SAMPLE_RENEWED = Renewals((
    DeviceGroup("North / Dock", (
        Device("Crane tracker", "LX-118", "2027-07-13", "yearly", after="2028-07-13", before="2026-07-13", link=f"{_PAGE}118"),
        Device("", "LX-121", "2026-10-13", "quarterly", before="2026-07-13", link=f"{_PAGE}121"),
    )),
), unsubscribe=_STOP)  # fmt: skip
SAMPLE_ENDED = Renewals(
    (DeviceGroup("South", (Device("Gate", "LX-3", "2026-07-13", "monthly", link=f"{_PAGE}3"),)),), unsubscribe=_STOP
)

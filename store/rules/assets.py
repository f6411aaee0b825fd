"""The laws of an asset's state (requirements S4). What a table does not name cannot be done.

trigger             inactive            activation_pending  active                deactivation_pending  deactivated
request_activation  activation_pending  -                   -                     -                     activation_pending
complete            -                   active              -                     -                     -
refuse              -                   inactive            -                     -                     -
confirm             -                   -                   active                -                     -
renew               -                   -                   active                -                     -
acknowledge         -                   -                   active                deactivation_pending  -
request_deactivation -                  -                   deactivation_pending  -                     -
withdraw            -                   -                   -                     active                -
end                 -                   -                   -                     deactivated           -
move                inactive            activation_pending  active                deactivation_pending  deactivated

A device that nobody has registered becomes one by request_activation. `renew` and `end` are the clock's: the term that
begins when a renewal date has passed, and the day after the last active one.
"""

from __future__ import annotations

from typing import Literal, get_args

AssetState = Literal["inactive", "activation_pending", "active", "deactivation_pending", "deactivated"]
Trigger = Literal[
    "request_activation", "complete", "refuse", "confirm", "renew", "acknowledge", "request_deactivation", "withdraw", "end", "move",
]  # fmt: skip
AssetKind = Literal["device", "machine", "service"]
Plan = Literal["", "monthly", "quarterly", "yearly"]
STATES: tuple[AssetState, ...] = get_args(AssetState)
TRIGGERS: tuple[Trigger, ...] = get_args(Trigger)

UNREGISTERED: AssetState = "inactive"  # what a device is before anybody asks for it
ACTIVE: frozenset[AssetState] = frozenset({"active", "deactivation_pending"})  # until its last day it is active

_LAWS: dict[tuple[AssetState, Trigger], AssetState] = {
    ("inactive", "request_activation"): "activation_pending",
    ("deactivated", "request_activation"): "activation_pending",
    ("activation_pending", "complete"): "active",
    ("activation_pending", "refuse"): "inactive",
    ("active", "confirm"): "active",
    ("active", "renew"): "active",
    ("active", "acknowledge"): "active",
    ("deactivation_pending", "acknowledge"): "deactivation_pending",
    ("active", "request_deactivation"): "deactivation_pending",
    ("deactivation_pending", "withdraw"): "active",
    ("deactivation_pending", "end"): "deactivated",
    **{(state, "move"): state for state in STATES},
}


def advance(state: AssetState, trigger: Trigger) -> AssetState | None:
    """The state after something happened to an asset; None when it cannot happen in this one."""
    return _LAWS.get((state, trigger))

"""A devices desk with an organisation, groups below each other, everybody who has a part in them, and devices."""

from __future__ import annotations

from typing import Any

# The company admin; admins of the group north and of its sub-group dock; who reads north alone; a member with no part;
# an admin who has left; and the admin of another organisation.
BOSS, NORA, DORA, SUE, MIA, GONE, EVE = (
    f"{name}@fleet.test" if name != "eve" else "eve@other.test"
    for name in ("boss", "nora", "dora", "sue", "mia", "gone", "eve")
)
GINA = "gina@desk.test"

FLEET: dict[str, Any] = {
    "organizations": [
        {"key": "fleet", "desk": "devices", "name": "Fleet Ltd", "timezone": "Europe/Berlin"},
        {"key": "other", "desk": "devices", "name": "Other Ltd"},
    ],
    "people": [
        {"email": BOSS, "name": "Boss", "organization": "fleet", "role": "admin"},
        {"email": NORA, "name": "Nora", "organization": "fleet", "role": "group_admin"},
        {"email": DORA, "name": "Dora", "organization": "fleet", "role": "group_admin"},
        {"email": SUE, "name": "Sue", "organization": "fleet", "role": "supervisor"},
        {"email": MIA, "name": "Mia", "organization": "fleet"},
        {"email": GONE, "name": "Gone", "organization": "fleet", "role": "admin", "status": "inactive"},
        {"email": EVE, "name": "Eve", "organization": "other", "role": "admin"},
    ],
    "agents": [{"email": GINA, "name": "Gina", "desk": "devices"}],
    "groups": [
        {"key": "north", "organization": "fleet", "name": "North",
         "grants": [{"email": NORA, "right": "admin"}, {"email": SUE, "right": "supervisor"}, {"email": GONE, "right": "admin"}]},
        {"key": "dock", "organization": "fleet", "name": "Dock", "parent": "north", "grants": [{"email": DORA, "right": "admin"}]},
        {"key": "south", "organization": "fleet", "name": "South"},
        {"key": "foreign", "organization": "other", "name": "Foreign"},
    ],
    "assets": [
        {"key": "dev-1", "organization": "fleet", "group": "north", "name": "Tracker 1", "model": "T1", "serial": "S-1",
         "external_id": "ext-1", "state": "active", "plan": "yearly", "renewal_date": "2026-03-30", "contract_end": "2026-03-30"},
        {"key": "dev-2", "organization": "fleet", "group": "dock", "state": "active", "plan": "quarterly", "renewal_date": "2026-03-28"},
        {"key": "dev-3", "organization": "fleet", "group": "south", "state": "active", "plan": "yearly", "renewal_date": "2026-03-25"},
        {"key": "dev-4", "organization": "fleet", "group": "south", "state": "active", "plan": "monthly"},
        {"key": "dev-5", "organization": "fleet", "group": "north", "state": "inactive"},
        {"key": "dev-6", "organization": "fleet", "group": "south", "state": "deactivated", "plan": "yearly"},
        {"key": "dev-7", "organization": "fleet", "state": "active", "plan": "yearly", "renewal_date": "2026-12-01"},
        {"key": "alien", "organization": "other", "group": "foreign", "state": "active", "plan": "yearly", "renewal_date": "2026-03-30"},
    ],
}  # fmt: skip

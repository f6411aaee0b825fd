"""The installation every round starts from: two desks and the people around them, who is who in the scenarios."""

from __future__ import annotations

from typing import Any

DESKS = ("hosting", "devices")
DOMAIN = "desk.test"
HOSTING, DEVICES = (f"support@{desk}.{DOMAIN}" for desk in DESKS)
BOUNCES = f"no-reply@hosting.{DOMAIN}"

ANNA, BOSS, CARL, STRANGER = "anna@cust.test", "boss@cust.test", "carl@else.test", "sven@stranger.test"
GINA, EDDA = "gina@staff.test", "edda@staff.test"  # the staff of hosting, and of devices

PEOPLE: dict[str, Any] = {
    "organizations": [{"key": "acme", "desk": "hosting", "name": "Acme"}],
    "people": [
        {"email": ANNA, "name": "Anna", "organization": "acme"},
        {"email": BOSS, "name": "Boss", "organization": "acme", "role": "admin"},
    ],
    "agents": [
        {"email": GINA, "name": "Gina", "desk": "hosting"},
        {"email": EDDA, "name": "Edda", "desk": "devices"},
    ],
}

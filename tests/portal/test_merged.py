"""The page of a number whose ticket went elsewhere is that ticket's, for those who may see it there."""

from __future__ import annotations

from store.apply import apply
from store.commands import MoveTicket
from store.views import find_ticket
from tests.portal.house import MARIA, ROLES, House


def test_an_old_number_shows_the_ticket_under_the_rights_of_where_it_is(own_house: House) -> None:
    with own_house.store.write() as connection:
        row, _desk = find_ticket(connection, own_house.config, "EQ#1001")
        apply(connection, own_house.config, MoveTicket(row.id, MARIA, "", "hosting"), own_house.clock())
    shown = {role: own_house.client(role).get("/t/EQ-1001") for role in ROLES}
    assert {role: page.status_code for role, page in shown.items()} == {
        "anonymous": 401, "other": 404, "cc": 200, "requester": 200, "member": 404, "admin": 404, "other-agent": 200,
        "agent": 404,
    }  # fmt: skip
    for role in ("cc", "requester", "other-agent"):
        assert "HO#" in shown[role].text
    assert "moved" in shown["other-agent"].text
    assert "moved" not in shown["requester"].text

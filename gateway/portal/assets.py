"""The page of a device, machine or service: all that is known of it, for those with a part in it and for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from gateway.portal.asset_words import MARKS, REQUEST_ENDS, REQUESTS, STATES, sentence
from gateway.portal.context import portal_of
from gateway.portal.rendering import page
from gateway.portal.thread import Reader
from gateway.portal.tickets import MOST, line_of, person_fact
from gateway.portal.visitors import Visitor
from store import asset_views, people, views
from store.errors import NotFound
from store.rules.people import PersonFacts
from templates.contexts import one_line
from templates.figures import day


def asset_page(request: Request, visitor: Visitor) -> Response:
    """GET /asset/KEY. Raises NotFound, the same for an asset that does not exist and one that may not be seen."""
    portal, person, key = portal_of(request), visitor.person, request.path_params["key"]
    if "\0" in key:  # no database asks for it
        raise NotFound("there is no such asset")
    with portal.store.read() as connection:
        asset = asset_views.one_asset(connection, portal.config, key, portal.clock(), visible_to=person)
        tickets = views.tickets(connection, portal.config, visible_to=person, limit=MOST + 1, asset=asset["id"])
        known = _known(connection, asset)
    desk = portal.config.desks[asset["desk"]]
    reader = Reader(person, desk.name in person.staff_of, desk, known)
    seen = {ticket["tag"] for ticket in tickets}
    word, tone = STATES[asset["state"]]
    return page(
        request, "asset.html", visitor=visitor, desk=desk, key=one_line(key), kind=asset["kind"],
        name=one_line(asset["name"] or key), state=word, tone=tone, mark=MARKS.get(asset["mark"]),
        facts=_facts(asset, reader), lines=[line_of(portal, person, ticket) for ticket in tickets[:MOST]],
        more=len(tickets) > MOST, most=MOST, requests=[_request(one, seen, reader) for one in asset["requests"]],
        events=[
            {"words": sentence(one, reader.name), "at": reader.time(one["at"]), "iso": one["at"]}
            for one in reversed(asset["events"])
        ],
    )  # fmt: skip


def _known(connection: Connection, asset: Mapping[str, Any]) -> dict[str, PersonFacts]:
    """The people named on the page, by address."""
    addresses = {asset["confirmed_by"], *asset["warned"]}
    addresses |= {one["by"] for one in asset["requests"]} | {one["actor"] for one in asset["events"]}
    found = ((address, people.find(connection, address)) for address in addresses if address)
    return {address: person for address, person in found if person is not None}


def _facts(asset: Mapping[str, Any], reader: Reader) -> list[tuple[str, list[tuple[str, str]]]]:
    """The column beside the history: a word and its values, each with an address for staff."""

    def said(name: str) -> list[tuple[str, str]]:
        return [(one_line(asset[name]), "")] if asset[name] else []

    def on(name: str) -> list[tuple[str, str]]:
        return [(day(asset[name]), "")] if asset[name] else []

    confirmed = [person_fact(asset["confirmed_by"], "", reader)] if asset["confirmed_by"] else []
    shown = [
        ("Group", said("group_path")),
        ("Organization", said("organization_name") or said("organization")),
        ("Plan", [(asset["plan"].capitalize(), "")] if asset["plan"] else []),
        ("Renews on", on("renewal_date")),
        ("Confirmed by", confirmed),
        ("Unconfirmed", on("missed")),
        ("Contract until", on("contract_end")),
        ("Last day", on("effective")),
        ("Next invoice", on("next_invoice")),
        ("Warned", [person_fact(one, "", reader) for one in asset["warned"]]),
        ("Model", said("model")),
        ("Serial number", said("serial")),
        ("External id", said("external_id")),
    ]
    return [(name, values) for name, values in shown if values]


def _request(one: Mapping[str, Any], seen: set[str], reader: Reader) -> dict[str, str]:
    """What was asked, by whom, and what became of it; of its ticket only what the reader may open."""
    word, tone = REQUEST_ENDS[one["state"]]
    return {
        "what": REQUESTS[one["kind"]], "by": reader.name(one["by"]) if one["by"] else "", "word": word, "tone": tone,
        "at": reader.time(one["at"]), "iso": one["at"], "ticket": one["ticket"] if one["ticket"] in seen else "",
    }  # fmt: skip

"""How people want to be told, by category; what nobody has chosen about is `each`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from sqlalchemy import Connection, select

from store.questions import Question, among
from store.rules.pacing import CATEGORIES, Category, Choice
from store.schema import Preference, insert_into

_CHOSEN = Question(
    select(Preference.c.person_id, Preference.c.category, Preference.c.choice).where(
        among(Preference.c.person_id, "ids")
    )
)


def chosen(connection: Connection, ids: Collection[int]) -> dict[tuple[int, Category], Choice]:
    """What these people have chosen, by person and category."""
    rows = _CHOSEN.ask(connection, {"ids": list(ids)})
    return {(person, cast(Category, category)): cast(Choice, choice) for person, category, choice in rows}


def preferences(connection: Connection, person_id: int) -> dict[Category, Choice]:
    """What holds for a person, of every category."""
    of_person = chosen(connection, [person_id])
    return {category: of_person.get((person_id, category), "each") for category in CATEGORIES}


def choose(connection: Connection, person_id: int, choices: Mapping[Category, Choice]) -> None:
    """Remembers what a person wants; what is not named stays."""
    for category, choice in choices.items():
        values = {"person_id": person_id, "category": category, "choice": choice}
        made = insert_into(Preference, connection.dialect.name).values(**values)
        connection.execute(
            made.on_conflict_do_update(index_elements=["person_id", "category"], set_={"choice": choice})
        )

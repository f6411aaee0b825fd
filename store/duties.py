"""What nobody else would hear of, should somebody end the mails about renewals."""

from __future__ import annotations

from sqlalchemy import Connection, select

from store import people
from store.assets import facts
from store.config import Config
from store.renewal_mails import Audience
from store.rules.assets import ACTIVE
from store.schema import Asset, Organization


def left_alone(connection: Connection, config: Config, person_id: int) -> int:
    """Of how many active devices nobody but this person could decide: of these they are told, whatever they have chosen."""
    of = {organization for one in people.facts(connection, [person_id]) for organization, _role in one.organizations}
    query = select(Organization.c.id, Organization.c.desk).where(Organization.c.id.in_(of))
    count = 0
    for organization, name in connection.execute(query).all():
        if name not in config.desks:
            continue
        audience = Audience(connection, config.desks[name], [organization], [person_id])
        active = select(*Asset.c).where(Asset.c.organization_id == organization, Asset.c.state.in_(ACTIVE))
        for row in connection.execute(active):
            count += any(one.person.id == person_id for one in audience.of(facts(row)))
    return count

"""What every page works with: one value, made when the portal starts and found on the request."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from gateway.portal.forms import Forms
from gateway.portal.judging import Judge
from gateway.portal.sessions import Sessions
from gateway.throttle import Throttle
from store.clock import Clock
from store.config import Config
from store.database import Store


@dataclass(frozen=True, slots=True)
class Portal:
    """One running portal."""

    config: Config
    store: Store
    clock: Clock
    sessions: Sessions
    forms: Forms
    throttle: Throttle
    judge: Judge

    @property
    def secure(self) -> bool:
        """Whether people reach it by TLS, so that cookies may never travel without."""
        return self.config.base_url.lower().startswith("https:")

    @property
    def title(self) -> str:
        """What the pages call themselves: the desk's own title when there is only one."""
        desks = list(self.config.desks.values())
        return desks[0].title if len(desks) == 1 else "Support"


def portal_of(request: Request) -> Portal:
    """The portal that serves this request."""
    portal = request.app.state.portal
    assert isinstance(portal, Portal)
    return portal

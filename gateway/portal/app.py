"""The portal: every path, who may open it, and what stands around each answer."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from gateway.filters import Filters
from gateway.portal import problems
from gateway.portal.assets import asset_page
from gateway.portal.context import Portal
from gateway.portal.files import download
from gateway.portal.forms import Forms
from gateway.portal.guard import Guard
from gateway.portal.health import health
from gateway.portal.judging import Judge
from gateway.portal.letter import letter
from gateway.portal.links import fetch, show_upload, upload
from gateway.portal.metrics import metrics
from gateway.portal.new_password import set_password, show_password
from gateway.portal.password_code import show_code, use_code
from gateway.portal.sessions import Sessions
from gateway.portal.signing_in import password_limiter, private, show_sign_in, sign_in, sign_out
from gateway.portal.static import static
from gateway.portal.tickets import ticket_list, ticket_page
from gateway.portal.unsubscribing import show_unsubscribing, unsubscribe
from gateway.throttle import Throttle
from store.clock import Clock, now
from store.config import Config
from store.database import Store
from store.digests import PATH as UNSUBSCRIBE
from store.errors import NotFound, Temporary
from store.file_links import FETCH, UPLOAD
from store.password_links import CODE_PATH, PATH

# A private page takes a POST only to sign in where it stands; see `signing_in`.
ROUTES = (
    Route("/healthz", health),
    Route("/metrics", metrics),
    Route("/static/{name}", static),
    Route("/login", show_sign_in),
    Route("/login", sign_in, methods=["POST"]),
    Route("/logout", sign_out, methods=["POST"]),
    Route(PATH, show_password),
    Route(PATH, set_password, methods=["POST"]),
    Route(UNSUBSCRIBE + "/{token}", show_unsubscribing),
    Route(UNSUBSCRIBE + "/{token}", unsubscribe, methods=["POST"]),
    Route(FETCH, fetch),
    Route(UPLOAD, show_upload),
    Route(UPLOAD, upload, methods=["POST"]),
    Route(CODE_PATH, show_code),
    Route(CODE_PATH, use_code, methods=["POST"]),
    Route("/", private(ticket_list)),
    Route("/", sign_in, methods=["POST"]),
    Route("/t/{tag}", private(ticket_page)),
    Route("/t/{tag}", sign_in, methods=["POST"]),
    Route("/t/{tag}/m/{message:int}", private(letter)),
    Route("/t/{tag}/m/{message:int}", sign_in, methods=["POST"]),
    Route("/asset/{key:path}", private(asset_page)),
    Route("/asset/{key:path}", sign_in, methods=["POST"]),
    Route("/f/{attachment:int}", private(download)),
    Route("/f/{attachment:int}", sign_in, methods=["POST"]),
)


def create_app(config: Config, store: Store, clock: Clock = now) -> Starlette:
    """The portal of an installation."""
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Guard)],
        exception_handlers={
            HTTPException: problems.refused,
            NotFound: problems.not_found,
            Temporary: problems.try_later,
        },
    )
    app.router.redirect_slashes = False  # it would redirect to whatever host the request names
    app.state.portal = Portal(
        config,
        store,
        clock,
        Sessions(config.secret, clock),
        Forms(config.secret, clock),
        Throttle(clock),
        Judge(Filters.of(config)),
    )
    app.state.password_limiter = password_limiter()
    return app

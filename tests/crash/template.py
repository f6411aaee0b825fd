"""The folder every round's is a copy of; and a first mail through all of the code, so that no round pays for that."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.cli.setup import write_configuration
from gateway.filer import Filer
from gateway.smtp import loop_factory
from gateway.studying import Students
from store import journal, loading, outbox, pending
from store.clock import now
from store.database import Store, open_store
from store.journal import Incoming
from store.load_form import Loaded
from store.migrate import migrate
from templates.render import _environment as environment
from tests import one_row
from tests.crash.parts import config_of
from tests.crash.people import DESKS, DOMAIN, HOSTING, PEOPLE
from tests.harness import tell_at_once
from workers.compose import compose
from workers.relay_session import _own_name as own_name


def make(folder: Path) -> None:
    """A migrated installation with its people."""
    write_configuration(folder, DESKS, DOMAIN)
    tell_at_once(folder)
    (folder / "password").write_text("secret\n")
    config = config_of(folder)
    store = open_store(config)
    migrate(config, store)
    loading.load(store, config, Loaded(**PEOPLE), folder / "people.json", now())
    _ = config.secret
    store.close()
    (config.data / "migrate.lock").unlink()


def warm_up(source: Path, folder: Path) -> Store:
    """Files a mail and writes the mails that follow, in a copy of the installation; its store, closed."""
    shutil.copytree(source, folder)
    config = config_of(folder)
    store = open_store(config)
    raw = f"From: a@b.test\r\nTo: {HOSTING}\r\nSubject: warm\r\nMessage-ID: <w@b.test>\r\n\r\nHello\r\n".encode()
    journal.append(store, [Incoming("smtp", now(), "a@b.test", (("hosting", (HOSTING,)),), raw)])
    filer = Filer(config, store, Students(store.blobs, workers=0))
    while filer.file_next():
        pass
    outbox.release(store, "warm", now())
    for id_ in pending.due(store, now(), 200):
        letter = one_row.claim(store, id_, "warm", now())
        assert letter is not None
        compose(letter, config.desks["hosting"], secret=config.secret, read_blob=store.blobs.get)
        one_row.accept(store, id_, "warm", "250 ok", now())
    for name in environment().list_templates():
        environment().get_template(name)
    loop_factory()  # imports uvloop
    own_name()
    store.close()
    return store

"""The DNS as it is spoken, against a server of our own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.proof.names import MOST, Dns, Lookups, TooMany, Unanswered
from tests.proof.world import Zone

RECORDS = {
    ("two.test.", "TXT"): ['"v=spf1 " "-all"', '"b\\252cher"'],
    ("a.test.", "A"): ["192.0.2.1", "192.0.2.2"],
    ("a.test.", "AAAA"): ["2001:db8::1"],
    ("mx.test.", "MX"): ["10 a.test.", "20 b.test."],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["a.test."],
    ("large.test.", "TXT"): ['"' + "x" * 200 + '"'],
}


@contextmanager
def server() -> Iterator[Dns]:
    """A name server on loopback; `silent.test` gets no answer, `broken.test` SERVFAIL, `alias.test` is `a.test`."""
    place = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    place.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            wire, peer = place.recvfrom(4096)
            if wire == b"end":
                return
            asked = dns.message.from_wire(wire)
            question = asked.question[0]
            name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
            answer = dns.message.make_response(asked)
            if name.endswith("silent.test."):
                continue
            if name.endswith("garbage.test."):
                place.sendto(wire[:2] + b"\xff" * 9, peer)
                continue
            if name == "alias.test.":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", "a.test."))
                name = "a.test."
            if name.endswith("broken.test."):
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif found := RECORDS.get((name, kind)):
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
            elif not any(name == known for known, _ in RECORDS):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            place.sendto(answer.to_wire(), peer)

    thread = threading.Thread(target=serve)
    thread.start()
    host, port = place.getsockname()
    yield Dns((host,), port)
    place.sendto(b"end", (host, port))
    thread.join()
    place.close()


def test_every_kind_of_record_is_read() -> None:
    with server() as ask:
        assert set(ask("two.test", "TXT", 5)) == {"v=spf1 -all", "b\xfccher"}
        assert set(ask("a.test", "A", 5)) == {"192.0.2.1", "192.0.2.2"}
        assert ask("a.test", "AAAA", 5) == ("2001:db8::1",)
        assert set(ask("mx.test", "MX", 5)) == {"10 a.test", "20 b.test"}
        assert ask("1.2.0.192.in-addr.arpa", "PTR", 5) == ("a.test",)
        assert set(ask("alias.test", "A", 5)) == {"192.0.2.1", "192.0.2.2"}


def test_what_is_not_there_is_nothing_and_trouble_is_told() -> None:
    with server() as ask:
        assert ask("nowhere.test", "TXT", 5) == ()
        assert ask("a.test", "TXT", 5) == ()
        for name in ("broken.test", "silent.test", "garbage.test"):
            start = time.monotonic()
            with pytest.raises(Unanswered):
                ask(name, "TXT", 0.5)
            assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    "name", ["", "..", "a..b", "x" * 64 + ".test", "a." * 130 + "test", "bücher.test", "a\0b.test", "a b.test", "\\"]
)
def test_a_name_that_cannot_be_is_not_there(name: str) -> None:
    with server() as ask:
        assert Lookups(ask).ask(name, "TXT") == ()


def test_a_mail_asks_each_question_once_and_not_too_many() -> None:
    zone = Zone()
    lookups = Lookups(zone)
    for _ in range(3):
        assert lookups.ask("A.test.", "TXT") == ()
    assert zone.asked == [("a.test", "TXT")]
    for n in range(MOST - 1):
        lookups.ask(f"{n}.test", "TXT")
    with pytest.raises(TooMany):
        lookups.ask("one.more.test", "TXT")
    assert len(zone.asked) == MOST

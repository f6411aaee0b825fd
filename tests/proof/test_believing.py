"""Whom we believe about a mail, and what becomes of one that its From domain disowns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.parse.authentication import Proof, read_results
from gateway.proof import names
from gateway.smtp import background
from gateway.studying import SECONDS, Students
from store import journal, ledgers
from store.clock import now
from store.journal import Incoming
from store.settings import AuthSection
from tests.doors.client import MAIL, Peer
from tests.doors.conftest import opened_as
from tests.harness import Gateway, mail
from tests.proof.world import PEER, STRANGER, Zone, zone

TAG = "HO#1001"
DNS = zone(
    dmarc__cust__test="v=DMARC1; p=reject", cust__test=f"v=spf1 ip4:{PEER} -all", dmarc__desk__test="v=DMARC1; p=none"
)


def believe(gateway: Gateway, dns: Zone = DNS, **auth: Any) -> None:
    gateway.config.settings = gateway.config.settings.model_copy(update={"auth": AuthSection(**auth)})
    gateway.filer._students = Students(gateway.store.blobs, 0, resolve=dns)


def told(gateway: Gateway, row: dict[str, Any]) -> dict[str, Any]:
    """What `postern explain` says of the proof."""
    signals = ledgers.explain(gateway.store, gateway.config, row["id"])["signals"]
    return {one["signal"]: one["value"] for one in signals if one["signal"] in ("checked by", "spf", "dkim", "dmarc")}


@pytest.mark.parametrize(
    ("headers", "result"),
    [
        (["mx.desk.test; spf=pass; dmarc=fail (p=none) header.from=x"], "fail"),
        (["MX.desk.test 1; dmarc=pass header.from=x"], "pass"),
        (["mx.desk.test; dmarc / 1 = PASS"], "pass"),
        (["mx.evil.test; dmarc=pass", "mx.desk.test; dmarc=fail"], None),
        (["mx.desk.test; spf=pass", "mx.desk.test; dmarc=pass"], None),
        (["mx.desk.test; spf=pass (; dmarc=pass)"], None),
        (["mx.desk.test; spf=pass (a (b) ; dmarc=pass)"], None),
        (["mx.desk.test; spf=pass (a \\) ; dmarc=pass)"], None),
        (["mx.desk.test.evil; dmarc=pass"], None),
        (["(mx.desk.test;) mx.evil.test; dmarc=pass"], None),
        (['mx.desk.test; spf=pass smtp.mailfrom="x; dmarc=pass"'], None),
        (['mx.desk.test; spf=pass smtp.mailfrom="x\\"; dmarc=pass"'], None),
        (["mx.desk.test; spf=fail smtp.mailfrom=x; dmarc=pass; dmarc=fail"], "fail"),
        (["mx.desk.test; spf=fail smtp.mailfrom=(x; dmarc=fail"], "fail"),
        (["mx.desk.test; spf=fail smtp.mailfrom=(x; dmarc=pass"], None),
        (["mx.desk.test; dkim=pass header.d=cust.test"], None),
        (["mx.desk.test; none"], None),
        ([""], None),
        ([], None),
    ],
)  # fmt: skip
@pytest.mark.threat(41)
def test_only_the_topmost_result_of_the_trusted_host_is_believed(headers: list[str], result: str | None) -> None:
    assert read_results(headers, "mx.desk.test").dmarc == result
    assert read_results(headers, None) == Proof()


def test_the_trusted_hosts_other_results_are_kept_too() -> None:
    header = "mx.desk.test; dkim=fail header.d=a.test; dkim=pass header.d=b.test; spf=softfail (x) smtp.mailfrom=c; dmarc=pass"
    assert read_results([header], "mx.desk.test") == Proof("trusted-host", "softfail", "pass", "pass")


@pytest.mark.threat(41)
def test_a_header_from_outside_is_believed_neither_where_we_look_ourselves_nor_where_a_host_is_trusted(
    gateway: Gateway,
) -> None:
    claim = {"Authentication_Results": "mx.desk.test; spf=pass; dkim=pass; dmarc=pass"}
    for settings in ({}, {"trusted_host": "mx.desk.test"}):
        believe(gateway, **settings)
        assert told(gateway, gateway.receive(mail(**claim), peer=STRANGER)) == {
            "checked by": "computed",
            "spf": "fail",
            "dkim": "none",
            "dmarc": "fail",
        }
    believe(gateway, trusted_host="mx.desk.test", check="off")
    assert told(gateway, gateway.receive(mail(**claim), peer=STRANGER)) == {
        "checked by": "none",
        "spf": None,
        "dkim": None,
        "dmarc": None,
    }


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "10.1.2.3", "::1", "fe80::1%eth0", "::ffff:192.168.0.9", "", STRANGER, f"::ffff:{STRANGER}"]
)
def test_mail_of_our_own_relays_is_judged_by_the_header_and_never_by_their_address(gateway: Gateway, peer: str) -> None:
    dns = zone()
    believe(gateway, dns, trusted_host="mx.desk.test", relays=[STRANGER])
    row = gateway.receive(mail(Authentication_Results="mx.desk.test; dmarc=fail"), peer=peer)
    assert (told(gateway, row)["checked by"], told(gateway, row)["dmarc"]) == ("trusted-host", "fail")
    believe(gateway, dns, relays=["45.9.0.0/16"])
    assert told(gateway, gateway.receive(mail(), peer=peer))["checked by"] == "none"
    assert dns.asked == []


@pytest.mark.parametrize("door", ["lmtp", "pipe"])
def test_only_the_smtp_door_meets_strangers(gateway: Gateway, door: str) -> None:
    believe(gateway)
    assert told(gateway, gateway.receive(mail(), peer=STRANGER, door=door))["checked by"] == "none"


def test_nothing_is_computed_where_that_is_off(gateway: Gateway) -> None:
    dns = zone()
    believe(gateway, dns, check="off")
    assert told(gateway, gateway.receive(mail(), peer=STRANGER))["checked by"] == "none"
    assert dns.asked == []


def test_the_smtp_door_keeps_who_came(gateway: Gateway) -> None:
    with background(opened_as(gateway.config), gateway.store) as door, Peer(door.address, timeout=20) as peer:
        peer.ask("EHLO mx.cust.test", "MAIL FROM:<x@cust.test>", "RCPT TO:<support@desk.test>", "DATA")
        assert peer.ask(MAIL + b".\r\n")[0].startswith("250")
    row = journal.rows_after(gateway.store, 0, 1)[0]
    assert (row.peer, row.helo, row.sender) == ("127.0.0.1", "mx.cust.test", "x@cust.test")
    assert journal.row(gateway.store, row.id) == row


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="relays"):
        AuthSection(relays=["mx.desk.test"])  # type: ignore[arg-type]


@pytest.mark.threat(40)
def test_a_forged_requester_and_a_forged_agent_reach_no_ticket(gateway: Gateway) -> None:
    believe(gateway)
    honest = gateway.receive(mail(), sender="anna@cust.test", peer=PEER)
    assert told(gateway, honest) == {"checked by": "computed", "spf": "pass", "dkim": "none", "dmarc": "pass"}
    before = gateway.told()
    tagged = gateway.receive(mail("Close it", subject=f"Re: [{TAG}] x"), sender="x@evil.test", peer=STRANGER)
    assert (tagged["ticket"], told(gateway, tagged)["dmarc"]) == ("HO#1002", "fail")
    signed = gateway.reply_address(TAG, "gina@desk.test")
    agent = gateway.receive(
        mail("Pay here", sender="gina@desk.test", subject=f"Re: [{TAG}] x"), signed, sender="x@evil.test", peer=STRANGER
    )
    assert (agent["ticket"], gateway.ticket("HO#1003")["flags"]) == ("HO#1003", ["held", "unproved-staff"])
    assert len(gateway.ticket(TAG)["messages"]) == 1
    assert not [one for one in gateway.told()[len(before) :] if one[0] == "anna@cust.test"]
    genuine = gateway.receive(mail("More", subject=f"Re: [{TAG}] x"), sender="anna@cust.test", peer=PEER)
    assert genuine["ticket"] == TAG


_RT = [
    "RT-Attach",
    "RT-Send-Cc",
    "RT-Send-Bcc",
    "RT-Message-ID",
    "RT-DetectedAutoGenerated",
    "RT-Squelch-Replies-To",
    "RT-Ticket",
    "RT-Originator",
    "X-RT-Interface",
    "X-RT-Original-Encoding",
    "X-RT-Privacy",
    "X-RT-Incoming-Encryption",
    "X-RT-Incoming-Signature",
    "X-RT-GnuPG-Status",
    "X-RT-Verify",
    "X-RT-Sign",
    "X-RT-Encrypt",
    "X-RT-Mail-Extension",
]
_OURS = [
    "X-Postern-Ticket",
    "X-Postern-Agent",
    "X-Postern-Staff",
    "X-Postern-Proof",
    "X-Postern-Verdict",
    "X-Desk-Ticket",
    "X-Desk-Agent",
    "X-Desk-User",
    "X-Desk-Verified",
    "X-Original-From",
    "X-Authenticated-User",
    "X-Auth-User",
    "ARC-Authentication-Results",
    "X-Spam-Status",
]


@pytest.mark.threat(41)
@pytest.mark.parametrize("value", ["HO#1001", "1001", "gina@desk.test", "yes", "mx.desk.test; dmarc=pass"])
def test_no_header_that_claims_trust_changes_what_becomes_of_a_mail(gateway: Gateway, value: str) -> None:
    """The names Request Tracker believed of anybody (CVE-2023-41259), and those a forger would try on us."""
    believe(gateway, trusted_host="mx.desk.test")
    gateway.receive(mail(), sender="anna@cust.test", peer=PEER)
    plain = gateway.receive(mail("x", sender="mallory@evil.test"), peer=STRANGER)
    all_of_them = mail("y", sender="mallory@evil.test", **{name.replace("-", "_"): value for name in (*_RT, *_OURS)})
    claiming = gateway.receive(all_of_them, peer=STRANGER)
    for key in ("outcome", "rule", "reason", "desk"):
        assert claiming[key] == plain[key]
    assert told(gateway, claiming) == told(gateway, plain)
    one, other = gateway.ticket(plain["ticket"]), gateway.ticket(claiming["ticket"])
    for key in ("state", "flags", "requester", "priority", "department", "assignee"):
        assert one.get(key) == other.get(key), key
    assert len(gateway.ticket(TAG)["messages"]) == 1
    assert "gina@desk.test" not in str(other["messages"])


def test_a_silent_dns_is_told_and_the_mail_is_filed(gateway: Gateway) -> None:
    believe(gateway, zone(dmarc__cust__test=None, cust__test=None))
    row = gateway.receive(mail(), sender="anna@cust.test", peer=STRANGER)
    assert (row["outcome"], told(gateway, row)["dmarc"], told(gateway, row)["spf"]) == ("new", "temperror", "temperror")


@dataclass(frozen=True)
class Slow:
    """A DNS that never answers, and says so as late as it may; `file` gets a line for each question."""

    file: Path

    def __call__(self, name: str, kind: str, seconds: float) -> tuple[str, ...]:
        with self.file.open("a") as out:
            out.write(f"{name}\n")
        time.sleep(seconds)
        raise names.Unanswered(name)


@pytest.mark.slow
def test_mails_of_slow_domains_hold_up_no_relays_mail_and_are_read_once(gateway: Gateway, tmp_path: Path) -> None:
    """The DNS may take longer than the reading of a mail."""
    assert names.SECONDS > SECONDS
    slow = [mail(subject="slow", sender=f"x@slow{n}.test") for n in range(6)]
    route, far = (("hosting", ("support@desk.test",)),), Slow(tmp_path / "asked")
    students = Students(gateway.store.blobs, 2, resolve=far)
    gateway.filer._students = students
    rows = [Incoming("smtp", now(), f"x@slow{n}.test", route, bytes(one), STRANGER) for n, one in enumerate(slow)]
    journal.append(gateway.store, [*rows, Incoming("smtp", now(), "anna@cust.test", route, bytes(mail()), "127.0.0.1")])
    try:
        filed: list[int] = []
        while len(filed) < 7:
            gateway.filer.file_next()
            filed += [row["id"] for row in gateway.journal() if row["outcome"] and row["id"] not in filed]
    finally:
        students.close()
    assert filed.index(7) < 4  # only those before it that were being read as long as it
    for row in gateway.journal()[:6]:
        assert told(gateway, row)["dmarc"] == "temperror"
        assert "unreadable" not in gateway.ticket(row["ticket"])["flags"]
    asked = (tmp_path / "asked").read_text().split()
    assert sorted(one for one in asked if one.startswith("_dmarc.slow")) == [f"_dmarc.slow{n}.test" for n in range(6)]

"""SPF, DKIM and DMARC of a mail that came straight to us."""

from __future__ import annotations

import pickle
import time

import pytest

from gateway.parse import parse
from gateway.parse.authentication import Proof
from gateway.proof.checking import Origin, prove
from gateway.proof.names import MOST
from tests.proof.world import KEY, PEER, STRANGER, Zone, key, letter, proved, signed, zone

REJECT = "v=DMARC1; p=reject"
OURS = f"v=spf1 ip4:{PEER} -all"


def test_spf_of_the_same_organisation_is_proof_enough() -> None:
    dns = zone(dmarc__cust__example=REJECT, bounce__cust__example=OURS)
    proof = proved(letter(), dns, sender="x@bounce.cust.example")
    assert proof == Proof("computed", "pass", "none", "pass", "reject")
    assert pickle.loads(pickle.dumps(proof)) == proof


@pytest.mark.parametrize("how", [(b"relaxed", b"relaxed"), (b"simple", b"simple"), (b"relaxed", b"simple")])
def test_a_signature_of_the_same_organisation_is_proof_enough(how: tuple[bytes, bytes]) -> None:
    dns = zone(dmarc__cust__example=REJECT, key__mail__cust__example=KEY)
    raw = signed(letter("Hello  you \r\n\r\n"), "mail.cust.example", canonicalize=how)
    proof = proved(raw, dns, sender="x@sender.example")
    assert proof == Proof("computed", "none", "pass", "pass", "reject")


def test_neither_is_a_failure_whatever_the_domain_wants_done_about_it() -> None:
    for wish in ("none", "quarantine", "reject"):
        dns = zone(dmarc__cust__example=f"v=DMARC1; p={wish}; pct=0", sender__example=OURS)
        proof = proved(letter(), dns, sender="x@sender.example")
        assert proof == Proof("computed", "pass", "none", "fail", wish)


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (f"v=spf1 ip4:{PEER} -all", "pass"),
        ("v=spf1 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1 include:_spf.cust.example -all", "pass"),
        ("v=spf1 redirect=_spf.cust.example", "pass"),
        ("v=spf1 a:host.cust.example -all", "pass"),
        ("v=spf1 mx -all", "pass"),
        ("v=spf1 include:loop.cust.example -all", "permerror"),
        ("v=spf1 include:nowhere.example -all", "permerror"),
        ("v=spf1 ip4:nonsense -all", "permerror"),
        ("v=spf1 " + "include:many.cust.example " * 11 + "-all", "permerror"),
        ("v=spf1 " + "".join(f"mx:many{n}.cust.example " for n in range(10)) + "-all", "permerror"),
        ("v=spf1 include:slow.cust.example -all", "temperror"),
        ("v=spf1 exists:%{z} -all", "permerror"),
        ("something else", "none"),
    ],
)  # fmt: skip
def test_spf_in_all_its_results(record: str, result: str) -> None:
    dns = zone(
        cust__example=record, _spf__cust__example=OURS, loop__cust__example="v=spf1 include:loop.cust.example -all",
        many__cust__example="v=spf1 ?all", slow__cust__example=None, dmarc__cust__example=REJECT,
    )  # fmt: skip
    dns.records["host.cust.example", "A"] = (PEER,)
    dns.records["cust.example", "MX"] = ("10 host.cust.example",)
    for n in range(10):
        dns.records[f"many{n}.cust.example", "MX"] = tuple(f"10 h{m}.many{n}.cust.example" for m in range(10))
        dns.records.update({(f"h{m}.many{n}.cust.example", "A"): (STRANGER,) for m in range(10)})
    proof = proved(letter(), dns)
    assert proof.spf == result
    assert proof.dmarc == {"pass": "pass", "temperror": "temperror"}.get(result, "fail")
    assert len(dns.asked) <= MOST


def test_ten_mechanisms_that_ask_are_allowed() -> None:
    names = [f"n{n}.cust.example" for n in range(10)]
    dns = Zone({(name, "TXT"): ("v=spf1 ?all",) for name in names})
    dns.records["cust.example", "TXT"] = (
        "v=spf1 " + " ".join(f"include:{name}" for name in names) + f" ip4:{PEER} -all",
    )
    assert proved(letter(), dns).spf == "pass"


def test_the_null_sender_is_known_by_its_greeting() -> None:
    dns = zone(dmarc__cust__example=REJECT, mx__cust__example=OURS)
    assert proved(letter(), dns, sender="", helo="MX.cust.example") == Proof(
        "computed", "pass", "none", "pass", "reject"
    )
    assert proved(letter(), dns, sender="", helo="[192.0.2.1]").spf == "none"


@pytest.mark.parametrize(
    ("record", "domain", "result"),
    [
        ("v=DMARC1; p=reject; adkim=s", "cust.example", "pass"),
        ("v=DMARC1; p=reject; adkim=s", "mail.cust.example", "fail"),
        ("v=DMARC1; p=reject; adkim=r", "mail.cust.example", "pass"),
        (REJECT, "other.example", "fail"),
        (REJECT, "example", "fail"),  # a public suffix vouches for nobody
        ("v=DMARC1; p=everything", "other.example", "none"),
        ("v=DMARC1; p=everything; rua=mailto:x@y.example", "other.example", "fail"),
        ("v=dmarc1; p=reject", "other.example", "none"),
        ("p=reject; v=DMARC1", "other.example", "none"),
        ("V = DMARC1 ;P = Reject ; ", "other.example", "fail"),
    ],
)  # fmt: skip
def test_who_may_vouch_by_a_signature(record: str, domain: str, result: str) -> None:
    dns = zone(dmarc__cust__example=record)
    dns.records[f"s._domainkey.{domain}", "TXT"] = (KEY,)
    assert proved(signed(letter(), domain), dns, sender="").dmarc == result


def test_strict_spf_wants_the_very_domain() -> None:
    dns = zone(dmarc__cust__example="v=DMARC1; p=reject; aspf=s", bounce__cust__example=OURS, cust__example=OURS)
    assert proved(letter(), dns, sender="x@bounce.cust.example").dmarc == "fail"
    assert proved(letter(), dns, sender="x@cust.example").dmarc == "pass"


def test_a_subdomain_is_judged_by_its_own_record_or_by_that_of_its_organisation() -> None:
    of_all = zone(dmarc__cust__example="v=DMARC1; p=none; sp=reject")
    raw = letter(sender="anna@shop.cust.example")
    assert proved(raw, of_all).policy == "reject"
    assert proved(letter(), of_all).policy == "none"
    assert proved(raw, zone(dmarc__cust__example="v=DMARC1; p=quarantine")).policy == "quarantine"
    both = zone(dmarc__cust__example="v=DMARC1; p=none; sp=reject", dmarc__shop__cust__example="v=DMARC1; p=none")
    assert proved(raw, both).policy == "none"


def test_two_customers_of_one_public_suffix_are_two_organisations() -> None:
    dns = zone(dmarc__anna__co__uk=REJECT, key__mallory__co__uk=KEY, mallory__co__uk=OURS)
    raw = signed(letter(sender="anna@anna.co.uk"), "mallory.co.uk")
    assert proved(raw, dns, sender="x@mallory.co.uk") == Proof("computed", "pass", "pass", "fail", "reject")


def test_no_record_or_two_of_them_say_nothing() -> None:
    assert proved(letter(), zone(cust__example=OURS)) == Proof("computed", "pass", "none", "none")
    two = Zone({("_dmarc.cust.example", "TXT"): (REJECT, REJECT)})
    assert proved(letter(), two).dmarc == "none"
    beside = Zone({("_dmarc.cust.example", "TXT"): ("a note", REJECT)})
    assert proved(letter(), beside).dmarc == "fail"


@pytest.mark.parametrize(
    "sender",
    [
        "anna@cust.example\r\nFrom: boss@cust.example",
        "anna@cust.example, boss@cust.example",
        "Team: anna@cust.example;",
        "",
    ],
)
def test_a_mail_of_no_certain_author_proves_nothing(sender: str) -> None:
    dns = zone(dmarc__cust__example=REJECT, cust__example=OURS, key__cust__example=KEY)
    proof = proved(signed(letter(sender=sender)), dns)
    assert (proof.spf, proof.dmarc, proof.policy) == ("pass", "none", None)


def test_an_address_that_is_no_domain_has_no_policy() -> None:
    assert proved(letter(sender="anna@[192.0.2.1]"), zone()).dmarc == "none"
    assert proved(letter(sender="anna@localhost"), zone()).dmarc == "none"


def test_a_domain_with_other_letters_is_asked_for_in_its_written_form() -> None:
    dns = zone()
    dns.records["_dmarc.xn--bcher-kva.example", "TXT"] = (REJECT,)
    dns.records["xn--bcher-kva.example", "TXT"] = (OURS,)
    assert proved(letter(sender="anna@bücher.example"), dns, sender="anna@bücher.example").dmarc == "pass"


def test_trouble_in_the_dns_is_told_from_failure() -> None:
    silent = zone(dmarc__cust__example=None, cust__example=OURS)
    assert proved(letter(), silent) == Proof("computed", "pass", "none", "temperror")
    no_key = zone(dmarc__cust__example=REJECT, key__cust__example=None)
    proof = proved(signed(letter()), no_key)
    assert (proof.dkim, proof.dmarc) == ("temperror", "temperror")


def test_no_stranger_makes_a_failure_look_like_trouble() -> None:
    """Neither by names of his own that do not answer, nor by some name below the domain that does not."""
    dns = zone(dmarc__cust__example=REJECT, evil__example=None, key__evil__example=None, key__old__cust__example=None)
    assert proved(signed(letter(), "evil.example"), dns, sender="x@evil.example").dmarc == "fail"
    assert proved(signed(letter(), "old.cust.example"), dns).dmarc == "fail"


def test_all_questions_end_in_time_and_those_that_matter_come_first() -> None:
    asked: list[str] = []

    def slow(name: str, kind: str, seconds: float) -> tuple[str, ...]:
        asked.append(name)
        if "evil" in name:
            time.sleep(seconds)
        return {"_dmarc.cust.example": (REJECT,)}.get(name, ())

    raw = letter()
    for n in range(8):
        raw = signed(raw, f"evil{n}.example")
    raw = signed(raw)
    start = time.monotonic()
    proof = prove(raw, parse(raw), Origin(PEER, "x", "x@evil.example", slow), seconds=0.5)
    assert time.monotonic() - start < 5
    assert proof.dmarc == "fail"
    assert asked[:2] == ["_dmarc.cust.example", "s._domainkey.cust.example"]


def test_at_most_five_signatures_are_looked_at_and_the_authors_first() -> None:
    dns = zone(dmarc__cust__example=REJECT, key__cust__example=KEY)
    raw = signed(letter())
    for n in range(20):
        raw = signed(raw, f"d{n}.example")
    assert proved(raw, dns).dmarc == "pass"
    assert sum("_domainkey" in name for name, _ in dns.asked) == 5


def test_a_resolver_that_fails_in_any_way_stops_nothing() -> None:
    def broken(name: str, kind: str, seconds: float) -> tuple[str, ...]:
        raise ValueError(name)

    raw = signed(letter())
    proof = prove(raw, parse(raw), Origin(PEER, "x", "anna@cust.example", broken))
    assert proof == Proof("computed", "temperror", "temperror", "temperror")


def test_a_short_key_counts_for_nothing() -> None:
    assert key(1024)
    dns = zone(dmarc__cust__example=REJECT, key__cust__example=KEY[:-200])
    assert proved(signed(letter()), dns).dmarc == "fail"

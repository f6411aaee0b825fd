"""What a DKIM signature covers, and what it does not."""

from __future__ import annotations

import time

import dkim
import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from gateway.parse import parse
from gateway.parse.headers import MAX_FIELDS
from gateway.proof import bodies
from gateway.proof.bodies import canonical_body
from tests.proof.world import KEY, Zone, key, letter, proved, signed, zone


def dns() -> Zone:
    return zone(dmarc__cust__example="v=DMARC1; p=reject", key__cust__example=KEY)


def result(raw: bytes) -> tuple[str | None, str | None]:
    proof = proved(raw, dns(), sender="")
    return proof.dkim, proof.dmarc


def test_a_signed_mail_is_proof_and_a_changed_one_is_not() -> None:
    raw = signed(letter("Pay 10 euros"))
    assert result(raw) == ("pass", "pass")
    assert result(raw.replace(b"10 euros", b"99 euros")) == ("fail", "fail")
    assert result(raw.replace(b"Subject: Printer", b"Subject: Money")) == ("fail", "fail")
    assert result(raw.replace(b"\r\n", b"\n")) == ("pass", "pass")


@pytest.mark.threat(45)
@pytest.mark.parametrize(
    "change",
    [
        lambda raw: b"From: boss@cust.example\r\n" + raw,
        lambda raw: raw.replace(b"\r\n\r\n", b"\r\nFrom: boss@cust.example\r\n\r\n", 1),
        lambda raw: b"From : boss@cust.example\r\n" + raw,
        lambda raw: b"From: boss@cust.example\r\nX\r\n" + raw,
        lambda raw: b"\r\nFrom: boss@cust.example\r\n" + raw,
        lambda raw: b"\xef\xbb\xbfFrom: boss@cust.example\r\n" + raw,
        lambda raw: b"From: boss@cust.example\r\n" + b"X: y\r\n" * 2_100 + raw,
        lambda raw: b"From: boss@cust.example\r\nX: " + b"y" * 1_100_000 + b"\r\n" + raw,
        lambda raw: b"From: boss@cust.example\r\n\r\n" + raw,
        lambda raw: b"From: boss@cust.example\nX: \r\r\n" + raw,
    ],
)
def test_a_second_author_is_covered_by_no_signature(change: object) -> None:
    """The signed mail of one user of a domain does not vouch for another, however the two readers see its header."""
    assert callable(change)
    assert result(change(signed(letter())))[1] in ("fail", "none")


@pytest.mark.threat(45)
def test_only_who_the_signatures_reader_sees_as_the_author_is_signed_for() -> None:
    """One reader skips `From :` and takes the last field, the other takes the first and has no room for the last."""
    raw = signed(letter(sender="mallory@cust.example"))
    head, body = raw.split(b"\r\n\r\n", 1)
    own = b"From: mallory@cust.example"
    assert own in head
    head = head.replace(b"\r\n" + own, b"")
    made = b"From : boss@cust.example\r\n" + head + b"\r\n" + b"X: y\r\n" * (MAX_FIELDS - 4) + own + b"\r\n\r\n" + body
    sender = parse(made).sender
    assert sender and sender.address == "boss@cust.example"
    assert dkim.verify(made, dnsfunc=lambda name, timeout: KEY.encode())
    assert result(made) == ("policy", "fail")


def test_a_signature_of_a_part_of_the_body_is_not_accepted() -> None:
    """Anybody could have written the rest."""
    raw = signed(letter("Hello"), length=True)
    assert result(raw) == ("pass", "pass")
    assert result(raw + b"Send money\r\n") == ("policy", "fail")


def test_a_signature_by_a_broken_algorithm_is_not_accepted() -> None:
    assert result(signed(letter(), signature_algorithm=b"rsa-sha1")) == ("policy", "fail")


@pytest.mark.parametrize(
    "record",
    [
        "",
        "v=DKIM1; p=",
        "v=DKIM2; p=x",
        "v=DKIM1; k=rsa; p=%%%",
        "v=DKIM1; p=" + "A" * 5_000,
        "v=DKIM1; k=ed25519; p=AA",
        "p=\xff",
    ],
)
def test_a_key_that_is_none_proves_nothing(record: str) -> None:
    proof = proved(signed(letter()), zone(dmarc__cust__example="v=DMARC1; p=reject", key__cust__example=record))
    assert proof.dkim in ("fail", "permerror")
    assert proof.dmarc == "fail"


def test_the_newer_kind_of_key_is_understood() -> None:
    nacl = pytest.importorskip("nacl.signing")
    import base64

    secret = nacl.SigningKey.generate()
    raw = letter()
    head = dkim.sign(raw, b"s", b"cust.example", base64.b64encode(bytes(secret)), signature_algorithm=b"ed25519-sha256")
    public = base64.b64encode(bytes(secret.verify_key)).decode()
    proof = proved(
        head + raw,
        zone(dmarc__cust__example="v=DMARC1; p=reject", key__cust__example=f"v=DKIM1; k=ed25519; p={public}"),
    )
    assert proof.dmarc == "pass"


def test_a_key_of_few_bits_proves_nothing() -> None:
    pem, record = key(1024)
    raw = letter()
    good = dkim.sign(raw, b"s", b"cust.example", pem) + raw
    assert proved(good, zone(dmarc__cust__example="v=DMARC1; p=reject", key__cust__example=record)).dmarc == "pass"


@pytest.mark.parametrize(
    "field",
    ["", "x", "v=1", "v=1; a=rsa-sha256; d=cust.example; s=s; h=from; bh=a; b=a", "v=1; a=x; d=cust.example", "d=cust.example; d=x", "=" * 500, "d=" + "a." * 4_000],
)  # fmt: skip
def test_a_signature_that_is_none_breaks_nothing(field: str) -> None:
    raw = f"DKIM-Signature: {field}\r\n".encode() + letter()
    assert result(raw)[1] == "fail"


@given(
    st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"\t", b"a", b"bc", b"  ", b"\xff"]), max_size=40).map(
        b"".join
    ),
    st.integers(1, 8),
)
def test_bodies_are_taken_as_dkimpy_takes_them(body: bytes, piece: int) -> None:
    before, bodies._PIECE = bodies._PIECE, piece
    try:
        _, lines = dkim.rfc822_parse(b"\r\n" + body)
        assert canonical_body(body, 0, True) == Relaxed.canonicalize_body(lines)
        assert canonical_body(body, 0, False) == Simple.canonicalize_body(lines)
    finally:
        bodies._PIECE = before


@pytest.mark.threat(34)
@pytest.mark.parametrize(
    "body",
    [b" " * 5_000_000 + b"x", b"\r\n" * 2_000_000, b"a " * 3_000_000, b"ab cd\r\n" * 1_500_000],
    ids=["blanks", "lines", "words", "text"],
)
def test_no_body_takes_long(body: bytes) -> None:
    raw = signed(letter())
    raw = raw[: raw.index(b"\r\n\r\n") + 4] + body
    start = time.process_time()
    assert result(raw.replace(b"relaxed/simple", b"relaxed/relaxed"))[1] == "fail"
    assert time.process_time() - start < 6


@pytest.mark.threat(34)
def test_no_header_takes_long() -> None:
    names = ":".join(f"n{n}" for n in range(1_500))
    heads = [
        f"DKIM-Signature: v=1; a=rsa-sha256; d=cust.example; s=s; h=from:{names}; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=aaaa",
        "DKIM-Signature: " + "d=cust.example;" * 50_000,
        "DKIM-Signature: d=cust.example; b" + " \r\n " * 50_000 + "=a",
    ]
    for head in heads:
        raw = head.encode() + b"\r\n" + b"X: y\r\n" * 1_900 + b"From: anna@cust.example\r\n\r\n"
        start = time.process_time()
        assert result(raw)[1] == "fail"
        assert time.process_time() - start < 5

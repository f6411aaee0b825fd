"""Office documents, PDF and text: of the type they claim, whole, without macros or a second file."""

from __future__ import annotations

import struct

import pytest

from gateway.cli.demo.files import document
from tests.files.samples import (
    PLAIN,
    PROGRAM,
    SOUND,
    WITH_MACROS,
    compound,
    package,
    refusal,
    ruled,
    zipped,
)

MACROS = "it holds macros"
LOCKED = "it is locked with a password; please send it without one"


@pytest.mark.threat(48)
@pytest.mark.parametrize(
    "content",
    [
        package("word", **{"vbaProject.bin": "x"}),
        package("word", **{"VBAPROJECT.BIN": "x"}),
        package("word", WITH_MACROS),
        package("word", PLAIN.replace("</Types>", '<Default ContentType="application/vnd.ms-office.vbaProject"/></Types>')),
        package("word", WITH_MACROS.replace("macroE", "macro&#69;")),
        package("word", WITH_MACROS.encode("utf-16").decode("latin-1")),
        package("word", WITH_MACROS + " " * 900_000),
    ],
)  # fmt: skip
def test_macros_in_a_docx_are_refused(content: bytes) -> None:
    assert refusal("a.docx", content) == MACROS


@pytest.mark.threat(48)
def test_macros_in_an_xlsx_are_refused() -> None:
    assert refusal("a.xlsx", package("xl", **{"vbaProject.bin": "x"})) == MACROS
    assert refusal("a.xlsx", package("xl", **{"macrosheets/sheet1.xml": "x"})) == MACROS
    assert (
        refusal("a.xlsx", package("xl", **{"embeddings/b.xlsm": "x"}))
        == "there is a document with macros in it (.xlsm)"
    )


@pytest.mark.threat(48)
@pytest.mark.parametrize(
    ("filename", "content", "reason"),
    [
        ("a.docx", zipped({"a.txt": "x"}), "it is no Word document"),
        ("a.docx", package("xl"), "it is no Word document"),
        ("a.xlsx", package("word"), "it is no Excel document"),
        ("a.docx", zipped({"word/document.xml": "x"}), "it is no Word document"),
        ("a.docx", package("word", PLAIN + " " * (1 << 20)), "its content is damaged"),
        ("a.docx", package("word", '<!DOCTYPE x [<!ENTITY y "z">]>' + PLAIN), "its content is damaged"),
        ("a.docx", zipped({"[Content_Types].xml": PLAIN, "word/a": "x", "[CONTENT_TYPES].XML": PLAIN}), "its content is damaged"),
        ("a.docx", compound("EncryptedPackage", "EncryptionInfo"), LOCKED),
        ("a.docx", compound("WordDocument"), "the content is not what .docx says"),
        ("a.docx", SOUND[".docx"][:-40], "its content is damaged"),
        ("a.docx", package("word", **{"x.exe": "x"}), "there is a program or script in it (.exe)"),
        ("a.docx", SOUND[".docx"] + PROGRAM, "there is something else behind the archive"),
        ("a.doc", compound("EncryptedPackage"), LOCKED),
        ("a.doc", compound("Workbook"), "it is no Word document"),
        ("a.xls", compound("WordDocument"), "it is no Excel document"),
        ("a.doc", SOUND[".doc"][:8] + bytes(1000), "its content is damaged"),
        ("a.doc", SOUND[".doc"][:1024], "it ends too early, a part of it is missing"),
        ("a.doc", SOUND[".docx"], "the content is not what .doc says"),
        ("a.doc", b"<html>", "the content is not what .doc says"),
        ("a.doc", b"{\\rtf1 {\\object\\objemb{\\*\\objdata 0105}}}", "another file is embedded in it"),
        ("a.doc", b"{\\rtf1 hello", "it ends too early, a part of it is missing"),
        ("a.doc", b"{\\rtf1 hello}" + PROGRAM, "another file is hidden in it"),
    ],
)  # fmt: skip
def test_what_only_looks_like_an_office_document_is_refused(filename: str, content: bytes, reason: str) -> None:
    assert refusal(filename, content) == reason


def test_office_documents_of_every_making_are_taken() -> None:
    assert ruled("a.doc", compound("WordDocument", "_VBA_PROJECT", shift=12)).reason is None
    assert ruled("a.xls", compound("Book")).reason is None
    assert ruled("a.doc", b"{\\rtf1 hello}\r\n\0").reason is None
    assert ruled("a.docx", package("word", **{"embeddings/sheet.xlsx": "x", "media/a.zip": "x"})).reason is None


@pytest.mark.threat(51)
def test_a_compound_file_cannot_send_its_reader_in_circles() -> None:
    circle = bytearray(compound("Other"))
    circle[512 + 4 : 512 + 8] = struct.pack("<I", 1)
    assert refusal("a.doc", bytes(circle)) == "its content is damaged"
    tables = bytearray(compound("Other"))
    tables[68:72] = struct.pack("<I", 0)
    assert refusal("a.doc", bytes(tables))


@pytest.mark.threat(27)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html><script>alert(1)</script>\n" + document(), "another file is hidden in it"),
        (zipped({"a.exe": "x"}) + document(), "another file is hidden in it"),
        (PROGRAM + document(), "another file is hidden in it"),
        (document() + zipped({"a.exe": "x"}), "another file is hidden in it"),
        (document() + PROGRAM, "another file is hidden in it"),
        (document()[:-20], "it ends too early, a part of it is missing"),
        (b"x" * 1100 + document(), "the content is not what .pdf says"),
        (b"<script>alert(document.cookie)</script>", "the content is not what .pdf says"),
    ],
)
def test_a_pdf_is_whole_and_nothing_else(content: bytes, reason: str) -> None:
    assert refusal("a.pdf", content) == reason


@pytest.mark.threat(27)
def test_a_zip_wrapped_in_a_pdf_is_found_although_the_pdf_ends_last() -> None:
    inside = zipped({"a.exe": "x"})
    wrapped = document()[:-6] + inside[:-2] + struct.pack("<H", 6) + b"%%EOF\n"
    assert refusal("a.pdf", wrapped) == "another file is hidden in it"


def test_pdfs_of_real_programs_are_taken() -> None:
    for content in (b"\xef\xbb\xbf\r\n" + document(), b"\x1b%-12345X@PJL\r\n" + document(), document() + bytes(900)):
        assert ruled("a.pdf", content).reason is None
    assert (
        ruled(
            "form.pdf", document().replace(b"/Type/Catalog", b"/Type/Catalog/OpenAction<</S/JavaScript/JS(x)>>")
        ).reason
        is None
    )


@pytest.mark.threat(48)
def test_text_is_text_in_one_of_its_codings() -> None:
    for text in ("a;b\r\n", "grüße", "see <html><script> for what I mean", "x" * 70_001):
        for coding in ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-be"):
            content = b"\xfe\xff" * (coding == "utf-16-be") + text.encode(coding)
            assert ruled("a.txt", content).reason is None and ruled("a.csv", content).reason is None
    assert ruled("a.txt", "grüße".encode("latin-1")).reason is None
    for page in ("<html>", " \n<!DOCTYPE html>", "<!-- hi --> <script>x", '<?xml version="1.0"?><svg onload=x>'):
        for coding in ("utf-8", "utf-8-sig", "utf-16"):
            assert "web page" in (ruled("a.txt", page.encode(coding)).reason or "")
    for binary in (
        b"x" * 5000 + b"\0",
        b"MZ\x90",
        b"#!/bin/sh\n",
        "a\0b".encode("utf-16"),
        SOUND[".docx"],
        SOUND[".pdf"],
    ):
        assert refusal("a.txt", binary) == "it is no text"

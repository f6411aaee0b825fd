"""Header lines at the top of what a customer writes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.parse.fields import Fields, read_fields
from tests.parse.samples import read

ALL = Fields("LX-200", "A 1234", "E-42", "PO 77", "Hall 3", "Router 5", "Backup", "high")


def test_every_field_is_read_below_a_greeting() -> None:
    text = (
        "Dear team,\n\nModel: LX-200\nSerial: A 1234\nError code: E-42\nRef: PO 77\nArea: Hall 3\nDevice: Router 5\n"
        "Service: Backup\nPriority: High\n\nIt does not start."
    )
    assert read_fields(text) == ALL


@pytest.mark.parametrize(
    "line",
    [
        "Model: LX-200", "MODEL : LX-200", "model:LX-200", "  Model:\tLX-200  ", "Model： LX-200", "Model\xa0:\xa0LX-200", "- Model: LX-200",
        "* Model: LX-200", "• Model: LX-200", "1. Model: LX-200", "*Model:* LX-200", "**Model:** LX-200", "*Model*: LX-200",
        "*Model: LX-200*", "- **Model**: LX-200", "Model no.: LX-200", "Model number: LX-200", "Serial: 1, Model: LX-200", "Model: LX-200; Serial: 1",
    ],
)  # fmt: skip
def test_a_label_is_known_however_it_is_set(line: str) -> None:
    assert read_fields(f"{line}\nIt is broken.").model == "LX-200"


@pytest.mark.parametrize("line", ["Serial: 77", "Serial number: 77", "serial no.: 77", "S/N: 77", "s/n:77"])
def test_a_serial_number_has_many_labels(line: str) -> None:
    assert read_fields(line) == Fields(serial="77")


@pytest.mark.parametrize(
    "text",
    [
        "The model: LX-200", "Model LX-200", "Model:", "Model: -", "Model:\nLX-200", f"Model: {'x' * 201}", "> Model: LX-200",
        "Models: LX-200", "Supermodel: LX-200", "Device broken: yes", "http://service:80", "My device: x", "Note: Model: LX-200",
        "Error: it does not start", "Error: timeout", "Priority: urgent", "Priority: as you like", "Re: Model", "Serial killer: none",
        "a\n" * 20 + "Model: LX-200",
    ],
)  # fmt: skip
def test_prose_quotations_and_empty_labels_say_nothing(text: str) -> None:
    assert read_fields(text) == Fields()


def test_the_first_of_two_wins_and_an_empty_one_is_none() -> None:
    assert read_fields("Model:\nModel: one\nModel: two").model == "one"


def test_an_error_is_a_code_when_it_looks_like_one() -> None:
    assert read_fields("Error: E-42").error_code == read_fields("Error code: E-42").error_code == "E-42"
    assert read_fields("Error code: paper jam").error_code == "paper jam"


@pytest.mark.req("A-14")
@pytest.mark.parametrize(
    ("said", "priority"), [("Low", "low"), ("MEDIUM.", "medium"), ("high!", "high"), ("Urgent", None)]
)
def test_a_customer_chooses_low_medium_or_high(said: str, priority: str | None) -> None:
    assert read_fields(f"Priority: {said}").priority == priority


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello,</p><ul><li><b>Model:</b> LX-200</li><li><b>Serial number:</b>&nbsp;A 1234</li></ul><p>Broken.</p>",
        "<table><tr><td>Model:</td><td>LX-200</td></tr><tr><td>Serial</td><td>: A 1234</td></tr></table>",
        '<div dir="ltr"><div>Model: LX-200</div><div>S/N:&nbsp;A 1234<br></div><div><br></div><div>Broken</div></div>',
    ],
)
def test_fields_are_read_from_html_mail(source: str) -> None:
    fields = read_fields(read(source, Content_Type="text/html; charset=utf-8").reply)
    assert (fields.model, fields.serial) == ("LX-200", "A 1234")


def test_what_is_quoted_below_a_reply_says_nothing() -> None:
    text = "Thanks\n\nOn Mon, 2 Mar 2026 at 10:00, Desk <help@desk.test> wrote:\n> Model: old\n"
    assert read_fields(read(text).reply) == Fields()


@given(st.text(alphabet="Model: S/N\n*-,;\u200b1：\xa0", max_size=100))
def test_values_are_one_clean_line(text: str) -> None:
    for value in (read_fields(text).model, read_fields(text).serial):
        assert value is None or (0 < len(value) <= 200 and value == value.strip() and "\n" not in value)


@pytest.mark.parametrize("unit", ["Model: ", "\n", "Model: 1, ", "*", " ", "a"])
def test_a_long_text_is_read_at_once(unit: str) -> None:
    start = time.perf_counter()
    read_fields(unit * (1_000_000 // len(unit)))
    assert time.perf_counter() - start < 5

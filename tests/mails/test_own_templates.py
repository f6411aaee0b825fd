"""Templates of a desk's own: used at once, never with unescaped values, and never the reason that a mail stays away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.cli.setup import write_configuration
from store.config import load
from store.errors import BadInput, ConfigError
from templates import budget
from templates.checking import faults
from templates.languages import LANGUAGES
from templates.previewing import preview
from templates.samples import samples
from tests.mails.letters import DESK, DEVICE, letter, read, send

REPLY = "{% extends '_frame.txt' %}\n{% block headline %}Maria from {{ mail.desk }}{% endblock %}\n"


def own(folder: Path, **files: str) -> Path:
    """The folder with files in it: `staff_reply__body_txt`, `_frame_html`."""
    for name, text in files.items():
        place = name.replace("__", "/")
        stem, _, ending = place.rpartition("_")
        path = folder / f"{stem}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def told(folder: Path) -> list[str]:
    """What is wrong, places relative to the folder."""
    return [str(fault).replace(f"{folder}/", "") for fault in faults(folder, ["en"])]


@pytest.mark.req("BR-07")
def test_a_template_of_the_desk_goes_before_the_shipped_one_and_a_change_is_in_the_next_mail(tmp_path: Path) -> None:
    desk = DESK.model_copy(update={"templates": str(own(tmp_path, staff_reply__body_txt=REPLY))})
    seen = read(send(letter("staff_reply"), desk))
    assert seen.text.startswith("Maria from Example Hosting\n---") and "it works again." in seen.text
    assert "answered your ticket" in seen.html  # what the desk has no template for is ours
    assert read(send(letter("cc_copy"), desk)).text.startswith("Anna Weber answered")
    own(tmp_path, staff_reply__body_txt=REPLY.replace("Maria", "Gina at last"))
    assert read(send(letter("staff_reply"), desk)).text.startswith("Gina at last from")
    own(tmp_path, _frame_html=(Path("templates/mail/_frame.html").read_text().replace("</body>", "<hr></body>")))
    assert "<hr></body>" in read(send(letter("staff_reply"), desk)).html and faults(tmp_path) == []


@pytest.mark.req("BR-07")
@pytest.mark.parametrize(
    ("text", "name"),
    [("{{ mail.txt }}", "UndefinedError"), ("{% if %}", "TemplateSyntaxError"), ("{{ 1 / 0 }}", "ZeroDivisionError")],
)
def test_a_broken_template_is_replaced_by_the_shipped_one_and_told(tmp_path: Path, text: str, name: str) -> None:
    desk = DESK.model_copy(update={"templates": str(own(tmp_path, staff_reply__body_txt=f"{REPLY}\n{text}"))})
    desk_text = read(send(letter("staff_reply"), DESK)).text
    mail = send(letter("staff_reply"), desk)
    if name != "TemplateSyntaxError":  # what stands outside of the blocks of a template that extends is not rendered
        own(tmp_path, staff_reply__body_txt=f"{REPLY}{{% block intro %}}\n{text}{{% endblock %}}")
        mail = send(letter("staff_reply"), desk)
    assert read(mail).text == desk_text
    assert mail.fault.startswith(f"{tmp_path}/staff_reply/body.txt:") and mail.fault.endswith(f": {name}")
    assert send(letter("cc_copy"), desk).fault == ""
    gone = DESK.model_copy(update={"templates": str(tmp_path / "gone")})
    assert read(send(letter("staff_reply"), gone)).text == desk_text and send(letter("staff_reply"), gone).fault


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ({"staff_reply__body_txt": REPLY}, []),
        ({"staff_reply__body_txt": "{{ mail.txt }}"}, ["staff_reply/body.txt:1: mail has no attribute 'txt'"]),
        ({"staff_reply__body_txt": "a\n{% if %}"}, ["staff_reply/body.txt:2: Expected an expression, got 'end of statement block'"]),
        ({"cc_copy__subject_txt": "{{ mail.text | safe }}"}, ["cc_copy/subject.txt:1: No filter named 'safe'."]),
        ({"cc_copy__body_html": "{% autoescape false %}{{ mail.text }}{% endautoescape %}"},
         ["cc_copy/body.html:1: HTML is always escaped"]),
        ({"cc_copy__body_html": "{{ _(mail.text) }} {{ mail.link }}"}, ["cc_copy/body.html: shows a value without escaping it"]),
        ({"cc_copy__body_txt": "{{ mail.link }}"}, ["cc_copy/body.txt: leaves out the text of the message (mail.text)"]),
        ({"cc_copy__body_txt": "{{ mail.text }}"}, ["cc_copy/body.txt: leaves out the link to the ticket (mail.link)"]),
        ({"cc_copy__body_txt": "{{ mail.text }} {{ mail.link.__class__.__mro__ }}"},
         ["cc_copy/body.txt:1: access to attribute '__class__' of 'str' object is unsafe."]),
        ({"cc_copi__body_txt": "x"}, ["cc_copi/body.txt: no such template; expected NAME/PART, PART one of subject.txt,"]),
        ({"cc_copy__body_txt": "{% include '_foot.txt' %}{{ mail.text }}{{ mail.link }}", "_foot_txt": "{{ nothing }}"},
         ["_foot.txt:1: 'nothing' is undefined"]),
        ({"_frame_txt": "{{ mail.text }} {{ mail.link }} {{ mail.password_link }} {{ mail.missing }}"},
         ["_frame.txt: leaves out the line above which staff answer (notice_mark), below which nothing is sent to a customer"]),
    ],
)  # fmt: skip
def test_the_check_names_file_line_and_what_is_wrong(tmp_path: Path, files: dict[str, str], lines: list[str]) -> None:
    found = told(own(tmp_path, **files))
    assert len(found) == len(lines), found
    for line, expected in zip(found, lines, strict=True):
        assert line.startswith(expected)


ENDLESS = {
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "values": "{% for a in range(99999) %}{{ range(99999) | sum }}{% endfor %}",
    "calls": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "depth": "{% for a in 'xy' recursive %}{% if loop.depth < 60 %}{{ loop('xy') }}{% endif %}{% endfor %}",
    "files": "{% set n = 60 %}{% include '_again.txt' %}",
    "words": "{% for a in range(9999) %}{{ 'x' * 99999 }}{% endfor %}",
    "less": "{% for a in range(9999) %}{{ 'x' * 99999 }}{{ 'x' * (0 - 99999) }}{% endfor %}",
    "times": "{{ 'x' * 10 ** 12 }}",
    "powers": "{{ 10 ** (10 ** 9) }}",
    "joined": "{% set here = namespace(s='x') %}{% for a in range(60) %}{% set here.s = here.s ~ here.s %}{% endfor %}",
    "added": "{% set here = namespace(s='x') %}{% for a in range(60) %}{% set here.s = here.s + here.s %}{% endfor %}",
}


@pytest.mark.req("BR-07")
@pytest.mark.parametrize("kind", ENDLESS)
def test_a_template_without_end_is_stopped_and_replaced_by_the_shipped_one(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind in ("calls", "depth", "files"):  # whose rounds are slow; the others go on to the real limit
        monkeypatch.setattr(budget, "MOST_STEPS", 5_000)
    again = "{% set n = n - 1 %}{% if n %}{% include '_again.txt' %}{% include '_again.txt' %}{% endif %}"
    own(tmp_path, staff_reply__body_txt=f"{{{{ mail.text }}}}\n{ENDLESS[kind]}{{{{ mail.link }}}}", _again_txt=again)
    (line,) = told(tmp_path)
    where = "_again.txt:1" if kind == "files" else "staff_reply/body.txt:2"
    assert line.startswith((f"{where}: it repeats more than", f"{where}: it writes more than"))
    desk = DESK.model_copy(update={"templates": str(tmp_path)})
    mail = send(letter("staff_reply"), desk)
    assert mail.fault == f"{tmp_path}/{where}: EndlessTemplate"
    assert read(mail).text == read(send(letter("staff_reply"), DESK)).text


def test_a_long_mail_is_not_taken_for_one_without_end(tmp_path: Path) -> None:
    one = DEVICE | {"name": "x" * 100}
    made = letter("renewal_alert", devices=[one | {"key": f"LX-{number}"} for number in range(2000)])
    own(
        tmp_path,
        _frame_html=(Path("templates/mail/_frame.html").read_text() + "<hr>"),
        _frame_txt=(Path("templates/mail/_frame.txt").read_text()),
    )
    desk = DESK.model_copy(update={"templates": str(tmp_path)})
    for mail in (send(made, desk), send(letter("staff_reply", text="many words \n" * 200_000), desk)):
        assert mail.fault == ""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    write_configuration(tmp_path, ["hosting"], "desk.test")
    desk = tmp_path / "desks" / "hosting.toml"
    desk.write_text(desk.read_text().replace('noun = "ticket"', 'noun = "case"\ntemplates = "mine"'), encoding="utf-8")
    (tmp_path / "desks" / "mine").mkdir()
    return tmp_path


def run(house: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["templates", *words, "--config", str(house / "postern.toml")])


@pytest.mark.req("BR-07")
def test_the_command_checks_every_desk(house: Path) -> None:
    fine = run(house, "check")
    assert (fine.exit_code, fine.output) == (0, "Nothing is wrong with the templates of hosting.\n")
    mine = own(house / "desks" / "mine", staff_reply__body_txt="{{ mail.nme }}", cc_copy__body_html="{% if %}")
    bad = run(house, "check")
    assert bad.exit_code == 1 and bad.stderr.splitlines() == [
        f"{mine}/cc_copy/body.html:1: Expected an expression, got 'end of statement block'",
        f"{mine}/staff_reply/body.txt:1: mail has no attribute 'nme'",
    ]
    refused = run(house, "preview", str(house / "out"), "--desk", "hosting")
    assert isinstance(refused.exception, BadInput) and not (house / "out").exists()


def test_a_folder_that_is_not_there_stops_the_start(house: Path) -> None:
    (house / "desks" / "mine").rmdir()
    with pytest.raises(ConfigError, match=r"hosting\.toml: templates: there is no folder .*mine"):
        _ = load(house / "postern.toml").desks


@pytest.mark.req("BR-07")
def test_a_preview_shows_every_mail_with_the_words_and_templates_of_the_desk(house: Path) -> None:
    own(house / "desks" / "mine", staff_reply__body_txt=REPLY)
    done = run(house, "preview", str(house / "out"), "--desk", "hosting", "--language", "en")
    assert done.exit_code == 0 and done.output.strip() == str(house / "out" / "index.html")
    assert {path.name for path in (house / "out").iterdir()} == {"index.html"} | {
        f"{case}.en.{ending}" for case in samples() for ending in ("txt", "html")
    }
    text = (house / "out" / "staff_reply-requester.en.txt").read_text()
    assert text.startswith("[HO#1042] Disk full on web-3\n\nMaria from Hosting support\n") and "Open the case" in text
    assert 'href="staff_reply-requester.en.html"' in (house / "out" / "index.html").read_text()
    for wrong in (("--language", "pt"), ("--desk", "nowhere")):
        assert isinstance(run(house, "preview", str(house / "x"), *wrong).exception, BadInput)


def test_a_preview_of_the_shipped_mails_needs_no_configuration(tmp_path: Path) -> None:
    page = preview(tmp_path)
    links = page.read_text().count('.html">')
    assert links == len(samples()) * len(LANGUAGES) and len(os.listdir(tmp_path)) == 2 * links + 1
    assert "[HO#1042] Disk full on web-3" in page.read_text()

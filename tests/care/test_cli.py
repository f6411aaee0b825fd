"""Staff care from the command line: each command once as it is typed, and what it says when it cannot be done."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from store.errors import BadInput, NotFound
from tests import one_row
from tests.care.helpers import box, later, opened, texts, told_since, written
from tests.harness import Gateway, mail
from tests.running import POSTERN

BY = ("--agent", "gina@desk.test")


@dataclass
class Shell:
    """`postern` at the installation of a gateway."""

    gateway: Gateway

    def run(self, *words: str, given: str = "", by: tuple[str, ...] = BY) -> str:
        """What it prints. Raises the error that `main` would print."""
        options = ["--config", str(self.gateway.config.file)]
        environment = {"POSTERN_STORE__DATABASE": self.gateway.config.settings.store.database}
        done = CliRunner().invoke(app, [*words, *by, *options], input=given, env=environment)
        if done.exit_code == 2:
            raise SystemExit(done.output)
        if done.exception:
            raise done.exception
        return done.output.strip()


@pytest.fixture
def shell(gateway: Gateway) -> Shell:
    return Shell(gateway)


def test_open_assign_priority_move(shell: Shell) -> None:
    gateway = shell.gateway
    words = ("open", "--desk", "hosting", "--for", "new@third.test", "--subject", "By phone", "--cc", "carl@third.test")
    said = shell.run(*words, "--department", "Billing", "--priority", "high", given="The shop is down.\n")
    assert said == "HO#1001 is open for new@third.test"
    ticket = gateway.ticket("HO#1001")
    assert (ticket["subject"], ticket["department"], ticket["priority"]) == ("By phone", "Billing", "high")
    assert (ticket["cc"], ticket["events"][0]["actor"]) == (["carl@third.test"], "gina@desk.test")
    assert gateway.told() == [("new@third.test", "confirmation"), ("billy@desk.test", "staff_notice")]
    confirmation = gateway.outbox()[0]["id"]
    letter = one_row.claim(gateway.store, confirmation, "test", later(minutes=1))
    assert letter is not None and letter.text == "The shop is down." and letter.facts["known"]
    assert shell.run("assign", "HO#1001", "--to", "billy@desk.test") == "HO#1001 is assigned to billy@desk.test"
    assert shell.run("assign", "HO#1001", "--to", "me") == "HO#1001 is assigned to gina@desk.test"
    assert shell.run("assign", "HO#1001", "--to", "nobody") == "HO#1001 is assigned to nobody"
    assert shell.run("priority", "ho-1001", "urgent") == "HO#1001 has the priority urgent"
    assert shell.run("move", "HO#1001", "--department", "support") == "HO#1001 is at hosting, department Support"


def test_move_to_another_desk_and_back(any_gateway: Gateway) -> None:
    shell = Shell(any_gateway)
    tag = opened(any_gateway)
    assert shell.run("move", tag, "--desk", "moving").startswith("MV#1001 is at moving, department ")
    with pytest.raises(BadInput, match=r"--agent: gina@desk\.test is not on the staff of moving"):
        shell.run("priority", tag, "high")
    assert shell.run("undo", tag) == f"taken back on {tag}: moved"


def test_merge_split_link_and_undo(shell: Shell) -> None:
    gateway = shell.gateway
    first, second = opened(gateway), opened(gateway, subject="Other")
    assert shell.run("link", first, second) == f"{first} is linked with {second}"
    assert shell.run("merge", first, second) == f"{first} goes on as {second}"
    assert shell.run("undo", first) == f"taken back on {second}: merged"
    written(gateway, first, "And another thing")
    message = gateway.ticket(first)["messages"][-1]["id"]
    said = shell.run("split", first, str(message), "--subject", "Another thing")
    assert said == "1 of the messages are HO#1003 now, of anna@cust.test"
    assert texts(gateway, "HO#1003") == ["And another thing"]
    assert shell.run("undo", first) == f"taken back on {first}: split"
    eve = opened(gateway, "eve@third.test", subject="Hers")
    with pytest.raises(BadInput, match="nothing to do with each other"):
        shell.run("merge", eve, first)
    assert shell.run("merge", eve, first, "--strangers-too") == f"{eve} goes on as {first}"
    with pytest.raises(NotFound, match="there is no ticket HO#9"):
        shell.run("merge", first, "HO#9")


def test_cc_and_forward(shell: Shell) -> None:
    gateway = shell.gateway
    tag = opened(gateway)
    said = shell.run("cc", tag, "--add", "carl@third.test", "--add", "dora@third.test")
    assert said == f"copies of {tag} go to carl@third.test, dora@third.test"
    assert shell.run("cc", tag, "--remove", "carl@third.test") == f"copies of {tag} go to dora@third.test"
    before = len(gateway.told())
    assert (
        shell.run("forward", tag, "--to", "lab@third.test", given="Is it yours?")
        == f"lab@third.test is asked about {tag}"
    )
    assert told_since(gateway, before) == [("lab@third.test", "outsider_question")]
    with pytest.raises(BadInput, match="nothing on standard input"):
        shell.run("forward", tag, "--to", "lab@third.test")


def test_spam_unspam_release_and_blocking(shell: Shell) -> None:
    gateway = shell.gateway
    tag = opened(gateway, "eve@third.test")
    assert shell.run("spam", tag) == f"{tag} is marked as spam"
    assert shell.run("unspam", tag) == f"{tag} is no spam, and Open"
    assert shell.run("block", "@third.test", "--desk", "hosting") == "@third.test is blocked at hosting"
    assert json.loads(shell.run("blocked", "--json", by=()))[0]["pattern"] == "@third.test"
    assert "gina@desk.test" in shell.run("blocked", "--desk", "hosting", by=())
    assert shell.run("unblock", "@third.test", "--desk", "hosting") == "@third.test is not blocked at hosting"
    assert shell.run("blocked", by=()) == "Nobody is blocked."
    gateway.config.desks["hosting"] = gateway.config.desks["hosting"].model_copy(update={"unknown_sender": "hold"})
    held = gateway.receive(mail("hm", sender="new@third.test"), box(gateway))["ticket"]
    assert shell.run("release", held) == f"{held} of new@third.test is released"


EVERY = [
    ("open", "--desk", "hosting", "--for", "anna@cust.test", "--subject", "x"), ("assign", "HO#1001", "--to", "me"),
    ("priority", "HO#1001", "high"), ("move", "HO#1001", "--department", "Billing"), ("merge", "HO#1001", "HO#1002"),
    ("split", "HO#1001", "1", "--subject", "x"), ("link", "HO#1001", "HO#1002"), ("cc", "HO#1001", "--add", "a@b.test"),
    ("forward", "HO#1001", "--to", "a@b.test"), ("spam", "HO#1001"), ("unspam", "HO#1001"), ("release", "HO#1001"),
    ("block", "a@b.test", "--desk", "hosting"), ("unblock", "a@b.test", "--desk", "hosting"), ("undo", "HO#1001"),
]  # fmt: skip


@pytest.mark.parametrize("words", EVERY, ids=lambda words: words[0])
def test_who_is_not_on_the_staff_of_the_desk_does_nothing(shell: Shell, words: tuple[str, ...]) -> None:
    gateway = shell.gateway
    opened(gateway), opened(gateway, subject="Other")
    tickets, told = gateway.tickets(), gateway.told()
    for agent in ("anna@cust.test", "nobody@desk.test"):
        with pytest.raises(BadInput, match=f"--agent: {agent} is not on the staff of hosting"):
            shell.run(*words, given="text", by=("--agent", agent))
    assert (gateway.tickets(), gateway.told()) == (tickets, told)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("assign", "HO#1001", "--to", "anna@cust.test"), "nobody with the address anna@cust.test"),
        (("move", "HO#1001", "--desk", "moon"), "there is no desk 'moon'; there are hosting"),
        (("open", "--desk", "moon", "--for", "a@b.test", "--subject", "x"), "there is no desk 'moon'"),
        (("open", "--desk", "hosting", "--for", "nonsense", "--subject", "x"), "--for: expected an address"),
        (("open", "--desk", "hosting", "--for", "support@desk.test", "--subject", "x"), "nobody a ticket can be opened for"),
        (("open", "--desk", "hosting", "--for", "a@b.test", "--subject", "x", "--department", "Moon"), "there is no 'Moon'"),
        (("block", "support@desk.test", "--desk", "hosting"), "an address of this installation"),
        (("block", "x", "--desk", "moon"), "there is no desk 'moon'"),
        (("release", "HO#1001"), "is not held"),
        (("undo", "HO#1001"), "nothing to take back"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(shell: Shell, words: tuple[str, ...], said: str) -> None:
    opened(shell.gateway)
    with pytest.raises(BadInput, match=said) as error:
        shell.run(*words, given="text")
    assert "\n" not in str(error.value)


def test_wrong_use_exits_2_and_trouble_exits_1_with_a_line(shell: Shell) -> None:
    def postern(*words: str) -> subprocess.CompletedProcess[bytes]:
        options = ("--config", str(shell.gateway.config.file))
        return subprocess.run([*POSTERN, *words, *options], capture_output=True, check=False)

    for words in (("move", "HO#1", *BY), ("cc", "HO#1", *BY), ("priority", "HO#1", "huge", *BY), ("spam", "HO#1")):
        with pytest.raises(SystemExit):
            shell.run(*words, by=())
    assert postern("priority", "HO#1", "huge", *BY).returncode == 2
    unknown = postern("spam", "HO#1", *BY)
    assert (unknown.returncode, unknown.stderr) == (1, b"postern: there is no ticket HO#1\n")


def test_an_answer_from_the_command_line_follows_a_merge(shell: Shell) -> None:
    gateway = shell.gateway
    first, second = opened(gateway), opened(gateway, subject="Other")
    shell.run("merge", first, second)
    assert shell.run("reply", first, given="Here").startswith(f"{second} is now ")
    assert texts(gateway, second)[-1] == "Here"

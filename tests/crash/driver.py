"""Plays rounds, each from a fresh folder to the verdict of the checker."""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import IO

from tests.crash import checker
from tests.crash.client import Child, Nursery
from tests.crash.people import GINA
from tests.crash.plans import Plan, Shot, excused, plan
from tests.crash.records import Allowance, Relayed, Sent
from tests.crash.relay import Relay
from tests.crash.scenario import Mail, scenario, sending
from tests.crash.sender import deliver
from tests.fake_imap import Folder, ImapServer
from tests.fakes import fair

_POLL = 0.04  # seconds between looks whether all has settled
_PATIENCE = 30.0  # seconds for a round that normally takes half a one
_ENDING = 0.1  # seconds for the news of a death
ALIVE = 5.0  # seconds within which a clean mail must be taken and told of (INV-7)
KILLED = -9


@dataclass(frozen=True)
class Result:
    """What a round came to. `kills`: the points that killed, and `random` for each shot that hit."""

    plan: Plan
    violations: tuple[str, ...]
    kills: tuple[str, ...]
    folder: Path
    seconds: float

    @property
    def told(self) -> str:
        """What a person needs to see it again."""
        head = f"--seed {self.plan.seed} --round {self.plan.number} --point {self.plan.point}  ({self.plan.kind}; {self.folder})"
        return "\n".join([head, f"  {self.plan}", *(f"  {line}" for line in self.violations)])


class Round:
    """One round; `play` it once."""

    def __init__(self, plan: Plan, nursery: Nursery, keep: bool = False) -> None:
        self.plan, self._nursery = plan, nursery
        self.folder = nursery.folder / f"{plan.seed}-{plan.number}"
        self._data = self.folder / "var"
        self._chance = Random(f"{plan.seed}:{plan.number}:play")
        self._scenario = scenario(f"r{plan.seed}x{plan.number}", plan.depth, plan.extras, self._chance)
        self._relay = Relay(plan.mood, self._happened)
        self._imap = ImapServer()
        self._imap.on_change = self._happened
        self._sent: list[Sent] = []
        self._now: dict[str, Child] = {}
        self._keep_folder = keep
        self.evidence: tuple[list[Sent], list[Relayed], Allowance] = ([], [], Allowance())
        self._ending = False
        self._happenings = 0
        self._news = asyncio.Event()
        self._kills: list[str] = []
        self._excused = 0
        self._ready_to_probe = asyncio.Event()
        self._shot_parts: Counter[str] = Counter()
        self._faults: list[str] = []
        self._locks: list[IO[str]] = []

    async def play(self) -> Result:
        begun = time.monotonic()
        shutil.copytree(self._nursery.template, self.folder)
        await self._relay.open()
        self._imap.folders["Done"] = Folder(2)
        await self._imap.open()
        keepers = [asyncio.create_task(self._keep(part)) for part in self.plan.parts]
        shots = [asyncio.create_task(self._shoot(shot)) for shot in self.plan.shots]
        try:
            await asyncio.wait_for(self._mails(), fair(_PATIENCE))
        except TimeoutError:
            self._faults.append(f"INV-5 not settled after {time.monotonic() - begun:.0f} s")
        for shot in shots:
            shot.cancel()
        self._ending = True
        for child in list(self._now.values()):
            if not child.dead.is_set():
                self._nursery.kill(child)
        done = await asyncio.gather(*keepers, *shots, return_exceptions=True)
        faults = [f"HARNESS {error!r}" for error in done if isinstance(error, Exception)]
        self._relay.close()
        self._imap.close()
        for lock in self._locks:
            lock.close()
        self.evidence = (self._sent, self._relay.log, self._allowance())
        found = (*self._faults, *faults, *checker.check(self._data, *self.evidence))
        return self._close(
            Result(
                self.plan,
                found,
                tuple(kill.partition(":")[0] for kill in self._kills),
                self.folder,
                time.monotonic() - begun,
            )
        )

    async def _mails(self) -> None:
        async with asyncio.TaskGroup() as group:
            if self.plan.probe:
                group.create_task(self._probe())
            async with asyncio.TaskGroup() as mails:
                for mail in self._scenario.mails:
                    mails.create_task(self._send(mail))
            await self._settled()
            self._ready_to_probe.set()  # at the latest: a death that was planned need not have come
        await self._last_deaths()
        await self._settled()

    async def _last_deaths(self) -> None:
        """Waits for a part that dies at its point at this moment: on a busy machine its end takes a while to be told."""
        for child in [child for child in self._now.values() if child.arm]:
            with suppress(TimeoutError):
                await asyncio.wait_for(child.dead.wait(), fair(_ENDING))

    async def _send(self, mail: Mail) -> None:
        sent, route = await sending(mail, self._scenario, self._relay)
        self._sent.append(sent)
        if route.imap:
            await self._lay(sent)
            return
        for _ in range(mail.times):
            heard, sent.accepted = sent.accepted, set()
            await deliver(sent, route, self._door_port, self._happened, self.plan.patience)
            sent.accepted |= heard

    async def _lay(self, sent: Sent) -> None:
        """Lays a mail into the mailbox, and waits until it is moved out of it: that is IMAP's word for "250"."""
        (uid,) = self._imap.put(sent.raw)
        sent.begun = True
        self._happened()
        while uid in self._imap.folders["INBOX"].mails:
            await asyncio.sleep(0.005)
        sent.accepted.add("hosting")

    async def _probe(self) -> None:
        """INV-7: a clean mail is taken and told of, soon after the restart when that was the only one of the round."""
        await self._ready_to_probe.wait()
        begun = time.monotonic()
        mail = scenario(f"r{self.plan.seed}x{self.plan.number}probe", 1, (), self._chance)
        sent, route = await sending(mail.mails[0], mail, self._relay)
        sent.key = "probe"
        self._sent.append(sent)
        await deliver(sent, route, self._door_port, lambda: None, None)
        await self._relay.mail(GINA, mail.message_id("open"), 1)
        if (took := time.monotonic() - begun) > fair(ALIVE):
            self._faults.append(f"INV-7 a clean mail took {took:.1f} s")

    # The lives of the parts

    async def _keep(self, part: str) -> None:
        """Starts a part again for as long as it dies."""
        arms, leases = iter(self.plan.arms.get(part, ())), iter(self.plan.leases)
        lives = 0
        while not self._ending:
            plan = self.plan
            child = self._nursery.fork(
                part, self.folder, next(arms, ""), self._relay.port, plan.threads, next(leases, None), self._imap.port
            )
            self._now[part] = child
            lives += 1
            if lives == 2 and plan.deaths == 1:
                self._ready_to_probe.set()
            if lives == 2 and plan.again and part in plan.again.parts:
                await asyncio.sleep(plan.again.seconds)
                self._fire(part)
            await child.dead.wait()
            if self._ending:
                return
            self._mourn(child, lives)
            if plan.name_taken and part == "worker":
                self._take_names()
            await asyncio.sleep(self._chance.choice((0, 0, 0.01)))

    def _mourn(self, child: Child, life: int) -> None:
        if child.status != KILLED:
            self._faults.append(f"PART {child.part} ended by itself with {child.status}; see {child.part}.log")
            if len(self._faults) > 3:
                raise RuntimeError(f"{child.part} cannot live")
        else:
            self._kills.append("random" if child.shot else child.arm)
        if child.part == "worker":
            self._excused += excused("" if child.shot else child.arm, life, self.plan.threads)

    def _take_names(self) -> None:
        """Somebody else bears the name of the dead worker, so its claims have to run out."""
        if not self._locks:
            lock = (self._data / "worker-0.lock").open("a")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._locks.append(lock)

    def _fire(self, part: str) -> None:
        child = self._now.get(part)
        if child is not None and not child.dead.is_set() and not self._ending:
            self._nursery.kill(child)
            self._shot_parts[part] += 1

    async def _shoot(self, shot: Shot) -> None:
        while self._happenings < shot.after:
            news = self._news
            await news.wait()
        await asyncio.sleep(shot.seconds)
        for part in shot.parts:
            self._fire(part)

    def _happened(self) -> None:
        self._happenings += 1
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _door_port(self, lmtp: bool) -> int:
        while True:
            child = self._now.get("lmtp" if lmtp else "door")
            if child is not None and child.ready.is_set() and not child.dead.is_set():
                return child.port
            await asyncio.sleep(0.002)

    # The end of a round

    async def _settled(self) -> None:
        """Until every journal row has its outcome and no outbox row is open, as the files say."""
        while True:
            with suppress(sqlite3.OperationalError):
                counts = checker.read(
                    self._data / "postern.db",
                    "SELECT (SELECT count(*) FROM outcome WHERE outcome IS NOT NULL) AS filed,"
                    " (SELECT count(*) FROM outbox WHERE state IN ('due', 'claimed', 'deferred')) AS open",
                )[0]
                if counts["open"] == 0:
                    rows = checker.read(self._data / "journal.db", "SELECT count(*) AS n FROM journal")
                    if counts["filed"] >= rows[0]["n"]:
                        return
            await asyncio.sleep(_POLL)

    def _allowance(self) -> Allowance:
        """A second copy is excused only where nobody could know whether the relay has the mail."""
        copies = self._excused + len(self.plan.mood.drop)
        drafts = any(arm.startswith("D2") for arm in self._kills)
        return Allowance(copies, drafts or self._shot_parts.total() > self._shot_parts["worker"])

    def _close(self, result: Result) -> Result:
        if not result.violations:
            if not self._keep_folder:
                shutil.rmtree(self.folder)
            return result
        kept = self._nursery.folder / "kept" / self.folder.name
        kept.parent.mkdir(exist_ok=True)
        shutil.rmtree(kept, ignore_errors=True)
        self.folder.rename(kept)
        (kept / "sent.txt").write_text(
            "\n".join(f"{s.key} {s.sha256} {sorted(s.accepted)} {s.answers}" for s in self._sent)
        )
        relayed = [f"{mail.at:.4f} {mail.sender} -> {mail.recipient} taken={mail.taken}\n" for mail in self._relay.log]
        bodies = [mail.content.decode("latin-1") for mail in self._relay.log]
        (kept / "relay.txt").write_text("".join(map("".join, zip(relayed, bodies, strict=True))), encoding="latin-1")
        (kept / "verdict.txt").write_text(result.told)
        return Result(result.plan, result.violations, result.kills, kept, result.seconds)


async def play(plans: Iterable[Plan], nursery: Nursery, jobs: int, heard: Callable[[Result], object]) -> None:
    """Plays rounds, `jobs` at a time, telling of each; ends early when `heard` gives True."""
    await nursery.attach()
    waiting = iter(plans)
    enough = False

    async def work() -> None:
        nonlocal enough
        for each in waiting:
            if enough:
                return
            if heard(await Round(each, nursery).play()):
                enough = True

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(work())
    finally:
        nursery.detach()


def play_all(plans: Iterable[Plan], nursery: Nursery, jobs: int = 1) -> list[Result]:
    """Plays rounds to the end; their results."""
    results: list[Result] = []
    asyncio.run(play(plans, nursery, jobs, results.append))
    return results


def first_failure(seed: int, rounds: int, nursery: Nursery, seen_as: str) -> Result | None:
    """The first round of a seed that violates an invariant in these words."""
    failed: list[Result] = []

    def heard(result: Result) -> bool:
        if any(seen_as in violation for violation in result.violations):
            failed.append(result)
        return bool(failed)

    asyncio.run(play((plan(seed, number) for number in range(rounds)), nursery, 2, heard))
    return failed[0] if failed else None

"""`postern demo`: a whole day of five desks in under a minute, and a check that everything became what it must."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.cli.demo.house import House, Trouble
from gateway.cli.demo.showing import screen, show, show_door
from gateway.cli.demo.story import ACTS, Story


def run(folder: Path, once: bool) -> int:
    """Plays the story in a fresh folder; 0 when every step ended as it must. Without `once` stays up until Ctrl-C."""
    console, began = screen(), time.monotonic()
    house = House(folder)
    with _ending_like_ctrl_c():
        try:
            result = _play(console, house, began)
            show_door(console, house, once)
            if not once:
                console.print("\nThe gateway runs until you press Ctrl-C.")
                house.wait()
                raise Trouble(f"the gateway ended by itself; see {house.folder / 'serve.log'}")
            return result
        except Trouble as trouble:
            console.print(f"[red]{escape(str(trouble))}[/]")
            return 1
        except KeyboardInterrupt:
            console.print("Stopping.")
            return 0 if not once else 130
        finally:
            house.stop()


def _play(console: Console, house: House, began: float) -> int:
    story = Story(house)
    try:
        with _progress(console) as progress:
            _run_acts(progress, house, story)
    except Trouble:
        if story.became:
            show(console, story, ())  # as far as it came
        raise
    wrong = story.whole()
    show(console, story, wrong)
    failed = [became for became in story.became if became.wrong]
    took = f"{len(story.became)} steps, {len(story.books.outbox)} mails out, {time.monotonic() - began:.0f} s"
    if failed or wrong:
        names = ", ".join(dict.fromkeys(became.step.name for became in failed)) or "none"
        console.print(f"[red]Not as it must be: {names}; {len(wrong)} faults of the whole[/] ({took})\n")
        return 1
    console.print(f"[green]Everything became what it must[/] ({took})\n")
    return 0


def _run_acts(progress: Progress, house: House, story: Story) -> None:
    opening = progress.add_task("Setting up", total=2)
    house.build()
    progress.advance(opening)
    house.start()
    progress.advance(opening)
    for act in ACTS:
        task = progress.add_task(act.title, total=len(act.steps) + 1)
        story.play(act, lambda task=task: progress.advance(task))  # type: ignore[misc]
        progress.advance(task)
    inside = progress.add_task("Looking inside the tickets", total=None)
    story.look_inside(lambda: progress.advance(inside))
    progress.update(inside, total=len(story.details), completed=len(story.details))


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


@contextmanager
def _ending_like_ctrl_c() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, so that the gateway is never left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""Commands about what customers subscribe to: assets, asset, groups, grant, revoke."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import typer

from gateway.cli.options import AsJson, ConfigFile, opened
from gateway.cli.reading import Desk, print_json, show

Doing = Literal["activate", "complete", "refuse", "renew", "deactivate", "withdraw", "acknowledge", "move"]
Plan = Literal["monthly", "quarterly", "yearly"]
Day = datetime | None
_DAY = ["%Y-%m-%d"]
By = Annotated[
    str, typer.Option("--by", metavar="EMAIL", help="An administrator of it, or somebody of the desk's staff.")
]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="The key of the group.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="A member of its organisation.")]


def add_to(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (assets, asset, groups, grant, revoke):
        app.command()(command)


def assets(
    as_json: AsJson = False,
    desk: Desk = None,
    organization: Annotated[str | None, typer.Option("--organization", metavar="KEY", help="Only of this organisation.")] = None,
    due: Annotated[bool, typer.Option("--due", help="Only those that renew within the next four weeks.")] = False,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """List devices, machines and services with their state, plan and dates."""
    from store import asset_views
    from store.clock import now

    with opened(config) as (settings, store), store.read() as connection:
        rows = asset_views.list_assets(connection, settings, now(), desk=desk, organization=organization, only_due=due)
    show(rows, as_json, ("key", "name", "organization", "group", "state", "plan", "renewal_date", "mark"), "No assets.")


def asset(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key of the asset.")],
    do: Annotated[Doing | None, typer.Argument(metavar="ACTION", help="What to do with it, else it is shown.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="EMAIL", help="An administrator; staff to complete or refuse.")] = None,
    plan: Annotated[Plan | None, typer.Option("--plan", help="Of an activation.")] = None,
    renewal: Annotated[Day, typer.Option("--renewal-date", formats=_DAY, help="When completed; else a term from today.")] = None,
    end: Annotated[Day, typer.Option("--contract-end", formats=_DAY, help="When completed.")] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Of a refusal; whoever asked is mailed it.")] = "",
    group: Annotated[str | None, typer.Option("--group", metavar="KEY", help="Where a new or moved one belongs; else to no group.")] = None,
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help="Of a new one.")] = "",
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:  # fmt: skip
    """Show an asset with its requests, history and tickets, or do something with it; activate also registers a new one."""
    from gateway.cli.subscriptions import Details, act, outline
    from store import asset_views
    from store.clock import now

    if do is not None and by is None:
        raise typer.BadParameter("say who does it: --by EMAIL")
    with opened(config) as (settings, store):
        if do is not None and by is not None:
            days = [day.date() if day else None for day in (renewal, end)]
            act(store, settings, key, do, by, Details(plan, days[0], days[1], reason, group, name))
        with store.read() as connection:
            told = asset_views.one_asset(connection, settings, key, now())
    if as_json:
        print_json(told)
    else:
        typer.echo(outline(told))


def groups(as_json: AsJson = False, desk: Desk = None, config: ConfigFile = None) -> None:
    """List groups of assets: how many are active and due, who has rights on them, who is warned of renewals."""
    from store import asset_views
    from store.clock import now

    with opened(config) as (settings, store), store.read() as connection:
        rows = asset_views.list_groups(connection, settings, now(), desk=desk)
    show(
        rows, as_json, ("key", "name", "organization", "parent", "active", "active_assets", "due_assets"), "No groups."
    )


def grant(
    group: Group, email: Email, right: Annotated[Literal["admin", "supervisor"], typer.Argument(help="To act, or to read.")],
    by: By, config: ConfigFile = None,
) -> None:  # fmt: skip
    """Give somebody a right on a group and all below it, in place of the one they had on it."""
    from store.apply import apply
    from store.clock import now
    from store.commands import Author, GiveGrant

    with opened(config) as (settings, store), store.write() as connection:
        apply(connection, settings, GiveGrant(group, Author(by), email, right), now())
    typer.echo(f"{email} is {right} of {group}")


def revoke(group: Group, email: Email, by: By, config: ConfigFile = None) -> None:
    """Take somebody's right on a group away, at once."""
    from store.apply import apply
    from store.clock import now
    from store.commands import Author, TakeGrant

    with opened(config) as (settings, store), store.write() as connection:
        apply(connection, settings, TakeGrant(group, Author(by), email), now())
    typer.echo(f"{email} has no right of their own on {group} any more")

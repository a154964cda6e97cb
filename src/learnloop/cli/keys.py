"""Keys of the API: made, listed, ended."""

from typing import Annotated

import typer

from learnloop.cli.shell import Json, app, report

keys_app = typer.Typer(help="Keys of the API: make, list and end them.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@keys_app.command("make")
def make(
    role: Annotated[str, typer.Argument(help="instructor, admin or service.")],
    name: Annotated[str, typer.Option(help="Whose it is, or what for; `keys list` shows it.")] = "",
    json_: Json = False,
) -> None:
    """Make a key of a role and print it, this once.

    Example: learnloop keys make instructor --name "A. Example, biology"
    """
    report("keys.make", json_, role=role, name=name)


@keys_app.command("list")
def list_(
    revoked: Annotated[bool, typer.Option("--revoked", help="Also those that have been ended.")] = False,
    json_: Json = False,
) -> None:
    """List the keys by their ids, with role, name and day; the ids are those that histories name.

    Example: learnloop keys list
    """
    report("keys.listed", json_, revoked=revoked)


@keys_app.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="Its id, as `keys list` shows it; or the whole key.")],
    json_: Json = False,
) -> None:
    """End a key: nobody gets in with it any more.

    Example: learnloop keys revoke 4c1d5e9a0b7f2368
    """
    report("keys.revoke", json_, key=key)

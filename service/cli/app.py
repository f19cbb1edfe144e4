"""Which commands there are. It knows their names and order; what each does stands in its module.

Only the modules of the commands' signatures are imported to parse a command line: what a command
needs (OpenVINO, SQLAlchemy, FastAPI) is imported when it runs, so that ``--help`` is instant and
``hash`` starts without a server's libraries.
"""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.commands.bench import bench_app
from service.cli.commands.doctor import doctor
from service.cli.commands.evaluate import evaluate
from service.cli.commands.hash import hash_files
from service.cli.commands.keys import keys_app
from service.cli.commands.lists.banks import banks_app
from service.cli.commands.lists.entries import entries_app
from service.cli.commands.lists.exchanges import exchanges_app
from service.cli.commands.lists.export import export_bank
from service.cli.commands.lists.import_ import import_list
from service.cli.commands.lists.policy import apply_policy
from service.cli.commands.lists.publish import publish_list
from service.cli.commands.lists.relist import relist
from service.cli.commands.lists.sync import sync_exchanges
from service.cli.commands.lists.versions import list_versions, roll_back
from service.cli.commands.match import match_files
from service.cli.commands.serve import serve
from service.cli.commands.store.backup import make_backup
from service.cli.commands.store.init import make_store
from service.cli.commands.store.migrate import migrate_store
from service.cli.commands.store.purge import purge_store
from service.cli.commands.store.restore import restore_backup
from service.cli.commands.urls import urls_app
from service.cli.demo.command import demo
from service.cli.verify import verify


def build() -> typer.Typer:
    """The application."""
    app = typer.Typer(
        name="lookalike",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # plain help: paragraphs are wrapped, and flags show no type
        context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
        # A traceback must not print local variables: they hold image bytes and listed hashes.
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    app.command("demo")(demo)
    app.command("init")(make_store)
    app.command("serve")(serve)
    app.command("hash")(hash_files)
    app.command("match")(match_files)
    app.add_typer(urls_app(), name="urls")
    app.command("import")(import_list)
    app.command("versions")(list_versions)
    app.command("rollback")(roll_back)
    app.command("export")(export_bank)
    app.command("publish")(publish_list)
    app.add_typer(banks_app(), name="banks")
    app.add_typer(entries_app(), name="entries")
    app.add_typer(exchanges_app(), name="exchanges")
    app.command("sync")(sync_exchanges)
    app.command("relist")(relist)
    app.command("policy")(apply_policy)
    app.add_typer(keys_app(), name="keys")
    app.command("migrate")(migrate_store)
    app.command("backup")(make_backup)
    app.command("restore")(restore_backup)
    app.command("purge")(purge_store)
    app.command("evaluate")(evaluate)
    app.add_typer(bench_app(), name="bench")
    app.command("doctor")(doctor)
    app.command("verify")(verify)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lookalike {version('lookalike')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Finds known images in whatever shape they come back.

    `lookalike demo` shows the main job end to end; `lookalike doctor` says what is installed.
    """

"""The command ``tamis``: names the commands, and turns every error into one line and an exit code.

Nothing heavy is imported here or by a command's module: ``tamis --help`` answers at once.
"""

import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tamis.commands import ask, calibrate, compare, demo, doctor, evaluate, index, judge, label, report, train
from tamis.commands.noise import quiet
from tamis.commands.terminal import say
from tamis.core.errors import TamisError, text_of

BAD_INPUT = 2
INTERNAL = 70
"""sysexits.h's EX_SOFTWARE: 1 is for a gate that failed, and a crash must not look like one."""
INTERRUPTED = 130
BROKEN_PIPE = 141


class _Commands(TyperGroup):
    """Runs a command; its errors become a line on stderr, a traceback only with TAMIS_DEBUG=1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with quiet():
                result = super().invoke(ctx)
                sys.stdout.flush()
                return result
        except BrokenPipeError:
            # Whoever read the output has gone (head, less): what is left must not fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE) from None
        except KeyboardInterrupt:
            say("interrupted; what was done so far is kept, run the same command again to go on")
            raise typer.Exit(INTERRUPTED) from None
        except (TamisError, OSError) as error:
            _debug()
            say(str(error) if isinstance(error, TamisError) else _about(error))
            raise typer.Exit(BAD_INPUT) from None
        except BaseException as error:  # the last resort of a program; the error is shown
            if isinstance(error, typer.Abort) or hasattr(error, "exit_code"):
                # Typer's own ways of ending: an exit, or a usage error that knows its exit code.
                raise
            _debug()
            say(f"unexpected {type(error).__name__}: {text_of(error)}; TAMIS_DEBUG=1 shows where")
            raise typer.Exit(INTERNAL) from None


app = typer.Typer(
    name="tamis",
    cls=_Commands,
    help="Retrieval that holds up: index a folder, ask it, calibrate the scores, see a demonstration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # In a help text, brackets are brackets.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tamis {version('tamis')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Retrieval that holds up: index a folder, ask it, calibrate the scores, see a demonstration."""


app.command("demo")(demo.demo)
app.command("index")(index.index)
app.command("ask")(ask.ask)
app.command("calibrate")(calibrate.calibrate)
app.command("eval")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.add_typer(train.train, name="train")
app.add_typer(judge.app, name="judge", no_args_is_help=True)
app.add_typer(label.app, name="label", no_args_is_help=True)


def main() -> None:
    """The console script's entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # On a terminal that knows less than UTF-8, an odd character is shown as an escape.
            stream.reconfigure(errors="backslashreplace")
    app()


def _about(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)


def _debug() -> None:
    if os.environ.get("TAMIS_DEBUG"):
        import traceback

        traceback.print_exc()

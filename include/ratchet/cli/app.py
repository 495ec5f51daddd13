"""The commands, each a few lines around the rooms below: parse, call, print."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from ratchet.errors import InputError, RatchetError
from ratchet.identity import ModelId
from ratchet.project import Project
from ratchet.spec.loading import find_models, load_spec

app = typer.Typer(
    name="ratchet",
    help="Production machine learning on Apache Airflow that only moves forward.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ledger_app = typer.Typer(help="Read and verify the ledger of a model.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
# Into a pipe or a file a row stays one line, for grep.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)

Model = Annotated[str, typer.Argument(help="The model's name: its folder below RATCHET_MODELS.")]


def main() -> None:
    """Run the command line; an error that a user meets is printed in one piece, with exit code 1."""
    try:
        app()
    except RatchetError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None


@app.command()
def check(model: Annotated[str | None, typer.Argument(help="One model; all of them without it.")] = None) -> None:
    """Read a model's folder as strictly as the scheduler does, and say what is wrong with it.

    What its governance leaves open is a warning, and in the production profile a fault.
    """
    from ratchet.cli.checking import check_model

    project = Project.from_environment()
    names = [model] if model else find_models(project)
    if not names:
        raise InputError(f"There is no model folder below {project.models_path}. Set RATCHET_MODELS, or make one.")
    n_faults = 0
    for name in names:
        found = check_model(project, name)
        n_faults += len(found.faults)
        out.print(f"{name}: {'sound' if not found.faults else f'{len(found.faults)} fault(s)'}", markup=False)
        for line in (*found.faults, *(f"warning: {gap}" for gap in found.warnings)):
            out.print(f"  {line}", markup=False)
    if n_faults:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a spec, for editors."""
    from ratchet.spec.model import ModelSpec

    sys.stdout.write(json.dumps(ModelSpec.model_json_schema(), indent=2) + "\n")


@app.command()
def infer(
    model: Model,
    first: Annotated[str, typer.Option("--from", help="First span to learn from.")],
    last: Annotated[str, typer.Option("--to", help="Last span to learn from.")],
    write: Annotated[bool, typer.Option(help="Write what is shown; a whole file only where none is there.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Ask what these spans would change in the files.")] = False,
    widen: Annotated[bool, typer.Option("--widen", help="With --update --write: also what lets more through.")] = False,
    narrow: Annotated[
        bool, typer.Option("--narrow", help="With --update --write: also what lets less through.")
    ] = False,
) -> None:
    """Propose expectations.yaml and histograms.yaml from a model's spans, as a diff to be reviewed."""
    from ratchet.cli.inferring import propose_changes, propose_files
    from ratchet.cli.running import read_range
    from ratchet.spans.calendar import Calendar

    project = Project.from_environment()
    spec = load_spec(project, model)
    spans = read_range(Calendar.of(spec.source), first, last)
    if (widen or narrow) and not (update and write):
        raise InputError("--widen and --narrow apply what --update shows: give them with --update --write.")

    def show(line: str) -> None:
        out.print(line, markup=False)

    if update:
        propose_changes(project, spec, spans, write=write, widen=widen, narrow=narrow, show=show)
    else:

        def ask() -> bool:
            return sys.stdin.isatty() and typer.confirm("Write both files?")

        propose_files(project, spec, spans, write=write, ask=ask, show=show)


@app.command("pseudonym-key")
def pseudonym_key(model: Model) -> None:
    """Make the key of a model's pseudonyms in the home, readable by its owner alone; one that is there stays."""
    from ratchet.spans.pseudonym_key import make_key

    project = Project.from_environment()
    out.print(f"{make_key(project, load_spec(project, model))}: keep a copy in a safe place", markup=False)


@app.command()
def run(
    model: Model,
    first: Annotated[str, typer.Option("--from", help="First night, by its span.")],
    last: Annotated[str, typer.Option("--to", help="Last night, by its span.")],
    load_from: Annotated[
        str | None, typer.Option("--load-from", help="Take in the history from this span with the first night.")
    ] = None,
) -> None:
    """Live through the nights of a range without Airflow: the same steps, the same results."""
    from ratchet.cli.running import run_nights

    project = Project.from_environment()
    run_nights(project, load_spec(project, model), first, last, load_from=load_from, console=out)


@app.command()
def status(model: Model, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say who is champion, since when and by whom, and what the newest gate answered."""
    from ratchet.cli.showing import print_status, read_status

    project = Project.from_environment()
    found = read_status(project, load_spec(project, model))
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        print_status(found, out)


@ledger_app.command("show")
def ledger_show(
    model: Model,
    as_json: Annotated[bool, typer.Option("--json", help="Print the entries, one JSON object a line.")] = False,
) -> None:
    """Print the decisions of a model, oldest first."""
    from ratchet.cli.showing import open_ledger, print_entries

    entries = list(open_ledger(Project.from_environment(), ModelId.parse(model)).entries())
    if as_json:
        sys.stdout.writelines(entry.to_bytes().decode() for entry in entries)
    else:
        print_entries(entries, out)


@ledger_app.command("verify")
def ledger_verify(model: Model) -> None:
    """Read the whole chain and name every entry that is altered, missing, or may not be there."""
    from ratchet.cli.showing import open_ledger

    ledger = open_ledger(Project.from_environment(), ModelId.parse(model))
    problems = ledger.verify()
    for problem in problems:
        out.print(problem, markup=False)
    if problems:
        raise typer.Exit(1)
    state = ledger.read_state()
    out.print(f"{model}: {state.number} entries, sound; head {state.head}", markup=False)


@app.command("roll-back")
def roll_back(
    model: Model,
    reason: Annotated[str, typer.Option(help="Why; kept in the ledger.")],
    version: Annotated[str | None, typer.Option(help="A former champion; the last one without it.")] = None,
) -> None:
    """Make a former champion champion again."""
    from ratchet.ledger.entries import Author
    from ratchet.steps.roll_back import roll_back as restore

    project = Project.from_environment()
    entry = restore(
        project,
        load_spec(project, model),
        version=version,
        reason=reason,
        author=Author(kind="person", name=getpass.getuser()),
        at=datetime.now(UTC),
    )
    restored = entry.body["version"]["version"]
    out.print(f"{model}: version {restored} is champion again, by entry {entry.number} of the ledger", markup=False)


@app.command()
def serve(
    model: Model,
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 takes a free one.")] = 8090,
) -> None:
    """Serve the champion's scores over HTTP on loopback."""
    from ratchet.serving.server import serve as start

    project = Project.from_environment()
    start(project, load_spec(project, model), port=port)

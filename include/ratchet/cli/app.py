"""The commands, each a few lines around the rooms below: parse, call, print."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
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
    """Read a model's folder as strictly as the scheduler does, and say what is wrong with it."""
    from ratchet.cli.checking import find_faults, open_questions

    project = Project.from_environment()
    names = [model] if model else find_models(project)
    if not names:
        raise InputError(f"There is no model folder below {project.models_path}. Set RATCHET_MODELS, or make one.")
    n_faults = 0
    for name in names:
        faults = find_faults(project, name)
        n_faults += len(faults)
        out.print(f"{name}: {'sound' if not faults else f'{len(faults)} fault(s)'}", markup=False)
        for fault in faults:
            out.print(f"  {fault}", markup=False)
        for question in open_questions(project.model_path(name)):
            out.print(f"  to answer: {question}", markup=False)
    if n_faults:
        raise typer.Exit(1)


@app.command()
def new(
    model: Annotated[str, typer.Argument(help="The new model's name: its folder below RATCHET_MODELS.")],
    path: Annotated[Path, typer.Option("--from", help="A table: CSV, Parquet or JSON lines.")],
    label: Annotated[str, typer.Option(help="The column to predict; with --outcome, its name.")],
    time: Annotated[str, typer.Option(help="The column of the event time.")],
    entity: Annotated[str | None, typer.Option(help="The column that names an example.")] = None,
    positive: Annotated[str | None, typer.Option(help="The label's value that stands for true.")] = None,
    outcome: Annotated[str | None, typer.Option(help='Makes the label: "tips > 0.2 * fare".')] = None,
    leak: Annotated[list[str] | None, typer.Option(help="A column known only after the event; repeatable.")] = None,
    time_zone: Annotated[str, typer.Option(help="IANA name of the zone whose days, weeks or months count.")] = "UTC",
    span: Annotated[str | None, typer.Option(help="day, week or month; chosen from the table without it.")] = None,
    delimiter: Annotated[str, typer.Option(help="Between two fields of a CSV.")] = ",",
) -> None:
    """Write a working model folder for a table, with the questions that only a person can answer."""
    from ratchet.scaffold.new import new_model
    from ratchet.scaffold.request import NewModel

    if span not in (None, "day", "week", "month"):
        raise InputError(f"--span must be day, week or month. Got {span!r}.")
    asked = NewModel(
        name=model,
        path=path,
        label=label,
        time=time,
        entity=entity,
        positive=positive,
        outcome=outcome,
        leaks=tuple(leak or ()),
        time_zone=time_zone,
        span=span,  # type: ignore[arg-type]  # checked above
        delimiter=delimiter,
        owner=getpass.getuser(),
    )
    made = new_model(Project.from_environment(), asked)
    rows, spans = sum(made.spans.rows), made.spans
    out.print(f"wrote {made.path}: {rows} rows, {spans.cadence}s from {spans.first} to {spans.last}", markup=False)
    for question in made.questions:
        out.print(f"  ? {question}", markup=False)


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
    write: Annotated[bool, typer.Option(help="Write the files; refused where one is there already.")] = False,
) -> None:
    """Propose expectations.yaml and histograms.yaml from a model's first spans."""
    from ratchet.cli.running import read_range
    from ratchet.spans.calendar import Calendar
    from ratchet.steps.infer import infer as propose

    project = Project.from_environment()
    spec, folder = load_spec(project, model), project.model_path(model)
    proposal = propose(project, spec, read_range(Calendar.of(spec.source), first, last))
    files = {folder / "expectations.yaml": proposal.expectations, folder / "histograms.yaml": proposal.histograms}
    there = [path for path in files if path.exists()]
    if write and there:
        raise InputError(f"{there[0]} is there already, and may have been edited. Move it away first.")
    for path, text in files.items():
        if write:
            path.write_text(text, encoding="utf-8")
            out.print(f"wrote {path}: read it, and edit what you know better", markup=False)
        else:
            sys.stdout.write(f"# --- {path}\n{text}")


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

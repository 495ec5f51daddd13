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
        for line in found.lines():
            out.print(f"  {line}", markup=False)
    if n_faults:
        raise typer.Exit(1)


@app.command()
def doctor(model: Annotated[str | None, typer.Argument(help="One model; all of them without it.")] = None) -> None:
    """Ask stores, servers, databases, queues and keys whether they are there, and name each one that is not."""
    from ratchet.cli.doctoring import examine

    project = Project.from_environment()
    found = []
    for finding in examine(project, [model] if model else find_models(project)):
        found.append(finding)
        out.print(finding.line, markup=False, soft_wrap=True)
    if any(finding.fault for finding in found):
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
def statistics(
    model: Model,
    first: Annotated[str, typer.Option("--from", help="First span.")],
    last: Annotated[str, typer.Option("--to", help="Last span.")],
) -> None:
    """Compute the statistics of ingested spans, again where they are of an older kind, and write their page."""
    from ratchet.cli.running import read_range
    from ratchet.spans.calendar import Calendar
    from ratchet.steps.compute_statistics import compute_statistics
    from ratchet.steps.show_statistics import show_statistics

    project = Project.from_environment()
    spec = load_spec(project, model)
    spans = read_range(Calendar.of(spec.source), first, last)
    out.print(compute_statistics(project, spec, spans).words, markup=False)
    out.print(show_statistics(project, spec, spans[-1]).report_uri, markup=False)


@app.command()
def append(
    model: Model,
    span: Annotated[str, typer.Argument(help="The open span's key.")],
    batch: Annotated[str, typer.Argument(help="The batch's name.")],
) -> None:
    """Append a batch to an open span; the same batch again does nothing."""
    from ratchet.spans.calendar import Calendar
    from ratchet.steps.append_batch import append_batch

    project = Project.from_environment()
    spec = load_spec(project, model)
    result = append_batch(project, spec, Calendar.of(spec.source).parse(span), batch)
    out.print(f"{model} {result.span} {result.batch}: {result.words}", markup=False)


@app.command()
def seal(model: Model, span: Annotated[str, typer.Argument(help="The open span's key.")]) -> None:
    """Seal an open span and take it in; a span that is sealed already gets what came since, as a new revision."""
    from ratchet.spans.calendar import Calendar
    from ratchet.steps.ingest_span import ingest_span
    from ratchet.steps.seal_span import seal_span

    project = Project.from_environment()
    spec = load_spec(project, model)
    sealed = seal_span(project, spec, Calendar.of(spec.source).parse(span))
    taken = ingest_span(project, spec, [sealed.span])
    out.print(f"{model} {sealed.span}: {sealed.words}; {taken.words}", markup=False)


@app.command()
def ingest(
    model: Model,
    first: Annotated[str, typer.Option("--from", help="First span.")],
    last: Annotated[str, typer.Option("--to", help="Last span.")],
    reason: Annotated[str, typer.Option(help="Why a span is taken in again; recorded with its new revision.")] = "",
) -> None:
    """Take in spans, and say which revisions that made and what depends on the ones before."""
    from ratchet.cli.running import read_range
    from ratchet.cli.spans import take_in
    from ratchet.spans.calendar import Calendar
    from ratchet.spans.ingestion import Why

    project = Project.from_environment()
    spec = load_spec(project, model)
    why = Why(reason=reason, author=getpass.getuser())
    take_in(project, spec, read_range(Calendar.of(spec.source), first, last), why, out)


@app.command()
def spans(
    model: Model,
    table: Annotated[str, typer.Option(help="examples, ground_truth or predictions.")] = "examples",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the spans that are held: revision, rows in, kept, quarantined, moved and erased, validated or not."""
    from ratchet.cli.spans import SCHEMA_VERSION, parse_table, print_spans, read_spans

    project = Project.from_environment()
    rows = read_spans(project, ModelId(load_spec(project, model).name), parse_table(table))
    if as_json:
        sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION, "spans": rows}, indent=2) + "\n")
    else:
        print_spans(rows, out)


@app.command()
def revisions(model: Model, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List every span that was taken in again: why, by whom, and what depended on the revision before."""
    from dataclasses import asdict

    from ratchet.cli.spans import print_revisions
    from ratchet.steps.dependants import read_revisions

    project = Project.from_environment()
    found = read_revisions(project, ModelId(load_spec(project, model).name), "examples", "ground_truth")
    if as_json:
        sys.stdout.write(json.dumps([asdict(one) for one in found], indent=2) + "\n")
    else:
        print_revisions(found, out)


@app.command()
def erase(
    entity: Annotated[str, typer.Option(help="The key of the entity, as the source delivers it.")],
    model: Annotated[str | None, typer.Option(help="One model; all of them without it.")] = None,
) -> None:
    """Erase an entity from all tables, results and logs, prove that it is gone, and say which versions knew it."""
    from ratchet.cli.erasing import erase_from

    project = Project.from_environment()
    erase_from(project, [model] if model else find_models(project), entity, out)


@app.command(name="stop-training")
def stop_training(
    model: Model, reason: Annotated[str, typer.Option(help="Why; it is written into the result.")]
) -> None:
    """Ask a fit that is at work to stop at its next checkpoint; what it has reached goes on to the gate."""
    from datetime import UTC, datetime

    from ratchet.ledger.entries import Author
    from ratchet.steps.long_fits import request_stop

    project = Project.from_environment()
    author = Author(kind="person", name=getpass.getuser())
    folders = request_stop(
        project, ModelId(load_spec(project, model).name), reason=reason, author=author, at=datetime.now(UTC)
    )
    out.print(f"{model}: asked {len(folders)} fit(s) to stop at the next checkpoint", markup=False)


@app.command()
def look(
    what: Annotated[str, typer.Argument(help="A model, or a .parquet or .csv file.")],
    label: Annotated[str | None, typer.Option(help="Of a file: the column to predict.")] = None,
    time: Annotated[str | None, typer.Option(help="Of a file: the column of the event time.")] = None,
    entity: Annotated[str | None, typer.Option(help="Of a file: the column that names an example.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Of a model: the first span.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Of a model: the last span.")] = None,
    page: Annotated[Path | None, typer.Option(help="Of a file: where the page is written.")] = None,
) -> None:
    """Take a first look at a table: leaks, what is missing, what goes together, and what to change in the spec."""
    from ratchet.cli.looking import look_at_a_file, look_at_a_model

    path = Path(what)
    if path.suffix:
        look_at_a_file(path, out, label=label, time=time, entity=entity, page=page)
    else:
        project = Project.from_environment()
        look_at_a_model(project, load_spec(project, what), out, first=first, last=last)


@app.command()
def explain(
    model: Model,
    request: Annotated[str | None, typer.Option(help="The id of a request, or of one of its predictions.")] = None,
    entity: Annotated[str | None, typer.Option(help="An entity of a scored span, as the source delivers it.")] = None,
    span: Annotated[str | None, typer.Option(help="The span of --entity.")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="What if: FEATURE=VALUE; repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain a prediction: the features that were logged, the score again, and what each feature contributed."""
    from ratchet.cli.explaining import explain as explain_predictions
    from ratchet.cli.explaining import print_explained, to_json

    project = Project.from_environment()
    spec = load_spec(project, model)
    found = explain_predictions(project, spec, request=request, entity=entity, span=span, changes=change or ())
    if as_json:
        sys.stdout.write(json.dumps(to_json(found), indent=2) + "\n")
        return
    for one in found:
        print_explained(one, out)


@app.command()
def staleness(
    model: Model,
    first: Annotated[str, typer.Option("--from", help="The first night to train as on.")],
    last: Annotated[str, typer.Option("--to", help="The last span to score.")],
    every: Annotated[int, typer.Option(min=1, help="Spans from one night to the next; each night is a fit.")] = 7,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Quality (AUC, skill) that a longer period may lose; evaluate.non_inferiority_margin without it."
        ),
    ] = None,
) -> None:
    """Tell what age costs a model, and how often to train it again: models of the past on what came after them."""
    from ratchet.backtest.ageing import backtest_staleness

    project = Project.from_environment()
    found = backtest_staleness(project, load_spec(project, model), first, last, every=every, tolerance=tolerance)
    out.print(f"{model}: {found.words}", markup=False)
    out.print(f"page: {found.report_uri}", markup=False)


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


@app.command()
def gate(
    model: Model,
    explain: Annotated[bool, typer.Option("--explain", help="Print the table that decided.")] = False,
    span: Annotated[str | None, typer.Option(help="The newest gate of this span; of all spans without it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what the newest gate answered, and with --explain by which figures and bounds."""
    from ratchet.cli.gating import read_gate

    answer = read_gate(Project.from_environment(), ModelId.parse(model), span)
    if as_json:
        sys.stdout.write(json.dumps(answer.to_json(), indent=2) + "\n")
    else:
        for line in answer.lines(table=explain):
            out.print(line, markup=False, soft_wrap=True)


@app.command("import")
def import_(
    model: Model,
    path: Annotated[Path, typer.Argument(help="An ONNX file of a binary classifier.")],
    trained_until: Annotated[str, typer.Option(help="The last span whose examples it may have been trained on.")],
    by: Annotated[str, typer.Option(help="Who brings it; kept in its card, in MLflow and in the ledger.")],
    reason: Annotated[str, typer.Option(help="Why; kept in its card and in MLflow.")] = "",
    trained_from: Annotated[
        str | None,
        typer.Option(help="Its first training span, if it was trained on this model's own examples from then on."),
    ] = None,
    span: Annotated[str | None, typer.Option(help="The night to judge it on; the newest validated span's.")] = None,
    columns: Annotated[
        str, typer.Option(help="Of a model with one matrix as input: the features of its columns, a,b,c.")
    ] = "",
    output: Annotated[str | None, typer.Option(help="The output that is read, if several hold floats.")] = None,
    positive: Annotated[str | None, typer.Option(help="The class of the outcome, if it is neither 1 nor true.")] = None,
    promote: Annotated[bool, typer.Option(help="Whether a passed gate makes it champion.")] = True,
) -> None:
    """Let a model enter that was trained elsewhere: evaluated and gated on the same spans as one trained here."""
    from ratchet.cli.importing import import_file
    from ratchet.steps.import_model import ImportRequest

    project = Project.from_environment()
    asked = ImportRequest(
        by=by,
        trained_until=trained_until,
        reason=reason,
        trained_from=trained_from,
        columns=tuple(name.strip() for name in columns.split(",") if name.strip()),
        output=output,
        positive=positive,
    )
    spec = load_spec(project, model)
    gate = import_file(project, spec, path, asked, span=span, may_promote=promote, console=out)
    if gate.verdict == "fail":
        raise typer.Exit(1)


@app.command()
def reproduce(
    model: Model,
    version: Annotated[str, typer.Argument(help="The version, as the ledger and MLflow name it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a version again from its recorded data, spec, parameters and seed, and compare its scores."""
    from ratchet.steps.reproduce import reproduce as make_again

    project = Project.from_environment()
    result = make_again(project, load_spec(project, model), version)
    if as_json:
        sys.stdout.write(json.dumps(result.to_json(), indent=2) + "\n")
    else:
        out.print(f"{model}: {result.verdict}: {result.words}", markup=False)
    if result.verdict == "fail":
        raise typer.Exit(1)


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

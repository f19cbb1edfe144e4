"""``lookalike bench``: speed figures beside the plain baseline, each measured in one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.local import open_encoder
from service.cli.terminal import print_table, reporting, say

if TYPE_CHECKING:
    from evaluation.speed.http import Request
    from service.cli.demo.server_process import Server

_Json = Annotated[
    Path | None, typer.Option("--json", help="Write every figure to this file as well.")
]


@reporting
def index(
    entries: Annotated[int, typer.Option(min=1, help="Codes to search.")] = 1_000_000,
    radius: Annotated[int, typer.Option(min=0, max=256, help="Bits, inclusive.")] = 31,
    queries: Annotated[int, typer.Option(min=64, help="Distinct queries.")] = 1000,
    peer: Annotated[
        list[str] | None, typer.Option(help="Another engine to measure beside; repeatable.")
    ] = None,
    json_file: _Json = None,
) -> None:
    """Search codes within a radius, beside FAISS Flat.

    Every answer is compared with its own.
    """
    from rich.table import Table

    from evaluation.speed.index import bench
    from evaluation.speed.index.engines import PEERS

    unknown = sorted(set(peer or ()) - set(PEERS))
    if unknown:
        known = ", ".join(sorted(PEERS))
        raise typer.BadParameter(f"no engine {unknown[0]!r}; known are {known}")
    report = bench.run(entries, radius, queries, peers=peer or (), progress=say)
    table = Table()
    for heading in (
        "codes", "engine", "batch", "threads", "p50\nms", "p99\nms", "vs\nFlat", "recall", "wrong",
        "bytes",
    ):  # fmt: skip
        text = heading in {"codes", "engine"}
        table.add_column(heading, justify="left" if text else "right")
    for row in report.rows:
        table.add_row(
            row.data,
            row.engine,
            str(row.batch),
            str(row.threads),
            f"{row.p50_ms:.3f}",
            f"{row.p99_ms:.3f}",
            f"{row.flat_ratio_p50:.1f}",
            f"{row.recall:.3f}",
            str(row.wrong),
            f"{row.bytes_per_code:.0f}",
        )
    print_table(
        table,
        f"{entries} codes, radius {radius} bits; times a query; {report.machine}, {report.date}",
    )
    _write(json_file, report.to_json())


@reporting
def encode(
    repeats: Annotated[int, typer.Option(min=1, help="Times each image is measured.")] = 30,
    json_file: _Json = None,
) -> None:
    """Time a photograph through each part of encoding.

    On one core, then on several threads and processes.
    """
    from rich.table import Table

    from evaluation.speed import cores, encode

    say("measuring on one processor …")
    encoder = open_encoder()
    report = encode.run(encoder, repeats)
    table = Table()
    table.add_column("part")
    table.add_column("ms", justify="right")
    table.add_column("× network", justify="right")  # noqa: RUF001
    for name, taken in (*report.parts.items(), ("bytes to fingerprint", report.whole)):
        table.add_row(name, f"{taken:.2f}", f"{taken / report.network:.2f}")
    print_table(
        table,
        f"{report.model} on {report.device}; {report.pixels / 1e6:.2f} megapixels,"
        f" {report.jpeg_bytes / 1000:.0f} kB of JPEG; medians of {report.repeats} repeats",
    )
    say("measuring on several …")
    shared = cores.run(encoder, min(5, repeats))
    for pixels in cores.SIZES:
        table = Table()
        for heading in ("part", "ms", "2 threads", "4 threads", "2 processes", "serial"):
            table.add_column(heading, justify="left" if heading == "part" else "right")
        for gain in shared.gains:
            if gain.pixels == pixels:
                table.add_row(
                    gain.part,
                    f"{gain.milliseconds:.2f}",
                    f"{gain.threads[2]:.2f}",
                    f"{gain.threads[4]:.2f}",
                    f"{gain.processes[2]:.2f}" if gain.processes else "",
                    f"{gain.serial(shared.cores):.0%}",
                )
        print_table(
            table,
            f"{pixels / 1e6:.2f} megapixels: times what one thread or process does;"
            f" {shared.cores} cores, {shared.rounds} rounds",
        )
    _write(json_file, report.to_json() | {"side_by_side": shared.to_json()})


@reporting
def serve(
    entries: Annotated[int, typer.Option(min=0, help="Entries to list before measuring.")] = 10_000,
    clients: Annotated[int, typer.Option(min=1, help="Requests under way at once.")] = 4,
    seconds: Annotated[float, typer.Option(min=1, help="How long each kind is sent.")] = 8.0,
    json_file: _Json = None,
) -> None:
    """Load the real service on the loopback interface.

    Beside it stands a route that does nothing.
    """
    from rich.table import Table

    from evaluation.speed import http
    from service.cli.demo.server_process import running_server

    say("starting the service …")
    with running_server(key_rate="0") as server:
        requests = _requests(server, entries)
        say(f"{entries} entries listed; sending …")
        host, port = server.url.removeprefix("http://").split(":")
        rows = http.run(host, int(port), requests, clients, seconds)
    table = Table()
    for heading in ("request", "answers", "failures", "a second", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="left" if heading == "request" else "right")
    for row in rows:
        table.add_row(
            row.name,
            str(row.answers),
            str(row.failures),
            f"{row.per_second:.0f}",
            f"{row.p50_ms:.1f}",
            f"{row.p99_ms:.1f}",
        )
    print_table(table, f"{entries} entries, {clients} clients in a closed loop, loopback")
    _write(json_file, {"entries": entries, "rows": [row.to_json() for row in rows]})


@reporting
def urls(
    entries: Annotated[int, typer.Option(min=1000, help="URLs that are listed.")] = 1_000_000,
    json_file: _Json = None,
) -> None:
    """Look up URLs, a thousand at once, among many that are listed.

    Half are listed in another spelling, and every answer is checked.
    """
    from rich.table import Table

    from service.cli.speed.urls import run

    found = run(entries, say)
    table = Table()
    for heading in ("", "µs a URL", "of it read", "of it looked up", "bytes a URL", "wrong"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row(
        "index of rules",
        f"{found.total_us:.1f}",
        f"{found.read_us:.1f}",
        f"{found.look_up_us:.1f}",
        f"{found.bytes_per_url:.0f}",
        str(found.wrong),
    )
    table.add_row("set of texts", f"{found.set_us:.1f}", "", "", f"{found.set_bytes:.0f}", "")
    said = (
        f"{entries} listed URLs, built in {found.build_seconds:.0f} s; {found.keys:.1f} keys a URL"
    )
    print_table(table, said)
    _write(json_file, found.to_json())


@reporting
def imports(
    entries: Annotated[int, typer.Option(min=4000, help="Lines of each list.")] = 1_000_000,
    form: Annotated[
        list[str] | None,
        typer.Option("--format", help="csv, vic or ncmec; repeatable; default: all three."),
    ] = None,
    json_file: _Json = None,
) -> None:
    """Import lists of made-up hashes beside a running service.

    A new list, the same with 1,000 changes, and the way back.
    """
    from rich.table import Table

    from service.cli.speed import importing
    from service.cli.speed.made_lists import FORMS

    unknown = sorted(set(form or ()) - set(FORMS))
    if unknown:
        raise typer.BadParameter(f"no list {unknown[0]!r}; known are {', '.join(FORMS)}")
    steps = importing.run(entries, tuple(form or FORMS), say)
    table = Table()
    for heading in ("list", "lines", "changed", "seconds", "lines/s", "peak MB", "in force s"):
        table.add_column(heading, justify="left" if heading == "list" else "right")
    for step in steps:
        table.add_row(
            step.name,
            str(step.lines),
            str(step.changed),
            f"{step.seconds:.1f}",
            f"{step.lines / step.seconds:.0f}",
            f"{step.peak_mb:.0f}",
            f"{step.in_force:.2f}",
        )
    print_table(table, "each in a process of its own; then how soon a running server answers by it")
    _write(json_file, {"entries": entries, "steps": [step.to_json() for step in steps]})


@reporting
def gpu(
    most: Annotated[int, typer.Option(min=1000, help="Codes at most; memory permitting.")] = 10**10,
    calibration: Annotated[
        Path | None, typer.Option(help="Write which way to compare from which batch size on.")
    ] = None,
    cpu: Annotated[
        bool, typer.Option("--cpu", help="A miniature without a device; its figures mean nothing.")
    ] = False,
    json_file: _Json = None,
) -> None:
    """Search and encode on CUDA devices.

    Beside it stand the devices' limits and FAISS; every answer is checked.
    """
    from evaluation.base.terminal import check_writable
    from evaluation.speed.gpu import bench
    from evaluation.speed.gpu.table import MINIATURE, keeper, tables

    check_writable(None, json_file)
    check_writable(None, calibration)
    report = bench.run(cpu, most, say, keeper(json_file, calibration))
    if report.miniature:
        typer.echo(MINIATURE)
    for heading, table in tables(report):
        print_table(table, heading)
    for note in report.notes:
        say(f"note: {note}")
    if json_file is not None:
        say(f"written: {json_file}")


def _requests(server: Server, entries: int) -> list[Request]:
    """List random entries, and say what to send: nothing, signals of a stranger, a photograph."""
    import numpy as np

    from evaluation.speed.encode import jpeg_photographs
    from evaluation.speed.http import Request

    rng = np.random.default_rng(0)
    with server.client() as client:
        spaces = client.get("/v1/status").raise_for_status().json()["code_spaces"]
        space = spaces[0]["space"]
        client.post("/v1/banks", json={"name": "bench"}).raise_for_status()
        if entries:
            hashes = rng.bytes(64 * entries)
            lines = "".join(
                json.dumps(
                    {
                        "provider_id": str(i),
                        "pdq": hashes[64 * i : 64 * i + 32].hex(),
                        "codes": {space: hashes[64 * i + 32 : 64 * i + 64].hex()},
                    }
                )
                + "\n"
                for i in range(entries)
            )
            client.post(
                "/v1/banks/bench/imports",
                params={"format": "jsonl"},
                content=lines.encode(),
                timeout=600,
            ).raise_for_status()
        stranger = {"pdq": rng.bytes(32).hex(), "codes": {space: rng.bytes(32).hex()}}
        photograph = client.build_request(
            "POST", "/v1/match", files={"file": ("photo.jpg", jpeg_photographs()[0], "image/jpeg")}
        )
        key = ("Authorization", f"Bearer {server.admin_key}")
        return [
            Request("GET /livez (does nothing)", "GET", "/livez"),
            Request(
                "POST /v1/match, PDQ and code",
                "POST",
                "/v1/match",
                json.dumps({"signals": stranger}).encode(),
                (key, ("Content-Type", "application/json")),
            ),
            Request(
                "POST /v1/match, 1-megapixel JPEG",
                "POST",
                "/v1/match",
                photograph.read(),
                (key, ("Content-Type", photograph.headers["content-type"])),
            ),
        ]


def _write(json_file: Path | None, value: dict[str, object]) -> None:
    if json_file is not None:
        json_file.write_text(json.dumps(value, indent=1) + "\n")


def bench_app() -> typer.Typer:
    """The command with its parts."""
    app = typer.Typer(no_args_is_help=True, help="Measure speed beside the plain baseline.")
    app.command("index")(index)
    app.command("encode")(encode)
    app.command("serve")(serve)
    app.command("urls")(urls)
    app.command("import")(imports)
    app.command("gpu")(gpu)
    return app

"""Commands that measure on a user's own images; see the modules that do it for what is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evaluation.base.progress import Progress
    from evaluation.corpora.related import Names
    from evaluation.published.running import PublishedResult

_Images = Annotated[Path, typer.Option(help="Folder or tar.")]
_Manifest = Annotated[Path | None, typer.Option(help="CSV with name, kind, style, source.")]
_Related = Annotated[Path | None, typer.Option(help="CSV with image and same_as: one work each.")]
_Checkpoint = Annotated[Path | None, typer.Option(help="Another than the shipped one.")]
_Json = Annotated[Path | None, typer.Option("--json", help="Write every figure to this file.")]
_Samples = Annotated[int, typer.Option(help="Of the bootstrap.")]


def calibrate(
    ctx: typer.Context,
    images: _Images,
    json_file: Annotated[Path, typer.Option("--json", help="Every figure, to this file.")],
    manifest: _Manifest = None,
    more: Annotated[
        list[Path] | None,
        typer.Option(help="Images whose false matches count, but not their recall; repeatable."),
    ] = None,
    more_manifest: Annotated[Path | None, typer.Option(help="The same for all of --more.")] = None,
    related: _Related = None,
    checkpoint: _Checkpoint = None,
    target: Annotated[float | None, typer.Option(help="False matches per pair.")] = None,
    edits_per_family: int = 1,
    seed: int = 0,
    samples: _Samples = 1000,
) -> None:
    """False matches per pair at each radius, and the radii to set."""
    from evaluation.corpora.corpus import open_corpus
    from evaluation.radii.calibration.choice import TARGET
    from evaluation.radii.calibration.measuring import calibrate as measure
    from evaluation.radii.calibration.table import tables

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        corpora = [open_corpus(images, manifest)]
        corpora += [open_corpus(path, more_manifest) for path in more or ()]
        result = measure(
            corpora,
            _encoder(checkpoint),
            related=_pairs(related),
            target=TARGET if target is None else target,
            seed=seed,
            edits_per_family=edits_per_family,
            samples=samples,
            command=ctx.obj,
            progress=progress,
        )
        return tables(result), result.to_json()

    _finish(work, json_file)


def extras(
    ctx: typer.Context,
    images: _Images,
    manifest: _Manifest = None,
    related: _Related = None,
    checkpoint: _Checkpoint = None,
    json_file: _Json = None,
    seed: int = 0,
) -> None:
    """What each step beyond one Hamming distance finds."""
    from evaluation.copies.extras import measure, table
    from evaluation.corpora.corpus import open_corpus

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        result = measure(
            open_corpus(images, manifest),
            _encoder(checkpoint),
            seed=seed,
            related=_pairs(related),
            command=ctx.obj,
            progress=progress,
        )
        return table(result), result.to_json()

    _finish(work, json_file)


def peers(
    ctx: typer.Context,
    images: _Images,
    onnx: Annotated[Path, typer.Option(help="The peer's network.")],
    name: Annotated[str, typer.Option(help="What the report calls it.")],
    side: Annotated[int, typer.Option(help="Pixels of its input.")],
    manifest: _Manifest = None,
    related: _Related = None,
    checkpoint: _Checkpoint = None,
    threads: int = 1,
    json_file: _Json = None,
) -> None:
    """Another descriptor, an ONNX file, beside the code."""
    from evaluation.base.hashers import DescriptorHasher
    from evaluation.copies.peers import OnnxDescriptors
    from evaluation.showing.report import evaluate_images, tables

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        result = evaluate_images(
            images,
            manifest=manifest,
            encoder=_encoder(checkpoint),
            hashers=[DescriptorHasher(name, OnnxDescriptors(onnx, side, threads))],
            descriptors=True,
            related=related,
            progress=progress,
            command=ctx.obj,
        )
        return tables(result), result.to_json()

    _finish(work, json_file)


def published(
    ctx: typer.Context,
    disc21: Annotated[Path | None, typer.Option(help="The folder of DISC21.")] = None,
    copydays: Annotated[Path | None, typer.Option(help="The folder of Copydays.")] = None,
    queries: Annotated[Literal["dev", "final"], typer.Option(help="Of DISC21.")] = "dev",
    truth: Annotated[Path | None, typer.Option(help="DISC21's CSV, if elsewhere.")] = None,
    strangers: Annotated[
        Path | None, typer.Option(help="For Copydays, listed beside it: folder or tar.")
    ] = None,
    checkpoint: _Checkpoint = None,
    json_file: _Json = None,
) -> None:
    """The published protocols of DISC21 and Copydays."""
    from evaluation.corpora.corpus import open_corpus
    from evaluation.published import layouts, running
    from evaluation.published.table import tables

    if (disc21 is None) == (copydays is None):
        raise typer.BadParameter("give one of --disc21 and --copydays")

    def measured(progress: Progress) -> PublishedResult:
        # The set is opened first: what is wrong with it is said before a model is loaded.
        if disc21 is not None:
            given = layouts.open_disc21(disc21, queries, truth=truth)
            encoder = _encoder(checkpoint)
            return running.run_disc21(given, encoder, command=ctx.obj, progress=progress)
        assert copydays is not None
        blocks = layouts.open_copydays(copydays)
        more = None if strangers is None else open_corpus(strangers)
        encoder = _encoder(checkpoint)
        return running.run_copydays(blocks, encoder, more, command=ctx.obj, progress=progress)

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        result = measured(progress)
        return tables(result), result.to_json()

    _finish(work, json_file)


def imagery(
    ctx: typer.Context,
    images: Annotated[Path | None, typer.Option(help="Folder or tar.")] = None,
    scores: Annotated[
        Path | None, typer.Option(help="In place of images: CSV of held-out sources' scores.")
    ] = None,
    wear: Annotated[str, typer.Option(help="Which of those: usual, small, ...")] = "usual",
    manifest: _Manifest = None,
    checkpoint: _Checkpoint = None,
    json_file: _Json = None,
    seed: int = 0,
    samples: _Samples = 1000,
) -> None:
    """How well photographs are told from drawings."""
    from embeddings.network import imagery_checkpoint
    from embeddings.network.imagery import load_imagery
    from evaluation.corpora.corpus import open_corpus
    from evaluation.imagery.measuring import measure, measure_held_out
    from evaluation.imagery.table import tables

    if (images is None) == (scores is None):
        raise typer.BadParameter("give one of --images and --scores")
    path = checkpoint or imagery_checkpoint.IMAGERY_CHECKPOINT

    def work(progress: Progress) -> tuple[RenderableType, Mapping[str, Any]]:
        if scores is not None:
            info = imagery_checkpoint.load(path).info
            result = measure_held_out(
                scores, info, wear, seed=seed, samples=samples, command=ctx.obj
            )
        else:
            assert images is not None
            result = measure(
                open_corpus(images, manifest),
                load_imagery(path),
                progress=progress,
                seed=seed,
                samples=samples,
                command=ctx.obj,
            )
        return tables(result), result.to_json()

    _finish(work, json_file)


def _encoder(checkpoint: Path | None) -> Any:  # noqa: ANN401 - its type is not imported before it
    from embeddings.network.checkpoint import DEFAULT_CHECKPOINT
    from embeddings.network.encoder import load_encoder

    return load_encoder("auto", checkpoint or DEFAULT_CHECKPOINT)


def _pairs(related: Path | None) -> Names:
    from evaluation.corpora.related import read_related

    return read_related(related) if related else frozenset()


def _finish(
    work: Callable[[Progress], tuple[RenderableType, Mapping[str, Any]]], file: Path | None
) -> NoReturn:
    from evaluation.base import terminal

    raise typer.Exit(terminal.run(work, file))

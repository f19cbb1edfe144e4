"""One query from start to end: signals → search → verdict → provenance.

It knows the order of the steps; the policy is ``matching``'s, the search ``replica``'s.
Everything here blocks and belongs in a worker thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from time import perf_counter
from types import MappingProxyType
from typing import Protocol

from embeddings.errors import EmptyFileError, FileTooLargeError, ImageError
from embeddings.fingerprint import Fingerprint, Role, ViewFingerprint
from embeddings.hashes.digests import digests
from embeddings.network.encoder import Encoder
from embeddings.network.imagery import ImageryModel
from service.domain.errors import (
    BadSignalError,
    BankNotFoundError,
    EncoderMissingError,
    NoSignalsError,
    ServiceError,
    StoreAwayError,
    StoreBusyError,
    StoreError,
)
from service.domain.search import Found, Searched
from service.domain.signals import (
    Signals,
    from_fingerprint,
    from_view,
    parse_signals,
    types_by_name,
)
from service.policy import matching
from service.policy.matching import Coverage, Decision, Label, NotMatched, Plan, SpaceModel
from service.replica.known import Freshness
from service.replica.lookups import Lookups
from service.replica.replica import Replica
from service.replica.shared import Shared
from service.store import Bank, Entry, Store

log = logging.getLogger(__name__)


class Fingerprints(Protocol):
    """Makes fingerprints of images; ``embeddings.fingerprint.Fingerprinter`` does."""

    @property
    def encoders(self) -> Sequence[Encoder]:
        """The models that give the codes."""
        ...

    @property
    def imagery(self) -> ImageryModel:
        """The model that gives the imagery score."""
        ...

    def fingerprint(self, data: bytes, role: Role = "query") -> Fingerprint:
        """Every signal of the image in ``data``. Raises ``ImageError``."""
        ...

    def with_views(self, data: bytes) -> tuple[Fingerprint, tuple[ViewFingerprint, ...]]:
        """The same, and the signals of the image's views. Raises ``ImageError``."""
        ...


@dataclass(frozen=True)
class Query:
    """What to match."""

    signals: Signals
    photographic: float | None = None
    """Probability that the image is a photograph, 0..1; ``None`` where nobody said."""
    banks: tuple[str, ...] | None = None
    """Names; ``None`` for all."""
    views: tuple[tuple[str, Signals], ...] = ()
    """Name and signals of each view that is to be matched too."""
    doubts: tuple[str, ...] = ()
    """Why its perceptual signals are not those of all that the file shows: ``further_frames``,
    ``truncated``, ``ambiguous_picture``."""


@dataclass(frozen=True)
class ImageryScore:
    """What the imagery score says of a query."""

    photographic: float
    label: Label


@dataclass(frozen=True)
class Answer:
    """Everything that can be said of a query; what a caller sees of it depends on its roles."""

    query: Query
    decision: Decision
    entries: Mapping[int, Entry]
    """By internal id, of the decision's rows; none of them where the store was away, and the
    decision is then ``truncated``."""
    imagery: ImageryScore | None
    """``None`` where no image was sent and nobody said."""
    coverage: Coverage
    not_matched: tuple[NotMatched, ...]
    freshness: Freshness


@dataclass(frozen=True)
class Findings:
    """Everything that a query finds, before any policy: what a protocol without verdicts tells."""

    found: list[Found]
    """In no order; of one index and bank the nearest ``MAX_MATCHES + 1`` at most."""
    banks: Mapping[int, Bank]
    """By id: those that were asked."""
    plan: Plan
    incomplete: bool
    """Whether listed images could be missed now."""
    cut: bool
    """Whether there may be more, beyond the nearest."""
    freshness: Freshness


@dataclass(frozen=True)
class ImageAnswer:
    """The answer for an image, and what it was matched by."""

    answer: Answer
    fingerprint: Fingerprint


class UndecodedError(ServiceError):
    """A file that cannot be decoded, and whose digests are listed: no error may hide that."""

    code = "undecoded"

    def __init__(self, failure: ImageError, answer: Answer) -> None:
        """``failure``: why it cannot be decoded; ``answer``: to its digests."""
        super().__init__(str(failure))
        self.failure, self.answer = failure, answer


class Matcher:
    """Answers queries; safe to use from several threads."""

    def __init__(
        self,
        replica: Replica,
        store: Store,
        fingerprints: Fingerprints | None,
        observe: Callable[[str, float], None] = lambda _stage, _seconds: None,
    ) -> None:
        """Search ``replica``, take provenance from ``store``; without ``fingerprints`` no images.

        ``observe`` is told how many seconds each ``fingerprint``, ``search`` and ``provenance``
        took."""
        self._observe = observe
        self._shared: Shared[tuple[Fingerprint, tuple[ViewFingerprint, ...]]] = Shared()
        self._replica = replica
        self._lookups = Lookups(store)
        self._told_away = False
        self._fingerprints = fingerprints
        self.encoders = () if fingerprints is None else tuple(fingerprints.encoders)
        infos = [encoder.info for encoder in self.encoders]
        self.models: Mapping[str, SpaceModel] = MappingProxyType(
            {
                i.space: SpaceModel(i.space, dict(i.radii), dict(i.scores), i.candidates)
                for i in infos
            }
        )

    def close(self) -> None:
        """Let go of the threads that look entries up."""
        self._lookups.close()

    def fingerprint(self, data: bytes, role: Role = "query") -> Fingerprint:
        """Every signal of the image in ``data``, to ask with or to list. Raises ``ImageError`` or
        ``EncoderMissingError``."""
        return self._fingerprinted(data, role, views=False)[0]

    def _fingerprinted(
        self, data: bytes, role: Role, views: bool
    ) -> tuple[Fingerprint, tuple[ViewFingerprint, ...]]:
        """The fingerprint of a file, and of its views; of equal files at the same time once."""
        made = self._made()

        def work() -> tuple[Fingerprint, tuple[ViewFingerprint, ...]]:
            started = perf_counter()
            found = made.with_views(data) if views else (made.fingerprint(data, role), ())
            self._observe("fingerprint", perf_counter() - started)
            return found

        return self._shared.get((sha256(data).digest(), role, views), work)

    def _made(self) -> Fingerprints:
        if self._fingerprints is None:
            raise EncoderMissingError("this service reads signals but no images")
        return self._fingerprints

    def match_image(
        self, data: bytes, banks: tuple[str, ...] | None, views: bool = False
    ) -> ImageAnswer:
        """Match the image in ``data``, and its ``views`` too if asked for.

        Raises ``ImageError``, or ``UndecodedError`` in its place if the file is listed, and what
        ``match`` raises.
        """
        try:
            query, fingerprint = self.image_query(data, banks, views)
        except (EmptyFileError, FileTooLargeError):
            raise  # of a file that is too large not all may be here
        except ImageError as failure:
            answer = self.match(digest_query(data, banks))
            if answer.decision.rows:
                raise UndecodedError(failure, answer) from failure
            raise
        return ImageAnswer(self.match(query), fingerprint)

    def image_query(
        self, data: bytes, banks: tuple[str, ...] | None, views: bool = False
    ) -> tuple[Query, Fingerprint]:
        """What to ask about the image in ``data``, and its ``views`` too if asked for.

        Raises ``ImageError``, ``BankNotFoundError``, ``EncoderMissingError``.
        """
        self.chosen(banks)  # before the work: a wrong bank should not cost a decode
        fingerprint, found = self._fingerprinted(data, "query", views)
        query = Query(
            from_fingerprint(fingerprint),
            fingerprint.photographic,
            banks,
            tuple((view.name, from_view(view)) for view in (*fingerprint.others, *found)),
            (("further_frames",) if fingerprint.frames > 1 else ()) + fingerprint.doubts,
        )
        return query, fingerprint

    def hits(self, query: Query) -> Findings:
        """Search for signals, and judge nothing. Raises ``NoSignalsError``, ``BadSignalError``,
        ``BankNotFoundError``, ``IndexNotLoadedError``."""
        if not query.signals:
            raise NoSignalsError("there is no signal to match")
        if query.signals.frames:
            raise BadSignalError("frames: of entries alone; ask with one picture at a time")
        imagery = self.imagery(query.photographic)
        label = Label.UNCERTAIN if imagery is None else imagery.label
        freshness = self._replica.freshness()
        banks = self.chosen(query.banks)
        known = self._replica.known

        def planned(signals: Signals) -> Plan:
            return matching.plan(
                signals, label, banks.values(), self.models, known.spaces, known.hashed
            )

        started = perf_counter()
        plan = planned(query.signals)
        searched = self._replica.search(plan.search)
        found, incomplete, cut = searched.found, searched.incomplete, searched.cut
        for name, signals in query.views:
            searched = self._replica.search(planned(signals).search)
            found += [replace(hit, view=name) for hit in searched.found]
            incomplete |= searched.incomplete
            cut |= searched.cut
        self._observe("search", perf_counter() - started)
        # Asked after the search: a fault that shows while it runs must count.
        incomplete = incomplete or self._replica.health.incomplete
        return Findings(found, banks, plan, incomplete, cut, freshness)

    def match(self, query: Query) -> Answer:
        """Match signals. Raises ``NoSignalsError``, ``BankNotFoundError``,
        ``IndexNotLoadedError``."""
        hits = self.hits(query)
        decision = matching.decide(hits.found, hits.banks, hits.cut)
        coverage, not_matched = matching.coverage(
            hits.plan,
            hits.banks.values(),
            self._replica.known.filled,
            decision.verdict,
            hits.incomplete,
        )
        ids = list({row.found.id for row in decision.rows})
        entries = self.entries_of(ids)
        if len(entries) < len(
            ids
        ):  # purged a moment ago, or not to be read: what is shown lacks some
            decision = replace(decision, truncated=True)
        return Answer(
            query=query,
            decision=decision,
            entries=entries,
            imagery=self.imagery(query.photographic),
            coverage=coverage,
            not_matched=(*not_matched, *_doubtful(query), *_hidden(query.signals)),
            freshness=hits.freshness,
        )

    def entries_of(self, ids: list[int]) -> Mapping[int, Entry]:
        """Entries that matched, by internal id; none of them where the store is away: what was
        found stands without its provenance, since that must not turn away the very uploads that
        match."""
        if not ids:
            return {}
        started = perf_counter()
        try:
            entries = self._lookups.entries(ids)
        except StoreError as error:
            if not self._told_away:
                log.warning("matches are answered without their entries: %s", error)
            self._told_away = True
            if not isinstance(error, StoreAwayError | StoreBusyError):
                self._replica.note_unread(ids, error)  # of these the poll would not know
            return {}
        self._observe("provenance", perf_counter() - started)
        self._told_away = False
        return entries

    def look_up(
        self, signal: str, questions: Sequence[Sequence[str]], banks: frozenset[int], limit: int
    ) -> list[Searched]:
        """What the keys of each of ``questions`` find, of a type that is found by keys. Raises
        ``IndexNotLoadedError``."""
        started = perf_counter()
        found = self._replica.look_up(signal, questions, banks, limit)
        self._observe("search", perf_counter() - started)
        return found

    def freshness(self) -> Freshness:
        """How far the replica is."""
        return self._replica.freshness()

    @property
    def incomplete(self) -> bool:
        """Whether a fault here could hide what is listed."""
        return self._replica.health.incomplete

    @property
    def filled(self) -> frozenset[int]:
        """Ids of the banks that hold an entry that is enabled."""
        return self._replica.known.filled

    def imagery(self, photographic: float | None) -> ImageryScore | None:
        """The label of a score."""
        if photographic is None:
            return None
        made = self._fingerprints
        # Without a model nobody knows what a score means.
        bounds = (0.0, 1.0) if made is None else made.imagery.info.bounds
        return ImageryScore(photographic, matching.label(photographic, bounds))

    def chosen(self, names: tuple[str, ...] | None) -> dict[int, Bank]:
        """The banks of these names, by id; of ``None`` all. Raises ``BankNotFoundError``."""
        known = self._replica.known
        if names is None:
            return dict(known.banks_by_id)
        for name in names:
            if name not in known.banks:
                raise BankNotFoundError(f"no bank is named {name[:80]!r}")
        return {known.banks[name].id: known.banks[name] for name in names}


def digest_query(data: bytes, banks: tuple[str, ...] | None) -> Query:
    """What to ask about a file of which nothing but its bytes is known."""
    return Query(parse_signals(asdict(digests(data))), banks=banks)


def _hidden(signals: Signals) -> list[NotMatched]:
    """Why signals may stand for more than was looked up, as a shortened URL does."""
    types = types_by_name()
    return [
        NotMatched(one.type, one.space, doubt)
        for one in signals.items
        if (keys := types[one.type].keys) is not None
        for doubt in keys.doubts(one.value)
    ]


def _doubtful(query: Query) -> list[NotMatched]:
    """What may not be all that the file shows: its signals of pictures."""
    if not query.doubts:
        return []
    types = types_by_name()
    kinds = [kind for kind in matching.kinds_of(query.signals) if types[kind[0]].structural]
    return [NotMatched(*kind, doubt) for doubt in query.doubts for kind in kinds]

"""From codes to matches: exact search within a Hamming radius.

Which index
    ``opening.open_index(path, space, signal, store)`` gives the one to serve from: kept on disk,
    fed by a store's numbered changes. ``SegmentedIndex`` is what it gives; with no folder it lives
    in memory. ``FlatIndex`` (FAISS) is the fallback where kernels cannot be compiled,
    ``OracleIndex`` what all are tested against. ``DigestIndex`` finds exact digests. All but the
    oracle keep their rows in one engine, ``storage.kept_index``; each says how its rows are found.

Feeding it
    Changes are ``changes.Changes``: removes, adds, disables and enables that come into force
    together, with the store's number of the last of them. Setting entries to a new state is
    ``remove`` and ``add`` of their ids in one call, and may be repeated. ``numbered`` shows how a
    store brings an index up to date after a start. A call without a number is in force at once and
    belongs to the next number; until that comes, a restart may replay it, so it should bear
    repeating.

Asking it
    ``search(codes, radius, limit)``; ``radius`` may name a radius for each group (bank), and the
    groups not named are not searched. ``limit`` bounds what one query can return: at most so many
    matches a query and group, the nearest. ``nearest`` asks for k. ``SegmentedIndex.explain`` says
    how.

At start
    ``kernels.warm_up()`` compiles, or loads what was compiled before. Opening an index calls it; a
    query never does.

Knows no images, no HTTP, no database. Importing this package alone loads neither FAISS nor LLVM;
numba is needed only where kernels are compiled.
"""

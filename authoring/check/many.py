"""Many definitions at once: on all processors, each called definition read once."""

import gc
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor

from authoring.check.checking import check
from authoring.check.facts import SiteFacts
from authoring.check.overlap import openings
from authoring.check.reporting import Sheet
from domain.language.definition import Definition
from domain.language.definition_text import shape

_NAME = re.compile(r"^definition:\s*[\"']?([a-z][a-z0-9_]*)", re.M)
_GARBAGE = 20_000  # new objects until the rubbish of a worker process is looked through
_ALONE = 24  # so many are checked sooner than a process starts


class Shelf(Mapping[str, Definition]):
    """Definitions by name, read when first asked for; those of the files go before the published ones."""

    def __init__(self, texts: Mapping[str, str], published: Mapping[str, Definition] | None = None) -> None:
        self._published = dict(published or {})
        self._texts = {found[1]: (file, text) for file, text in texts.items() if (found := _NAME.search(text))}
        self._read: dict[str, Definition | None] = {}

    def __getitem__(self, name: str) -> Definition:
        if name in self._texts and name not in self._read:
            file, text = self._texts[name]
            self._read[name] = shape(text, file)[0]
        found = self._read.get(name) or self._published.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._texts, *self._published}))

    def __len__(self) -> int:
        return len({*self._texts, *self._published})


class Checker:
    """What every check of a run shares."""

    def __init__(
        self, site: SiteFacts | None, texts: Mapping[str, str], published: Mapping[str, Definition] | None
    ) -> None:
        self._site, self._others, self._opening = site, Shelf(texts, published), openings(texts, published)

    def sheet(self, file: str, text: str) -> Sheet:
        return Sheet(file, text, check(text, file, self._site, self._others, opening=self._opening))


def check_all(
    texts: Mapping[str, str],
    site: SiteFacts | None = None,
    published: Mapping[str, Definition] | None = None,
    workers: int | None = None,
) -> list[Sheet]:
    """File -> text; the sheets in the same order. `workers`: processes, by default as many as there are processors."""
    count = min(workers or len(os.sched_getaffinity(0)), 1 + len(texts) // _ALONE)
    if count == 1:
        checker = Checker(site, texts, published)
        return [checker.sheet(file, text) for file, text in texts.items()]
    with ProcessPoolExecutor(count, initializer=_begin, initargs=(site, dict(texts), published)) as pool:
        return list(pool.map(_one, texts.items(), chunksize=8))


_SHARED: list[Checker] = []  # of a worker process


def _begin(site: SiteFacts | None, texts: Mapping[str, str], published: Mapping[str, Definition] | None) -> None:
    """Of a worker process: it lives as long as the run, so what it has loaded is never garbage, and what a definition
    leaves behind can wait for that of others."""
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    _SHARED[:] = [Checker(site, texts, published)]


def _one(item: tuple[str, str]) -> Sheet:
    return _SHARED[0].sheet(*item)

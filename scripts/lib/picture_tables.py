"""Tables of the accuracy on public pictures: single digits, rows, pages, other benchmarks."""

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.lib.baselines import METHODS, READERS, Prediction
from scripts.lib.docs import markdown_table
from scripts.lib.picture_sets.sets import PAGE_KINDS, Picture, PictureSet
from scripts.lib.scoring import Score, score


@dataclass(frozen=True)
class Result:
    """A picture, the prediction of each method, and whether its label records signs as ``?``."""

    picture: Picture
    predictions: dict[str, Prediction]
    signs: bool = False

    def correct(self, method: str) -> bool:
        """Return whether exactly the single digit is read, or the lines are exact, see ``scoring``."""
        if len(self.picture.label) == 1:
            return self.predictions[method].text == self.picture.label
        return self.score(method).exact

    def refused(self, method: str) -> bool:
        """Return whether something on the picture was refused."""
        return "?" in self.predictions[method].text

    def score(self, method: str) -> Score:
        """Return the score by lines and digits."""
        read = self.predictions[method]
        return score(self.picture.label, read.text, read.confidences, self.signs)


Measured = list[tuple[PictureSet, list[Result]]]
Groups = list[tuple[str, list[Result]]]


def tables(measured: Measured, methods: Sequence[str], pool_only: bool = False) -> str:
    """Return the accuracies as Markdown: single digits, rows, pages and other benchmarks.

    Args:
        measured: as ``picture_accuracy.measure`` returns it.
        methods: names of the columns.
        pool_only: show only pooled figures, not those of each set.
    """
    readers = [method for method in methods if method in READERS]
    parts = ["Figures with a slash: the previous reader / this one."] if len(readers) > 1 else []
    for kinds, title, lines in (
        (("single",), "Single digits", False),
        (("row",), "Rows", True),
        (PAGE_KINDS, "Pages", True),
        (("benchmark",), "Other benchmarks", False),
    ):
        groups = _groups(measured, kinds, pool_only)
        if lines and groups and readers:
            parts.append(_line_table(title, groups, readers))
        elif groups and not lines:
            parts.append(_digit_table(title, groups, methods, readers))
    return "\n\n".join(parts)


def _groups(measured: Measured, kinds: Sequence[str], pool_only: bool) -> Groups:
    """Return the results of each set of some kinds, then those of each kind, then all."""
    chosen = [(known, results) for known, results in measured if known.kind in kinds]
    pooled = [result for _, results in chosen for result in results]
    if not chosen or pool_only:
        return [(f"**pooled**, {len(chosen)} sets", pooled)] if chosen else []
    groups = [(known.name, results) for known, results in chosen]
    if len(kinds) > 1:
        for kind in kinds:
            of_kind = [result for known, results in chosen if known.kind == kind for result in results]
            groups += [(f"**{kind}**", of_kind)] if of_kind else []
    return groups if kinds == ("benchmark",) else [*groups, ("**pooled**", pooled)]


def _digit_table(title: str, groups: Groups, methods: Sequence[str], readers: Sequence[str]) -> str:
    head = [title, "pictures", *(METHODS[method] for method in methods)]
    head += ["refused", "silent errors"] if readers else []
    rows = [head]
    for name, results in groups:
        cells = [_percent(sum(each.correct(method) for each in results), len(results)) for method in methods]
        if readers:
            cells += _cells([_refused_and_silent(results, reader) for reader in readers])
        rows.append([name, f"{len(results):,}", *cells])
    return markdown_table(rows, right=range(1, len(head)))


def _refused_and_silent(results: Sequence[Result], reader: str) -> tuple[str, str]:
    refused = _percent(sum(each.refused(reader) for each in results), len(results))
    return refused, str(sum(each.score(reader).silent for each in results))


def _line_table(title: str, groups: Groups, readers: Sequence[str]) -> str:
    """Return what readers read of rows or pages. The other methods take a picture for one digit."""
    head = [title, "pictures", "lines", "digits", "exact", "exact, no other `?`", "lines exact"]
    head += ["digits read", "refused", "silent errors"]
    rows = [head]
    for name, results in groups:
        labels = [result.score(readers[0]) for result in results]
        counts = len(results), sum(each.lines for each in labels), sum(each.digits for each in labels)
        rows.append([name, *map(str, counts), *_cells([_line_figures(results, each) for each in readers])])
    return markdown_table(rows, right=range(1, len(head)))


def _line_figures(results: Sequence[Result], reader: str) -> list[str]:
    scores = [result.score(reader) for result in results]
    return [
        str(sum(each.exact for each in scores)),
        str(sum(each.plain for each in scores)),
        str(sum(each.lines_exact for each in scores)),
        _percent(sum(each.read for each in scores), sum(each.digits for each in scores)),
        *_refused_and_silent(results, reader),
    ]


def _cells(figures: Sequence[Sequence[str]]) -> list[str]:
    """Return one cell for each figure, with that of each reader."""
    return [" / ".join(each) for each in zip(*figures, strict=True)]


def _percent(count: int, whole: int) -> str:
    return f"{count / whole:.1%}"

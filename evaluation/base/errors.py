"""What can go wrong between a user's images and a report on them.

::

    EvaluationError
    ├── CorpusError       the images: missing, no folder or plain tar, damaged, too many, too few
    ├── ManifestError     the CSV of their kinds: a missing column, a bad value, no image named
    ├── CalibrationError  a target or rate that is none, or too few pairs to show it
    ├── PublishedSetError a published benchmark is not laid out as its release is
    ├── ReportError       a report cannot be written where it was asked for, or is none when read
    ├── NotebookError     a notebook is missing, fails, or shows what it should not
    ├── NoGpuError        a benchmark of CUDA devices where there is none
    └── WrongAnswerError  what was measured gave an answer that is not right: its times are void

A message names the file, the line and the column at fault. It knows nothing of single images that
cannot be decoded: those are counted and passed over.
"""

from __future__ import annotations


class EvaluationError(Exception):
    """Anything this package raises on purpose."""


class CorpusError(EvaluationError):
    """The images cannot be read as a corpus, or do not suffice."""


class ManifestError(EvaluationError):
    """The manifest is not one, or does not belong to these images."""


class RelatedError(EvaluationError):
    """A list of images that show one work is none."""


class CalibrationError(EvaluationError):
    """The images cannot show what is asked, or no rate of that value exists."""


class PublishedSetError(EvaluationError):
    """A folder does not hold the published benchmark it is said to hold."""


class ReportError(EvaluationError):
    """A report cannot be written where it was asked for, or is none when it is read."""


class NotebookError(EvaluationError):
    """A notebook is missing, one of its cells fails, or it shows a path of the machine."""


class NoGpuError(EvaluationError):
    """There is no CUDA device to measure."""


class WrongAnswerError(EvaluationError):
    """What was to be measured answered wrongly."""

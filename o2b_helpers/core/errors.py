"""Errors that say what was found, what was expected and what to do."""

from __future__ import annotations


class Object2BrainError(Exception):
    """An error a user can act on.

    Parameters
    ----------
    problem : str
        What went wrong, in one short sentence without a full stop.
    value : object, optional
        The value that was found; left out of the message where there is none.
    expected : str
        What would have been accepted.
    remedy : str
        What the user can do about it.

    Examples
    --------
    >>> print(ParameterError("Unknown device", value="gpu", expected="cpu or cuda", remedy="correct execution.device"))
    Unknown device.
      found:    gpu
      expected: cpu or cuda
      to do:    correct execution.device
    """

    def __init__(self, problem: str, *, value: object = None, expected: str, remedy: str) -> None:
        self.problem, self.value, self.expected, self.remedy = problem, value, expected, remedy
        lines = [problem.rstrip(".") + "."]
        if value is not None:
            lines.append(f"  found:    {value}")
        lines += [f"  expected: {expected}", f"  to do:    {remedy}"]
        super().__init__("\n".join(lines))

    def __reduce__(self):  # keyword-only arguments do not survive the default pickling between processes
        return _rebuild, (type(self), self.problem, self.value, self.expected, self.remedy)


def _rebuild(kind: type, problem: str, value: object, expected: str, remedy: str) -> Object2BrainError:
    return kind(problem, value=value, expected=expected, remedy=remedy)


class ParameterError(Object2BrainError):
    """A profile or an override is wrong."""


class InputError(Object2BrainError):
    """What the user brought (images, tables, ratings, signals) is missing or wrong."""


class ModelError(Object2BrainError):
    """Weights, an architecture or a detector cannot be used."""


class KernelError(Object2BrainError):
    """The process that ran a notebook ended before the notebook, e.g. because memory ran out."""


class StoreError(Object2BrainError):
    """A result cannot be stored or read."""


class EnvironmentFault(Object2BrainError):
    """The machine failed, not what the user brought: a share that does not answer, too little memory, too many files.

    Nothing is stored where it is raised, so the same command goes on once the cause is gone.
    """

"""Errors that say what was found, what was expected and what to do."""

from __future__ import annotations

import errno

# What a disk, a share or a cable gives that fails; not every system knows all of these numbers.
_NO_ANSWER = {
    getattr(errno, name)
    for name in (
        "EIO", "ENXIO", "ENODEV", "ESTALE", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH",
        "ENOTCONN", "ECONNRESET", "ECONNABORTED", "EREMOTEIO", "ESHUTDOWN",
    )
    if hasattr(errno, name)
}  # fmt: skip


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


class DamagedFile(StoreError):
    """A stored file is not as it was written; it is computed or copied again where that can be done."""


class EnvironmentFault(Object2BrainError):
    """The machine failed, not what the user brought: a share that does not answer, too little memory, too many files.

    Nothing is stored where it is raised, so the same command goes on once the cause is gone.
    """

    @classmethod
    def of(cls, error: OSError | MemoryError, path: object) -> EnvironmentFault | None:
        """Put a fault of the machine into words; None where the error is of another kind.

        Parameters
        ----------
        error : OSError or MemoryError
            What the system said.
        path : Path or str
            The file or folder that it was about.

        Examples
        --------
        >>> print(EnvironmentFault.of(OSError(errno.EIO, "Input/output error"), "a.jpg"))
        The disk or the share does not answer.
          found:    a.jpg (Input/output error)
          expected: files that can be read and written as long as the run lasts
          to do:    check the disk or the connection, then run the same command again: what is finished stays
        >>> EnvironmentFault.of(FileNotFoundError(errno.ENOENT, "No such file"), "a.jpg") is None
        True
        """
        number = error.errno if isinstance(error, OSError) else errno.ENOMEM
        found = f"{path} ({getattr(error, 'strerror', None) or str(error) or 'out of memory'})"
        again = "then run the same command again: what is finished stays"
        if number == errno.ENOMEM:
            return cls(
                "There is too little memory",
                value=found,
                expected="memory for what is computed",
                remedy=f"close other programs, lower execution.batch_size or take a larger machine, {again}",
            )
        if number in (errno.EMFILE, errno.ENFILE):
            return cls(
                "Too many files are open",
                value=found,
                expected="room for one more open file",
                remedy=f"raise the limit (`ulimit -n 4096` in the shell) or close other programs, {again}",
            )
        if number in _NO_ANSWER:
            return cls(
                "The disk or the share does not answer",
                value=found,
                expected="files that can be read and written as long as the run lasts",
                remedy=f"check the disk or the connection, {again}",
            )
        return None

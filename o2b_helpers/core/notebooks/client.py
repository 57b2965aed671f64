"""Executing the cells of a notebook, with one eye on the kernel's process and on the signals that have come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from jupyter_client.client import KernelClient
from jupyter_core.utils import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager

from o2b_helpers.core.notebooks.kernel import LOG, SECONDS_BETWEEN_LOOKS, OwnKernel
from o2b_helpers.core.notebooks.signs import Stopped
from o2b_helpers.core.notebooks.words import death_in_words, oom_kills

Made = TypeVar("Made")
SECONDS_TO_START = 300  # a busy cluster reads the libraries slowly
SECONDS_FOR_LAST_MESSAGES = 1.0
_LOG = logging.getLogger(__name__)
_LOG.addHandler(logging.NullHandler())  # what Jupyter logs of a dead kernel, the error says better


class KernelDied(Exception):
    """The kernel's process has ended before its notebook.

    Parameters
    ----------
    words : str
        How it ended.
    started : bool
        Whether it had begun to work.
    """

    def __init__(self, words: str, started: bool) -> None:
        super().__init__(words)
        self.words, self.started = words, started


class WatchingClient(PapermillNotebookClient):
    """Runs cells in an :class:`OwnKernel`; ends when the kernel dies or a signal comes.

    The client of Jupyter asks for the kernel's heartbeat and for its process in turns, and has been seen to wait for a
    dead kernel for minutes. So the process is looked at beside every wait.

    Parameters
    ----------
    manager : NotebookExecutionManager
        Papermill's notebook, with the file it is saved to.
    kernel : OwnKernel
        A kernel that is not started yet.
    noted : sequence of int
        The signals that have come; see :func:`~o2b_helpers.core.notebooks.signs.noted_signals`.
    """

    def __init__(
        self, manager: NotebookExecutionManager, kernel: OwnKernel, noted: Sequence[int], **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self.own, self.noted, self.started = kernel, noted, False
        self.fault: OSError | None = None
        self.oom_kills = oom_kills()

    def create_kernel_manager(self) -> OwnKernel:
        """Take the kernel that was given."""
        self.km = self.own
        return self.own

    async def async_start_new_kernel_client(self) -> KernelClient:
        """Connect to the kernel and wait until it answers."""
        try:
            self.kc = self.own.client()
            # no heartbeat: it says less than the process does, and its thread may outlast the kernel
            self.kc.start_channels(hb=False)
            await self.watched(self.kc.wait_for_ready(timeout=self.startup_timeout))
        except RuntimeError as error:  # it lives and does not answer
            await self._async_cleanup_kernel()
            raise KernelDied(f"did not answer: {error}", started=True) from error
        except BaseException:
            await self._async_cleanup_kernel()
            raise
        self.kc.allow_stdin = False
        self.started = True
        return self.kc

    async def async_execute_cell(self, cell: NotebookNode, cell_index: int, *options: Any, **more: Any) -> NotebookNode:
        """Run one cell; a kernel that dies meanwhile leaves its end in the notebook."""
        try:
            return await self.watched(super().async_execute_cell(cell, cell_index, *options, **more))
        except KernelDied as death:
            said = f"The kernel {death.words}."
            output = new_output("error", ename="KernelError", evalue=said, traceback=[said])
            cell.outputs = [*cell.get("outputs", []), output]
            raise

    async def async_wait_for_reply(self, msg_id: str, cell: NotebookNode | None = None) -> dict[str, Any] | None:
        """Wait for the kernel's reply to a request."""
        return await self.watched(super().async_wait_for_reply(msg_id, cell))

    def process_message(self, *message: Any) -> NotebookNode | None:
        """Take in what the kernel shows; where it cannot be printed or saved, the notebook ends at once."""
        try:
            return super().process_message(*message)
        except OSError as error:
            self.fault = self.fault or error
            raise

    async def watched(self, work: Awaitable[Made]) -> Made:
        """Wait for something of the kernel, or for the kernel's end, or for a signal."""
        task = asyncio.ensure_future(work)
        death = asyncio.ensure_future(self.own.death())
        try:
            while not self.noted and self.fault is None:
                await asyncio.wait((task, death), timeout=SECONDS_BETWEEN_LOOKS, return_when=asyncio.FIRST_COMPLETED)
                if death.done() and not task.done():  # what it sent last may still be on its way
                    await asyncio.wait((task,), timeout=SECONDS_FOR_LAST_MESSAGES)
                lost = task.done() and isinstance(task.exception(), RuntimeError)
                if lost and not death.done():  # dead for the client, so it soon is for the system
                    await asyncio.wait((death,), timeout=SECONDS_FOR_LAST_MESSAGES)
                if task.done() and not (lost and death.done()):
                    return task.result()
                if death.done() and not self.noted:  # a signal to the whole group ends both
                    raise KernelDied(self.death_in_words(death.result()), self.started)
            if self.fault is not None:
                raise self.fault
            raise Stopped(self.noted[0])
        finally:
            await _cancel(task, death)

    def death_in_words(self, code: int) -> str:
        """Say how the kernel ended, and whether memory ran out meanwhile."""
        return death_in_words(code, oom_kills() > self.oom_kills, self.own.last_words())

    start_new_kernel_client = run_sync(async_start_new_kernel_client)
    execute_cell = run_sync(async_execute_cell)
    wait_for_reply = run_sync(async_wait_for_reply)


class WatchingEngine(NBClientEngine):
    """Papermill's engine with a kernel of this Python."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        **options: Any,
    ) -> None:
        """Start the kernel in the folder ``options["folder"]`` and run all cells."""
        kernel = OwnKernel(options["folder"])
        client = WatchingClient(
            nb_man,
            kernel,
            options["noted"],
            kernel_name=kernel_name,
            timeout=None,
            startup_timeout=SECONDS_TO_START,
            log=_LOG,
            stdout_file=stdout_file,
            stderr_file=stderr_file,
            extra_arguments=["--log-level=50"],  # the kernel's own remarks on transport and shutdown help no reader
        )
        with open(options["folder"] / LOG, "wb") as log:
            client.execute(env=options["environment"], stdout=log, stderr=log)


async def _cancel(*tasks: asyncio.Future) -> None:
    """End tasks that nobody waits for any more, and fetch their errors, which asyncio would print."""
    for task in tasks:
        task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=SECONDS_FOR_LAST_MESSAGES)
    for task in done:
        if not task.cancelled():
            task.exception()

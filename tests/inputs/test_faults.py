"""A fault of the machine is tried again and then raised; it never makes a picture a bad one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from o2b_helpers.core.errors import EnvironmentFault, InputError
from o2b_helpers.inputs.images import faults
from o2b_helpers.inputs.images.decoding import decode_image, read_image
from o2b_helpers.inputs.images.image_check import check_images

PASSING = ["EIO", "ESTALE", "ETIMEDOUT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EACCES", "ENOTCONN", "EHOSTDOWN"]


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(faults, "WAITS", (0.0, 0.0, 0.0))


@pytest.fixture
def pictures(tmp_path):
    for number in range(5):
        noise = np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.{'jpg' if number % 2 else 'png'}")
    return tmp_path


def _fails(monkeypatch, name: str, number: int, times: int = 10**6) -> list[str]:
    """Let reading a file fail some times, and note each try."""
    read, tries = Path.read_bytes, []

    def read_bytes(self):
        if self.name == name:
            tries.append(self.name)
            if len(tries) <= times:
                raise OSError(number, os.strerror(number), str(self))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    return tries


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_stays_is_raised_and_lists_no_picture(pictures, monkeypatch, name):
    tries = _fails(monkeypatch, "1.jpg", getattr(errno, name))
    with pytest.raises(EnvironmentFault) as caught:
        check_images(pictures, [f"{n}.{'jpg' if n % 2 else 'png'}" for n in range(5)])
    assert len(tries) == 4
    said = str(caught.value)
    assert os.strerror(getattr(errno, name)) in said and "1.jpg" in said and "check the file" not in said


@pytest.mark.parametrize("name", PASSING)
def test_a_fault_that_passes_leaves_no_trace(pictures, monkeypatch, name):
    names = ["0.png", "1.jpg"]
    before = check_images(pictures, names)
    _fails(monkeypatch, "1.jpg", getattr(errno, name), times=2)
    again = check_images(pictures, names)
    assert again.problems.empty and again.found.equals(before.found)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file"), "missing"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), "missing"),
        (IsADirectoryError(errno.EISDIR, "Is a directory"), "cannot be opened"),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "cannot be opened"),
    ],
)
def test_what_is_wrong_with_a_name_leaves_the_picture_out_at_once(pictures, monkeypatch, error, words):
    tries = _fails(monkeypatch, "1.jpg", error.errno)
    check = check_images(pictures, ["0.png", "1.jpg"])
    assert words in check.problems["problem"].item() and len(tries) == 1


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError("out of memory error when reading image file"), OSError("Cannot allocate memory")],
)
def test_too_little_memory_for_decoding_is_no_broken_picture(pictures, monkeypatch, error):
    load = ImageFile.ImageFile.load

    def fails(self):
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", fails)
    with pytest.raises(EnvironmentFault, match="free memory, or lower analysis.corpus.max_pixels"):
        check_images(pictures, ["0.png"])
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert check_images(pictures, ["0.png"]).problems.empty


def test_a_decoder_that_calls_a_picture_broken_for_want_of_memory_is_not_believed(pictures, monkeypatch):
    content = (pictures / "1.jpg").read_bytes()
    cut = content[: len(content) // 2]
    with pytest.raises(InputError, match="truncated or broken"):
        decode_image(cut, "1.jpg")
    monkeypatch.setattr(faults.np, "empty", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(EnvironmentFault):
        decode_image(cut, "1.jpg")


@pytest.mark.skipif(sys.platform != "linux", reason="bounds the address space of a process")
def test_a_large_picture_in_a_process_without_memory_is_a_fault_of_the_machine(tmp_path):
    Image.fromarray(np.zeros((6000, 6000, 3), np.uint8)).save(tmp_path / "large.png")
    code = textwrap.dedent(f"""
        import resource
        from o2b_helpers.core.errors import EnvironmentFault
        from o2b_helpers.inputs.images import faults
        from o2b_helpers.inputs.images.image_check import check_images
        faults.WAITS = (0.0,)
        held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + 100 * 2**20, resource.RLIM_INFINITY))
        try:
            print(check_images({str(tmp_path)!r}, ["large.png"], workers=1).summary())
        except EnvironmentFault as error:
            print("fault:", error.problem)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(check_images({str(tmp_path)!r}, ["large.png"], workers=1).summary())
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("fault:") and os.strerror(errno.ENOMEM) in first and second == "All 1 images can be used."


def test_too_many_open_files_are_named(pictures):
    code = textwrap.dedent(f"""
        import os, resource
        from o2b_helpers.core.errors import EnvironmentFault
        from o2b_helpers.inputs.images import faults
        from o2b_helpers.inputs.images.decoding import read_image
        faults.WAITS = (0.0,)
        read_image({str(pictures / "0.png")!r})
        held = [os.open(os.devnull, os.O_RDONLY)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        try:
            read_image({str(pictures / "1.jpg")!r})
        except EnvironmentFault as error:
            print(error.remedy)
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ulimit -n" in done.stdout, done.stderr


def test_a_picture_is_read_after_a_fault_as_before(pictures, monkeypatch):
    before = np.asarray(read_image(pictures / "1.jpg"))
    _fails(monkeypatch, "1.jpg", errno.EIO, times=3)
    np.testing.assert_array_equal(np.asarray(read_image(pictures / "1.jpg")), before)


def test_whether_a_file_is_there_is_not_guessed(pictures, monkeypatch):
    assert faults.is_a_file(pictures / "0.png")
    for other in (pictures, pictures / "no.png", pictures / ("long" * 80), Path("a\0b")):
        assert not faults.is_a_file(other)
    monkeypatch.setattr(faults.os, "stat", lambda *_: (_ for _ in ()).throw(OSError(errno.ESTALE, "stale")))
    with pytest.raises(EnvironmentFault):
        faults.is_a_file(pictures / "0.png")

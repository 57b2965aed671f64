"""Large pictures wait for each other, so that looking at them stays inside the memory that there is."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from PIL import Image

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.resources import GIB
from o2b_helpers.inputs.images import image_check
from o2b_helpers.inputs.images.image_check import check_images
from o2b_helpers.inputs.images.room import LEAST, Room


def test_what_is_taken_never_exceeds_the_room_and_all_get_their_turn():
    room, lock, held, most, done = Room(100), threading.Lock(), [0], [0], []

    def take(wanted: int) -> None:
        with room.take(wanted, "a.png"):
            with lock:
                held[0] += wanted
                most[0] = max(most[0], held[0])
            threading.Event().wait(0.002)
            with lock:
                held[0] -= wanted
                done.append(wanted)

    sizes = np.random.default_rng(0).integers(1, 100, 60).tolist()
    threads = [threading.Thread(target=take, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(done) == sorted(sizes) and most[0] <= 100 and room.free == 100


def test_room_is_given_back_after_an_error():
    room = Room(100)
    with pytest.raises(ZeroDivisionError), room.take(80, "a.png"):
        raise ZeroDivisionError
    assert room.free == 100
    with pytest.raises(ParameterError, match="a.png") as caught, room.take(101, "a.png"):
        pass
    assert "max_pixels" in str(caught.value) and "memory_gib" in str(caught.value)


def test_the_users_bound_counts():
    assert Room.for_pictures(0.001).size == LEAST
    assert Room.for_pictures(None).size > LEAST and Room.for_pictures(3).size < 3 * GIB


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_picture_larger_than_the_room_stops_before_it_is_decoded(tmp_path, monkeypatch, mode):
    Image.new(mode, (3000, 3000)).save(tmp_path / "a.png")
    monkeypatch.setattr(image_check.Room, "for_pictures", classmethod(lambda cls, _: cls(10**7)))
    with pytest.raises(ParameterError, match="needs more memory"):
        check_images(tmp_path, ["a.png"])
    assert "too many pixels" in check_images(tmp_path, ["a.png"], max_pixels=10**6).problems["problem"].item()


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize(("width", "height", "count"), [(5000, 5000, 6), (8, 60_000, 6), (60_000, 8, 6)])
def test_many_large_or_thin_pictures_stay_inside_the_bound(tmp_path, width, height, count):
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    for number in range(count):
        image.save(tmp_path / f"{number}.png", compress_level=1)
    code = textwrap.dedent(f"""
        from pathlib import Path
        from o2b_helpers.core.resources import GIB, resident_bytes
        from o2b_helpers.inputs.images.image_check import check_images
        bound = resident_bytes() / GIB + 0.4
        names = [f"{{n}}.png" for n in range({count})]
        check = check_images({str(tmp_path)!r}, names, workers=6, memory_gib=bound)
        peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
        print(len(check.found), bound * GIB, 1024 * int(peak))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, bound, peak = done.stdout.split()
    assert int(found) == count
    assert int(peak) < float(bound)

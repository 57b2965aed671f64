from __future__ import annotations

import gc

import pytest
import torch
from helpers import SMALL, command, content, merged, write_profile
from small_run import ONE_SET_STEPS, STEPS, step_cost

from o2b_helpers.core import resources
from o2b_helpers.core.cost import Need, disk_bytes
from o2b_helpers.core.errors import ParameterError, StoreError
from o2b_helpers.core.resources import GIB, memory_for_this_process, resident_bytes
from o2b_helpers.core.running import preflight
from o2b_helpers.core.running.keys import step_key
from o2b_helpers.core.running.preflight import check_fit
from o2b_helpers.core.running.run import run_step
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.lesions.single_filters import BLOCK_BYTES
from o2b_helpers.models.backbones import meta
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import architecture, architecture_names
from o2b_helpers.studies.object2brain.lesion_blocks import lesion_block_bytes
from o2b_helpers.studies.registry import load_params

MIB = 2**20


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study whose steps 00, 01, 02 and 05 are stored."""
    profile = write_profile(tmp_path_factory.mktemp("study"), SMALL)
    for step in ("inputs", "human_targets", "valence_models", "objects"):
        run_step(load_params(profile), step)
    return profile


def _needs(profile, step, **overrides) -> list[Need]:
    params = load_params(profile, {name.replace("__", "."): value for name, value in overrides.items()})
    return step_cost(params, step)


# --- refusals, through the real steps


@pytest.mark.parametrize("step", ["filter_sensitivity", "filter_lesions"])
def test_a_step_that_needs_more_memory_than_it_may_use_is_refused_before_it_starts(study, step, capsys):
    before = content(study.parent / "runs" / "store")
    with pytest.raises(ParameterError) as refused:
        run_step(load_params(study, {"execution.memory_gib": 0.05}), step)
    assert "execution.memory_gib" in refused.value.expected and "raise execution.memory_gib" in refused.value.remedy
    assert "toynet" in str(refused.value.value) and STEPS[step].notebook in refused.value.problem
    assert "computing" not in capsys.readouterr().out
    assert content(study.parent / "runs" / "store") == before


def test_the_command_refuses_and_says_what_to_do(tmp_path):
    profile = write_profile(tmp_path, SMALL)
    refused = command("run", profile, "--set", "execution.memory_gib=0.05")
    assert refused.returncode == 1
    assert "02_valence_models needs more memory than there is" in refused.stderr
    assert "execution.memory_gib" in refused.stderr and "Traceback" not in refused.stderr
    assert "done      01_human_targets" in refused.stdout and not (tmp_path / "runs" / "store" / "heads").exists()


def test_a_step_that_does_not_fit_on_the_disk_is_refused_before_it_starts(study, monkeypatch, capsys):
    before = content(study.parent / "runs" / "store")
    monkeypatch.setattr(preflight, "free_disk", lambda folder: 50_000)
    with pytest.raises(StoreError) as refused:
        run_step(load_params(study), "filter_sensitivity")
    assert "more room on the disk" in refused.value.problem and "execution.runs_folder" in refused.value.remedy
    assert "computing" not in capsys.readouterr().out
    assert content(study.parent / "runs" / "store") == before


def test_what_is_stored_is_neither_estimated_nor_refused(study, capsys, monkeypatch):
    monkeypatch.setattr(meta, "meta_backbone", lambda name: pytest.fail("a network was built"))
    result = run_step(load_params(study, {"execution.memory_gib": 0.001}), "valence_models")
    assert result.facts["runs"] == 2 and "needs" not in capsys.readouterr().out


def test_every_step_has_an_estimate_or_needs_little(tmp_path):
    few = {"kind": "toyworld", "images": 60, "world_seed": 3}
    profile = write_profile(tmp_path, merged(SMALL, corpus=few, emotions={"min_pictures": 2}))
    params = load_params(profile)
    for name, step in ONE_SET_STEPS.items():
        run_step(params, name)
        store = Store(params.store)
        assert store.find(name, step_key(params, step, store)) is not None


# --- estimates


def test_estimates_grow_with_what_they_are_made_from(study):
    def scoring(**overrides) -> Need:
        needs = _needs(study, "filter_sensitivity", **overrides)
        return next(need for need in needs if need.what.startswith("scoring"))

    small, large = scoring(execution__batch_size=8), scoring(execution__batch_size=64)
    assert small.memory < large.memory and small.disk == large.disk > 0


def test_pictures_need_disk_until_they_are_kept_and_once_for_all_networks(tmp_path):
    twin = {"architecture": "toynet", "weights": "untrained", "name": "twin"}
    profile = write_profile(tmp_path, merged(SMALL, models=[*SMALL["analysis"]["models"], twin]))
    run_step(load_params(profile), "inputs")
    pictures = [need for need in _needs(profile, "valence_models") if need.what.startswith("pictures")]
    assert [need.disk for need in pictures] == [(120 + 48) * 3 * 96**2]
    run_step(load_params(profile), "valence_models")
    assert not any(
        need.what.startswith("pictures") for need in _needs(profile, "valence_models", analysis__heads__seed=1)
    )


def test_the_statement_names_memory_and_disk_in_one_line(study, capsys):
    needs = [Need("a", memory=3 * GIB, disk=2 * GIB), Need("b", memory=GIB, disk=GIB, scratch=4 * GIB)]
    check_fit(load_params(study, {"execution.memory_gib": None}), "a step", lambda params: needs)
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "of memory (" in said and "7.0 GiB of disk (" in said and "GPU" not in said
    assert disk_bytes(needs) == 7 * GIB


def test_a_step_that_needs_little_says_nothing(study, capsys):
    check_fit(load_params(study), "a step", lambda params: [Need("a", memory=MIB, disk=MIB)])
    check_fit(load_params(study), "a step", lambda params: [])
    assert capsys.readouterr().out == ""


def test_the_batch_size_that_fits_is_named(study):
    limit = resident_bytes() / GIB + 1.0
    params = load_params(study, {"execution.memory_gib": limit, "execution.batch_size": 64})
    with pytest.raises(ParameterError, match="set execution.batch_size to 8 ") as refused:
        check_fit(params, "a step", lambda some: [Need("a", memory=some.execution.batch_size * 80 * MIB)])
    assert "about" in refused.value.value


def test_another_option_is_named_where_the_batch_size_is_not_to_blame(study):
    params = load_params(study, {"execution.memory_gib": resident_bytes() / GIB + 0.5})
    with pytest.raises(ParameterError, match="name fewer layers"):
        check_fit(params, "a step", lambda some: [Need("a", memory=GIB, less="name fewer layers")])


# --- networks without numbers


@pytest.mark.parametrize("name", architecture_names())
def test_a_network_on_the_meta_device_has_the_shapes_of_the_real_one(name):
    if architecture(name).needed is not None:
        pytest.importorskip("emonet_py")
    shapes = meta.meta_backbone(name)
    real = load_backbone(name, "untrained")
    assert (shapes.shapes, shapes.n_features, shapes.device) == (real.shapes, real.n_features, "meta")
    assert meta.weight_bytes(shapes) == sum(each.nbytes for each in [*real.module.parameters(), *real.module.buffers()])


def test_the_peak_counts_every_tensor_for_as_long_as_it_lives():
    def chain():
        a = torch.empty(1000, device="meta")  # 4,000 bytes
        b = a + 1
        del a
        c = b + 1
        view = c[:10]
        del b
        return torch.cat([c, c]), view

    assert meta.peak_bytes(chain) == 16_000 - 4_000  # c and its double; a, b and c never live together
    assert meta.peak_bytes(lambda: None) == 0


def test_what_a_backward_pass_keeps_is_counted():
    weight = torch.empty(100, 100, device="meta")

    def backward(steps: int):
        x = torch.empty(100, 100, device="meta", requires_grad=True)
        y = x
        for _ in range(steps):
            y = (y @ weight).relu()
        torch.autograd.grad(y, x, torch.empty_like(y))

    assert meta.peak_bytes(lambda: backward(9)) - meta.peak_bytes(lambda: backward(5)) == 4 * 40_000


def test_a_pass_takes_what_its_largest_maps_take():
    backbone = meta.meta_backbone("alexnet")
    maps = 4 * 64 * 55 * 55  # before and behind the first ReLU
    assert 2 * 10 * maps <= meta.pass_bytes(backbone, 10) <= 4 * 10 * maps
    assert meta.pass_bytes(backbone, 10, until="features.0") < meta.pass_bytes(backbone, 10)


# --- the machine


def test_memory_is_bounded_by_the_users_limit_and_by_control_groups(tmp_path):
    assert memory_for_this_process(0.5) == GIB // 2
    assert resident_bytes() < memory_for_this_process() <= memory_for_this_process(1e6)
    own, root = tmp_path / "own", tmp_path / "root"
    group = root / "memory" / "batch" / "job"
    group.mkdir(parents=True)
    for folder, limit in ((group, 900), (group.parent, 700), (root / "memory", 2**63)):
        (folder / "memory.limit_in_bytes").write_text(f"{limit}\n")
        (folder / "memory.usage_in_bytes").write_text("500\n")
        (folder / "memory.stat").write_text("cache 100\ntotal_inactive_file 50\n")
    own.write_text("3:cpuset:/\n4:memory:/batch/job\n0::/\n")
    assert min(resources._room_in_groups(root, own)) == 250
    own.write_text("0::/batch/job\n")
    (root / "batch").mkdir()
    (root / "batch" / "memory.max").write_text("max\n")
    assert resources._room_in_groups(root, own)[0] == float("inf") == min(resources._room_in_groups(root, own))
    (root / "batch" / "memory.max").write_text("600\n")
    (root / "batch" / "memory.current").write_text("700\n")
    (root / "batch" / "memory.stat").write_text("inactive_file 60\n")
    assert min(resources._room_in_groups(root, own)) == 0
    assert resources._room_in_groups(root, tmp_path / "no such file") == [float("inf")]


def test_free_disk_is_asked_of_the_folder_that_is_there(tmp_path):
    assert resources.free_disk(tmp_path / "not" / "there") == pytest.approx(resources.free_disk(tmp_path), rel=0.05)


def test_blocks_of_lesions_follow_the_budget_in_powers_of_two(study):
    gc.collect()
    held = resident_bytes() / GIB
    assert lesion_block_bytes(load_params(study, {"execution.memory_gib": held + 1.5})) == GIB // 4
    assert lesion_block_bytes(load_params(study, {"execution.memory_gib": 0.01})) == MIB
    assert lesion_block_bytes(load_params(study, {"execution.memory_gib": 1e6})) <= BLOCK_BYTES

"""All that an own definition is made from is traced, or the definition is refused."""

from __future__ import annotations

import sys

import pytest
import torch

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import Architecture, architecture, load_definition, register, sources

NET = """
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from torch import nn

{imports}
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of


class Net(nn.Module):
    def __init__(self):
        super().__init__()
{built}
        self.features = nn.Sequential(nn.Conv2d(3, {width}, 5, stride=3), {gate})
        self.avgpool = nn.AdaptiveAvgPool2d(3)
        self.classifier = nn.Linear({width} * 9, 2)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


register(
    Architecture(
        name="{name}", build=Net, stages=lambda net: stages_of(net, "features.*", "avgpool", FLATTEN),
        target_layers=("features.1",), preprocessing=Preprocessing(32, 32), last_layer="classifier",
    )
)
"""
GATE = "from torch import nn\n\n\nclass Gate(nn.Module):\n    def forward(self, x):\n        return x.relu()\n"


def _definition(folder, name, imports="", gate="nn.ReLU()", width="4", built=""):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(NET.format(name=name, imports=imports, gate=gate, width=width, built=built))
    return path


@pytest.fixture(autouse=True)
def paths(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_a_definition_imports_what_lies_beside_it_as_a_script_does(tmp_path):
    imports, name = _module_beside(tmp_path)
    path = _definition(tmp_path, "t_as_a_script", **imports)
    path.write_text(path.read_text().replace("sys.path.insert(0, str(HERE))\n", ""))
    before = list(sys.path)
    assert load_definition(path) == ["t_as_a_script"] and sys.path == before
    assert name in {file.split("/")[-1] for file in map(str, sources("t_as_a_script"))}


def _traced(path):
    (name,) = load_definition(path)
    return sources(name)


def _module_beside(folder):
    (folder / "t_gates.py").write_text(GATE)
    return {"imports": "from t_gates import Gate", "gate": "Gate()"}, "t_gates.py"


def _module_of_a_module(folder):
    (folder / "t_outer.py").write_text("from t_inner import Gate\n")
    (folder / "t_inner.py").write_text(GATE)
    return {"imports": "import t_outer", "gate": "t_outer.Gate()"}, "t_inner.py"


def _relative_in_a_package(folder):
    (folder / "t_package").mkdir()
    (folder / "t_package" / "__init__.py").write_text("from .gates import Gate\n")
    (folder / "t_package" / "gates.py").write_text(GATE)
    return {"imports": "from t_package import Gate", "gate": "Gate()"}, "t_package/gates.py"


def _submodule_without_init(folder):
    (folder / "t_space").mkdir()
    (folder / "t_space" / "gates.py").write_text(GATE)
    return {"imports": "from t_space import gates", "gate": "gates.Gate()"}, "t_space/gates.py"


def _inside_a_function(folder):
    (folder / "t_late.py").write_text(GATE)
    return {"built": "        from t_late import Gate", "gate": "Gate()"}, "t_late.py"


def _by_its_name_in_words(folder):
    (folder / "t_words.py").write_text(GATE)
    imports = 'import importlib\n\nGate = importlib.import_module("t_words").Gate'
    return {"imports": imports, "gate": "Gate()"}, "t_words.py"


def _with_a_star(folder):
    (folder / "t_star.py").write_text(GATE)
    return {"imports": "from t_star import *", "gate": "Gate()"}, "t_star.py"


def _file_that_is_read(folder):
    (folder / "t_widths.json").write_text("[4]")
    imports = 'import json\n\n(WIDTH,) = json.loads((HERE / ("t_" + "widths.json")).read_text())'
    return {"imports": imports, "width": "WIDTH"}, "t_widths.json"


def _file_that_a_module_reads(folder):
    (folder / "data").mkdir()
    (folder / "data" / "t_size.txt").write_text("4")
    (folder / "t_sizes.py").write_text(
        "from pathlib import Path\n\nWIDTH = int((Path(__file__).parent / 'data' / 't_size.txt').read_text())\n"
    )
    return {"imports": "from t_sizes import WIDTH", "width": "WIDTH"}, "data/t_size.txt"


WAYS = [
    _module_beside, _module_of_a_module, _relative_in_a_package, _submodule_without_init, _inside_a_function,
    _by_its_name_in_words, _with_a_star, _file_that_is_read, _file_that_a_module_reads,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_what_a_definition_depends_on_is_traced_and_its_change_noticed(tmp_path, way):
    parts, file = way(tmp_path)
    path = _definition(tmp_path, f"net{way.__name__}", **parts)
    before = _traced(path)
    assert {path.name, file} <= set(before)
    assert _traced(path) == before, "reading it again must give the same key"
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    first = load_backbone(path.stem, "untrained").features(images)
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace("x.relu()", "(-x).relu()").replace("4", "5"))
    after = _traced(path)
    assert after[file] != before[file]
    assert {name for name in before if after[name] != before[name]} == {file}
    # and the new code is what runs, in this session too
    second = load_backbone(path.stem, "untrained").features(images)
    assert first.shape != second.shape or not torch.equal(first, second)


def test_modules_of_one_name_beside_two_definitions_are_not_mixed_up(tmp_path):
    for name, code in (("first", "x.relu()"), ("second", "(x * 2).relu()")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t_shared.py").write_text(GATE.replace("x.relu()", code))
        _definition(tmp_path / name, f"net_shared_{name}", "from t_shared import Gate", "Gate()")
    traced, features = {}, {}
    images = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for name in ("first", "second", "first"):
        traced.setdefault(name, []).append(_traced(tmp_path / name / f"net_shared_{name}.py")["t_shared.py"])
        backbone = load_backbone(f"net_shared_{name}", "untrained", seed=0)
        features.setdefault(name, []).append(backbone.features(images))
    assert traced["first"][0] == traced["first"][1] != traced["second"][0]
    assert torch.equal(*features["first"]) and not torch.equal(features["first"][0], features["second"][0])


def test_an_installed_package_enters_by_its_version_and_a_missing_one_as_missing(tmp_path):
    imports = "import yaml\n\ntry:\n    import t_not_there\nexcept ImportError:\n    pass"
    traced = _traced(_definition(tmp_path, "net_versions", imports))
    assert traced["yaml"].startswith("PyYAML ") and traced["t_not_there"] == "not there"
    (tmp_path / "t_not_there.py").write_text("")
    assert "t_not_there.py" in _traced(tmp_path / "net_versions.py")


def test_modules_of_the_package_that_a_definition_imports_enter_too(tmp_path):
    imports = "from o2b_helpers.models.fast.steps import SpatialMean"
    assert "o2b_helpers.models.fast.steps" in _traced(_definition(tmp_path, "net_package", imports))


@pytest.mark.parametrize(
    "code",
    [
        'name = "t_" + "gates"\nimport importlib\n\nimportlib.import_module(name)',
        'Gate = __import__("t_" + "gates").Gate',
        'exec((HERE / "t_gates.py").read_text())',
        'eval(compile((HERE / "t_gates.py").read_text(), "gates", "exec"))',
        "import runpy\n\nrunpy.run_path(str(HERE / 't_gates.py'))",
        "from importlib.util import spec_from_file_location\n\nspec_from_file_location('a', str(HERE / 't_gates.py'))",
        "import torch\n\nif False:\n    torch.hub.load('a/b', 'net')",
    ],
)
def test_code_that_cannot_be_traced_is_refused(tmp_path, code):
    (tmp_path / "t_gates.py").write_text(GATE)
    with pytest.raises(ModelError, match="cannot be traced"):
        load_definition(_definition(tmp_path, "net_untraceable", code))


def test_calls_that_only_look_alike_are_not_refused(tmp_path):
    code = "import re\n\nPATTERN = re.compile('a')\nnn.ReLU().eval()"
    assert "net_alike.py" in _traced(_definition(tmp_path, "net_alike", code))


def test_a_file_that_is_read_when_the_network_is_built_is_refused(tmp_path):
    (tmp_path / "t_width.txt").write_text("4")
    built = "        width = int((HERE / ('t_' + 'width.txt')).read_text())"
    load_definition(_definition(tmp_path, "net_built", built=built, width="width"))
    with pytest.raises(ModelError, match="t_width.txt") as caught:
        load_backbone("net_built", "untrained")
    assert "top of the definition" in str(caught.value)


def test_what_was_registered_in_a_session_has_no_key():
    known = architecture("toynet")
    register(
        Architecture("net_session", known.build, known.stages, known.target_layers, known.preprocessing, "classifier")
    )
    with pytest.raises(ModelError, match="in no file"):
        sources("net_session")


def test_networks_of_the_package_are_traced_to_their_modules():
    assert {
        "o2b_helpers.models.backbones.toynet",
        "o2b_helpers.toyworld.backbone",
        "o2b_helpers.toyworld/truth.csv",
    } <= set(sources("toynet"))

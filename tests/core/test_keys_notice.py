"""Whatever a result is computed from is in its key: each part is changed in turn, and the key must be another one.

The package is changed too, so all this happens in a copy of it, in a process of its own. Nothing is computed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap

import pytest
import yaml
from helpers import ROOT, environment
from study_fixture import write_study

NET = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from torch import nn

from my_layers import Gate
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.registry import Architecture, register
from o2b_helpers.models.backbones.stages import FLATTEN, stages_of


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 5, stride=3), Gate())
        self.avgpool = nn.AdaptiveAvgPool2d(3)
        self.classifier = nn.Linear(54, 2)

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


register(
    Architecture(
        name="mine", build=Net, stages=lambda net: stages_of(net, "features.*", "avgpool", FLATTEN),
        target_layers=("features.1",), preprocessing=Preprocessing(48, 48), last_layer="classifier",
    )
)
"""

# Each changes one byte or one line, and puts size (where it can) and time of modification back.
SCRIPT = """
import json, os, sys, time
from pathlib import Path

import o2b_helpers
from o2b_helpers.core.digests import code_digests
from o2b_helpers.core.running.keys import step_key
from o2b_helpers.core.store import Store
from o2b_helpers.studies.registry import load_params

study, package = Path(sys.argv[1]), Path(o2b_helpers.__file__).parent
changes = json.loads(sys.argv[2])


def keys(profile):
    code_digests.cache_clear()
    params = load_params(study.parent / profile)
    store = Store(params.store)
    return {step.name: step_key(params, step, store) for step in params.known_steps}


before = {profile: keys(profile) for profile in ("study.yaml", "mine.yaml")}
again = {profile: keys(profile) for profile in ("study.yaml", "mine.yaml")}
assert before == again, "keys must not change by themselves"
noticed = {}
for where, name, old, new in changes:
    file = {"package": package, "study": study.parent}[where] / name
    content, status = file.read_bytes(), file.stat()
    changed = content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :]
    if old:
        changed = content.replace(old.encode(), new.encode(), 1)
    assert changed != content, name
    file.write_bytes(changed)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    now = {profile: keys(profile) for profile in before}
    noticed[name] = [f"{p}/{step}" for p in before for step in before[p] if now[p][step] != before[p][step]]
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
assert {profile: keys(profile) for profile in before} == before
print(json.dumps(noticed))
"""

LATER = ("valence_models", "filter_sensitivity", "filter_lesions", "occlusion")
TOYNET = [f"study.yaml/{step}" for step in LATER]
MINE = [f"mine.yaml/{step}" for step in LATER]
# where, file, text and what takes its place (none: a bit is flipped) -> the steps whose keys must be others
CHANGES = {
    ("package", "toyworld/backbone.py", "5, stride=2, padding=2)", "5, stride=2)"): TOYNET,
    ("package", "models/backbones/toynet.py", "INPUT_SIZE, INPUT_SIZE", "INPUT_SIZE, 80"): TOYNET,
    ("package", "models/backbones/registry.py", "known[name] = architecture", "known[name[:]] = architecture"): TOYNET,
    ("package", "inputs/corpora/tables.py", "def ", "def _another():\n    pass\n\n\ndef "): ["study.yaml/inputs"],
    ("package", "inputs/corpora/open_images_categories.csv", "", ""): ["study.yaml/objects"],
    ("package", "inputs/corpora/coco_categories.csv", "", ""): ["study.yaml/objects"],
    ("package", "toyworld/truth.csv", "", ""): ["study.yaml/inputs"],
    ("package", "toyworld/weights/toynet.safetensors", "", ""): TOYNET,
    ("package", "toyworld/weights/toydetector.pt", "", ""): ["study.yaml/objects"],
    ("package", "toyworld/weights/DIGESTS.json", "", ""): TOYNET,
    ("study", "my_layers.py", "x.relu()", "x.tanh()"): MINE,
    ("study", "my_net.py", "stride=3", "stride=2"): MINE,
    ("study", "corpus/images/PICTURE", "", ""): ["study.yaml/inputs"],
    ("study", "stimuli/images/PICTURE", "", ""): ["study.yaml/inputs"],
    ("study", "corpus.csv", "_00001.png,1", "_00001.png,2"): ["study.yaml/inputs"],
    ("study", "ratings.csv", "person 1", "person 9"): ["study.yaml/human_targets"],
}  # fmt: skip


@pytest.fixture(scope="module")
def noticed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    shutil.copytree(ROOT / "o2b_helpers", folder / "o2b_helpers", ignore=shutil.ignore_patterns("__pycache__"))
    study = write_study(folder / "study")
    (study.parent / "my_net.py").write_text(NET)
    (study.parent / "my_layers.py").write_text(
        "from torch import nn\n\n\nclass Gate(nn.Module):\n    def forward(self, x):\n        return x.relu()\n"
    )
    tree = yaml.safe_load(study.read_text())
    tree["analysis"]["models"] = [{"architecture": "mine", "weights": "untrained", "definition": "my_net.py"}]
    (study.parent / "mine.yaml").write_text(yaml.safe_dump(tree))
    changes = [list(change) for change in CHANGES]
    for change in changes:
        if change[1].endswith("PICTURE"):
            pictures = study.parent / change[1].removesuffix("PICTURE")
            change[1] = str(min(pictures.iterdir()).relative_to(study.parent))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(study), json.dumps(changes)],
        capture_output=True, text=True, check=False, cwd=folder, env=environment(PYTHONPATH=str(folder)), timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    named = json.loads(done.stdout.splitlines()[-1])
    return dict(zip(CHANGES, named.values(), strict=True))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[1])
def test_a_change_is_noticed(noticed, change):
    assert set(CHANGES[change]) <= set(noticed[change]), noticed[change]


def test_a_change_of_ones_own_network_leaves_others_alone(noticed):
    for change, steps in noticed.items():
        if change[1].startswith("my_"):
            assert not [step for step in steps if step.startswith("study.yaml")]

"""Carry notebooks, profiles and templates from the top of the repository into the package; see pyproject.toml."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = {"notebooks": "*.ipynb", "params": "*.yaml", "templates": "*"}


class BuildWithProject(build_py):
    """Build the package with the folders that o2b_helpers.core.shipped looks for in o2b_helpers/project."""

    def run(self) -> None:
        """Build, then copy; an editable installation reads the folders where they are."""
        super().run()
        if self.editable_mode:
            return
        project = Path(self.build_lib) / "o2b_helpers" / "project"
        shutil.rmtree(project, ignore_errors=True)  # what an earlier build left
        for folder, pattern in CARRIED.items():
            (project / folder).mkdir(parents=True)
            for file in sorted(Path(folder).glob(pattern)):
                if file.is_file():
                    shutil.copyfile(file, project / folder / file.name)


setup(cmdclass={"build_py": BuildWithProject})

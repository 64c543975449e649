"""The workflows of a hosted CI: what they name is there, and they promise what the packages claim."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import check_packages
import pytest
import third_party
import yaml

from support.project import CLAIMED_PYTHONS, ROOT

FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.stem for path in FOLDER.iterdir())


def workflow(name: str) -> dict[Any, Any]:
    """A workflow; YAML takes the word `on` to be a truth."""
    said: dict[Any, Any] = yaml.safe_load((FOLDER / f"{name}.yml").read_text("utf-8"))
    return said


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in NAMES:
        for job, said in workflow(name)["jobs"].items():
            yield f"{name}/{job}", said


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for job, said in jobs():
        for step in said.get("steps", []):
            yield job, step


def commands(job: str) -> list[list[str]]:
    """The words of the commands of a job."""
    text = "\n".join(step["run"] for name, step in steps() if name == job and "run" in step)
    return [line.split() for line in re.split(r"\n|&&|;", text)]


def test_what_runs_is_what_was_read() -> None:
    for name in NAMES:
        for line in (FOLDER / f"{name}.yml").read_text("utf-8").splitlines():
            if "uses:" in line and "./" not in line:
                assert re.search(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_one_version_of_each_action() -> None:
    used = {step["uses"] for _, step in steps() if "uses" in step}
    assert len({name.partition("@")[0] for name in used}) == len(used)


def test_targets_of_make_exist() -> None:
    known = set(re.findall(r"(?m)^([a-z][\w-]*):", (ROOT / "Makefile").read_text("utf-8")))
    called = [word for job, _ in jobs() for words in commands(job) if words[:1] == ["make"] for word in words[1:]]
    targets = [word for word in called if "=" not in word]
    assert {"test-python", "check-msrv", "check-wasm", "package", "wheel"} <= set(targets) <= known


def test_files_that_are_named_exist() -> None:
    everything = "\n".join((FOLDER / f"{name}.yml").read_text("utf-8") for name in NAMES)
    named = re.findall(r"(?<![\w./-])(?:\./|/src/)?((?:tools|tests|\.ci|\.github)/[\w./-]*\w)", everything)
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_nobody_may_do_more_than_they_need() -> None:
    for name in NAMES:
        assert workflow(name)["permissions"] == {"contents": "read"}
    trusted = {job for job, said in jobs() if "id-token" in said.get("permissions", {})}
    assert trusted == {job for job, said in jobs() if "environment" in said} == {"release/python", "release/crates"}
    assert not any("secrets." in str(said) for _, said in jobs())
    for _, step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_every_job_ends() -> None:
    assert [job for job, said in jobs() if "timeout-minutes" not in said and "uses" not in said] == []


def test_nothing_is_published_before_it_was_tried() -> None:
    release = workflow("release")
    assert release[True] == {"push": {"tags": ["v*"]}}
    assert release["jobs"]["wheels"]["needs"] == "check"
    for name in ("python", "crates"):
        assert release["jobs"][name]["needs"] == "wheels"
    uploads = {step["with"]["name"] for _, step in steps() if "upload-artifact" in step.get("uses", "")}
    assert all(name.startswith("dist-") for name in uploads)


def test_every_claimed_python_has_tests_and_wheels() -> None:
    listed = {
        job: said["strategy"]["matrix"]["python"] for job, said in jobs() if "python" in str(said.get("strategy"))
    }
    assert set(listed) == {"ci/pythons", "wheels/others", "wheels/test", "wheels/test-musl"}
    assert all(versions == CLAIMED_PYTHONS for versions in listed.values())
    built = next(
        step["with"]["args"] for job, step in steps() if job == "wheels/linux" and "args" in step.get("with", {})
    )
    assert built.partition("--interpreter ")[2].split() == [f"python{version}" for version in CLAIMED_PYTHONS]


def test_platforms_that_are_checked_are_installed() -> None:
    checked = re.findall(r"(?m)^PLATFORMS := (.*)$", (ROOT / "Makefile").read_text("utf-8"))[0].split()
    installed = next(words for words in commands("ci/linux") if words[:3] == ["rustup", "toolchain", "install"])
    assert checked == [word for before, word in itertools.pairwise(installed) if before == "--target"]
    named = (ROOT / "docs" / "platforms.md").read_text("utf-8")
    assert [target for target in checked if f"`{target}`" not in named] == []


def test_licences_are_those_of_the_wheels_that_are_built() -> None:
    wheels = workflow("wheels")["jobs"]
    linux = wheels["linux"]["strategy"]["matrix"]["include"]
    others = wheels["others"]["strategy"]["matrix"]["system"]
    assert sorted(each["target"] for each in [*linux, *others]) == sorted(third_party.TARGETS)
    checked = (ROOT / "deny.toml").read_text("utf-8").partition("targets = [")[2].partition("]")[0]
    assert re.findall('"(.*)"', checked) == list(third_party.TARGETS)


def test_crates_that_are_not_published() -> None:
    publish = next(words for words in commands("release/crates") if words[:2] == ["cargo", "publish"])
    left_out = {word for before, word in itertools.pairwise(publish) if before == "--exclude"}
    assert left_out == check_packages.UNPUBLISHED


def crate(name: str, repository: str | None, publish: list[str] | None = None) -> dict[str, Any]:
    return {"name": name, "version": "1.2.3", "repository": repository, "publish": publish}


@pytest.mark.parametrize(
    ("said", "urls", "complaint"),
    [
        ([None, None], [], ""),
        (["https://a.example", "https://a.example"], ["https://a.example", "https://docs.example"], ""),
        (["https://a.example", None], ["https://a.example"], "y: another repository than the others'"),
        (["https://a.example", "https://a.example"], [], "pyproject.toml: project.urls lacks https://a.example"),
        ([None, None], ["https://a.example"], "pyproject.toml has project.urls, and the crates say no repository"),
    ],
)
def test_addresses_are_the_same_everywhere(said: list[str | None], urls: list[str], complaint: str) -> None:
    packages = [crate("x", said[0]), crate("y", said[1]), crate("inner", None, [])]
    assert "\n".join(check_packages.addresses(packages, urls)) == complaint


def test_addresses_of_the_python_package() -> None:
    text = '[project]\nname = "x"\n[project.urls]\n# There.\nRepository = "https://a.example"\n[tool.x]\ny = "z"\n'
    assert check_packages.written_urls(text) == ["https://a.example"]
    assert check_packages.written_urls("[project]\n") == []


def test_what_keeps_a_tree_from_being_released() -> None:
    packages = [crate("x", "https://a.example"), crate("inner", None, [])]
    changes = "# Changelog\n\n## [1.2.3] 2030-01-01\n"
    assert list(check_packages.release("v1.2.3", packages, changes)) == []
    assert list(check_packages.release("v1.2.4", packages, changes)) == [
        "x: its version is 1.2.3, and the tag v1.2.4",
        "inner: its version is 1.2.3, and the tag v1.2.4",
        "CHANGELOG.md has no heading [1.2.4]",
    ]
    unfinished = "## [Unreleased] 1.2.3\n"
    assert list(check_packages.release("v1.2.3", [crate("x", None)], unfinished)) == [
        "x: says no repository",
        "CHANGELOG.md has no heading [1.2.3]",
    ]

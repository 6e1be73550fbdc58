#!/usr/bin/env python3
"""Checks that each folder includes only itself and the folders before it.

Usage: layering.py PROJECT_ROOT [--self-test]

The order is the one in README.md. `engine` never includes `harness`; engine's tests never include
harness, and only tests include test support.
"""
import pathlib
import re
import sys

ENGINE = ["core", "io", "text", "kernels", "backends", "model", "train", "generate", "capture", "serve"]
HARNESS = ["clock", "stats", "replay", "measure", "profile", "report", "regress"]
ORDER = [f"engine/{name}" for name in ENGINE] + [f"harness/{name}" for name in HARNESS] + ["tools"]
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
TOP_LEVEL = {"engine", "harness", "captures", "specs", "reports", "tools",
             "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE"}


def room_of(path):
    """The folder of ORDER that a path belongs to, or None for files outside it."""
    parts = path.split("/")
    if parts[0] == "tools":
        return "tools"
    if len(parts) >= 3 and parts[1] == "tests":  # engine/tests/model/x_test.cpp belongs to engine/model
        parts = [parts[0], *parts[2:]]
        if parts[1] in ("support", "goldens"):
            return None
    room = "/".join(parts[:2])
    return room if room in ORDER else None


def is_test(path):
    return "/tests/" in path


def problem_with(path, included):
    """A sentence if `path` may not include `included`, else None."""
    room, target = room_of(path), room_of(included)
    if included.startswith(("engine/tests/", "harness/tests/", "tools/tests/")):
        return None if is_test(path) else f"{path}: includes test code {included}"
    if room is None or target is None or included.startswith("build_info_values"):
        return None
    if ORDER.index(target) > ORDER.index(room) and not is_test(path):
        return f"{path}: {room} may not include {target} ({included}): it stands later in the order"
    if is_test(path) and room.startswith("engine") and target.startswith("harness"):
        return f"{path}: engine never includes harness ({included})"
    return None


def problems_in(root):
    found = []
    for folder in ("engine", "harness", "tools"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in (".h", ".cpp", ".hip") and file.is_file():
                path = file.relative_to(root).as_posix()
                for included in INCLUDE.findall(file.read_text(encoding="utf-8")):
                    found.append(problem_with(path, included))
    for entry in sorted(root.iterdir()):
        if not entry.name.startswith(".") and entry.name not in TOP_LEVEL | {"build"}:
            found.append(f"{entry.name}: not one of the project's top-level folders and files")
    return [problem for problem in found if problem]


def self_test():
    """The check can fail: cases that must be refused, and cases that must not."""
    assert problem_with("engine/core/a.h", "engine/io/b.h")
    assert problem_with("engine/capture/a.cpp", "harness/clock/b.h")
    assert problem_with("harness/stats/a.h", "harness/report/b.h")
    assert problem_with("engine/model/a.cpp", "engine/tests/support/data.h")
    assert problem_with("engine/tests/core/a_test.cpp", "harness/clock/b.h")
    assert not problem_with("engine/io/b.h", "engine/core/a.h")
    assert not problem_with("harness/clock/b.h", "engine/capture/a.h")
    assert not problem_with("tools/cli/a.cpp", "harness/report/b.h")
    assert not problem_with("engine/tests/model/a_test.cpp", "engine/tests/support/data.h")


def main():
    self_test()
    root = pathlib.Path(sys.argv[1])
    found = problems_in(root)
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

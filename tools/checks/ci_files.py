#!/usr/bin/env python3
"""Checks that the workflow files in tools/ci are YAML, that their shell parses, and that the program has the flags
which they and tools/ci/gate_previous give it.

Usage: ci_files.py PROJECT_ROOT PROGRAM
"""
import pathlib
import re
import subprocess
import sys

import yaml

COMMAND = re.compile(r'(?:^|[\s"/])(?:reprise|\$program|\$base)"? (gate|generate) ((?:[^\n;&|]|\n(?=\s+-))*)')
FLAG = re.compile(r"(?:^|\s)(--[a-z][a-z-]*)")
SPEC = re.compile(r"(?:^|[\s/])(specs/[a-z_]+\.json)")


def scripts_in(value, key=None):
    """Every text under a key that holds shell."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from scripts_in(member, name)
    elif isinstance(value, list):
        for member in value:
            yield from scripts_in(member, key)
    elif isinstance(value, str) and key in ("run", "script", "before_script", "after_script"):
        yield value


def is_shell(script):
    """actions/github-script has its JavaScript under `script`."""
    return "await " not in script


def uses_in(script):
    """(subcommand, flags) of every call of the program."""
    for command, arguments in COMMAND.findall(script.replace("\\\n", " ")):
        yield command, FLAG.findall(arguments)


def problems_in(name, script, root, flags_of):
    shell = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    if shell.returncode != 0:
        yield f"{name}: {shell.stderr.strip()}"
    for command, flags in uses_in(script):
        for flag in flags:
            if flag not in flags_of(command):
                yield f"{name}: reprise {command} has no {flag}"
    for spec in SPEC.findall(script):
        if not (root / spec).is_file():
            yield f"{name}: {spec} is not there"


def self_test(root):
    """The check can fail."""
    def flags_of(_):
        return {"--spec"}
    assert list(problems_in("x", "if true; then", root, flags_of))
    assert list(problems_in("x", "a/reprise gate b \\\n  --speck c", root, flags_of))
    assert list(problems_in("x", '"$program" gate --speck c', root, flags_of))
    assert list(problems_in("x", "reprise gate --spec head/specs/nothing.json", root, flags_of))
    assert not list(problems_in("x", "reprise gate --spec head/specs/gate.json; git --bare", root, flags_of))


def main():
    root = pathlib.Path(sys.argv[1])
    program = sys.argv[2]
    self_test(root)
    known = {}

    def flags_of(command):
        if command not in known:
            text = subprocess.run([program, command, "--help"], text=True, capture_output=True, check=True).stdout
            known[command] = set(re.findall(r"--[a-z][a-z-]*", text))
        return known[command]

    found = []
    gates = 0
    for name in ("github-actions.yml", "gitlab-ci.yml"):
        document = yaml.safe_load((root / "tools/ci" / name).read_text(encoding="utf-8"))
        scripts = [script for script in scripts_in(document) if is_shell(script)]
        for script in scripts:
            found += problems_in(name, script, root, flags_of)
        gates += sum(command == "gate" for script in scripts for command, _ in uses_in(script))
    own = (root / "tools/ci/gate_previous").read_text(encoding="utf-8")
    found += problems_in("gate_previous", own, root, flags_of)
    gates += sum(command == "gate" for command, _ in uses_in(own))
    if gates != 3:
        found.append(f"expected a call of reprise gate in each of 3 files, found {gates}")
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

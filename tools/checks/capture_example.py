#!/usr/bin/env python3
"""Checks that the hexadecimal lines in captures/README.md are those of captures/example.safetensors.

Usage: capture_example.py PROJECT_ROOT. Lines look like those of xxd: "00000868: 0100 0000 ...  text".
"""
import pathlib
import re
import sys

LINE = re.compile(r"^([0-9a-f]{8}): ((?:[0-9a-f]{2,4} ?)+) ", re.MULTILINE)


def main():
    folder = pathlib.Path(sys.argv[1]) / "captures"
    content = (folder / "example.safetensors").read_bytes()
    lines = LINE.findall((folder / "README.md").read_text(encoding="utf-8"))
    wrong = [offset for offset, digits in lines
             if not content.startswith(bytes.fromhex(digits.replace(" ", "")), int(offset, 16))]
    for offset in wrong:
        print(f"captures/README.md: offset {offset}: expected the bytes of example.safetensors, found others")
    if len(lines) < 5:
        print(f"captures/README.md: expected a worked example of at least 5 lines, found {len(lines)}")
    return 1 if wrong or len(lines) < 5 else 0


if __name__ == "__main__":
    sys.exit(main())

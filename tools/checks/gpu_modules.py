#!/usr/bin/env python3
"""Checks what is in a module for GPUs: every kernel of engine/kernels/hip, for every architecture that
was asked for, and one symbol to be seen from outside. A module that lacks a kernel loads all the same.

The code for GPUs is read from the bytes: the formats are simple, and not every compiler brings tools.

usage: gpu_modules.py SOURCE_FOLDER MODULE ARCHITECTURE...    e.g. gfx90a; sm_90, compute_80 (PTX)
exit:  0 all is well, 1 what is missing (printed), 2 usage, or a module that is not there
"""
import re
import struct
import subprocess
import sys
from pathlib import Path

# https://clang.llvm.org/docs/ClangOffloadBundler.html: a count, and for each entry (offset, size, length
# of name) and name.
AMD_BUNDLE = b"__CLANG_OFFLOAD_BUNDLE__"
# nvcc's container: (magic, version, size of this header, size of the rest), and entries (kind, version,
# size of header, size of payload, ..., architecture).
NVIDIA_CONTAINER = struct.pack("<IH", 0xBA55ED50, 1)
NVIDIA_PTX, NVIDIA_ELF = 1, 2


def amd_images(module: bytes):
    """(architecture, kernels) of each image of code."""
    for match in re.finditer(AMD_BUNDLE, module):
        bundle = match.start()
        at = bundle + len(AMD_BUNDLE)
        (count,) = struct.unpack_from("<Q", module, at)
        at += 8
        for _ in range(count):
            offset, size, name_size = struct.unpack_from("<QQQ", module, at)
            name = module[at + 24 : at + 24 + name_size].decode()
            at += 24 + name_size
            if "amdgcn" in name:
                image = module[bundle + offset : bundle + offset + size]
                # Each kernel has a descriptor, a symbol of its name with .kd appended.
                yield name.rsplit("-", 1)[1], set(re.findall(rb"\0(\w+)\.kd(?=\0)", image))


def nvidia_images(module: bytes):
    for match in re.finditer(re.escape(NVIDIA_CONTAINER), module):
        header_size, size = struct.unpack_from("<HQ", module, match.start() + 6)
        at = match.start() + header_size
        end = at + size
        while at < end:
            kind, _, header_size, payload_size = struct.unpack_from("<HHIQ", module, at)
            (architecture,) = struct.unpack_from("<I", module, at + 28)
            image = module[at + header_size : at + header_size + payload_size]
            if kind == NVIDIA_ELF:
                yield f"sm_{architecture}", set(re.findall(rb"\0\.text\.(\w+)(?=\0)", image))
            elif kind == NVIDIA_PTX:
                yield f"compute_{architecture}", set(re.findall(rb"\.entry\s+(\w+)", image))
            at += header_size + payload_size


def kernels_of_sources(folder: Path) -> set[str]:
    kernels = set()
    for file in (folder / "engine/kernels/hip").glob("*.hip"):
        text = re.sub(r"__launch_bounds__\([^)]*\)", "", file.read_text())
        kernels |= set(re.findall(r"^__global__\s+void\s+(\w+)\(", text, re.MULTILINE))
    return kernels


def main() -> int:
    if len(sys.argv) < 4 or not Path(sys.argv[2]).is_file():
        print("usage: gpu_modules.py SOURCE_FOLDER MODULE ARCHITECTURE... (a module that was built)", file=sys.stderr)
        return 2
    sources, file, architectures = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    problems = []

    symbols = subprocess.run(["nm", "-D", "--defined-only", "--format=just-symbols", file],
                             check=True, capture_output=True, text=True).stdout.split()
    if symbols != ["reprise_hip_world"]:
        problems.append(f"symbols: expected reprise_hip_world alone, found {', '.join(symbols) or 'none'}")

    module = file.read_bytes()
    compiled = {}
    for architecture, kernels in [*amd_images(module), *nvidia_images(module)]:
        compiled.setdefault(architecture, set()).update(kernels)
    if set(compiled) != set(architectures):
        problems.append(f"code for: expected {', '.join(sorted(architectures))}, found {', '.join(sorted(compiled))}")
    wanted = kernels_of_sources(sources)
    if not wanted:
        problems.append(f"{sources}: expected kernels in engine/kernels/hip/*.hip, found none")
    for architecture in sorted(compiled):
        # A name is mangled with its length before it; templates have several.
        missing = {name for name in wanted
                   if not any(f"{len(name)}{name}".encode() in symbol for symbol in compiled[architecture])}
        if missing:
            problems.append(f"{architecture}: expected every kernel, found none of {', '.join(sorted(missing))}")
        else:
            print(f"{architecture}: {len(compiled[architecture])} kernels")

    for problem in problems:
        print(f"{file.name}: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

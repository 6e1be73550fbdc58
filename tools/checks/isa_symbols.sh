#!/usr/bin/env bash
# Checks that code compiled for a newer instruction set cannot be linked into code that runs everywhere.
#
# An inline function or template that a kernel file uses is emitted there as a weak symbol, and the linker keeps one
# copy of all it finds: should it keep the copy compiled for AVX-512, the program dies on older machines. So the only
# weak symbols that an ISA's object file may define are those that carry its lane type in their name.
#
# usage: tools/checks/isa_symbols.sh BUILD_FOLDER
# exit:  0 all is well, 1 offending symbols (printed), 2 usage, or object files that are not there
set -euo pipefail

if [[ $# -ne 1 || ! -d $1 ]]; then
  echo "usage: isa_symbols.sh BUILD_FOLDER (an existing, built one)" >&2
  exit 2
fi
build_folder=$1
status=0

# check TARGET LANE_TYPE
check() {
  local target=$1 lane_type=$2 object symbols weak offenders
  object=$(find "$build_folder" -path "*engine_kernels.dir*" -name "$target.cpp.o" -print -quit)
  if [[ -z $object ]]; then
    echo "$build_folder: $target.cpp.o: expected an object file of engine_kernels, found none" >&2
    exit 2
  fi
  symbols=$(nm -C --defined-only "$object")
  # W and V are weak, u is unique: all are merged by name at link time.
  weak=$(grep -E '^[0-9a-f]* [WwVvu] ' <<<"$symbols" || true)
  if ! grep -q "$lane_type" <<<"$weak"; then
    echo "$object: expected kernels over $lane_type, found none" >&2
    exit 2
  fi
  offenders=$(grep -v "$lane_type" <<<"$weak" || true)
  if [[ -n $offenders ]]; then
    echo "$object: expected weak symbols over $lane_type alone, found:"
    sed 's/^/  /' <<<"$offenders"
    status=1
  fi
}

case $(uname -m) in
  x86_64)
    check target_avx2 Avx2Lanes
    check target_avx512 Avx512Lanes
    ;;
  *) echo "no kernels beyond the base instruction set on $(uname -m)" ;;
esac
exit $status

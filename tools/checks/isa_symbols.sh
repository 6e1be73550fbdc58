#!/usr/bin/env bash
# Checks that code compiled for a newer instruction set cannot be linked into code that runs everywhere.
#
# An inline function or template that a kernel file uses is emitted there as a weak symbol, and the linker keeps one
# copy of all it finds: should it keep the copy compiled for AVX-512, the program dies on older machines. So the only
# weak symbols that an ISA's object file may define are those that carry its lane type in their name; the reference
# compiled with FMA has no lane type and may define none.
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

# check OBJECT_NAME TABLE LANE_TYPE: LANE_TYPE is empty where no weak symbol is allowed.
check() {
  local name=$1 table=$2 lane_type=$3 object symbols offenders
  object=$(find "$build_folder" -path "*engine_kernels.dir*" -name "$name.cpp.o" -print -quit)
  if [[ -z $object ]]; then
    echo "$build_folder: $name.cpp.o: expected an object file of engine_kernels, found none" >&2
    exit 2
  fi
  symbols=$(nm -C --defined-only "$object")
  # A file without its table would pass for having nothing in it.
  if ! grep -q " $table\$" <<<"$symbols"; then
    echo "$object: expected the kernel table $table, found none" >&2
    exit 2
  fi
  # W, V and v are weak, u is unique: all are merged by name at link time. DW.ref.* is the compiler's pointer to the
  # handler of exceptions: data, the same from every compilation.
  offenders=$(grep -E '^[0-9a-f]* [WwVvu] ' <<<"$symbols" | grep -v ' DW\.ref\.' || true)
  if [[ -n $lane_type ]]; then
    offenders=$(grep -v "$lane_type" <<<"$offenders" || true)
  fi
  if [[ -n $offenders ]]; then
    echo "$object: expected no weak symbols${lane_type:+ but those over $lane_type}, found:"
    sed 's/^/  /' <<<"$offenders"
    status=1
  fi
}

case $(uname -m) in
  x86_64)
    check target_avx2 reprise::engine::kernels::kAvx2Kernels Avx2Lanes
    check target_avx512 reprise::engine::kernels::kAvx512Kernels Avx512Lanes
    check target_avx512_vnni reprise::engine::kernels::kAvx512VnniBlocks VnniDots
    check target_amx reprise::engine::kernels::kAmxBlocks amx_
    # In a build without oneDNN the file is empty.
    if grep -q '^OneDNN_LIBRARY:[^=]*=.*\.so' "$build_folder/CMakeCache.txt"; then
      check target_avx512_bf16 'reprise::engine::kernels::finish_outputs_avx512(.*)' ""
    fi
    check reference_fma reprise::engine::kernels::kReferenceFmaKernels ""
    ;;
  *) echo "no kernels beyond the base instruction set on $(uname -m)" ;;
esac
exit $status

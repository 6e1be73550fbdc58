#!/usr/bin/env bash
# Checks that nothing in the engine computes with functions of the C library's mathematics whose last bit is that
# library's choice (exp, pow, sin, ...): results must be the same bits on every machine, and engine/core/fixed_math.h has
# what is needed. fma, sqrt and rounding are exact by IEEE 754 and allowed.
#
# usage: tools/checks/libm_symbols.sh BUILD_FOLDER
# exit:  0 all is well, 1 offending calls (printed), 2 usage, or libraries that are not there
set -euo pipefail

if [[ $# -ne 1 || ! -d $1/engine ]]; then
  echo "usage: libm_symbols.sh BUILD_FOLDER (an existing, built one)" >&2
  exit 2
fi
functions='exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|sin|cos|sincos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh|erf|erfc|cbrt|hypot|lgamma|tgamma'
libraries=("$1"/engine/libengine_*.a)
if [[ ! -e ${libraries[0]} ]]; then
  echo "$1/engine: expected libengine_*.a, found none" >&2
  exit 2
fi
# grep fails where nothing matches, which is what is hoped for; nm's own failure must not pass for that.
calls=$(nm -A -u "${libraries[@]}")
offenders=$(grep -E " U ($functions)[fl]?(@.*)?\$" <<<"$calls" || true)
if [[ -n $offenders ]]; then
  echo "expected no calls of the C library's transcendental functions, found:"
  sed 's/^/  /' <<<"$offenders"
  exit 1
fi

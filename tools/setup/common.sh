# Steps that tools/quickstart, tools/test and tools/arm64 share. To be sourced by bash; expects `set -euo pipefail`.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '\n== %s\n' "$*"; }

# install_packages LIST...: installs what tools/setup/packages-LIST.txt names and is not there yet.
install_packages() {
  local list package missing=()
  for list in "$@"; do
    while read -r package; do
      [[ -z $package || $package == \#* ]] && continue
      dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done <"$root/tools/setup/packages-$list.txt"
  done
  ((${#missing[@]})) || return 0
  say "Installing ${missing[*]}"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "install these packages, then run this again: ${missing[*]}" >&2; return 4; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# install_npm FOLDER: what the lockfile of the folder names.
install_npm() {
  local folder=$root/$1
  command -v npm >/dev/null || install_packages page || return
  # npm keeps what it installed beside the packages: nothing to do while the lockfile is older.
  [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] && return 0
  say "Installing the packages of $1"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
}

# install_report_page: what the page of HTML reports is bundled with. Without it the program is built all the same, and
# its --html says what is missing; the tests want it.
install_report_page() { install_npm reports/viewer; }

# configure PRESET [CMake options...]: configures build/PRESET.
configure() {
  local preset=$1
  shift
  say "Building $preset"
  (cd "$root" && cmake --preset "$preset" "$@" >"$root/build/$preset.configure.log" 2>&1) ||
    { cat "$root/build/$preset.configure.log" >&2; return 1; }
}

# build PRESET [CMake options...]: configures and builds build/PRESET.
build() {
  local preset=$1
  configure "$@"
  cmake --build "$root/build/$preset" -- -j "$(nproc)"
}
mkdir -p "$root/build"

#!/usr/bin/env bash
# Brings what the end-to-end tests drive and the machine lacks: programs by apt, players by npm into .cache/players.
# Does nothing where all is there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${here%/internal/e2e}/.cache

declare -A package=([ffmpeg]=ffmpeg [ffprobe]=ffmpeg [chromium]=chromium [nginx]=nginx [node]=nodejs [npm]=npm
  [xmllint]=libxml2-utils [jq]=jq [git]=git [gcc]=gcc)
missing=()
for program in "${!package[@]}"; do
  command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] || missing+=("${package[$program]}")
done
# The race detector needs a C library to link with.
if command -v dpkg >/dev/null && ! dpkg -s libc6-dev >/dev/null 2>&1; then missing+=(libc6-dev); fi
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || { echo "install these by hand: ${missing[*]}" >&2; exit 1; }
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

stamp=$(sha256sum "$here/players/package-lock.json" | cut -c1-16)
dir=$cache/players/$stamp
if [ ! -e "$dir/.done" ]; then
  echo "installing players"
  mkdir -p "$dir"
  cp "$here/players/package.json" "$here/players/package-lock.json" "$here/players/.npmrc" "$dir/"
  (cd "$dir" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-progress)
  touch "$dir/.done"
fi

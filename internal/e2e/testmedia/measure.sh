#!/usr/bin/env bash
# Reads back what generate.sh put into picture and sound, from anything that ffmpeg opens: a file, a playlist, an MPD.
#
#   measure.sh frames  FILE        time, and number in the cells, of each frame
#   measure.sh flashes FILE        times of the frames with the white square
#   measure.sh beeps   FILE [HZ]   times at which the tone starts (1000 English, 600 French)
#   measure.sh sync    FILE [HZ]   each beep with its flash and the milliseconds from flash to beep; fails above 45 ms
#
# Times are seconds of the file's own clock, edits applied; MAP=0:a:1 chooses another sound track.
set -euo pipefail
export LC_ALL=C
what=${1:-help} file=${2:-} hz=${3:-1000} map=${MAP:-0:a:0}
ff() { ffmpeg -hide_banner -nostdin -nostats -loglevel error -copyts "$@"; }

# pairs KEY: "time value" from the lines that the metadata filters print
pairs() { awk -v key="$1" '/pts_time:/ {sub(/.*pts_time:/, ""); at = $1} index($0, key "=") == 1 {print at, substr($0, length(key) + 2)}'; }

flashes() {
  ff -i "$file" -map 0:v:0 -fps_mode passthrough \
    -vf "crop=iw/10:ih/10,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-" -f null - |
    pairs lavfi.signalstats.YAVG | awk '$2 > 220 {print $1}'
}

# Loudness of the tone alone, each 4 ms: it starts where it passes -30 dB after a quarter of a second of less.
beeps() {
  ff -i "$file" -map "$map" \
    -af "aresample=48000,pan=mono|c0=c0,bandpass=f=$hz:width_type=h:w=300,asetnsamples=192:p=0,astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-" -f null - |
    pairs lavfi.astats.Overall.RMS_level | awk '
      $2 != "-inf" && $2 > -30 { if (!loud || $1 - loud > 0.25) print $1; loud = $1 + 1e-9 }'
}

frames() {
  local dir; dir=$(mktemp -d)
  trap 'rm -rf "$dir"' RETURN
  ff -i "$file" -map 0:v:0 -fps_mode passthrough -vf "crop=iw:floor(ih/32)*2-4:0:2,scale=12:1:flags=area,format=gray,metadata=print:file=$dir/times:key=none,showinfo" -f rawvideo "$dir/cells" -y -loglevel info 2>"$dir/log"
  grep -o 'pts_time:[-0-9.]*' "$dir/log" | cut -d: -f2 >"$dir/times"
  od -An -v -tu1 -w12 "$dir/cells" | awk '{n = 0; for (i = 1; i <= NF; i++) n = 2 * n + ($i > 128); print n}' | paste -d' ' "$dir/times" -
}

sync() {
  awk '
    NR == FNR { flash[++n] = $1; next }
    { best = 1e9; for (i = 1; i <= n; i++) { d = ($1 - flash[i]) * 1000; if (d * d < best * best) { best = d; at = flash[i] } }
      if (best > 500) next
      printf "%.3f %.3f %+.1f\n", at, $1, best; pairs++; if (best > 45 || best < -45) bad++ }
    END { if (!pairs) print "no beep beside a flash"; exit !pairs || bad > 0 }' <(flashes) <(beeps)
}

case $what in
  frames | flashes | beeps | sync) "$what" ;;
  *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac

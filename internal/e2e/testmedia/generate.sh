#!/usr/bin/env bash
# Makes the media that the tests measure: a programme in which every frame and every second can be told apart.
#
#   generate.sh DIR        the files, into DIR; what is there stays
#   generate.sh --cached   into .cache/media, under the hash of this script and of ffmpeg; prints the folder
#   generate.sh --long DIR the 25 fps ladder and one sound track, 2 hours of it, by stream copy from DIR/short
#
# The picture: 12 cells along the top edge are the number of the frame in binary, most significant left; a white square
# in the middle shows in the first frame of each second. The sound: 80 ms of tone start with each second, 1000 Hz in the
# English track and 600 Hz in the French, over a quiet hum. measure.sh reads all of it back.
#
# GOPs are closed and 2 s long (50 frames at 25 fps, 60 at 30000/1001), with three B-frames and a pyramid.
# Needs ffmpeg with libx264, libx265, libsvtav1, libvpx and libopus. No fonts, no network.
set -euo pipefail
export LC_ALL=C
ff() { ffmpeg -hide_banner -nostdin -loglevel error -y "$@"; }
exact=(-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1)

# make NAME ARGS...: one file, unless it is there; written under another name first
make() {
  local name=$1; shift
  [ -s "$dir/$name" ] && return
  ff "$@" "${exact[@]}" "$dir/.part.${name}"
  mv "$dir/.part.${name}" "$dir/$name"
}

# picture RATE WIDTHxHEIGHT
picture() {
  local cells= k
  for k in 0 1 2 3 4 5 6 7 8 9 10 11; do
    cells+=",drawbox=x=iw*$k/12:y=0:w=iw/12:h=ih/16:c=white:t=fill:enable='gt(bitand(n\,$((2048 >> k)))\,0)'"
  done
  printf '%s' "mandelbrot=r=$1:s=$2:maxiter=600:start_scale=0.6:end_scale=0.05,format=yuv420p" \
    ",drawbox=x=0:y=0:w=iw:h=ih/16:c=black:t=fill$cells" \
    ",drawbox=x=iw*0.4:y=ih*0.4:w=iw*0.2:h=ih*0.2:c=white:t=fill:enable='lt(mod(t+0.0005\,1)\,1/($1))',setsar=1"
}

# tone BEEP HUM: one channel of it, as an expression
tone() { printf '%s' "0.5*sin(2*PI*$1*t)*lt(mod(t\,1)\,0.08)+0.02*sin(2*PI*$2*t)"; }
stereo() { printf '%s' "aevalsrc=$(tone "$1" "$2")|$(tone "$1" "$2"):c=stereo:s=${4:-48000}:d=$3"; }
surround() { local c; c=$(tone "$1" "$2"); printf '%s' "aevalsrc=$c|$c|$c|0|$c|$c:c=5.1:s=48000:d=$3"; }

x264=(-c:v libx264 -preset veryfast -sc_threshold 0 -bf 3 -b_strategy 0 -x264-params "b-pyramid=normal:threads=2:lookahead-threads=1:open-gop=0")

# ladder SUFFIX RATE GOP FRAMES
ladder() {
  [ -s "$dir/video_h264_360_$1.mp4" ] && return
  ff -filter_complex "$(picture "$2" 1280x720),split=3[p][q][r];[q]scale=854:480[s];[r]scale=640:360[u]" \
    -map '[p]' "${x264[@]}" -g "$3" -keyint_min "$3" -frames:v "$4" -profile:v high -b:v 1000k "${exact[@]}" -movflags +faststart -f mp4 "$dir/.part.720" \
    -map '[s]' "${x264[@]}" -g "$3" -keyint_min "$3" -frames:v "$4" -profile:v main -b:v 500k "${exact[@]}" -movflags +faststart -f mp4 "$dir/.part.480" \
    -map '[u]' "${x264[@]}" -g "$3" -keyint_min "$3" -frames:v "$4" -profile:v main -b:v 300k "${exact[@]}" -movflags +faststart -f mp4 "$dir/.part.360"
  for h in 720 480 360; do mv "$dir/.part.$h" "$dir/video_h264_${h}_$1.mp4"; done
}

sounds() {
  local eng=(-metadata:s:a:0 language=eng) fra=(-metadata:s:a:0 language=fra)
  make audio_eng_aac.m4a -f lavfi -i "$(stereo 1000 220 24)" -c:a aac -b:a 96k "${eng[@]}" -f mp4
  make audio_fra_aac.m4a -f lavfi -i "$(stereo 600 330 24)" -c:a aac -b:a 96k "${fra[@]}" -f mp4
  make audio_eng_aac_44100.m4a -f lavfi -i "$(stereo 1000 220 24.024 44100)" -c:a aac -b:a 96k "${eng[@]}" -f mp4
  make audio_eng_aac_51.m4a -f lavfi -i "$(surround 1000 220 12)" -c:a aac -b:a 192k "${eng[@]}" -f mp4
  make audio_eng_ac3_51.mp4 -f lavfi -i "$(surround 1000 220 12)" -c:a ac3 -b:a 256k "${eng[@]}"
  make audio_eng_eac3_51.mp4 -f lavfi -i "$(surround 1000 220 12)" -c:a eac3 -b:a 192k "${eng[@]}"
  make audio_eng_opus.mp4 -f lavfi -i "$(stereo 1000 220 12)" -c:a libopus -b:a 64k "${eng[@]}"
  make audio_eng_flac.mp4 -f lavfi -i "$(stereo 1000 220 12)" -c:a flac -strict -2 "${eng[@]}"
  make audio_eng_mp3.mp4 -f lavfi -i "$(stereo 1000 220 12)" -c:a libmp3lame -b:a 128k "${eng[@]}"
}

others() {
  local n=(-frames:v 300)
  make video_h264_360_opengop.mp4 -f lavfi -i "$(picture 25 640x360)" "${n[@]}" "${x264[@]}:open-gop=1" -g 50 -keyint_min 50 -b:v 300k
  make video_h264_360_nob.mp4 -f lavfi -i "$(picture 25 640x360)" "${n[@]}" -c:v libx264 -preset veryfast -profile:v baseline -bf 0 \
    -g 50 -keyint_min 50 -sc_threshold 0 -b:v 300k -x264-params threads=2
  make video_h264_360_vfr.mp4 -f lavfi -i "$(picture 25 640x360),select='not(between(mod(n\,25)\,7\,11))'" -vsync vfr -frames:v 240 \
    "${x264[@]}" -g 50 -keyint_min 50 -b:v 300k -video_track_timescale 90000
  make video_hevc_480_25.mp4 -f lavfi -i "$(picture 25 854x480)" "${n[@]}" -c:v libx265 -preset ultrafast -tag:v hvc1 -b:v 400k \
    -x265-params "log-level=none:keyint=50:min-keyint=50:scenecut=0:open-gop=0:bframes=3:b-adapt=0:pools=2:frame-threads=1:info=0"
  make video_av1_360_25.mp4 -f lavfi -i "$(picture 25 640x360)" "${n[@]}" -c:v libsvtav1 -preset 12 -crf 50 -g 50 \
    -svtav1-params "keyint=50:scd=0:lp=2:irefresh-type=2" 2> >(grep -v '^Svt' >&2)
  make video_vp9_360_25.mp4 -f lavfi -i "$(picture 25 640x360)" "${n[@]}" -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 250k \
    -g 50 -keyint_min 50 -auto-alt-ref 0 -lag-in-frames 0
}

# shapes: the same programme as MP4s of many forms
shapes() {
  local in=(-i "$dir/video_h264_480_25.mp4" -i "$dir/audio_eng_aac.m4a" -i "$dir/audio_fra_aac.m4a" -map 0:v -map 1:a -map 2:a -c copy
    -metadata:s:a:0 language=eng -metadata:s:a:1 language=fra)
  make mux_moov_first.mp4 "${in[@]}" -movflags +faststart
  make mux_moov_last.mp4 "${in[@]}"
  make mux_quicktime.mov "${in[@]}"
  make mux_negative_ctts.mp4 "${in[@]}" -movflags +negative_cts_offsets
  make mux_no_edits.mp4 "${in[@]}" -use_editlist 0
  make mux_timescale_90000.mp4 "${in[@]}" -video_track_timescale 90000
  make mux_timescale_odd.mp4 "${in[@]}" -video_track_timescale 25025
  make mux_fragments_gop.mp4 "${in[@]}" -movflags +frag_keyframe+empty_moov+default_base_moof
  make mux_fragments_sidx.mp4 "${in[@]}" -movflags +dash+global_sidx+delay_moov -frag_duration 500000
  make mux_fragments_old.mp4 "${in[@]}" -movflags +frag_keyframe+omit_tfhd_offset
  make mux_hybrid.mp4 "${in[@]}" -movflags +frag_keyframe
  make mux_smooth.ismv "${in[@]}" -f ismv
  make mux_cmaf.cmfv -i "$dir/video_h264_480_25.mp4" -c copy -movflags +cmaf+frag_keyframe -f mp4
  make mux_late_audio.mp4 -i "$dir/video_h264_480_25.mp4" -itsoffset 0.5 -i "$dir/audio_eng_aac.m4a" -map 0:v -map 1:a -c copy
  make mux_late_video.mp4 -itsoffset 0.5 -i "$dir/video_h264_480_25.mp4" -i "$dir/audio_eng_aac.m4a" -map 0:v -map 1:a -c copy
  make mux_cut_at_key.mp4 -ss 6 -i "$dir/mux_moov_first.mp4" -t 10 -map 0:v -map 0:a:0 -c copy
  make mux_cut_inside.mp4 -ss 7.2 -i "$dir/mux_moov_first.mp4" -t 10 -map 0:v -map 0:a:0 -c copy
  make mux_short_audio.mp4 -i "$dir/video_h264_480_25.mp4" -t 13 -i "$dir/audio_eng_aac.m4a" -map 0:v -map 1:a -c copy
  make mux_long_audio.mp4 -t 13 -i "$dir/video_h264_480_25.mp4" -i "$dir/audio_eng_aac.m4a" -map 0:v -map 1:a -c copy
  make mux_2997_44100.mp4 -i "$dir/video_h264_480_2997.mp4" -i "$dir/audio_eng_aac_44100.m4a" -map 0:v -map 1:a -c copy
  make mux_hevc_eac3.mp4 -i "$dir/video_hevc_480_25.mp4" -i "$dir/audio_eng_eac3_51.mp4" -map 0:v -map 1:a -c copy -tag:v hvc1
  make mux_encrypted.mp4 -i "$dir/video_h264_360_25.mp4" -i "$dir/audio_eng_aac.m4a" -map 0:v -map 1:a -c copy \
    -encryption_scheme cenc-aes-ctr -encryption_key 0f1e2d3c4b5a69788796a5b4c3d2e1f0 -encryption_kid 00112233445566778899aabbccddeeff
}

# long: two hours of the ladder; sound repeats without a seam because 24 s are 1125 whole AAC frames
long() {
  local h
  for h in 720 360; do
    make "video_h264_${h}_25.mp4" -stream_loop 299 -i "$dir/short/video_h264_${h}_25.mp4" -c copy -movflags +faststart
  done
  make audio_eng_aac.m4a -stream_loop 299 -i "$dir/short/audio_eng_aac.m4a" -c copy -movflags +faststart
}

all() {
  mkdir -p "$dir"
  sounds & local first=$!
  ladder 25 25 50 600
  ladder 2997 30000/1001 60 720
  wait "$first"
  others
  shapes
  rm -f "$dir"/.part.*
}

case ${1:---help} in
  --cached)
    here=$(cd "$(dirname "$0")" && pwd)
    root=${here%/internal/e2e/testmedia}/.cache/media
    dir=$root/$( (cat "$here/generate.sh"; ffmpeg -version | head -1) | sha256sum | cut -c1-16)
    mkdir -p "$root"
    exec 9>"$dir.lock" && flock 9
    if [ ! -e "$dir/.done" ]; then all >&2; touch "$dir/.done"; fi
    echo "$dir" ;;
  --long) dir=${2:?folder}; mkdir -p "$dir/short"; (dir=$dir/short; ladder 25 25 50 600; sounds); long ;;
  -*) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"; exit 2 ;;
  *) dir=$1; all ;;
esac

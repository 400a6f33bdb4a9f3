#!/bin/sh
# Makes the demo asset: 24 seconds of drifting light with a title, a running clock and a small arpeggio, in three
# renditions with closed groups of pictures of two seconds, and its poster. Everything is computed by ffmpeg from the
# expressions below. Equal versions of ffmpeg, x264 and the DejaVu fonts give equal files.
#
#	sh make.sh [FOLDER]      # clip, beside this script, by default
set -eu
out=${1:-$(dirname "$0")/clip}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$out"

seconds=24
rate=25
quiet="-hide_banner -loglevel error -nostdin -y"
exact="-bitexact -fflags +bitexact -map_metadata -1 -movflags +faststart"
w="2*PI*T/$seconds" # one turn in the whole clip: its end meets its beginning

# The sky: three waves bent by one another, computed small and scaled up, which keeps it smooth.
wave1="sin(3.1*X/W+1.6*sin(2.2*Y/H+$w)+$w)"
wave2="sin(2.3*Y/H+1.9*sin(2.7*X/W-$w)+2*$w)"
ridge="exp(-28*pow(Y/H-0.58-0.12*sin(4.4*X/W+$w)-0.05*sin(9*X/W-2*$w),2))"
veil="exp(-60*pow(Y/H-0.36-0.10*sin(3.2*X/W-$w),2))"
sky="nullsrc=s=240x136:r=$rate:d=$seconds,format=gbrp,geq=
r='clip(16+26*($wave1+1)+150*$ridge*(0.55+0.45*$wave2)+20*$veil,0,255)':
g='clip(10+10*($wave2+1)+48*$ridge*(1+$wave1)+105*$veil*(0.5+0.5*$wave2),0,255)':
b='clip(40+34*($wave2+1)+84*$ridge+95*$veil,0,255)',
scale=960:540:flags=bicubic,setsar=1,gblur=sigma=6"

# Five lights on closed curves, each flaring with the note of its beat.
glow="nullsrc=s=96x96:r=$rate:d=$seconds,format=rgba,geq=r=255:g=236:b=205:
a='185*exp(-pow(hypot(X-48,Y-48)/9,2))+70*exp(-pow(hypot(X-48,Y-48)/24,2))',split=5[l0][l1][l2][l3][l4]"
graph="$sky[s0];$glow"
for i in 0 1 2 3 4; do
	p="2*PI*$i/5"
	graph="$graph;[s$i][l$i]overlay=format=auto:eval=frame:
x='W/2-48+W*0.40*sin(2*PI*t/$seconds*2+$p)':
y='H*0.52-48+H*0.30*sin(2*PI*t/$seconds*3+2*$p)'[s$((i + 1))]"
done

# The words: each rendition says which it is, so that a switch can be seen.
title="drawtext=font='DejaVu Sans':text=mezzo:fontsize=112:fontcolor=white@0.96:x=(w-tw)/2:y=h*0.30,
drawtext=font='DejaVu Sans':text='packaged just in time':fontsize=22:fontcolor=white@0.75:x=(w-tw)/2:y=h*0.56,
drawtext=font='DejaVu Sans Mono':text='%{pts\:hms}':fontsize=24:fontcolor=white@0.85:x=(w-tw)/2:y=h*0.86"
for name in 960x540 640x360 426x240; do
	graph="$graph;[v$name]drawtext=font='DejaVu Sans Mono':text=$name:fontsize=20:fontcolor=white@0.6:x=w-tw-28:y=28,
scale=$(echo $name | tr x :):flags=lanczos,setsar=1,format=yuv420p[o$name]"
done
graph="$graph;[s5]$title,split=3[v960x540][v640x360][v426x240]"

x264="-c:v libx264 -profile:v main -preset veryslow -threads 1 -g 50 -keyint_min 50 -sc_threshold 0 -bf 2
-x264-params open-gop=0:aq-mode=3 -colorspace bt709 -color_primaries bt709 -color_trc bt709"
# shellcheck disable=SC2086
ffmpeg $quiet -filter_complex "$(echo "$graph" | tr -d '\n')" \
	-map '[o960x540]' $x264 -b:v 120k -maxrate 190k -bufsize 380k $exact "$out/960x540.mp4" \
	-map '[o640x360]' $x264 -b:v 66k -maxrate 110k -bufsize 240k $exact "$out/640x360.mp4" \
	-map '[o426x240]' $x264 -b:v 34k -maxrate 56k -bufsize 120k $exact "$out/426x240.mp4"

# The sound: A minor, F, C, G, two seconds each. st(0): chord, st(1): step; semitones above A3.
root="(eq(ld(0),0)*0+eq(ld(0),1)*(-4)+eq(ld(0),2)*3+eq(ld(0),3)*(-2))"
third="(4-eq(ld(0),0))"
semi="$root+(eq(ld(1),1)*$third+eq(ld(1),2)*7+eq(ld(1),3)*12)"
chord="st(0,mod(floor(t/2),4))"
breath="(sin(PI*mod(t,2)/2))"
voice() { # beat offset, seconds
	echo "($chord;st(1,mod(floor((t+$1)*4),4));st(2,220*exp(($semi)/12*log(2)));st(3,mod(t,0.25));
0.17*exp(-7*ld(3))*(1-exp(-400*ld(3)))*(sin(2*PI*ld(2)*2*t)+0.3*sin(2*PI*ld(2)*4*t)))"
}
pad() { # detune, Hz
	echo "($chord;st(4,110*exp($root/12*log(2)));
0.075*$breath*(sin(2*PI*(ld(4)+$1)*t)+0.8*sin(2*PI*(ld(4)*exp($third/12*log(2))*2-$1)*t)+0.8*sin(2*PI*(ld(4)*1.5+$1)*t)))"
}
left=$(echo "$(voice 0)+$(pad 0.3)" | tr -d '\n')
right=$(echo "$(voice 0.5)+$(pad -0.3)" | tr -d '\n')
# shellcheck disable=SC2086
ffmpeg $quiet -f lavfi -i "aevalsrc='$left|$right':s=48000:c=stereo:d=$seconds" \
	-af 'aecho=0.8:0.5:187|311:0.35|0.22,lowpass=f=7000,afade=t=in:d=0.3,afade=t=out:st=22.5:d=1.5' \
	-t $seconds -c:a aac -b:a 56k -metadata:s:a:0 handler_name=Music $exact "$out/sound.m4a"

# shellcheck disable=SC2086
ffmpeg $quiet -ss 9 -i "$out/960x540.mp4" -frames:v 1 -bitexact -q:v 5 "$out/../poster.jpg"

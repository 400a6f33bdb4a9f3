package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/drm"
	"github.com/mezzomedia/mezzo/internal/cenc"
	"github.com/mezzomedia/mezzo/internal/codec"
	"github.com/mezzomedia/mezzo/internal/e2e/harness"
	"github.com/mezzomedia/mezzo/internal/nal"
	"github.com/mezzomedia/mezzo/packager/media"
)

// headerStreams are ways to encode that change what slice and frame headers hold: arguments of ffmpeg behind the input.
var headerStreams = []struct{ name, args string }{
	{"h264 weights and many references", "-c:v libx264 -vf fade=in:0:25 -x264-params weightp=2:weightb=1:ref=16:bframes=8:b-pyramid=strict:keyint=30"},
	{"h264 CAVLC, slices", "-c:v libx264 -x264-params cabac=0:ref=5:bframes=3:slices=4:weightp=2"},
	{"h264 interlaced", "-c:v libx264 -flags +ilme+ildct -x264-params tff=1:ref=6:bframes=3:weightp=0"},
	{"h264 MBAFF, CAVLC", "-c:v libx264 -flags +ilme+ildct -x264-params bff=1:cabac=0:ref=3:b-pyramid=normal"},
	{"h264 baseline", "-c:v libx264 -profile:v baseline"},
	{"h264 4:4:4", "-c:v libx264 -pix_fmt yuv444p -vf fade=in:0:25 -x264-params ref=4:weightp=2"},
	{"h264 monochrome", "-c:v libx264 -pix_fmt gray -vf fade=in:0:25,format=gray -x264-params ref=4:weightp=2"},
	{"h264 no deblocking, open GOP", "-c:v libx264 -x264-params no-deblock=1:aud=1:opengop=1:keyint=12"},
	{"h264 intra refresh", "-c:v libx264 -x264-params intra-refresh=1:keyint=20:bframes=0"},
	{"hevc weights", "-c:v libx265 -vf fade=in:0:25 -x265-params log-level=error:weightp=1:weightb=1:ref=6:bframes=6:b-pyramid=1:keyint=30"},
	{"hevc slices, wavefronts", "-c:v libx265 -x265-params log-level=error:slices=3:wpp=1:ref=4:sao=0"},
	{"hevc temporal layers", "-c:v libx265 -x265-params log-level=error:wpp=0:ref=4:bframes=3:deblock=1,1:temporal-layers=3"},
	{"hevc 4:4:4, 10 bits", "-c:v libx265 -pix_fmt yuv444p10 -x265-params log-level=error:ref=3:cbqpoffs=2"},
	{"hevc fields", "-c:v libx265 -x265-params log-level=error:interlace=tff"},
	{"hevc optimized parameter sets", "-c:v libx265 -x265-params log-level=error:keyint=50:min-keyint=5:open-gop=1:bframes=4:opt-ref-list-length-pps=1:opt-qp-pps=1"},
	{"hevc monochrome", "-c:v libx265 -pix_fmt gray -x265-params log-level=error"},
	{"hevc lossless", "-c:v libx265 -x265-params log-level=error:lossless=1"},
	{"av1 libaom", "-c:v libaom-av1 -cpu-used 8 -lag-in-frames 19"},
	{"av1 libaom tiles", "-s 512x512 -c:v libaom-av1 -cpu-used 8 -tiles 4x2"},
	{"av1 libaom tile groups", "-s 512x512 -c:v libaom-av1 -cpu-used 8 -tiles 2x4 -aom-params num-tile-groups=3"},
	{"av1 libaom film grain", "-c:v libaom-av1 -cpu-used 8 -aom-params film-grain-test=1"},
	{"av1 libaom segments", "-c:v libaom-av1 -cpu-used 8 -aq-mode 1 -aom-params deltaq-mode=0"},
	{"av1 libaom cyclic refresh", "-c:v libaom-av1 -cpu-used 8 -usage realtime -aq-mode 3 -b:v 100k"},
	{"av1 libaom delta q", "-c:v libaom-av1 -cpu-used 6 -aom-params deltaq-mode=1:delta-lf-mode=1"},
	{"av1 libaom lossless", "-c:v libaom-av1 -cpu-used 8 -aom-params lossless=1"},
	{"av1 libaom screen content", "-c:v libaom-av1 -cpu-used 8 -aom-params tune-content=screen"},
	{"av1 libaom 4:4:4, 10 bits", "-pix_fmt yuv444p10 -c:v libaom-av1 -cpu-used 8"},
	{"av1 libaom monochrome", "-pix_fmt gray -c:v libaom-av1 -cpu-used 8"},
	{"av1 libaom error resilient", "-c:v libaom-av1 -cpu-used 8 -error-resilience 1"},
	{"av1 libaom decoder model", "-c:v libaom-av1 -cpu-used 8 -aom-params timing-info=model"},
	{"av1 libaom no order hints", "-c:v libaom-av1 -cpu-used 8 -aom-params enable-order-hint=0"},
	{"av1 libaom matrices", "-c:v libaom-av1 -cpu-used 8 -aom-params enable-qm=1:sb-size=64:cdf-update-mode=2"},
	{"av1 libaom still picture", "-frames:v 1 -c:v libaom-av1 -cpu-used 8 -still-picture 1"},
	{"av1 SVT", "-c:v libsvtav1 -preset 10"},
	{"av1 SVT superres", "-c:v libsvtav1 -preset 10 -svtav1-params superres-mode=1:superres-denom=12:superres-kf-denom=10"},
	{"av1 SVT random superres, film grain", "-c:v libsvtav1 -preset 10 -svtav1-params superres-mode=2:film-grain=20"},
	{"av1 SVT low delay", "-c:v libsvtav1 -preset 10 -svtav1-params pred-struct=1:aq-mode=1:scm=1"},
	{"av1 SVT tiles", "-s 512x512 -c:v libsvtav1 -preset 10 -tile_columns 1 -tile_rows 1"},
	{"av1 rav1e", "-c:v librav1e -speed 10 -tiles 4"},
	{"vp9", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"},
	{"vp9 hidden frames", "-vf loop=2:size=30 -c:v libvpx-vp9 -deadline good -cpu-used 2 -auto-alt-ref 1 -lag-in-frames 25 -b:v 200k -g 100 -pass 2"},
	{"vp9 tiles", "-s 1024x256 -c:v libvpx-vp9 -deadline good -cpu-used 5 -tile-columns 2 -tile-rows 1"},
	{"vp9 segments", "-c:v libvpx-vp9 -deadline realtime -cpu-used 7 -aq-mode 3 -b:v 100k"},
	{"vp9 4:4:4, 10 bits", "-pix_fmt yuv444p10 -c:v libvpx-vp9 -cpu-used 5"},
	{"vp9 RGB", "-pix_fmt gbrp -c:v libvpx-vp9 -cpu-used 5"},
	{"vp9 error resilient", "-c:v libvpx-vp9 -cpu-used 5 -error-resilient 1"},
	{"vp9 lossless", "-c:v libvpx-vp9 -cpu-used 5 -lossless 1"},
}

// TestHeadersAsFFmpeg encodes streams whose headers hold all that our encoders can put there, and compares where each header
// ends with where the parsers of ffmpeg (the bitstream filter trace_headers) see its end. It takes each third stream;
// TestProofHeaders takes all.
func TestHeadersAsFFmpeg(t *testing.T) {
	for i, c := range headerStreams {
		if i%3 == 0 {
			headersAsFFmpeg(t, c.name, c.args)
		}
	}
}

func TestProofHeaders(t *testing.T) {
	if !harness.Proof() {
		return
	}
	var b strings.Builder
	b.WriteString("Where slice, frame and tile group headers end, of each sample, as ffmpeg's trace_headers sees it: all equal.\n\n" +
		"| stream | samples | headers |\n|---|---|---|\n")
	for _, c := range headerStreams {
		samples, headers := headersAsFFmpeg(t, c.name, c.args)
		fmt.Fprintf(&b, "| %s | %d | %d |\n", c.name, samples, headers)
	}
	harness.WriteProof(t, "headers", "Ends of headers", "make proof", b.String())
}

func headersAsFFmpeg(t *testing.T, name, args string) (samples, headers int) {
	t.Run(name, func(t *testing.T) {
		path := encode(t, strings.Fields(args))
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		got, n, frames := headerEnds(t, file)
		want := traceHeaders(t, path)
		if strings.HasPrefix(name, "vp9") {
			want = alignHeaders(t, want, frames)
		}
		require.Equal(t, want, got)
		if strings.Contains(name, "hidden") {
			require.Greater(t, len(slices.Concat(frames...)), len(got))
		}
		samples, headers = len(got), n
	})
	return samples, headers
}

// encode makes a fragmented MP4 of a test picture.
func encode(t *testing.T, args []string) string {
	dir := t.TempDir()
	common := append(strings.Fields("-nostdin -v error -y -f lavfi -i testsrc2=size=320x180:rate=25:duration=1.2 -pix_fmt yuv420p -passlogfile "+dir+"/log"), args...)
	if i := slices.Index(args, "-pass"); i >= 0 {
		harness.Run(t, "ffmpeg", append(common, "-pass", "1", "-f", "null", "-")...)
	}
	whole, path := filepath.Join(dir, "whole.mp4"), filepath.Join(dir, "stream.mp4")
	harness.Run(t, "ffmpeg", append(common, whole)...)
	harness.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-i", whole, "-c", "copy",
		"-movflags", "+frag_keyframe+empty_moov+default_base_moof", path)
	return path
}

// alignHeaders adds to each header of VP9 what is left over from whole blocks in its frame, which ours count in any scheme. A
// frame without a whole block is clear.
func alignHeaders(t *testing.T, want, frames [][]int) [][]int {
	for i, ends := range want {
		out := []int{}
		require.Len(t, ends, len(frames[i]))
		for k, end := range ends {
			if size := frames[i][k] - end; size >= 16 {
				out = append(out, end+size%16)
			}
		}
		want[i] = out
	}
	return want
}

// traceField is a line of trace_headers: place of a field in its unit, name, bits.
var traceField = regexp.MustCompile(`^\[trace_headers @ \S+\] (\d+) +(\S+) +([01]+) = (-?\d+)`)

// traceHeaders are, of each sample, the sizes of the headers of its slices, frames or tile groups: bytes from the start of the
// unit, without emulation prevention.
func traceHeaders(t *testing.T, path string) (samples [][]int) {
	out := string(harness.Run(t, "sh", "-c", `ffmpeg -nostdin -i "$0" -map 0:v -c copy -bsf:v trace_headers -f null - 2>&1`, path))
	var tr trace
	for _, line := range strings.Split(out, "\n") {
		i := strings.Index(line, "[trace_headers @ ") // maybe behind ffmpeg's counter
		if i < 0 {
			continue
		}
		if f := traceField.FindStringSubmatch(line[i:]); f != nil {
			at, err := strconv.Atoi(f[1])
			require.NoError(t, err)
			value, err := strconv.Atoi(f[4])
			require.NoError(t, err)
			tr.field(f[2], at+len(f[3]), value)
		} else if _, title, ok := strings.Cut(line[i:], "] "); ok && strings.Trim(title, " 0123456789") != "" {
			tr.title(title)
		}
	}
	tr.flush()
	return tr.samples
}

// trace follows the lines of trace_headers.
type trace struct {
	samples                 [][]int
	open                    bool // in a header that ends in what is encrypted
	end                     int  // bits
	sizeBytes, first, tiles int  // AV1: of the tiles' size fields; the first tile of a group, the tiles in it
}

func (tr *trace) flush() {
	if tr.open && len(tr.samples) > 0 {
		last := len(tr.samples) - 1
		end := (tr.end + 7) / 8
		if tr.tiles != 1 {
			end += tr.sizeBytes // of the first of several tiles
		}
		tr.samples[last] = append(tr.samples[last], end)
	}
	tr.open, tr.end, tr.tiles = false, 0, 0
}

func (tr *trace) title(title string) {
	switch {
	case strings.HasPrefix(title, "Packet: "):
		tr.flush()
		tr.samples = append(tr.samples, []int{})
	case title == "Slice Header", title == "Slice Segment Header", title == "Frame":
		tr.flush()
		tr.open = true
	case title == "Frame Header": // of AV1
		tr.sizeBytes = 0
	case title == "Tile Group":
		tr.open = true
	case title == "OBU header", strings.HasPrefix(title, "Access Unit"), strings.HasSuffix(title, "Parameter Set"),
		strings.HasPrefix(title, "Supplemental"), strings.HasPrefix(title, "Superframe"), strings.HasPrefix(title, "Filler"):
		tr.flush()
	}
}

func (tr *trace) field(name string, end, value int) {
	tr.end = end
	switch {
	case name == "show_existing_frame" && value == 1:
		tr.open = false // nothing follows it
	case name == "tile_size_bytes_minus1":
		tr.sizeBytes = value + 1
	case name == "tg_start":
		tr.first = value
	case name == "tg_end":
		tr.tiles = value - tr.first + 1
	}
}

// headerEnds are the same as a Mapper says, how many there are, and the sizes of the frames in each sample of VP9.
func headerEnds(t *testing.T, file []byte) (out [][]int, n int, frames [][]int) {
	f, err := mp4.DecodeFile(bytes.NewReader(file))
	require.NoError(t, err)
	var samples []mp4.FullSample
	for _, segment := range f.Segments {
		for _, fragment := range segment.Fragments {
			some, err := fragment.GetFullSamples(f.Init.Moov.Mvex.Trex)
			require.NoError(t, err)
			samples = append(samples, some...)
		}
	}
	stream, err := codec.FromEntry(stsdEntries(file)[0].entry, func() ([]byte, error) { return samples[0].Data, nil })
	require.NoError(t, err)
	track := &media.Track{ID: "1", Kind: media.Video, Codec: stream.Codec, Video: stream.Video}
	m, err := cenc.NewMapper(track, drm.CBCS)
	require.NoError(t, err)
	whole, err := cenc.NewMapper(track, drm.CENC)
	require.NoError(t, err)
	var subs, aligned []media.Subsample
	for i, sample := range samples {
		subs, err = m.Map(subs[:0], sample.Data)
		require.NoError(t, err, "sample %d", i)
		aligned, err = whole.Map(aligned[:0], sample.Data)
		require.NoError(t, err, "sample %d", i)
		checkAligned(t, subs, aligned, len(sample.Data))
		if track.Codec.Coding == media.VP9 {
			require.Equal(t, subs, aligned, "VP9 is aligned in any scheme")
		}
		ends := []int{}
		units := unitStarts(track, sample.Data)
		last := -1
		for _, r := range protectedRanges(subs) {
			k, found := slices.BinarySearch(units, r[0])
			if !found {
				k--
			}
			if k == last {
				continue // another tile of the group
			}
			head := sample.Data[units[k]:r[0]]
			if track.Video.NALLength > 0 {
				head = nal.Unescape(nil, head)
			}
			ends, last = append(ends, len(head)), k
		}
		out, n = append(out, ends), n+len(ends)
		sizes := []int{}
		for k, from := range units {
			to := len(sample.Data)
			if len(units) > 1 {
				to = superframeEnd(sample.Data)
			}
			if k+1 < len(units) {
				to = units[k+1]
			}
			if to-from > 2 { // else one that is there already is shown
				sizes = append(sizes, to-from)
			}
		}
		frames = append(frames, sizes)
	}
	return out, n, frames
}

// superframeEnd is where the index of a superframe begins.
func superframeEnd(p []byte) int {
	marker := p[len(p)-1]
	return len(p) - 2 - (int(marker&7)+1)*(int(marker>>3&3)+1)
}

// checkAligned: the whole blocks of each stretch that has one, up to its end.
func checkAligned(t *testing.T, subs, aligned []media.Subsample, size int) {
	got := protectedRanges(aligned)
	var want [][2]int
	for _, r := range protectedRanges(subs) {
		if r[0] += (r[1] - r[0]) % 16; r[0] < r[1] {
			want = append(want, r)
		}
	}
	require.Equal(t, want, got)
	for _, list := range [][]media.Subsample{subs, aligned} {
		sum := 0
		for _, s := range list {
			sum += int(s.Clear) + int(s.Protected)
		}
		require.Equal(t, size, sum)
	}
}

// unitStarts are where the units of a sample begin: NAL units behind their length, OBUs, frames of a superframe.
func unitStarts(track *media.Track, p []byte) (out []int) {
	at := 0
	switch track.Codec.Coding {
	case media.AV1:
		for at < len(p) {
			out = append(out, at)
			size, shift := 0, 0
			at++ // ffmpeg writes sizes, and no extension where there are no layers
			for more := true; more; at++ {
				size, more, shift = size|int(p[at]&0x7F)<<shift, p[at]&0x80 != 0, shift+7
			}
			at += size
		}
	case media.VP9:
		marker := p[len(p)-1]
		count, width := int(marker&7)+1, int(marker>>3&3)+1
		if marker>>5 != 6 || len(p) < 2+count*width || p[len(p)-2-count*width] != marker {
			return []int{0}
		}
		for k := range count {
			out = append(out, at)
			for b := range width {
				at += int(p[len(p)-1-count*width+k*width+b]) << (8 * b)
			}
		}
	default:
		for rest := p; len(rest) > 0; {
			unit, next, err := nal.Next(rest, track.Video.NALLength)
			if err != nil {
				break
			}
			out, rest = append(out, len(p)-len(next)-len(unit)), next
		}
	}
	return out
}

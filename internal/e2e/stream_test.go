package e2e

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/e2e/harness"
)

// unit is a decoded video frame or an audio access unit, and when it is presented.
type unit struct {
	At, Dur int64 // ticks of the stream
	Hash    string
	Inside  bool // of a PES, after its first access unit: no time of its own is written
}

// stream is one elementary stream as a program that is not ours reads it.
type stream struct {
	Kind, Codec string // video or audio; ffmpeg's name
	Num, Den    int64  // seconds per tick of Units: Num/Den
	Clock       int64  // ticks per second that the container writes; 0: Den/Num
	Units       []unit
}

func (s *stream) seconds(ticks int64) *big.Rat { return big.NewRat(ticks*s.Num, s.Den) }

// read returns the video and audio streams of files that ffmpeg opens, in order: video as decoded frames, audio as
// payloads. Edit lists are applied; what they take out is not in the result. Results are kept by the files' content.
func read(t testing.TB, paths ...string) ([]*stream, error) {
	t.Helper()
	return readAs(t, "read6 ", decodeVideo, paths...)
}

// readPackets is read of files that are encrypted: video too as payloads, which are ciphertext. ffprobe gets a copy that
// does not say that it is encrypted: without a key it reads no more than the first fragment of one that does.
func readPackets(t testing.TB, paths ...string) ([]*stream, error) {
	t.Helper()
	bare := make([]string, len(paths))
	for i, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		unmark(data)
		bare[i] = filepath.Join(t.TempDir(), "bare.mp4")
		require.NoError(t, os.WriteFile(bare[i], data, 0o600))
	}
	return readAs(t, "packets3 ", nil, bare...)
}

// unmark makes the boxes that speak of encryption free ones, and sample entries what they were.
func unmark(data []byte) {
	for rest := data; len(rest) >= 16; {
		n := uint64(binary.BigEndian.Uint32(rest))
		if n == 1 {
			n = binary.BigEndian.Uint64(rest[8:])
		}
		if n < 8 || n > uint64(len(rest)) {
			return
		}
		if typ := string(rest[4:8]); typ == "moov" || typ == "moof" {
			b := rest[:n]
			for _, protected := range []string{"encv", "enca"} {
				for at := bytes.Index(b, []byte(protected)); at >= 0; at = bytes.Index(b, []byte(protected)) {
					copy(b[at:], b[at+bytes.Index(b[at:], []byte("frma"))+4:][:4])
				}
			}
			for _, typ := range []string{"sinf", "senc", "saiz", "saio", "pssh"} {
				for at := bytes.Index(b, []byte(typ)); at >= 0; at = bytes.Index(b, []byte(typ)) {
					copy(b[at:], "free")
				}
			}
		}
		rest = rest[n:]
	}
}

// readAs is read with another way to get the units of video, nil: their payloads.
func readAs(t testing.TB, key string, video videoReader, paths ...string) ([]*stream, error) {
	t.Helper()
	data, err := harness.Cached(t, key+harness.HashFiles(t, paths...), func() ([]byte, error) {
		var all []*stream
		for _, path := range paths {
			streams, err := readFile(path, video)
			if err != nil {
				return nil, err
			}
			all = append(all, streams...)
		}
		return json.Marshal(all)
	})
	if err != nil {
		return nil, err
	}
	var all []*stream
	require.NoError(t, json.Unmarshal(data, &all))
	return all, nil
}

// videoReader fills in the units of the video streams among all; indexes are theirs in the file.
type videoReader func(path string, indexes []int, all []*stream) error

func readFile(path string, video videoReader) ([]*stream, error) {
	out, err := harness.Try("ffprobe", "-v", "error", "-show_entries",
		"stream=index,id,codec_type,codec_name,time_base:stream_disposition=attached_pic:packet=stream_index,pts,duration,flags,data_hash",
		"-show_data_hash", "md5", "-of", "json", path)
	if err != nil {
		return nil, err
	}
	var probe struct {
		Streams []struct {
			Index       int
			ID          string
			Codec_type  string
			Codec_name  string
			Time_base   string
			Disposition struct{ Attached_pic int }
		}
		Packets []struct {
			Stream_index int
			PTS          *int64
			Duration     int64
			Flags        string
			Data_hash    string
		}
	}
	if err := json.Unmarshal(out, &probe); err != nil {
		return nil, err
	}
	shift, err := ffmpegShift(path)
	if err != nil {
		return nil, err
	}
	byIndex := map[int]*stream{}
	late := map[*stream]int64{}
	var all []*stream
	var decode []int
	for _, s := range probe.Streams {
		if s.Codec_type != "video" && s.Codec_type != "audio" || s.Disposition.Attached_pic == 1 {
			continue
		}
		st := &stream{Kind: s.Codec_type, Codec: s.Codec_name}
		if _, err := fmt.Sscanf(s.Time_base, "%d/%d", &st.Num, &st.Den); err != nil {
			return nil, fmt.Errorf("time base %q: %w", s.Time_base, err)
		}
		if id, err := strconv.ParseUint(s.ID, 0, 32); err == nil {
			late[st] = shift[uint32(id)]
		}
		all = append(all, st)
		if s.Codec_type == "video" && video != nil {
			decode = append(decode, s.Index)
		} else {
			byIndex[s.Index] = st
		}
	}
	for _, p := range probe.Packets {
		if st := byIndex[p.Stream_index]; st != nil && p.PTS != nil && !strings.Contains(p.Flags, "D") {
			u := unit{At: *p.PTS, Dur: p.Duration, Hash: p.Data_hash}
			if st.Kind == "video" {
				u.Dur = 0 // as frames have it
			}
			st.Units = append(st.Units, u)
		}
	}
	for _, s := range all {
		if s.Kind == "audio" {
			s.fillDurations()
		}
	}
	if video != nil {
		err = video(path, decode, all)
	}
	for st, by := range late {
		for i := range st.Units {
			st.Units[i].At -= by
		}
	}
	return all, err
}

// fillDurations gives access units without a duration that until the next: the last of a fragment may have none.
func (s *stream) fillDurations() {
	for i := range s.Units {
		if s.Units[i].Dur <= 0 && i+1 < len(s.Units) {
			s.Units[i].Dur = s.Units[i+1].At - s.Units[i].At
		}
		if s.Units[i].Dur <= 0 {
			s.Units[i].Dur = 1
		}
	}
}

// decodeVideo reads the frames of the video streams among all; indexes are theirs in the file. A stream that ffmpeg
// cannot decode has none.
func decodeVideo(path string, indexes []int, all []*stream) error {
	for _, s := range all {
		if s.Kind != "video" {
			continue
		}
		// passthrough and -enc_time_base -1: no frame is added, dropped or moved
		out, err := harness.Try("ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-copyts", "-i", path, "-map", "0:"+strconv.Itoa(indexes[0]),
			"-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framehash", "-hash", "murmur3", "-")
		indexes = indexes[1:]
		if err != nil && len(out) == 0 {
			continue
		}
		if err := parseFrames(out, s); err != nil {
			return err
		}
	}
	return nil
}

// parseFrames reads framehash output into a stream.
func parseFrames(out []byte, s *stream) error {
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		line := lines.Text()
		var i int
		var num, den int64
		if n, _ := fmt.Sscanf(line, "#tb %d: %d/%d", &i, &num, &den); n == 3 {
			s.Num, s.Den = num, den
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, ",")
		if len(f) != 6 {
			return fmt.Errorf("framehash line %q", line)
		}
		at, err := strconv.ParseInt(strings.TrimSpace(f[2]), 10, 64)
		if err != nil {
			return err
		}
		s.Units = append(s.Units, unit{At: at, Hash: strings.TrimSpace(f[5])})
	}
	return lines.Err()
}

// presented are the units of s that show or sound at or after its presentation's start, which is at offset seconds of
// its clock.
func (s *stream) presented(offset *big.Rat) []unit {
	var units []unit
	slack := s.halfTick()
	before := new(big.Rat).Neg(slack)
	for _, u := range s.Units {
		at := new(big.Rat).Sub(s.seconds(u.At+u.Dur), offset)
		// Frames have no duration here. An access unit of which anything is presented is presented.
		if s.Kind == "video" && at.Cmp(before) >= 0 || s.Kind == "audio" && at.Cmp(slack) > 0 {
			units = append(units, u)
		}
	}
	return units
}

func (s *stream) halfTick() *big.Rat {
	if s.Clock > 0 {
		return big.NewRat(1, 2*s.Clock)
	}
	return big.NewRat(s.Num, 2*s.Den)
}

// compare checks that out presents what src does, at the same times from the presentation's start, to half a tick of
// out's clock. offset is where the presentation starts on out's clock, seconds.
func compare(src, out *stream, offset *big.Rat) error {
	want, got := src.presented(new(big.Rat)), out.presented(offset)
	half := out.halfTick()
	for i := range min(len(want), len(got)) {
		if want[i].Hash != got[i].Hash {
			return fmt.Errorf("%s %d of %d: hash %s at %s, source has %s at %s", src.Kind, i, len(want), got[i].Hash,
				rel(out, got[i], offset), want[i].Hash, rel(src, want[i], new(big.Rat)))
		}
		d := new(big.Rat).Sub(out.seconds(got[i].At), offset)
		d.Sub(d, src.seconds(want[i].At))
		bound := half
		if got[i].Inside { // it follows gaplessly, while the source's table may round each duration to its ticks
			tick := src.seconds(1)
			if src.Clock > 0 {
				tick = big.NewRat(1, src.Clock)
			}
			bound = new(big.Rat).Add(half, tick.Mul(tick, big.NewRat(4, 1)))
		}
		if d.Abs(d).Cmp(bound) > 0 {
			return fmt.Errorf("%s %d of %d: at %s, source has it at %s, %s ticks of 1/%d apart", src.Kind, i, len(want),
				rel(out, got[i], offset), rel(src, want[i], new(big.Rat)),
				new(big.Rat).Quo(d, big.NewRat(out.Num, out.Den)).FloatString(3), out.Den/out.Num)
		}
	}
	if len(want) != len(got) {
		return fmt.Errorf("%d %s units, source has %d", len(got), src.Kind, len(want))
	}
	return nil
}

func rel(s *stream, u unit, offset *big.Rat) string {
	return new(big.Rat).Sub(s.seconds(u.At), offset).FloatString(6)
}

// TestCompare shows that the comparison passes what ffmpeg copies, and finds each kind of damage.
func TestCompare(t *testing.T) {
	dir := harness.Media(t)
	src := dir + "/mux_moov_first.mp4"
	want, err := read(t, src)
	require.NoError(t, err)
	require.Len(t, want, 3)
	require.Len(t, want[0].presented(new(big.Rat)), 600)
	// The encoder wrote 1024 samples of priming, one access unit that is not presented.
	require.Len(t, want[1].presented(new(big.Rat)), 1125)

	for _, c := range []struct {
		name  string
		args  []string
		fault string
	}{
		{"copied", []string{"-c", "copy"}, ""},
		{"fragmented", []string{"-c", "copy", "-movflags", "frag_keyframe+delay_moov"}, ""},
		{"encoded again", []string{"-c:a", "copy", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0"}, "hash"},
		{"an access unit lost", []string{"-c", "copy", "-bsf:a", "noise=drop='eq(n,500)'"}, "hash"},
		{"a byte changed", []string{"-c", "copy", "-bsf:a", "noise=amount='if(eq(n,500),200,0)'"}, "hash"},
		{"a frame lost", []string{"-c", "copy", "-bsf:v", "noise=drop='eq(n,599)'"}, "units"},
		{"times one tick late", []string{"-c", "copy", "-bsf:a", "setts=ts=TS+gt(N\\,3)"}, "apart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := t.TempDir() + "/out.mp4"
			harness.Run(t, "ffmpeg", append(append([]string{"-v", "error", "-i", src, "-map", "0"}, c.args...), out)...)
			got, err := read(t, out)
			require.NoError(t, err)
			fault := ""
			for i := range want {
				if err := compare(want[i], got[i], new(big.Rat)); err != nil && fault == "" {
					fault = err.Error()
				}
			}
			if c.fault == "" {
				require.Empty(t, fault)
			} else {
				require.Contains(t, fault, c.fault)
			}
		})
	}
}

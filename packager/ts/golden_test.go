package ts_test

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mezzomedia/mezzo/internal/bmff/bmfftest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What segments look like packet by packet; the payload is held by a hash.
func TestGolden(t *testing.T) {
	v := h264(90000).pictures(4, 4, 3600, true).add(bmfftest.NAL(aud, idr), 3600, 0, true)
	a := aac(48000).frames(10, 1024)
	for name, b := range map[string][]byte{
		"muxed": segment(t, job(v, a)),
		"audio": segment(t, job(a)),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".golden")
			got := describe(b)
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// describe is one line for each packet: PID, counter, adaptation field, PES header, payload.
func describe(b []byte) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d packets, sha256 %x\n", len(b)/188, sha256.Sum256(b))
	for ; len(b) > 0; b = b[188:] {
		p := b[:188]
		fmt.Fprintf(&s, "%04x cc=%-2d", binary.BigEndian.Uint16(p[1:])&0x1FFF, p[3]&15)
		payload := p[4:]
		if p[3]&0x20 != 0 {
			field := payload[1 : 1+int(payload[0])]
			payload = payload[1+len(field):]
			fmt.Fprintf(&s, " af=%d", len(field)+1)
			if len(field) > 0 && field[0]&0x40 != 0 {
				s.WriteString(" access")
			}
			if len(field) > 0 && field[0]&0x10 != 0 {
				fmt.Fprintf(&s, " pcr=%d", int64(binary.BigEndian.Uint32(field[1:]))<<1|int64(field[5]>>7))
			}
		}
		if p[1]&0x40 != 0 && payload[0] == 0 && payload[1] == 0 && payload[2] == 1 {
			n := 9 + int(payload[8])
			fmt.Fprintf(&s, " pes=% x", payload[:n])
			payload = payload[n:]
		}
		fmt.Fprintf(&s, " payload=%d", len(payload))
		if p[1]&0x40 != 0 {
			fmt.Fprintf(&s, " % x", payload[:min(24, len(payload))])
		}
		s.WriteString("\n")
	}
	return s.String()
}

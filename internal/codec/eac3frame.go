package codec

import "github.com/mezzomedia/mezzo/internal/bits"

// eac3Frame is the head of a syncframe (TS 102 366, E.1.2).
type eac3Frame struct {
	dependent                        bool
	size, blocks                     int // bytes, blocks of 256 samples
	rate                             int
	fscod, bsid, acmod, lfe, chanLoc uint32
}

// parseEAC3Frame reads as far as the channel map.
func parseEAC3Frame(p []byte) (f eac3Frame, ok bool) {
	r := bits.NewReader(p)
	if r.U(16) != syncWord {
		return f, false
	}
	f.dependent = r.U(2) == 1
	r.Skip(3) // substreamid
	f.size = 2 * (int(r.U(11)) + 1)
	f.fscod, f.blocks = r.U(2), 6
	f.rate = ac3Rates[f.fscod]
	if code := r.U(2); f.fscod == 3 {
		if code == 3 {
			return f, false
		}
		f.rate = ac3Rates[code] / 2
	} else {
		f.blocks = []int{1, 2, 3, 6}[code]
	}
	f.acmod, f.lfe, f.bsid = r.U(3), r.U(1), r.U(5)
	if f.bsid <= 10 || f.bsid > 16 || r.Over() {
		return f, false
	}
	programmes := 1
	if f.acmod == 0 {
		programmes = 2
	}
	for range programmes {
		r.Skip(5)     // dialnorm
		if r.Flag() { // compre
			r.Skip(8)
		}
	}
	if f.dependent && r.Flag() { // chanmape
		mask := uint16(r.U(16))
		for b, m := range locations {
			f.chanLoc |= uint32(mask&m) / uint32(m) << b
		}
	}
	return f, !r.Over()
}

// dec3 makes the configuration of the frames of a sample; nil: there is none. It says nothing of object coding, which
// is told deep in a frame.
func dec3(sample []byte) []byte {
	var main *eac3Frame
	var bytes, blocks int
	var dependent, chanLoc uint32
	for p := sample; len(p) > 0; {
		f, ok := parseEAC3Frame(p)
		if !ok || f.size > len(p) {
			break
		}
		p = p[f.size:]
		bytes += f.size
		switch {
		case !f.dependent:
			if main == nil {
				main = &f
			}
			blocks += f.blocks
		case blocks <= 6 && dependent < 15:
			dependent++
			chanLoc |= f.chanLoc
		}
	}
	if main == nil {
		return nil
	}
	var w bits.Writer
	w.U(min(uint32(bytes*8*main.rate/(blocks*256)/1000), 1<<13-1), 13) // kbit/s
	w.U(0, 3)
	w.U(main.fscod, 2)
	w.U(main.bsid, 5)
	w.U(0, 2)
	w.U(0, 3) // bsmod: complete main
	w.U(main.acmod, 3)
	w.U(main.lfe, 1)
	w.U(0, 3)
	w.U(dependent, 4)
	if dependent > 0 {
		w.U(chanLoc, 9)
	} else {
		w.U(0, 1)
	}
	return w.Bytes()
}

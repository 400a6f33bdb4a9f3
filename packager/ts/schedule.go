package ts

import (
	"github.com/mezzomedia/mezzo/internal/mpegts"
)

// Intervals and amounts at 90 kHz and in bytes.
const (
	lead          = mpegts.ClockRate / 2       // of DTS before PCR: what a decoder buffers
	pcrInterval   = mpegts.ClockRate / 10      // 13818-1, 2.7.2: at most 100 ms
	pcrFill       = 100                        // PCRs at most put into a hole
	audioBytes    = 16*mpegts.PayloadSize - 14 // payload of an audio PES: 16 packets
	audioTogether = mpegts.ClockRate * 3 / 10  // of an audio PES next to video, whose PCRs are elsewhere
)

// place is a position among the samples of an elementary stream.
type place struct {
	run, sample int
	index       int   // of the sample in the segment
	dts         int64 // ticks, shift added
}

// begin is the first place with payload; false where there is none.
func (e *elementary) begin() (place, bool) {
	p := place{run: -1}
	if !e.nextRun(&p) {
		return p, false
	}
	return p, e.settle(&p)
}

// advance moves to the next sample with payload.
func (e *elementary) advance(p *place) bool {
	e.step(p)
	return e.settle(p)
}

// settle moves on until there is payload.
func (e *elementary) settle(p *place) bool {
	for p.run < len(e.input.Runs) {
		if p.sample < len(e.input.Runs[p.run].Samples) {
			if e.sample(p).Size > 0 {
				return true
			}
			e.step(p)
			continue
		}
		if !e.nextRun(p) {
			return false
		}
	}
	return false
}

func (e *elementary) step(p *place) {
	p.dts += int64(e.sample(p).Duration)
	p.sample++
	p.index++
}

func (e *elementary) nextRun(p *place) bool {
	p.run++
	p.sample = 0
	if p.run >= len(e.input.Runs) {
		return false
	}
	p.dts = e.input.Runs[p.run].DTS + e.input.Shift
	return true
}

// cursor is where an elementary stream is while a segment is made.
type cursor struct {
	at      place
	done    bool
	time    int64 // of at, 90 kHz: when it is due
	packets int64 // with payload, so far
}

// packet is the next thing in a segment: a PES, or a clock reference by itself.
type packet struct {
	mpegts.PES
	stream  int
	clock   bool // only a PCR
	first   place
	samples int
}

// size is what it takes in the segment, bytes.
func (p *packet) size() int64 { return p.Packets * mpegts.PacketSize }

// schedule yields what a segment consists of after its tables, from the sample tables alone.
type schedule struct {
	seg     *segment
	cursors []cursor
	pcr     int64 // the last
	clocked bool  // there was one
}

// reset starts from the beginning.
func (s *schedule) reset(seg *segment) {
	s.seg, s.clocked = seg, false
	s.cursors = s.cursors[:0]
	for _, e := range seg.streams {
		at, ok := e.begin()
		c := cursor{at: at, done: !ok}
		if ok {
			c.time = seg.due(e, &at)
		}
		s.cursors = append(s.cursors, c)
	}
}

// next makes p the next packet; false at the end. Streams go by the time at which they are due, video first among equals.
func (s *schedule) next(p *packet) bool {
	k := -1
	for i := range s.cursors {
		if c := &s.cursors[i]; !c.done && (k < 0 || c.time < s.cursors[k].time) {
			k = i
		}
	}
	if k < 0 {
		return false
	}
	c, e := &s.cursors[k], s.seg.streams[k]
	if pcr, ok := s.overdue(k, c.time-lead); ok {
		clock := &s.cursors[s.seg.clock]
		s.pcr, s.clocked = pcr, true
		*p = packet{stream: s.seg.clock, clock: true}
		p.PES = mpegts.PES{PID: s.seg.streams[s.seg.clock].pid, Counter: uint8(clock.packets-1) & 15, PCR: pcr, Packets: 1}
		return true
	}
	*p = packet{stream: k, first: c.at, samples: 1}
	p.PES = mpegts.PES{PID: e.pid, StreamID: e.streamID, Counter: uint8(c.packets & 15)}
	if k == s.seg.clock {
		s.pcr, s.clocked = c.time-lead, true
		p.HasPCR, p.PCR = true, s.pcr
	}
	if e.video {
		s.picture(e, p)
	} else {
		s.frames(e, p, k == s.seg.clock)
	}
	p.Packets = p.Least()
	if c.packets += p.Packets; c.done { // fill up to a whole turn of the counter
		extra := -c.packets & 15
		p.Packets += extra
		c.packets += extra
	}
	return true
}

// overdue says which PCR has to come before a packet of stream k is due at the given time, if any.
func (s *schedule) overdue(k int, now int64) (int64, bool) {
	switch {
	case !s.clocked:
		return now, k != s.seg.clock
	case now-s.pcr <= pcrInterval:
		return 0, false
	}
	return max(s.pcr+pcrInterval, now-pcrFill*pcrInterval), true
}

// picture makes p one access unit of video and moves on.
func (s *schedule) picture(e *elementary, p *packet) {
	c := &s.cursors[p.stream]
	sample := e.sample(&c.at)
	p.Size = e.size(&c.at)
	p.DTS = c.time
	p.PTS = e.clock(c.at.dts+int64(sample.CTO), s.seg.bias)
	p.RandomAccess = sample.Flags.Sync()
	s.advance(e, c)
}

// frames makes p as many frames of audio as fit and follow one another, and moves on. Readers count the times of all
// but the first by the codec's frame length: a frame that is not due when they think begins a PES.
func (s *schedule) frames(e *elementary, p *packet, clock bool) {
	c := &s.cursors[p.stream]
	p.PTS, p.DTS, p.RandomAccess = c.time, c.time, clock
	p.Size = e.size(&c.at)
	longest := int64(audioTogether)
	if clock {
		longest = pcrInterval
	}
	first := c.at.dts + int64(e.sample(&c.at).CTO)
	for {
		duration, end := e.sample(&c.at).Duration, c.at.dts+int64(e.sample(&c.at).Duration)
		s.advance(e, c)
		if c.done || c.at.dts != end {
			return
		}
		sample, size := e.sample(&c.at), e.size(&c.at)
		after := e.clock(c.at.dts+int64(sample.Duration), s.seg.bias)
		if p.Size+size > audioBytes || after-p.PTS > longest || !near(sample.Duration, duration) ||
			!e.counted(c.at.dts+int64(sample.CTO)-first, int64(p.samples)) {
			return
		}
		p.Size += size
		p.samples++
	}
}

func (s *schedule) advance(e *elementary, c *cursor) {
	if e.advance(&c.at) {
		c.time = s.seg.due(e, &c.at)
		return
	}
	c.done = true
}

// counted reports whether a reader that counts frames finds the one that is n after the first of a PES, and that many
// ticks, to half a tick of 90 kHz.
func (e *elementary) counted(ticks, n int64) bool {
	if e.frame == 0 {
		return true
	}
	scale := int64(e.input.Track.Timescale)
	off := ticks*e.rate - n*e.frame*scale // in 1/(scale*rate) s
	return max(off, -off) <= scale*e.rate/(2*mpegts.ClockRate)
}

// near allows for durations that were rounded to the timescale.
func near(a, b uint32) bool { return a-b+1 <= 2 }

// due is when a sample has to be decoded, 90 kHz.
func (seg *segment) due(e *elementary, p *place) int64 {
	if !e.video {
		return e.clock(p.dts+int64(e.sample(p).CTO), seg.bias)
	}
	dts := e.clock(p.dts-int64(e.input.Track.Delay), seg.bias)
	return min(dts, e.clock(p.dts+int64(e.sample(p).CTO), seg.bias)) // whatever the source says of its delay
}

package mpegts

// ClockRate is the rate of PTS, DTS and PCR base, ticks per second (2.4.2.1).
const ClockRate = 90_000

// mask is what is left of a clock in its 33 bits: it wraps every 26.5 hours.
const mask = 1<<33 - 1

// putTimestamp writes PTS or DTS into 5 bytes after a prefix of 4 bits (2.4.3.7).
func putTimestamp(p []byte, prefix byte, t int64) {
	t &= mask
	_ = p[4]
	p[0] = prefix<<4 | byte(t>>29)&0x0E | 1
	p[1] = byte(t >> 22)
	p[2] = byte(t>>14) | 1
	p[3] = byte(t >> 7)
	p[4] = byte(t<<1) | 1
}

// putPCR writes a program clock reference into 6 bytes: base, six reserved bits that are 1, extension 0 (2.4.3.5).
func putPCR(p []byte, base int64) {
	base &= mask
	_ = p[5]
	p[0] = byte(base >> 25)
	p[1] = byte(base >> 17)
	p[2] = byte(base >> 9)
	p[3] = byte(base >> 1)
	p[4] = byte(base<<7) | 0x7E
	p[5] = 0
}

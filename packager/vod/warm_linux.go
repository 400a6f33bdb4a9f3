package vod

import (
	"os"
	"syscall"
)

// warm asks for pages of the mapping; off and n lie within it.
func warm(data []byte, off, n int64) {
	page := int64(os.Getpagesize())
	n += off % page
	off -= off % page
	if n > 0 {
		_ = syscall.Madvise(data[off:off+n], syscall.MADV_WILLNEED) // a hint
	}
}

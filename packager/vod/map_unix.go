//go:build linux || darwin

package vod

import (
	"math"
	"os"
	"syscall"
)

// mapFile maps the whole file for reading; nil where it is empty or too large for the address space.
func mapFile(f *os.File, size int64) ([]byte, error) {
	if size <= 0 || size > math.MaxInt {
		return nil, nil
	}
	return syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
}

func unmapFile(data []byte) {
	if data != nil {
		_ = syscall.Munmap(data) // fails only for what Mmap did not return
	}
}

//go:build linux || darwin

package vod

import (
	"io/fs"
	"strconv"
	"syscall"
)

// fileID tells files of this machine apart, those too that were replaced by one of equal size and time.
func fileID(st fs.FileInfo) string {
	id := fileVersion(st)
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		id += "-" + strconv.FormatUint(s.Ino, 36)
	}
	return id
}

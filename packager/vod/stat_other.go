//go:build !linux && !darwin

package vod

import "io/fs"

// fileID tells files of this machine apart.
func fileID(st fs.FileInfo) string { return fileVersion(st) }

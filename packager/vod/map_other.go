//go:build !linux && !darwin

package vod

import "os"

// mapFile maps nothing here: File reads at offsets.
func mapFile(*os.File, int64) ([]byte, error) { return nil, nil }

func unmapFile([]byte) {}

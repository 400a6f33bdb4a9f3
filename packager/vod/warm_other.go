//go:build !linux

package vod

func warm([]byte, int64, int64) {}

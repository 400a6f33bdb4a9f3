package main

import (
	"embed"
	"io/fs"
)

// The demo asset, made by demo/make.sh.
//
//go:embed demo/clip demo/poster.jpg
var demo embed.FS

// demoFS is the folder that holds the asset clip.
func demoFS() fs.FS {
	sub, err := fs.Sub(demo, "demo")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

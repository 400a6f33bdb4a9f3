// Command inspect says what a media file is, what can be made of it, why not, and what to do about it.
//
//	go run ./examples/inspect [-json] [-segment 6s] FILE|URL...
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

func main() {
	asJSON := flag.Bool("json", false, "print JSON, an object a file")
	segment := flag.Duration("segment", 6*time.Second, "segment length for the warnings")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: inspect [-json] [-segment 6s] FILE|URL...")
		os.Exit(2)
	}
	code := 0
	for _, name := range flag.Args() {
		r, err := inspect(context.Background(), name)
		switch {
		case err != nil:
			fmt.Fprintln(os.Stderr, "inspect:", err)
			code = 1
			continue
		case *asJSON:
			enc := json.NewEncoder(os.Stdout)
			enc.SetIndent("", "  ")
			err = enc.Encode(r)
		default:
			err = show(os.Stdout, r, *segment)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "inspect:", err)
			code = 1
		}
		if r.Error != "" {
			code = 1
		}
	}
	os.Exit(code)
}

func inspect(ctx context.Context, name string) (*vod.Report, error) {
	obj, err := open(ctx, name)
	if err != nil {
		return nil, err
	}
	return vod.Inspect(ctx, name, obj)
}

func open(ctx context.Context, name string) (media.Object, error) {
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		return vod.HTTP{URL: name}.Open(ctx)
	}
	return vod.OpenFile(name)
}

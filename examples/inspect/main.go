// Command inspect says what a media file is, what can be made of it, why not, and what to do about it.
//
//	go run ./examples/inspect [-json] [-segment 6s] FILE|URL...
//
// It exits with 1 if a file cannot be read or nothing of it can be served, and with 2 if it was called wrongly.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mezzomedia/mezzo/packager/media"
	"github.com/mezzomedia/mezzo/packager/vod"
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with what it touches, and returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("inspect", flag.ContinueOnError)
	flags.SetOutput(errs)
	asJSON := flags.Bool("json", false, "print JSON, an object a file")
	segment := flags.Duration("segment", 6*time.Second, "segment length for the warnings")
	flags.Usage = func() {
		fmt.Fprintln(errs, "usage: inspect [-json] [-segment 6s] FILE|URL...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 2
	}
	code := 0
	for _, name := range flags.Args() {
		r, err := inspect(ctx, name)
		switch {
		case err != nil:
		case *asJSON:
			enc := json.NewEncoder(out)
			enc.SetIndent("", "  ")
			err = enc.Encode(r)
		default:
			err = show(out, r, *segment)
		}
		if err != nil {
			fmt.Fprintln(errs, "inspect:", err)
		}
		if err != nil || r.Error != "" {
			code = 1
		}
	}
	return code
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

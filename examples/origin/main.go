// Origin serves a demo, and a directory of MP4 files, as HLS and DASH, with a console that plays them.
//
//	go run ./examples/origin [-addr :8080] [-vod DIR] [-segment 6s] [-v]
//
// DIR/film.mp4 and the files of DIR/film/ are assets. Endpoints cmaf-cenc, cmaf-cbcs, ts-aes128 and ts-sampleaes are encrypted
// with a development key, which /drm/clearkey hands to everybody. Each URL that a player can be given is printed on its own line, its
// kind first; then, once requests are answered, "ready". SIGTERM and SIGINT let what is being sent finish.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() { <-ctx.Done(); stop() }() // a second signal ends the program at once
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "origin:", err)
		os.Exit(1)
	}
}

// drain is how long requests may take to finish when the program is told to stop; then they are cut off.
const drain = 15 * time.Second

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("origin", flag.ContinueOnError)
	addr := flags.String("addr", ":8080", "address to listen on")
	folder := flags.String("vod", "", "directory of assets")
	segment := flags.Duration("segment", 6*time.Second, "wanted duration of segments")
	verbose := flags.Bool("v", false, "log each request")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *segment <= 0 {
		return fmt.Errorf("unexpected argument, or a segment that is not positive: %v %s; see -h", flags.Args(), *segment)
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	catalog, err := newCatalog(*folder, *segment)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newConsole(catalog), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := catalog.print(ctx, os.Stdout, baseURL(listener.Addr())); err != nil {
		return err
	}
	fmt.Println("ready")
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	return shutdown(server, drain)
}

// shutdown lets requests finish for so long.
func shutdown(server *http.Server, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		slog.Warn("requests were cut off", "after", wait)
		return server.Close()
	}
	return err
}

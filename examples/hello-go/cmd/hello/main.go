// Command hello is a small HTTP service: a page, a greeting and a health endpoint.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/hello/internal/config"
	"example.com/hello/internal/greet"
)

// version is set by the linker: -X main.version=…
var version = "unknown"

func main() {
	showVersion := flag.Bool("version", false, "print the version and exit")
	selfCheck := flag.Bool("selfcheck", false, "serve on a free port, ask every endpoint once and exit")
	flag.Parse()

	if *showVersion {
		fmt.Println("hello", version)
		return
	}
	conf, err := config.FromEnv(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(2)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: conf.LogLevel}))
	if *selfCheck {
		conf.Addr = "127.0.0.1:0"
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, conf, log, *selfCheck); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends or, for a self check, until every endpoint has answered.
func run(ctx context.Context, conf config.Config, log *slog.Logger, selfCheck bool) error {
	listener, err := net.Listen("tcp", conf.Addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           greet.Handler(version, log),
		ReadHeaderTimeout: 5 * time.Second,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	log.Info("listening", "addr", listener.Addr().String(), "version", version)

	var result error
	if selfCheck {
		result = checkEndpoints("http://" + listener.Addr().String())
	} else {
		select {
		case <-ctx.Done():
		case err := <-ended:
			return err
		}
	}
	shutdown, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(shutdown); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return result
}

func checkEndpoints(base string) error {
	client := &http.Client{Timeout: 5 * time.Second}
	for _, path := range []string{"/healthz", "/", "/greet?name=Ann"} {
		response, err := client.Get(base + path)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answered %s", path, response.Status)
		}
		fmt.Printf("ok %-16s %4d bytes\n", path, len(body))
	}
	return nil
}

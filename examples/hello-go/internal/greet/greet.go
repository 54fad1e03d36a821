// Package greet answers the service's requests.
package greet

import (
	_ "embed"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
)

//go:embed page.html
var page string

// Greeting is the text for a name; without one the world is greeted.
func Greeting(name string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		name = "world"
	}
	return "Hello, " + name + "!"
}

// Handler serves the page, /greet?name=… and /healthz.
func Handler(version string, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(strings.ReplaceAll(page, "{{version}}", version)))
	})
	mux.HandleFunc("GET /greet", func(w http.ResponseWriter, r *http.Request) {
		log.Debug("greet", "name", r.FormValue("name"))
		writeJSON(w, map[string]string{"greeting": Greeting(r.FormValue("name"))})
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"status": "ok", "version": version})
	})
	return mux
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}

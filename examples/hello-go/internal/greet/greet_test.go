package greet

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGreeting(t *testing.T) {
	tests := []struct{ name, want string }{
		{"", "Hello, world!"},
		{"  ", "Hello, world!"},
		{"Ann", "Hello, Ann!"},
		{" Bo ", "Hello, Bo!"},
	}
	for _, test := range tests {
		if got := Greeting(test.name); got != test.want {
			t.Errorf("Greeting(%q) = %q, want %q", test.name, got, test.want)
		}
	}
}

func TestHandler(t *testing.T) {
	handler := Handler("1.2.3", slog.New(slog.DiscardHandler))
	tests := []struct {
		path string
		code int
		want string
	}{
		{"/", 200, "Version 1.2.3"},
		{"/greet?name=Ann", 200, `"greeting":"Hello, Ann!"`},
		{"/healthz", 200, `"status":"ok"`},
		{"/nowhere", 404, "not found"},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest("GET", test.path, nil))
			if recorder.Code != test.code {
				t.Errorf("status %d, want %d", recorder.Code, test.code)
			}
			if body := recorder.Body.String(); !strings.Contains(body, test.want) {
				t.Errorf("body %q lacks %q", body, test.want)
			}
		})
	}
}

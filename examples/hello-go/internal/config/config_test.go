package config

import (
	"log/slog"
	"testing"
)

func TestFromEnv(t *testing.T) {
	tests := []struct {
		name    string
		env     map[string]string
		want    Config
		wantErr bool
	}{
		{"nothing set", nil, Config{":8080", slog.LevelInfo}, false},
		{"an address", map[string]string{"ADDR": "127.0.0.1:1"}, Config{"127.0.0.1:1", slog.LevelInfo}, false},
		{"a level", map[string]string{"LOG_LEVEL": "DEBUG"}, Config{":8080", slog.LevelDebug}, false},
		{"a level in small letters", map[string]string{"LOG_LEVEL": "warn"}, Config{":8080", slog.LevelWarn}, false},
		{"a wrong level", map[string]string{"LOG_LEVEL": "LOUD"}, Config{}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := FromEnv(func(name string) string { return test.env[name] })
			if (err != nil) != test.wantErr {
				t.Fatalf("error = %v, want one: %v", err, test.wantErr)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// Package config reads the service's settings from the environment.
package config

import (
	"fmt"
	"log/slog"
)

// Config is what the environment says.
type Config struct {
	Addr     string
	LogLevel slog.Level
}

// FromEnv reads ADDR (default ":8080") and LOG_LEVEL (DEBUG, INFO, WARN or ERROR; default INFO).
func FromEnv(getenv func(string) string) (Config, error) {
	conf := Config{Addr: ":8080", LogLevel: slog.LevelInfo}
	if addr := getenv("ADDR"); addr != "" {
		conf.Addr = addr
	}
	if level := getenv("LOG_LEVEL"); level != "" {
		if err := conf.LogLevel.UnmarshalText([]byte(level)); err != nil {
			return Config{}, fmt.Errorf("LOG_LEVEL=%q: want DEBUG, INFO, WARN or ERROR", level)
		}
	}
	return conf, nil
}

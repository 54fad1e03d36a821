package main

import "testing"

func TestAnswer(t *testing.T) {
	if got := answer("tea", 350); got != "  TEA  3.50 EUR" {
		t.Errorf("got %q", got)
	}
}

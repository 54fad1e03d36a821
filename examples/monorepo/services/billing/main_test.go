package main

import "testing"

func TestTotal(t *testing.T) {
	if got := total(350, 1205); got != "to pay: 15.55 EUR" {
		t.Errorf("got %q", got)
	}
}

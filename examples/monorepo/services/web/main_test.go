package main

import "testing"

func TestPage(t *testing.T) {
	if got := page("shop"); got != "<h1>  SHOP  </h1>" {
		t.Errorf("got %q", got)
	}
}

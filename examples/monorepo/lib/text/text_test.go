package text

import "testing"

func TestTitle(t *testing.T) {
	if got := Title("shop"); got != "  SHOP  " {
		t.Errorf("got %q", got)
	}
}

package money

import "testing"

func TestFormat(t *testing.T) {
	for cents, want := range map[int64]string{0: "0.00 EUR", 1205: "12.05 EUR", -99: "-0.99 EUR"} {
		if got := Format(cents); got != want {
			t.Errorf("%d: got %s, want %s", cents, got, want)
		}
	}
}
